// heavy_entries: the entries of queries, from a universal set or causally.
#include "heavykeys/heavy_entries.hpp"

#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/entries.hpp"

namespace heavykeys::python {
namespace {

Entries entries_of(const UniversalSet& set, nb::handle queries, const std::string& mode, double confidence,
                   int threads, const std::string& engine) {
  const Array array = read_array(queries, "queries");
  require_axes(array, 2, 2, "[m, d]");
  require_dim(array, set.spec().dim, "the set");
  const HeavyOptions what{mode_of(mode), confidence};
  const auto options = threads_of(threads, engine);
  const Rows rows = rows_of(array);
  const nb::gil_scoped_release released;
  return {options ? parallel::heavy_entries(set, rows, *options, what) : heavy_entries(set, rows, what),
          set.row_count()};
}

}  // namespace

void bind_heavy_entries(nb::module_& module) {
  module.def("heavy_entries", &entries_of, nb::arg("set"), nb::arg("queries").none(), nb::kw_only(),
             nb::arg("mode") = "no-false-negatives", nb::arg("confidence") = 0.0, nb::arg("threads") = 0,
             nb::arg("engine") = "auto",
             nb::sig("def heavy_entries(set: UniversalSet, queries: Array, *, mode: Mode = "
                     "'no-false-negatives', confidence: float = 0.0, threads: int = 0, engine: str = 'auto') "
                     "-> HeavyEntries"),
             "All keys j with A_j(q_i) >= epsilon for each of the queries [m, d], over ALL keys, from the "
             "set alone.\n\n"
             "Exact for scores with exact weights (power 2, ...). For others the true weight lies in [lower, "
             "upper]:\n"
             "\"no-false-negatives\" lists all with upper >= epsilon, \"no-false-positives\" those with "
             "lower >= epsilon.\n"
             "confidence in (0, 1): narrower intervals, from a sample, wrong for a query with at most that "
             "probability.");
}

}  // namespace heavykeys::python
