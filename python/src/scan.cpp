// The scan: heavy entries under any score, softmax too, from one pass over the keys.
#include "heavykeys/scan.hpp"

#include "heavykeys/error.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/entries.hpp"
#include "python/src/shared.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

struct SharedScan {
  Array queries;  // lent to the scan
  Shared<Scan> scan;
};

void init(SharedScan* self, nb::handle queries, double epsilon, nb::handle score, bool causal,
          std::optional<std::uint64_t> key_count, const std::string& mode, double tolerance) {
  Array array = read_array(queries, "queries");
  require_axes(array, 2, 2, "[m, d]");
  const Rows rows = rows_of(array);
  const std::uint64_t n = key_count.value_or(0);
  Scan scan(score_of(score), epsilon, rows, {causal, n, mode_of(mode), tolerance});
  new (self) SharedScan{std::move(array), Shared<Scan>(std::move(scan))};
}

void absorb(SharedScan& self, nb::handle keys, std::optional<std::uint64_t> first_row, int threads,
            const std::string& engine) {
  const Array array = read_array(keys, "keys");
  require_axes(array, 2, 2, "[n, d]");
  require_dim(array, self.queries.shape[1], "the scan");
  const auto options = threads_of(threads, engine);
  self.scan.change([&](Scan& scan) {
    const Rows rows = rows_of(array, first_row.value_or(scan.next_row()));
    if (options) {
      parallel::absorb(scan, rows, *options);
    } else {
      scan.absorb(rows);
    }
  });
}

void merge_into(SharedScan& self, SharedScan& other) {
  if (&self == &other) throw Incompatible("a scan cannot be merged into itself: its rows would be in twice");
  self.scan.change_with(other.scan, [](Scan& into, const Scan& from) { merge(into, from); });
}

Entries finish(SharedScan& self) {
  return self.scan.change([](Scan& scan) {
    const std::uint64_t n = scan.row_count();
    return Entries{scan.finish(), n};
  });
}

Entries scan_keys(nb::handle keys, nb::handle queries, double epsilon, nb::handle score, bool causal,
                  const std::string& mode, double tolerance, int threads, const std::string& engine) {
  const Array key_array = read_array(keys, "keys"), query_array = read_array(queries, "queries");
  require_axes(key_array, 2, 2, "[n, d]");
  require_axes(query_array, 2, 2, "[m, d]");
  require_dim(key_array, query_array.shape[1], "the queries' array");
  const Score f = score_of(score);
  const ScanOptions what{causal, key_array.shape[0], mode_of(mode), tolerance};
  const auto options = threads_of(threads, engine);
  const Rows rows = rows_of(key_array), asked = rows_of(query_array);
  const WithoutGil released;
  if (options) return {parallel::scan(f, epsilon, asked, rows, what, *options), rows.count};
  return {scan(f, epsilon, asked, rows, what), rows.count};
}

}  // namespace

void bind_scan(nb::module_& module) {
  nb::class_<SharedScan>(
      module, "Scan",
      "Heavy entries of queries under any score, from keys that come in pieces: one pass, exact weights.\n\n"
      "queries [m, d] are read in place until finish: leave them as they are. Keys may come in any order; "
      "shards\n"
      "of them can be scanned apart and merged. Weights are certified to `tolerance`, relatively.")
      .def(
          "__init__", &init, nb::arg("queries").none(), nb::arg("epsilon"), nb::arg("score") = "softmax",
          nb::kw_only(), nb::arg("causal") = false, nb::arg("key_count") = nb::none(),
          nb::arg("mode") = "no-false-negatives", nb::arg("tolerance") = 1e-10,
          nb::sig("def __init__(self, queries: Array, epsilon: float, score: str | Score = 'softmax', *, "
                  "causal: bool = False, key_count: int | None = None, mode: Mode = 'no-false-negatives', "
                  "tolerance: float = 1e-10) -> None"),
          "key_count: n, where it is known; it must be for causal (query i of m sees keys up to i + n - m).\n"
          "tolerance: how wide [lower, upper] may be, relative to the weight, 1e-10 .. 0.1; softmax to 0.01 "
          "or more\nis several times as fast.")
      .def("absorb", &absorb, nb::arg("keys").none(), nb::arg("first_row") = nb::none(), nb::kw_only(),
           nb::arg("threads") = 0, nb::arg("engine") = "auto",
           nb::sig("def absorb(self, keys: Array, first_row: int | None = None, *, threads: int = 0, engine: "
                   "str = 'auto') -> None"),
           "Keys [n, d], the rows first_row, first_row + 1, ...; None goes on after the last.")
      .def("merge", &merge_into, nb::arg("other"),
           "Absorbs everything `other` has seen, of the same queries.")
      .def(
          "next_row",
          [](const SharedScan& self) { return self.scan.read([](const Scan& s) { return s.next_row(); }); },
          "Id after the largest absorbed.")
      .def_prop_ro(
          "row_count",
          [](const SharedScan& self) { return self.scan.read([](const Scan& s) { return s.row_count(); }); },
          "Rows absorbed so far.")
      .def("finish", &finish, "The HeavyEntries, once, after the last key.");
  module.def(
      "scan", &scan_keys, nb::arg("keys").none(), nb::arg("queries").none(), nb::arg("epsilon"),
      nb::arg("score") = "softmax", nb::kw_only(), nb::arg("causal") = false,
      nb::arg("mode") = "no-false-negatives", nb::arg("tolerance") = 1e-10, nb::arg("threads") = 0,
      nb::arg("engine") = "auto",
      nb::sig(
          "def scan(keys: Array, queries: Array, epsilon: float, score: str | Score = 'softmax', *, "
          "causal: bool = False, mode: Mode = 'no-false-negatives', tolerance: float = 1e-10, threads: int "
          "= 0, engine: str = 'auto') -> HeavyEntries"),
      "All keys [n, d] with A_j(q_i) >= epsilon for each of the queries [m, d], under any score. The keys\n"
      "are taken as given (no grid); O(m n d). softmax weighs q.k: give the scale 1/sqrt(d) by\n"
      "\"softmax:0.125\". causal: query i sees keys up to i + n - m. tolerance: how wide [lower, upper] may "
      "be,\n"
      "relative to the weight, 1e-10 .. 0.1; softmax to 0.01 or more is several times as fast. Which keys "
      "are\n"
      "listed does not depend on it: queries that it leaves open are scanned again, to 1e-10.");
}

}  // namespace heavykeys::python
