// Planted attention: sparse patterns, inputs that have them, and how precisely.
#include "heavykeys/sparse_pattern.hpp"

#include "heavykeys/error.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

template <class T>
auto part(std::vector<T> SparsePattern::*member) {
  return [member](nb::handle self) {
    const std::vector<T>& values = nb::cast<const SparsePattern&>(self).*member;
    return view(values.data(), values.size(), self);
  };
}

/// One axis of numbers of this dtype, copied from anything NumPy makes an array of. `kinds`: those of its
/// dtypes that convert without loss.
template <class T>
std::vector<T> vector_of(nb::handle values, const char* name, const char* dtype, const char* kinds) {
  const nb::object array = nb::module_::import_("numpy").attr("asarray")(values);
  const auto kind = nb::cast<std::string>(array.attr("dtype").attr("kind"));
  nb::ndarray<const T, nb::ndim<1>, nb::c_contig> converted;
  if (nb::cast<std::size_t>(array.attr("size")) == 0) return {};
  if (std::string(kinds).find(kind) == std::string::npos ||
      !nb::try_cast(array.attr("astype")(dtype, "C"), converted)) {
    std::string text = name;
    text.append(": an array of one axis is needed, that becomes ").append(dtype);
    throw nb::type_error(text.c_str());
  }
  return {converted.data(), converted.data() + converted.size()};
}

SparsePattern pattern_of_parts(nb::handle indptr, nb::handle indices, nb::handle values,
                               const std::tuple<std::size_t, std::size_t>& shape) {
  SparsePattern pattern{std::get<0>(shape), std::get<1>(shape),
                        vector_of<std::int64_t>(indptr, "indptr", "int64", "iu"),
                        vector_of<std::int64_t>(indices, "indices", "int64", "iu"),
                        vector_of<double>(values, "values", "float64", "fiub")};
  shape_of(pattern);
  return pattern;
}

std::tuple<std::size_t, std::size_t> shape_from(nb::handle matrix) {
  const nb::object shape = nb::getattr(matrix, "shape", nb::none());
  std::tuple<std::size_t, std::size_t> sizes;
  if (!nb::try_cast(shape, sizes)) {
    std::string text = "pattern: its shape is ";
    text.append(nb::repr(shape).c_str()).append("; two sizes are needed");
    throw nb::type_error(text.c_str());
  }
  return sizes;
}

/// NumPy's integers and booleans as float64; all else as it is.
nb::object in_floats(nb::handle object) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  if (!nb::isinstance(object, numpy.attr("ndarray"))) return nb::borrow(object);
  const auto kind = nb::cast<std::string>(object.attr("dtype").attr("kind"));
  return kind == "b" || kind == "i" || kind == "u" ? object.attr("astype")("float64") : nb::borrow(object);
}

/// A SparsePattern, what looks like a CSR matrix of SciPy, or a dense array.
SparsePattern pattern_from(nb::handle object) {
  if (nb::isinstance<SparsePattern>(object)) return nb::cast<const SparsePattern&>(object);
  if (nb::hasattr(object, "indptr") && nb::hasattr(object, "indices") && nb::hasattr(object, "data")) {
    if (nb::hasattr(object, "format")) {
      const std::string format = nb::str(object.attr("format")).c_str();
      if (format != "csr")
        throw InvalidInput("pattern: a matrix in the format \"" + format + "\"; make it CSR (tocsr)");
    }
    return pattern_of_parts(object.attr("indptr"), object.attr("indices"), object.attr("data"),
                            shape_from(object));
  }
  const nb::object numbers = in_floats(object);
  const Array dense = read_array(numbers, "pattern");
  require_axes(dense, 2, 2, "[L, L']");
  return pattern_of(rows_of(dense));
}

PlantOptions options_of(const std::string& construction, double epsilon1, std::optional<double> epsilon2,
                        double failure, std::optional<std::size_t> dim, std::optional<double> logit,
                        std::uint64_t seed) {
  PlantOptions options;
  if (construction == "svd") {
    options.construction = Construction::svd;
  } else if (construction != "interpolating") {
    throw InvalidInput("construction is \"" + construction + "\"; there are \"interpolating\" and \"svd\"");
  }
  // None, and not 0, stands for the default here.
  if (epsilon2 == 0.0) throw InvalidInput("epsilon2 is 0; it must lie in [1e-300, 1)");
  if (logit == 0.0) throw InvalidInput("logit is 0; it must be positive");
  if (dim == 0) throw InvalidInput("dim is 0; it must be at least 1");
  options.epsilon1 = epsilon1;
  options.epsilon2 = epsilon2.value_or(0.0);
  options.failure = failure;
  options.dim = dim.value_or(0);
  options.logit = logit.value_or(0.0);
  options.seed = seed;
  return options;
}

