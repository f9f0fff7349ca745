// heavy_entries: the entries of queries, from a universal set or causally.
#include "heavykeys/heavy_entries.hpp"

#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/entries.hpp"
#include "python/src/shared.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

struct SharedCausal {
  Array queries;  // lent to the pass
  std::uint64_t key_count;
  Shared<CausalHeavy> pass;
};

Entries entries_of(const UniversalSet& set, nb::handle queries, const std::string& mode, double confidence,
                   int threads, const std::string& engine) {
  const Array array = read_array(queries, "queries");
  require_axes(array, 2, 2, "[m, d]");
  require_dim(array, set.spec().dim, "the set");
  const HeavyOptions what{mode_of(mode), confidence};
  const auto options = threads_of(threads, engine);
  const Rows rows = rows_of(array);
  const WithoutGil released;
  return {options ? parallel::heavy_entries(set, rows, *options, what) : heavy_entries(set, rows, what),
          set.row_count()};
}

void init(SharedCausal* self, nb::handle queries, std::uint64_t key_count, double epsilon, nb::handle score,
          const std::string& mode, double confidence, std::optional<int> grid_bits, std::size_t block_rows,
          std::size_t sample_rows, std::uint64_t seed) {
  Array array = read_array(queries, "queries");
  require_axes(array, 2, 2, "[m, d]");
  const Rows rows = rows_of(array);
  const Spec spec = spec_of(rows.dim, epsilon, score, grid_bits, block_rows, sample_rows, seed);
  CausalHeavy pass(spec, rows, key_count, {mode_of(mode), confidence});
  new (self) SharedCausal{std::move(array), key_count, Shared<CausalHeavy>(std::move(pass))};
}

void absorb(SharedCausal& self, nb::handle keys, int threads, const std::string& engine) {
  const Array array = read_array(keys, "keys");
  require_axes(array, 2, 2, "[n, d]");
  require_dim(array, self.queries.shape[1], "the pass");
  const auto options = threads_of(threads, engine);
  self.pass.change([&](CausalHeavy& pass) {
    const Rows rows = rows_of(array, pass.next_row());
    if (options) {
      parallel::absorb(pass, rows, *options);
    } else {
      pass.absorb(rows);
    }
  });
}

Entries causal_entries(nb::handle keys, nb::handle queries, double epsilon, nb::handle score,
                       const std::string& mode, double confidence, std::optional<int> grid_bits,
                       std::size_t block_rows, std::size_t sample_rows, std::uint64_t seed, int threads,
                       const std::string& engine) {
  const Array key_array = read_array(keys, "keys"), query_array = read_array(queries, "queries");
  require_axes(key_array, 2, 2, "[n, d]");
  require_axes(query_array, 2, 2, "[m, d]");
  require_dim(query_array, key_array.shape[1], "the keys' array");
  const Rows rows = rows_of(key_array);
  const Spec spec = spec_of(rows.dim, epsilon, score, grid_bits.value_or(default_grid_bits(rows.dtype)),
                            block_rows, sample_rows, seed);
  const HeavyOptions what{mode_of(mode), confidence};
  const auto options = threads_of(threads, engine);
  const WithoutGil released;
  CausalHeavy pass(spec, rows_of(query_array), rows.count, what);
  if (options) {
    parallel::absorb(pass, rows, *options);
  } else {
    pass.absorb(rows);
  }
  return {pass.finish(), rows.count};
}

