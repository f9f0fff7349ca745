// Reconstructor: samples of scores from some of their elements.
#include "heavykeys/reconstruction.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "heavykeys/error.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

constexpr std::pair<const char*, Choice> kChoices[] = {
    {"pivoted", Choice::pivoted}, {"random", Choice::random}, {"strided", Choice::strided}};
constexpr std::pair<const char*, Estimator> kEstimators[] = {{"lmmse", Estimator::lmmse},
                                                             {"least-squares", Estimator::least_squares}};

template <class T, std::size_t n>
T of_name(const std::pair<const char*, T> (&names)[n], const char* argument, std::string name) {
  const std::string given = name;
  std::replace(name.begin(), name.end(), '_', '-');
  std::string all;
  for (const auto& [known, value] : names) {
    if (name == known) return value;
    all.append(all.empty() ? "\"" : ", \"").append(known).append("\"");
  }
  throw InvalidInput(std::string(argument) + " is \"" + given + "\"; there are " + all);
}

template <class T, std::size_t n>
const char* name_of(const std::pair<const char*, T> (&names)[n], T value) {
  for (const auto& [name, known] : names) {
    if (known == value) return name;
  }
  return "?";
}

void init(Reconstructor* self, const PrincipalComponents& principal, std::size_t computed,
          const std::string& choice, const std::string& estimator, std::size_t components, double ridge,
          std::uint64_t seed, std::size_t sample_queries) {
  ReconstructorOptions o;
  o.computed = computed;
  o.choice = of_name(kChoices, "choice", choice);
  o.estimator = of_name(kEstimators, "estimator", estimator);
  o.components = components;
  o.ridge = ridge;
  o.seed = seed;
  o.sample_queries = sample_queries;
  const WithoutGil released;
  new (self) Reconstructor(fit_reconstructor(principal, o));
}

nb::object elements_array(const std::vector<std::size_t>& elements) {
  return owned(std::vector<std::int64_t>(elements.begin(), elements.end()));
}

nb::object rebuild(const Reconstructor& self, nb::handle partial, int threads, const std::string& engine) {
  const Array array = read_array(partial, "partial");
  require_axes(array, 2, 2, "[N, s]");
  const Rows rows = rows_of(array);
  const auto options = threads_of(threads, engine);
  std::vector<double> whole;
  {
    const WithoutGil released;
    whole = options ? parallel::reconstruct(self, rows, *options) : reconstruct(self, rows);
  }
  return owned(std::move(whole)).attr("reshape")(rows.count, self.dim());
}

nb::tuple error_of(const Reconstructor& self, nb::handle samples) {
  const Array array = read_array(samples, "samples");
  require_axes(array, 2, 2, "[N, p]");
  ReconstructionError error;
  {
    const WithoutGil released;
    error = reconstruction_error(self, rows_of(array));
  }
  return nb::make_tuple(error.mean_squared, error.relative);
}

nb::bytes bytes_of(const Reconstructor& self) {
  std::vector<std::byte> bytes;
  {
    const WithoutGil released;
    bytes = to_bytes(self);
  }
  return nb::bytes(bytes.data(), bytes.size());
}

Reconstructor from(const nb::bytes& bytes) {
  const std::span<const std::byte> span(static_cast<const std::byte*>(bytes.data()), bytes.size());
  const WithoutGil released;
  return reconstructor_from_bytes(span);
}

std::string text_of(const Reconstructor& r) {
  return "heavykeys.Reconstructor(" + std::to_string(r.elements().size()) + " of " + std::to_string(r.dim()) +
         " elements, " + name_of(kChoices, r.options().choice) + ", " +
         name_of(kEstimators, r.options().estimator) + ")";
}

template <class Get>
auto option(Get get) {
  return [get](const Reconstructor& r) { return get(r.options()); };
}

void bind_options(nb::class_<Reconstructor>& c) {
  c.def_prop_ro("dim", &Reconstructor::dim, "p, elements of a sample.")
      .def_prop_ro(
          "elements",
          [](const Reconstructor& r) {
            return elements_array({r.elements().begin(), r.elements().end()});
          },
          nb::sig("def elements(self) -> numpy.typing.NDArray[numpy.int64]"),
          "int64 [s], ascending: those that are computed.")
      .def_prop_ro(
          "mean",
          [](nb::handle self) {
            const auto mean = nb::cast<const Reconstructor&>(self).mean();
            return view(mean.data(), mean.size(), self);
          },
          nb::sig("def mean(self) -> numpy.typing.NDArray[numpy.float64]"), "float64 [p].")
      .def_prop_ro(
          "predicted_error", &Reconstructor::predicted_error,
          "E |x - x^|^2 / E |x - mean|^2 under the covariance of the principal components: the share\n"
          "of the variance that is expected to be lost.")
      .def_prop_ro("choice", option([](const auto& o) { return name_of(kChoices, o.choice); }))
      .def_prop_ro("estimator", option([](const auto& o) { return name_of(kEstimators, o.estimator); }))
      .def_prop_ro("components", option([](const auto& o) { return o.components; }),
                   "How many components are used.")
      .def_prop_ro("ridge", option([](const auto& o) { return o.ridge; }))
      .def_prop_ro("seed", option([](const auto& o) { return o.seed; }))
      .def_prop_ro("sample_queries", option([](const auto& o) { return o.sample_queries; }),
                   "Rows of scores in a sample.")
      .def_prop_ro("memory_bytes", &Reconstructor::memory_bytes, "Bytes of memory held.");
}

