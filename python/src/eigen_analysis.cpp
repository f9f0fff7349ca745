// PrincipalComponents, their overlaps, and score matrices to take them of.
#include "heavykeys/eigen_analysis.hpp"

#include <cmath>

#include "heavykeys/error.hpp"
#include "heavykeys/score_matrix.hpp"
#include "lib/components_check.hpp"
#include "lib/read_rows.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

/// A [.., n] array as float64 numbers in row-major order.
std::vector<double> numbers(nb::handle object, const char* name, std::size_t axes) {
  const Array array = read_array(object, name);
  require_axes(array, axes, axes, axes == 1 ? "[p]" : "[r, p]");
  Rows rows{array.data, array.dtype, axes == 1 ? 1 : array.shape[0], array.shape[axes - 1]};
  rows.row_stride = axes == 1 ? 0 : array.strides[0];
  rows.column_stride = array.strides[axes - 1];
  std::vector<double> out(rows.count * rows.dim);
  for (std::size_t r = 0; r < rows.count; ++r) detail::read_row(rows, r, out.data() + r * rows.dim);
  for (const double x : out) {
    if (!std::isfinite(x)) throw InvalidInput(std::string(name) + ": holds NaN or Inf");
  }
  return out;
}

void check_size(const char* name, std::size_t size, std::size_t wanted) {
  if (size == wanted) return;
  throw InvalidInput(std::string(name) + ": has " + std::to_string(size) + " elements, not " +
                     std::to_string(wanted));
}

void init(PrincipalComponents* self, nb::handle mean, nb::handle variances, nb::handle components,
          nb::handle element_variances, std::optional<double> total_variance, std::uint64_t samples) {
  PrincipalComponents c;
  c.mean = numbers(mean, "mean", 1);
  c.dim = c.mean.size();
  c.variances = numbers(variances, "variances", 1);
  const Array given = read_array(components, "components");
  if (given.shape != std::vector<std::size_t>{c.size(), c.dim}) {
    throw InvalidInput("components: of shape " + shape_text(given.shape) + "; [r, p] is " +
                       shape_text({c.size(), c.dim}));
  }
  c.components = numbers(components, "components", 2);
  if (element_variances.is_none()) {
    c.element_variances.assign(c.dim, 0.0);
    for (std::size_t i = 0; i < c.size(); ++i) {
      for (std::size_t j = 0; j < c.dim; ++j) {
        const double e = c.components[i * c.dim + j];
        c.element_variances[j] += c.variances[i] * e * e;
      }
    }
  } else {
    c.element_variances = numbers(element_variances, "element_variances", 1);
    check_size("element_variances", c.element_variances.size(), c.dim);
  }
  double total = 0.0;
  for (const double v : c.element_variances) total += v;
  c.total_variance = total_variance.value_or(total);
  c.samples = samples;
  detail::check(c);
  new (self) PrincipalComponents(std::move(c));
}

template <class Get>
auto array_of(Get get) {
  return [get](nb::handle self) {
    const std::vector<double>& values = get(nb::cast<const PrincipalComponents&>(self));
    return view(values.data(), values.size(), self);
  };
}

nb::object score_matrices(nb::handle queries, nb::handle keys, std::optional<double> scale,
                          const std::string& normalisation, bool causal) {
  const Array q = read_array(queries, "queries"), k = read_array(keys, "keys");
  require_axes(q, 2, 4, "[.., m, d]");
  require_axes(k, q.axes(), q.axes(), "those of queries");
  if (normalisation != "none" && normalisation != "softmax") {
    throw InvalidInput("normalisation: \"" + normalisation + "\" is neither \"none\" nor \"softmax\"");
  }
  if (scale == 0.0) throw InvalidInput("scale: must not be 0");
  const TensorView a = tensor_of(q, Layout::bhsd), b = tensor_of(k, Layout::bhsd);
  if (a.batch != b.batch || a.heads != b.heads) {
    throw InvalidInput("keys: of shape " + shape_text(k.shape) + " for queries of shape " +
                       shape_text(q.shape));
  }
  const ScoreMatrixOptions options{
      .scale = scale.value_or(0.0),
      .normalisation = normalisation == "softmax" ? Normalisation::softmax : Normalisation::none,
      .causal = causal};
  std::vector<double> all;
  {
    const WithoutGil released;
    all.reserve(a.batch * a.heads * a.rows * b.rows);
    for (std::size_t u = 0; u < a.batch * a.heads; ++u) {
      const auto x =
          score_matrix(a.head(u / a.heads, u % a.heads), b.head(u / a.heads, u % a.heads), options);
      all.insert(all.end(), x.begin(), x.end());
    }
  }
  nb::list shape;
  for (std::size_t i = 0; i + 2 < q.axes(); ++i) shape.append(q.shape[i]);
  shape.append(a.rows);
  shape.append(b.rows);
  return owned(std::move(all)).attr("reshape")(nb::tuple(shape));
}

