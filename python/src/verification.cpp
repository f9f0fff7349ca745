// The second pass: exact weights where the first left intervals.
#include "heavykeys/verification.hpp"

#include "heavykeys/error.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/entries.hpp"
#include "python/src/shared.hpp"

namespace heavykeys::python {
namespace {

struct SharedVerification {
  Array queries;  // lent to the pass
  std::uint64_t key_count;
  Shared<Verification> pass;
};

void init(SharedVerification* self, const Spec& spec, const Entries& found, nb::handle queries, bool causal,
          const std::string& mode) {
  Array array = read_array(queries, "queries");
  require_axes(array, 2, 2, "[m, d]");
  require_dim(array, spec.dim, "the spec");
  const Rows rows = rows_of(array);
  Verification pass(spec, found.found, rows, {causal, found.key_count, mode_of(mode)});
  new (self) SharedVerification{std::move(array), found.key_count, Shared<Verification>(std::move(pass))};
}

void absorb(SharedVerification& self, nb::handle keys, std::optional<std::uint64_t> first_row, int threads,
            const std::string& engine) {
  const Array array = read_array(keys, "keys");
  require_axes(array, 2, 2, "[n, d]");
  require_dim(array, self.queries.shape[1], "the spec");
  const auto options = threads_of(threads, engine);
  self.pass.change([&](Verification& pass) {
    const Rows rows = rows_of(array, first_row.value_or(pass.next_row()));
    if (options) {
      parallel::absorb(pass, rows, *options);
    } else {
      pass.absorb(rows);
    }
  });
}

void merge_into(SharedVerification& self, SharedVerification& other) {
  if (&self == &other) throw Incompatible("a pass cannot be merged into itself: its rows would be in twice");
  self.pass.change_with(other.pass, [](Verification& into, const Verification& from) { merge(into, from); });
}

}  // namespace

void bind_verification(nb::module_& module) {
  nb::class_<SharedVerification>(
      module, "Verification",
      "A second pass over the same keys, which makes weights exact that were found as intervals.\n\n"
      "    pass_ = Verification(set.spec, found, queries)\n"
      "    if pass_.undecided_count:\n"
      "        pass_.absorb(keys)          # again, in any pieces\n"
      "    found = pass_.finish()")
      .def("__init__", &init, nb::arg("spec"), nb::arg("found"), nb::arg("queries").none(), nb::kw_only(),
           nb::arg("causal") = false, nb::arg("mode") = "no-false-negatives",
           nb::sig("def __init__(self, spec: Spec, found: HeavyEntries, queries: Array, *, causal: bool = "
                   "False, mode: Mode = 'no-false-negatives') -> None"),
           "`found`: what heavy_entries, CausalHeavy or heavy_entries_causal (then causal=True) found under "
           "this\n"
           "spec. queries [m, d] are read in place until finish.")
      .def_prop_ro(
          "undecided_count",
          [](const SharedVerification& self) {
            return self.pass.read([](const Verification& pass) { return pass.undecided_count(); });
          },
          "Queries that have to read the keys again; 0: finish at once.")
      .def("absorb", &absorb, nb::arg("keys").none(), nb::arg("first_row") = nb::none(), nb::kw_only(),
           nb::arg("threads") = 0, nb::arg("engine") = "auto",
           nb::sig("def absorb(self, keys: Array, first_row: int | None = None, *, threads: int = 0, engine: "
                   "str = 'auto') -> None"),
           "Keys [n, d], the rows first_row, first_row + 1, ...; None goes on after the last.")
      .def("merge", &merge_into, nb::arg("other"), "Absorbs everything `other` has seen.")
      .def(
          "finish",
          [](SharedVerification& self) {
            return Entries{self.pass.change([](Verification& pass) { return pass.finish(); }),
                           self.key_count};
          },
          "The HeavyEntries, once, after all keys.");
}

}  // namespace heavykeys::python