void bind_storage(nb::class_<Reconstructor>& c) {
  c.def("to_bytes", &bytes_of, "The canonical bytes: equal for equal reconstructors.")
      .def_static("from_bytes", &from, nb::arg("bytes"), "Inverse of to_bytes. Corrupt for anything else.")
      .def(
          "save", [](const Reconstructor& self, const std::filesystem::path& path) { save(self, path); },
          nb::arg("path"), nb::call_guard<WithoutGil>(),
          nb::sig("def save(self, path: str | os.PathLike[str]) -> None"),
          "Writes to_bytes to a file, by way of a temporary one beside it.")
      .def_static(
          "load", [](const std::filesystem::path& path) { return load_reconstructor(path); }, nb::arg("path"),
          nb::call_guard<WithoutGil>(), nb::sig("def load(path: str | os.PathLike[str]) -> Reconstructor"),
          "Reads a file written by save.")
      .def(
          "__eq__", [](const Reconstructor& a, const Reconstructor& b) { return a == b; }, nb::is_operator(),
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__repr__", &text_of)
      .def("__getstate__", [](const Reconstructor& r) { return nb::make_tuple(bytes_of(r)); })
      .def("__setstate__", [](Reconstructor& self, const nb::tuple& state) {
        const auto [bytes] = parts_of<nb::bytes>(state, "Reconstructor");
        new (&self) Reconstructor(from(bytes));
      });
  c.attr("__hash__") = nb::none();
}

}  // namespace

void bind_reconstruction(nb::module_& module) {
  nb::class_<Reconstructor> c(
      module, "Reconstructor",
      "Estimates samples of scores (rows, or whole matrices) from some of their elements.\n\n"
      "principal      PrincipalComponents of such samples\n"
      "computed       s, how many elements are computed\n"
      "choice         \"pivoted\": one after another, each the element of greatest variance given those "
      "before "
      "it\n"
      "               (pivoted Cholesky); \"random\", by seed; \"strided\": evenly spaced\n"
      "estimator      \"lmmse\": of all linear estimates the least expected error; \"least-squares\": the "
      "best\n"
      "               fit of the first `components` components\n"
      "components     how many are used; 0: all (lmmse), the best of s, s / 2, s / 4 ... (least-squares)\n"
      "ridge          lmmse: times the mean variance of an element, added to that of what is computed;\n"
      "               least-squares: times s / p, the weight of |coefficients|^2\n"
      "sample_queries rows of scores in a sample: 1, a row over p keys; m, a matrix of m queries x p / m "
      "keys");
  c.def("__init__", &init, nb::arg("principal"), nb::arg("computed"), nb::kw_only(),
        nb::arg("choice") = "pivoted", nb::arg("estimator") = "lmmse", nb::arg("components") = 0,
        nb::arg("ridge") = ReconstructorOptions().ridge, nb::arg("seed") = 0, nb::arg("sample_queries") = 1);
  bind_options(c);
  c.def("reconstruct", &rebuild, nb::arg("partial").none(), nb::kw_only(), nb::arg("threads") = 0,
        nb::arg("engine") = "auto",
        nb::sig("def reconstruct(self, partial: Array, *, threads: int = 0, engine: str = 'auto') -> "
                "numpy.typing.NDArray[numpy.float64]"),
        "Samples [N, p] from their computed elements [N, s], in the order of `elements`. Those stay as they\n"
        "are.")
      .def("error", &error_of, nb::arg("samples").none(),
           nb::sig("def error(self, samples: Array) -> tuple[float, float]"),
           "(mean squared, relative) error over whole samples [N, p], each rebuilt from its own elements:\n"
           "sum (x - x^)^2 divided by N p, and by sum (x - mean)^2.");
  bind_storage(c);
  module.def(
      "choose_elements",
      [](const PrincipalComponents& principal, std::size_t count, const std::string& choice,
         std::uint64_t seed) {
        const Choice which = of_name(kChoices, "choice", choice);
        std::vector<std::size_t> elements;
        {
          const WithoutGil released;
          elements = choose_elements(principal, count, which, seed);
        }
        return elements_array(elements);
      },
      nb::arg("principal"), nb::arg("count"), nb::kw_only(), nb::arg("choice") = "pivoted",
      nb::arg("seed") = 0,
      nb::sig("def choose_elements(principal: PrincipalComponents, count: int, *, choice: str = 'pivoted', "
              "seed: int = 0) -> numpy.typing.NDArray[numpy.int64]"),
      "The elements a Reconstructor computes, in the order they are chosen: int64 [count].");
}

}  // namespace heavykeys::python