void bind_causal(nb::module_& module) {
  nb::class_<SharedCausal>(
      module, "CausalHeavy",
      "Causal heavy entries: query i sees the keys up to i + n - m, and its weights are among those.\n\n"
      "queries [m, d] are read in place until finish: leave them as they are. key_count is n. The other\n"
      "arguments are those of Spec and heavy_entries.")
      .def("__init__", &init, nb::arg("queries").none(), nb::arg("key_count"), nb::arg("epsilon"),
           nb::arg("score") = "power:2", nb::kw_only(), nb::arg("mode") = "no-false-negatives",
           nb::arg("confidence") = 0.0, nb::arg("grid_bits") = nb::none(), nb::arg("block_rows") = 4096,
           nb::arg("sample_rows") = 1024, nb::arg("seed") = 0,
           nb::sig("def __init__(self, queries: Array, key_count: int, epsilon: float, score: str | Score = "
                   "'power:2', *, mode: Mode = 'no-false-negatives', confidence: float = 0.0, grid_bits: int "
                   "| None = None, block_rows: int = 4096, sample_rows: int = 1024, seed: int = 0) -> None"))
      .def("absorb", &absorb, nb::arg("keys").none(), nb::kw_only(), nb::arg("threads") = 0,
           nb::arg("engine") = "auto",
           nb::sig("def absorb(self, keys: Array, *, threads: int = 0, engine: str = 'auto') -> None"),
           "The next keys [n, d], in order.")
      .def("next_row",
           [](const SharedCausal& self) {
             return self.pass.read([](const CausalHeavy& pass) { return pass.next_row(); });
           })
      .def(
          "sketch",
          [](const SharedCausal& self) {
            return self.pass.read([](const CausalHeavy& pass) { return new SharedSketch(pass.sketch()); });
          },
          "A copy of the sketch of all keys once the last has been absorbed; of the complete blocks before.")
      .def(
          "finish",
          [](SharedCausal& self) {
            return Entries{self.pass.change([](CausalHeavy& pass) { return pass.finish(); }), self.key_count};
          },
          "The HeavyEntries, once, after all keys.");
}

}  // namespace

void bind_heavy_entries(nb::module_& module) {
  module.def(
      "heavy_entries", &entries_of, nb::arg("set"), nb::arg("queries").none(), nb::kw_only(),
      nb::arg("mode") = "no-false-negatives", nb::arg("confidence") = 0.0, nb::arg("threads") = 0,
      nb::arg("engine") = "auto",
      nb::sig("def heavy_entries(set: UniversalSet, queries: Array, *, mode: Mode = "
              "'no-false-negatives', confidence: float = 0.0, threads: int = 0, engine: str = 'auto') "
              "-> HeavyEntries"),
      "All keys j with A_j(q_i) >= epsilon for each of the queries [m, d], over ALL keys, from the set\n"
      "alone. Exact for scores with exact weights (power 2, ...). For others the true weight lies in\n"
      "[lower, upper]: \"no-false-negatives\" lists all with upper >= epsilon, \"no-false-positives\" "
      "those\nwith lower >= epsilon. confidence in (0, 1): narrower intervals, from a sample, wrong for "
      "a query\nwith at most that probability.");
  bind_causal(module);
  module.def(
      "heavy_entries_causal", &causal_entries, nb::arg("keys").none(), nb::arg("queries").none(),
      nb::arg("epsilon"), nb::arg("score") = "power:2", nb::kw_only(), nb::arg("mode") = "no-false-negatives",
      nb::arg("confidence") = 0.0, nb::arg("grid_bits") = nb::none(), nb::arg("block_rows") = 4096,
      nb::arg("sample_rows") = 1024, nb::arg("seed") = 0, nb::arg("threads") = 0, nb::arg("engine") = "auto",
      nb::sig(
          "def heavy_entries_causal(keys: Array, queries: Array, epsilon: float, score: str | Score = "
          "'power:2', *, mode: Mode = 'no-false-negatives', confidence: float = 0.0, grid_bits: int | "
          "None = None, block_rows: int = 4096, sample_rows: int = 1024, seed: int = 0, threads: int = 0, "
          "engine: str = 'auto') -> HeavyEntries"),
      "CausalHeavy of keys [n, d] at hand. grid_bits None: 24, and 20 for 16-bit keys.");
}

}  // namespace heavykeys::python