Planted plant_pattern(nb::handle pattern, const std::string& construction, double epsilon1,
                      std::optional<double> epsilon2, double failure, std::optional<std::size_t> dim,
                      std::optional<double> logit, std::uint64_t seed) {
  const SparsePattern m = pattern_from(pattern);
  const PlantOptions options = options_of(construction, epsilon1, epsilon2, failure, dim, logit, seed);
  const WithoutGil released;
  return plant(m, options);
}

std::size_t bound_of(nb::handle pattern, const std::string& construction, double epsilon1,
                     std::optional<double> epsilon2, double failure, std::optional<double> logit) {
  const SparsePattern m = pattern_from(pattern);
  return planted_dim(shape_of(m), options_of(construction, epsilon1, epsilon2, failure, {}, logit, 0)).bound;
}

std::size_t search(nb::handle pattern, std::size_t trials, const std::string& construction, double epsilon1,
                   std::optional<double> epsilon2, double failure, std::optional<double> logit,
                   std::uint64_t seed, int threads, const std::string& engine) {
  const SparsePattern m = pattern_from(pattern);
  const PlantOptions options = options_of(construction, epsilon1, epsilon2, failure, {}, logit, seed);
  const auto workers = threads_of(threads, engine);
  const WithoutGil released;
  return (workers ? parallel::smallest_dim(m, options, trials, *workers) : smallest_dim(m, options, trials))
      .dim;
}

PatternPrecision verified(nb::handle pattern, nb::handle queries, nb::handle keys, int threads,
                          const std::string& engine) {
  const SparsePattern m = pattern_from(pattern);
  const Array query_array = read_array(queries, "queries"), key_array = read_array(keys, "keys");
  require_axes(query_array, 2, 2, "[L, r]");
  require_axes(key_array, 2, 2, "[L', r]");
  const auto workers = threads_of(threads, engine);
  const Rows q = rows_of(query_array), k = rows_of(key_array);
  const WithoutGil released;
  return workers ? parallel::verify(m, q, k, *workers) : verify(m, q, k);
}

nb::object matrix(std::vector<double> values, std::size_t columns) {
  return owned(std::move(values)).attr("reshape")(-1, columns);
}

auto rows_view(std::vector<double> Planted::*member) {
  return [member](nb::handle self) {
    const Planted& planted = nb::cast<const Planted&>(self);
    const std::vector<double>& values = planted.*member;
    return view(values.data(), values.size(), self).attr("reshape")(-1, planted.options.dim);
  };
}

#define HEAVYKEYS_ARRAY(signature) nb::sig("def " signature " -> numpy.typing.NDArray[numpy.float64]")
#define HEAVYKEYS_PATTERN "pattern: SparsePattern | Array | typing.Any"
#define HEAVYKEYS_PRECISION                                                                              \
  "construction: str = 'interpolating', epsilon1: float = 0.1, epsilon2: float | None = None, failure: " \
  "float = 0.01"

