// HeavyEntries: compressed sparse rows as NumPy arrays over their own memory.
#include "python/src/entries.hpp"

#include <algorithm>

#include "heavykeys/error.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"

namespace heavykeys::python {
namespace {

template <class T>
auto part(std::vector<T> HeavyEntries::*member) {
  return [member](nb::handle self) {
    const std::vector<T>& values = nb::cast<const Entries&>(self).found.*member;
    return view(values.data(), values.size(), self);
  };
}

/// As in UniversalSet: ids lie as (stream, row) pairs of uint64 below 2^62.
nb::object id_parts(nb::handle self, std::size_t part) {
  static_assert(sizeof(KeyId) == 2 * sizeof(std::int64_t));
  const std::vector<KeyId>& ids = nb::cast<const Entries&>(self).found.keys;
  return view(reinterpret_cast<const std::int64_t*>(ids.data()) + part, ids.size(), self, 2);
}

nb::object to_scipy(nb::handle self) {
  const Entries& entries = nb::cast<const Entries&>(self);
  const auto& keys = entries.found.keys;
  if (std::any_of(keys.begin(), keys.end(), [](const KeyId& id) { return id.stream != 0; })) {
    throw InvalidInput("the keys are of several streams: a matrix has columns for stream 0 only");
  }
  const nb::object csr = nb::module_::import_("scipy.sparse").attr("csr_array");
  return csr(nb::make_tuple(self.attr("weights"), self.attr("keys"), self.attr("indptr")),
             nb::arg("shape") = nb::make_tuple(entries.found.query_count(), entries.key_count));
}

}  // namespace

void bind_entries(nb::module_& module) {
  nb::class_<Entries> entries(module, "HeavyEntries",
                              "All (query, key) pairs whose weight reaches epsilon: query i owns entries "
                              "indptr[i] .. indptr[i+1].\n\n"
                              "Arrays are views of its memory, read-only, and keep it alive.");
  entries
      .def_prop_ro("indptr", part(&HeavyEntries::indptr),
                   nb::sig("def indptr(self) -> numpy.typing.NDArray[numpy.int64]"), "int64 [m + 1]")
      .def_prop_ro(
          "keys", [](nb::handle self) { return id_parts(self, 1); },
          nb::sig("def keys(self) -> numpy.typing.NDArray[numpy.int64]"),
          "Rows of the keys: int64 [nnz], ascending for each query.")
      .def_prop_ro(
          "streams", [](nb::handle self) { return id_parts(self, 0); },
          nb::sig("def streams(self) -> numpy.typing.NDArray[numpy.int64]"),
          "Streams of the keys: int64 [nnz].")
      .def_prop_ro("weights", part(&HeavyEntries::weights),
                   nb::sig("def weights(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "A_j(q), or the estimate of it: float64 [nnz].")
      .def_prop_ro("lower", part(&HeavyEntries::lower),
                   nb::sig("def lower(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "Certified: lower <= true weight. float64 [nnz]")
      .def_prop_ro("upper", part(&HeavyEntries::upper),
                   nb::sig("def upper(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "Certified: true weight <= upper. float64 [nnz]")
      .def_prop_ro(
          "query_count", [](const Entries& e) { return e.found.query_count(); }, "m")
      .def_prop_ro(
          "key_count", [](const Entries& e) { return e.key_count; }, "n: the weights are among so many keys.")
      .def("__len__", [](const Entries& e) { return e.found.keys.size(); })
      .def("to_scipy", &to_scipy, nb::sig("def to_scipy(self) -> typing.Any"),
           "The weights as a scipy.sparse.csr_array [m, n].")
      .def(
          "__eq__",
          [](const Entries& a, const Entries& b) { return a.found == b.found && a.key_count == b.key_count; },
          nb::is_operator(), nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__repr__", [](const Entries& e) {
        return "heavykeys.HeavyEntries(" + std::to_string(e.found.keys.size()) + " of " +
               std::to_string(e.found.query_count()) + " queries and " + std::to_string(e.key_count) +
               " keys)";
      });
  entries.attr("__hash__") = nb::none();
}

}  // namespace heavykeys::python