void bind_components(nb::module_& module) {
  nb::class_<PrincipalComponents>(
      module, "PrincipalComponents",
      "Directions in which samples vary: the covariance is about sum_i variances[i] e_i e_i^T, e_i being\n"
      "components[i]. From Covariance.principal_components, or from arrays of your own.")
      .def("__init__", &init, nb::arg("mean"), nb::arg("variances"), nb::arg("components"), nb::kw_only(),
           nb::arg("element_variances") = nb::none(), nb::arg("total_variance") = nb::none(),
           nb::arg("samples") = 0,
           nb::sig("def __init__(self, mean: Array, variances: Array, components: Array, *, "
                   "element_variances: Array | None = None, total_variance: float | None = None, "
                   "samples: int = 0) -> None"))
      .def_prop_ro("mean", array_of([](const auto& c) -> const auto& { return c.mean; }),
                   nb::sig("def mean(self) -> numpy.typing.NDArray[numpy.float64]"), "[p].")
      .def_prop_ro("variances", array_of([](const auto& c) -> const auto& { return c.variances; }),
                   nb::sig("def variances(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "[r], descending: the eigenvalues of the covariance.")
      .def_prop_ro("element_variances",
                   array_of([](const auto& c) -> const auto& { return c.element_variances; }),
                   nb::sig("def element_variances(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "[p]: the diagonal of the covariance.")
      .def_prop_ro(
          "components",
          [](nb::handle self) {
            const auto& c = nb::cast<const PrincipalComponents&>(self);
            return view(c.components.data(), c.components.size(), self).attr("reshape")(c.size(), c.dim);
          },
          nb::sig("def components(self) -> numpy.typing.NDArray[numpy.float64]"),
          "[r, p]: orthonormal rows; the element of greatest magnitude in each is positive.")
      .def_ro("total_variance", &PrincipalComponents::total_variance, "Of all components, kept here or not.")
      .def_ro("samples", &PrincipalComponents::samples)
      .def_ro("dim", &PrincipalComponents::dim)
      .def("__len__", [](const PrincipalComponents& c) { return c.size(); })
      .def(
          "explained_variance", [](const PrincipalComponents& c) { return owned(explained_variance(c)); },
          nb::sig("def explained_variance(self) -> numpy.typing.NDArray[numpy.float64]"),
          "[r]: the share of the total variance that the first i + 1 components hold.")
      .def("components_for", &components_for, nb::arg("share"),
           "The least number of components that hold `share` of the variance; 0 when those kept do not.")
      .def("__getstate__",
           [](nb::handle self) {
             return nb::make_tuple(self.attr("mean"), self.attr("variances"), self.attr("components"),
                                   self.attr("element_variances"), self.attr("total_variance"),
                                   self.attr("samples"));
           })
      .def("__setstate__",
           [](PrincipalComponents& self, const nb::tuple& state) {
             const auto [mean, variances, components, elements, total, samples] =
                 parts_of<nb::object, nb::object, nb::object, nb::object, double, std::uint64_t>(
                     state, "PrincipalComponents");
             init(&self, mean, variances, components, elements, total, samples);
           })
      .def("__repr__", [](const PrincipalComponents& c) {
        return "heavykeys.PrincipalComponents(" + std::to_string(c.size()) + " of " + std::to_string(c.dim) +
               " elements, " + std::to_string(c.samples) + " samples)";
      });
}

}  // namespace

void bind_eigen_analysis(nb::module_& module) {
  bind_components(module);
  module.def(
      "overlap", &overlap, nb::arg("a"), nb::arg("b"), nb::arg("r"),
      "|E_a E_b^T|_F^2 / r for the first r components of a and b: 1 when they span the same space, about\n"
      "r / p for unrelated ones.");
  module.def("captured_variance", &captured_variance, nb::arg("basis"), nb::arg("r"), nb::arg("of"),
             "The share of the variance of `of` that the first r components of `basis` capture.");
  module.def("score_matrices", &score_matrices, nb::arg("queries").none(), nb::arg("keys").none(),
             nb::kw_only(), nb::arg("scale") = nb::none(), nb::arg("normalisation") = "none",
             nb::arg("causal") = false,
             nb::sig("def score_matrices(queries: Array, keys: Array, *, scale: float | None = None, "
                     "normalisation: str = 'none', causal: bool = False) -> "
                     "numpy.typing.NDArray[numpy.float64]"),
             "[.., m, n]: scale q.k of queries [.., m, d] and keys [.., n, d], in float64; scale None is\n"
             "1 / sqrt(d). normalisation 'softmax': attention weights; causal: of keys up to m - n + i.");
}

}  // namespace heavykeys::python