void bind_pattern(nb::module_& module) {
  nb::class_<SparsePattern> sparse(
      module, "SparsePattern",
      "A sparse matrix of positive entries, in compressed sparse rows: row i owns entries\n"
      "indptr[i] .. indptr[i+1]. Only the ratios within a row matter. No row is empty.");
  sparse
      .def(
          "__init__",
          [](SparsePattern* self, nb::handle indptr, nb::handle indices, nb::handle values,
             const std::tuple<std::size_t, std::size_t>& shape) {
            new (self) SparsePattern(pattern_of_parts(indptr, indices, values, shape));
          },
          nb::arg("indptr"), nb::arg("indices"), nb::arg("values"), nb::arg("shape"),
          nb::sig("def __init__(self, indptr: typing.Any, indices: typing.Any, values: typing.Any, shape: "
                  "tuple[int, int]) -> None"),
          "Columns ascend within a row; values > 0.")
      .def_static("of", &pattern_from, nb::arg("matrix"),
                  nb::sig("def of(matrix: SparsePattern | Array | typing.Any) -> SparsePattern"),
                  "The non-zeros of a dense array [L, L'], or a CSR matrix of SciPy.")
      .def_prop_ro("indptr", part(&SparsePattern::indptr),
                   nb::sig("def indptr(self) -> numpy.typing.NDArray[numpy.int64]"), "int64 [L + 1]")
      .def_prop_ro("indices", part(&SparsePattern::indices),
                   nb::sig("def indices(self) -> numpy.typing.NDArray[numpy.int64]"), "int64 [nnz]")
      .def_prop_ro("values", part(&SparsePattern::values), HEAVYKEYS_ARRAY("values(self)"), "float64 [nnz]")
      .def_prop_ro(
          "shape", [](const SparsePattern& m) { return std::make_tuple(m.rows, m.columns); }, "(L, L')")
      .def(
          "normalised", [](const SparsePattern& m) { return owned(normalised_weights(m)); },
          HEAVYKEYS_ARRAY("normalised(self)"), "values with each row divided by its sum: float64 [nnz].")
      .def("__len__", [](const SparsePattern& m) { return m.values.size(); })
      .def(
          "__eq__", [](const SparsePattern& a, const SparsePattern& b) { return a == b; }, nb::is_operator(),
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__repr__", [](const SparsePattern& m) {
        return "heavykeys.SparsePattern(" + std::to_string(m.values.size()) + " entries of " +
               std::to_string(m.rows) + " x " + std::to_string(m.columns) + ")";
      });
  sparse.attr("__hash__") = nb::none();
  module.def("random_pattern", &random_pattern, nb::arg("size"), nb::arg("nonzeros") = 1,
             nb::arg("ratio") = 1.0, nb::arg("seed") = 0,
             "A square pattern with exactly `nonzeros` entries in every row and column, in [1, ratio]; with\n"
             "two or more, each row has a 1 and a `ratio`.");
}

