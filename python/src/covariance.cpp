// Covariance: exact sums over a stream of samples.
#include "heavykeys/covariance.hpp"

#include "heavykeys/eigen_analysis.hpp"
#include "heavykeys/error.hpp"
#include "heavykeys/streaming.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/shared.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

using SharedCovariance = Shared<Covariance>;

void init(SharedCovariance* self, std::size_t dim, std::size_t sketch_columns, std::uint64_t seed) {
  new (self) SharedCovariance(Covariance({.dim = dim, .sketch_columns = sketch_columns, .seed = seed}));
}

void absorb(SharedCovariance& self, nb::handle samples, int threads, const std::string& engine) {
  const Array array = read_array(samples, "samples");
  require_axes(array, 2, 2, "[N, dim]");
  const auto options = threads_of(threads, engine);
  self.change([&](Covariance& covariance) {
    require_dim(array, covariance.spec().dim, "the covariance");
    if (options) {
      parallel::absorb(covariance, rows_of(array), *options);
    } else {
      streaming::absorb(covariance, rows_of(array));
    }
  });
}

void merge_into(SharedCovariance& self, SharedCovariance& other) {
  if (&self != &other) {
    return self.change_with(other, [](Covariance& into, const Covariance& from) { merge(into, from); });
  }
  self.change([](Covariance& covariance) { merge(covariance, Covariance(covariance)); });
}

SharedCovariance* copy_of(const SharedCovariance& self) {
  return self.read([](const Covariance& covariance) { return new SharedCovariance(covariance); });
}

nb::bytes bytes_of(const SharedCovariance& self) {
  const auto bytes = self.read([](const Covariance& covariance) { return to_bytes(covariance); });
  return nb::bytes(bytes.data(), bytes.size());
}

Covariance covariance_of(const nb::bytes& bytes) {
  const auto* data = static_cast<const std::byte*>(bytes.data());
  const std::size_t size = bytes.size();
  const WithoutGil released;
  return covariance_from_bytes({data, size});
}

bool equal(const SharedCovariance& self, const SharedCovariance& other) {
  const auto bytes = [](const Covariance& covariance) { return to_bytes(covariance); };
  return &self == &other || self.read(bytes) == other.read(bytes);
}

/// What `get` gives of a covariance.
template <class Get>
auto reading(Get get) {
  return [get](const SharedCovariance& self) { return self.read(get); };
}

}  // namespace

void bind_covariance(nb::module_& module) {
  nb::class_<SharedCovariance> covariance(
      module, "Covariance",
      "Count, sums and sums of products of a stream of samples: a value to copy, merge, store.\n\n"
      "Equal samples give equal bytes, whatever the order, the chunks, the merges and the engine. Its size\n"
      "does not depend on their number: 8 dim^2 bytes, or 16 dim sketch_columns where only a sketch is kept\n"
      "(0: the whole covariance), from which the leading principal components come.");
  covariance
      .def("__init__", &init, nb::arg("dim"), nb::kw_only(), nb::arg("sketch_columns") = 0,
           nb::arg("seed") = 0)
      .def("absorb", &absorb, nb::arg("samples").none(), nb::kw_only(), nb::arg("threads") = 0,
           nb::arg("engine") = "auto",
           nb::sig("def absorb(self, samples: Array, *, threads: int = 0, engine: str = 'auto') -> None"),
           "Adds samples [N, dim], read in place. Samples that raise (NaN, another dim) leave it as it was.")
      .def("merge", &merge_into, nb::arg("other"), "Adds everything `other` has seen.")
      .def("copy", &copy_of)
      .def("__copy__", &copy_of)
      .def(
          "__deepcopy__", [](const SharedCovariance& self, nb::handle) { return copy_of(self); },
          nb::arg("memo"))
      .def_prop_ro("sample_count", reading([](const Covariance& c) { return c.sample_count(); }))
      .def_prop_ro("dim", reading([](const Covariance& c) { return c.spec().dim; }))
      .def_prop_ro("sketch_columns", reading([](const Covariance& c) { return c.spec().sketch_columns; }))
      .def_prop_ro("seed", reading([](const Covariance& c) { return c.spec().seed; }))
      .def_prop_ro("memory_bytes", reading([](const Covariance& c) { return c.memory_bytes(); }))
      .def(
          "mean",
          [](const SharedCovariance& self) {
            return owned(self.read([](const Covariance& c) { return mean(c); }));
          },
          nb::sig("def mean(self) -> numpy.typing.NDArray[numpy.float64]"), "[dim].")
      .def(
          "element_variances",
          [](const SharedCovariance& self) {
            return owned(self.read([](const Covariance& c) { return element_variances(c); }));
          },
          nb::sig("def element_variances(self) -> numpy.typing.NDArray[numpy.float64]"),
          "The variance of each element [dim], about the mean, divided by the number of samples.")
      .def(
          "matrix",
          [](const SharedCovariance& self) {
            const auto dim = self.read([](const Covariance& c) { return c.spec().dim; });
            return owned(self.read([](const Covariance& c) { return covariance_matrix(c); }))
                .attr("reshape")(dim, dim);
          },
          nb::sig("def matrix(self) -> numpy.typing.NDArray[numpy.float64]"),
          "The covariance [dim, dim]. Raises where only a sketch is kept.")
      .def(
          "principal_components",
          [](const SharedCovariance& self, std::size_t most) {
            return self.read([&](const Covariance& c) { return principal_components(c, most); });
          },
          nb::arg("most") = 0, "The PrincipalComponents of greatest variance, at most `most`; 0: all.")
      .def("to_bytes", &bytes_of)
      .def_static(
          "from_bytes", [](const nb::bytes& bytes) { return new SharedCovariance(covariance_of(bytes)); },
          nb::arg("data"), "Raises Corrupt for what to_bytes cannot have written.")
      .def("__getstate__", [](const SharedCovariance& self) { return nb::make_tuple(bytes_of(self)); })
      .def("__setstate__",
           [](SharedCovariance& self, const nb::tuple& state) {
             const auto [bytes] = parts_of<nb::bytes>(state, "Covariance");
             new (&self) SharedCovariance(covariance_of(bytes));
           })
      .def(
          "__eq__",
          [](const SharedCovariance& self, nb::handle other) -> nb::object {
            const SharedCovariance* that = nullptr;
            if (!nb::try_cast(other, that) || that == nullptr) return nb::borrow(Py_NotImplemented);
            return nb::bool_(equal(self, *that));
          },
          nb::arg("other").none(), nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__repr__", reading([](const Covariance& c) {
             std::string text = "heavykeys.Covariance(dim=" + std::to_string(c.spec().dim);
             if (c.spec().sketch_columns > 0) {
               text.append(", sketch_columns=").append(std::to_string(c.spec().sketch_columns));
             }
             return text.append(", ").append(std::to_string(c.sample_count())).append(" samples)");
           }));
  covariance.attr("__hash__") = nb::none();
}

}  // namespace heavykeys::python
