// UniversalSet: its members as NumPy arrays over its own memory.
#include "heavykeys/universal_set.hpp"

#include "python/src/arguments.hpp"
#include "python/src/array.hpp"

namespace heavykeys::python {
namespace {

const UniversalSet& set_of(nb::handle self) { return nb::cast<const UniversalSet&>(self); }

/// Ids lie as (stream, row) pairs of uint64, all below 2^62: every other one is an int64 array.
nb::object id_parts(nb::handle self, std::size_t part) {
  static_assert(sizeof(KeyId) == 2 * sizeof(std::int64_t));
  const auto ids = set_of(self).ids();
  return view(reinterpret_cast<const std::int64_t*>(ids.data()) + part, ids.size(), self, 2);
}

nb::object keys_of(nb::handle self) {
  const UniversalSet& set = set_of(self);
  return nb::cast(
      nb::ndarray<nb::numpy, const double>(set.keys().data(), {set.size(), set.spec().dim}, self));
}

bool contains(const UniversalSet& set, std::uint64_t row, std::uint64_t stream) {
  return std::binary_search(set.ids().begin(), set.ids().end(), KeyId{stream, row});
}

std::string text_of(const UniversalSet& set) {
  return "heavykeys.UniversalSet(" + std::to_string(set.size()) + " of " + std::to_string(set.row_count()) +
         " keys, " + to_string(set.spec()) + ")";
}

}  // namespace

void bind_universal_set(nb::module_& module) {
  nb::class_<UniversalSet>(module, "UniversalSet",
                           "Every key that some query gives a weight >= epsilon, from Sketch.finalize().\n\n"
                           "Arrays are views of its memory, read-only, and keep it alive. `row in set` asks "
                           "for a row of stream 0.")
      .def_prop_ro(
          "ids", [](nb::handle self) { return id_parts(self, 1); },
          nb::sig("def ids(self) -> numpy.typing.NDArray[numpy.int64]"),
          "Rows of the members: int64 [size], ascending in each stream.")
      .def_prop_ro(
          "streams", [](nb::handle self) { return id_parts(self, 0); },
          nb::sig("def streams(self) -> numpy.typing.NDArray[numpy.int64]"),
          "Streams of the members: int64 [size], ascending.")
      .def_prop_ro(
          "leverage",
          [](nb::handle self) { return view(set_of(self).leverage().data(), set_of(self).size(), self); },
          nb::sig("def leverage(self) -> numpy.typing.NDArray[numpy.float64]"),
          "tau of the members: float64 [size].")
      .def_prop_ro(
          "layer",
          [](nb::handle self) { return view(set_of(self).layer().data(), set_of(self).size(), self); },
          nb::sig("def layer(self) -> numpy.typing.NDArray[numpy.int32]"),
          "Layers of the onion: int32 [size], from 1; all 1 where there is no onion.")
      .def_prop_ro("keys", &keys_of, nb::sig("def keys(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "The members as the grid holds them: float64 [size, d].")
      .def_prop_ro("size", &UniversalSet::size)
      .def("__len__", &UniversalSet::size)
      .def(
          "__contains__", [](const UniversalSet& set, std::uint64_t row) { return contains(set, row, 0); },
          nb::arg("row"))
      .def_prop_ro("spec", &UniversalSet::spec)
      .def_prop_ro("row_count", &UniversalSet::row_count, "n")
      .def_prop_ro("rank", &UniversalSet::rank,
                   "Of the gridded keys, exact; of their lift, where there is one.")
      .def_prop_ro("size_bound", &UniversalSet::size_bound, "Proven bound of size.")
      .def("__repr__", &text_of);
}

}  // namespace heavykeys::python