void bind_planted(nb::module_& module) {
  nb::class_<Planted>(
      module, "Planted",
      "Inputs whose softmax attention is a pattern. Arrays are read-only views of its memory.")
      .def_prop_ro("queries", rows_view(&Planted::queries), HEAVYKEYS_ARRAY("queries(self)"),
                   "X W_Q: float64 [L, r].")
      .def_prop_ro("keys", rows_view(&Planted::keys), HEAVYKEYS_ARRAY("keys(self)"),
                   "X W_K: float64 [L', r].")
      .def(
          "inputs", [](const Planted& p) { return matrix(planted_inputs(p), 2 * p.options.dim); },
          HEAVYKEYS_ARRAY("inputs(self)"), "X = [x | y]: float64 [max(L, L'), 2 r].")
      .def(
          "query_projection",
          [](const Planted& p) { return matrix(query_projection(p.options.dim), p.options.dim); },
          HEAVYKEYS_ARRAY("query_projection(self)"), "W_Q: float64 [2 r, r], the same for every pattern.")
      .def(
          "key_projection",
          [](const Planted& p) { return matrix(key_projection(p.options.dim), p.options.dim); },
          HEAVYKEYS_ARRAY("key_projection(self)"), "W_K: float64 [2 r, r], the same for every pattern.")
      .def_prop_ro(
          "dim", [](const Planted& p) { return p.options.dim; }, "r")
      .def_prop_ro(
          "bound", [](const Planted& p) { return p.bound.bound; }, "r that is proven enough.")
      .def_prop_ro(
          "exact", [](const Planted& p) { return p.exact; }, "svd: nothing was projected.")
      .def_prop_ro(
          "epsilon1", [](const Planted& p) { return p.options.epsilon1; }, "Asked of ratios.")
      .def_prop_ro(
          "epsilon2", [](const Planted& p) { return p.options.epsilon2; }, "Asked off the pattern.")
      .def_prop_ro(
          "logit", [](const Planted& p) { return p.options.logit; }, "Of each row's greatest entry.")
      .def("__repr__", [](const Planted& p) {
        return "heavykeys.Planted(" + std::to_string(p.rows) + " queries, " + std::to_string(p.columns) +
               " keys, dim=" + std::to_string(p.options.dim) + ")";
      });
  module.def(
      "plant", &plant_pattern, nb::arg("pattern"), nb::kw_only(), nb::arg("construction") = "interpolating",
      nb::arg("epsilon1") = 0.1, nb::arg("epsilon2") = nb::none(), nb::arg("failure") = 0.01,
      nb::arg("dim") = nb::none(), nb::arg("logit") = nb::none(), nb::arg("seed") = 0,
      nb::sig("def plant(" HEAVYKEYS_PATTERN ", *, " HEAVYKEYS_PRECISION
              ", dim: int | None = None, logit: float | None = None, seed: int = 0) -> Planted"),
      "Queries and keys whose softmax attention is the pattern: a SparsePattern, a dense array [L, L'],\n"
      "or a CSR matrix of SciPy. Within a row ratios are right within a factor 1 + epsilon1, and no\n"
      "weight off the pattern is above epsilon2 (None: 1 / (100 L')), but for a probability `failure`\n"
      "over the seed; verify_pattern says whether. dim None: what is proven enough (planted_dim).\n"
      "construction \"svd\" is the one of arXiv 2106.03764.");
  module.def("planted_dim", &bound_of, nb::arg("pattern"), nb::kw_only(),
             nb::arg("construction") = "interpolating", nb::arg("epsilon1") = 0.1,
             nb::arg("epsilon2") = nb::none(), nb::arg("failure") = 0.01, nb::arg("logit") = nb::none(),
             nb::sig("def planted_dim(" HEAVYKEYS_PATTERN ", *, " HEAVYKEYS_PRECISION
                     ", logit: float | None = None) -> int"),
             "The dimension of queries and keys that is proven enough for plant.");
  module.def(
      "smallest_dim", &search, nb::arg("pattern"), nb::arg("trials") = 3, nb::kw_only(),
      nb::arg("construction") = "interpolating", nb::arg("epsilon1") = 0.1, nb::arg("epsilon2") = nb::none(),
      nb::arg("failure") = 0.01, nb::arg("logit") = nb::none(), nb::arg("seed") = 0, nb::arg("threads") = 0,
      nb::arg("engine") = "auto",
      nb::sig("def smallest_dim(" HEAVYKEYS_PATTERN ", trials: int = 3, *, " HEAVYKEYS_PRECISION
              ", logit: float | None = None, seed: int = 0, threads: int = 0, engine: str = 'auto') -> "
              "int"),
      "The smallest dimension found by search: seeds seed .. seed + trials - 1 all meet both precisions.");
}

}  // namespace

void bind_sparse_pattern(nb::module_& module) {
  bind_pattern(module);
  bind_planted(module);
  nb::class_<PatternPrecision>(module, "PatternPrecision", "What attention has of a pattern.")
      .def_ro("ratio_error", &PatternPrecision::ratio_error,
              "epsilon1 achieved: max of (A_ij / A_il) / (M_ij / M_il) - 1 on the pattern.")
      .def_ro("off_support", &PatternPrecision::off_support, "epsilon2 achieved: max weight off the pattern.")
      .def_ro("least_planted", &PatternPrecision::least_planted, "Least weight on the pattern.")
      .def_ro("off_support_mass", &PatternPrecision::off_support_mass,
              "Max over rows of the sum of the weights off the pattern.")
      .def_ro("max_error", &PatternPrecision::max_error, "max |A - M|, rows of M normalised.")
      .def_ro("logit_error", &PatternPrecision::logit_error,
              "No float64 logit is off by more; counted into all of the above.")
      .def_ro("separating_epsilon", &PatternPrecision::separating_epsilon,
              "A scan at this epsilon lists exactly the planted entries; None when there is no such.")
      .def("meets", &PatternPrecision::meets, nb::arg("epsilon1"), nb::arg("epsilon2"),
           "Whether both precisions are achieved.");
  module.def("verify_pattern", &verified, nb::arg("pattern"), nb::arg("queries").none(),
             nb::arg("keys").none(), nb::kw_only(), nb::arg("threads") = 0, nb::arg("engine") = "auto",
             nb::sig("def verify_pattern(" HEAVYKEYS_PATTERN
                     ", queries: Array, keys: Array, *, threads: int = 0, engine: str = 'auto') -> "
                     "PatternPrecision"),
             "Computes softmax(queries keys^T) in float64, a few rows at a time, and compares.");
}

}  // namespace heavykeys::python
