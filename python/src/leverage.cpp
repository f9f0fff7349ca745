// Leverage scores of keys at hand.
#include "heavykeys/leverage.hpp"

#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {

void bind_leverage(nb::module_& module) {
  module.def(
      "leverage_scores",
      [](nb::handle keys, std::optional<int> grid_bits) {
        const Array array = read_array(keys, "keys");
        require_axes(array, 2, 2, "[n, d]");
        const Rows rows = rows_of(array);
        std::vector<double> scores;
        {
          const WithoutGil released;
          scores = leverage_scores(rows, grid_bits.value_or(default_grid_bits(rows.dtype)));
        }
        return owned(std::move(scores));
      },
      nb::arg("keys").none(), nb::kw_only(), nb::arg("grid_bits") = nb::none(),
      nb::sig("def leverage_scores(keys: Array, *, grid_bits: int | None = None) -> "
              "numpy.typing.NDArray[numpy.float64]"),
      "tau_j = k_j^T (K^T K)^+ k_j of every row of keys [n, d]: float64 [n], relative error <= 1e-10,\n"
      "whatever the rank or condition of K. About the gridded keys (Spec); grid_bits None: 24, and 20 for\n"
      "16-bit keys.");
}

}  // namespace heavykeys::python
