// Score: f as a value, one's own f too.
#include "heavykeys/score.hpp"

#include <memory>

#include "heavykeys/error.hpp"
#include "python/src/arguments.hpp"

namespace heavykeys::python {
namespace {

/// A Python function as the library calls it: from any thread, which takes the GIL for the call. What it
/// raises comes out of the call of the library that led here.
class Callback {
 public:
  explicit Callback(nb::callable f)
      : function_(new nb::callable(std::move(f)), [](nb::callable* p) {
          const nb::gil_scoped_acquire gil;
          delete p;
        }) {}
  double operator()(double x) const {
    const nb::gil_scoped_acquire gil;
    const double y = PyFloat_AsDouble((*function_)(x).ptr());
    if (y == -1.0 && PyErr_Occurred() != nullptr) nb::raise_python_error();  // not a number
    return y;
  }
  const nb::callable& function() const { return *function_; }

 private:
  std::shared_ptr<nb::callable> function_;  // copies of a Score share it, without the GIL
};

nb::object function_of(const Score& score) {
  const Callback* callback = score.function.target<Callback>();
  return callback == nullptr ? nb::none() : nb::borrow(callback->function());
}

using State = nb::typed<nb::tuple, int, double, std::vector<double>, std::string, nb::object>;

State state_of(const Score& score) {
  return State(nb::make_tuple(static_cast<int>(score.kind), score.parameter, score.coefficients, score.label,
                              function_of(score)));
}

/// Throws InvalidInput for what no score is made of.
Score score_of_parts(Score::Kind kind, double parameter, const std::vector<double>& coefficients,
                     const std::string& label, const nb::object& function) {
  switch (kind) {
    case Score::Kind::power:
      return Score::power(parameter);
    case Score::Kind::expressive:
      return Score::expressive();
    case Score::Kind::polynomial:
      return Score::polynomial(coefficients);
    case Score::Kind::softmax:
      return Score::softmax(parameter);
    case Score::Kind::custom: {
      const bool growth = parameter == 2 || parameter == 4 || parameter == 6 || parameter == 8;
      const bool callable = function.is_none() || nb::isinstance<nb::callable>(function);
      if (!growth || !callable || coefficients.size() != 1 || !(coefficients[0] >= 0) || label.empty() ||
          label.size() > 255) {
        break;
      }
      Score score{kind, parameter, coefficients, label, {}};  // its conditions were checked when it was made
      if (!function.is_none()) score.function = Callback(nb::borrow<nb::callable>(function));
      return score;
    }
  }
  throw InvalidInput("state: not that of a Score");
}

void set_state(Score& score, const State& state) {
  const auto [kind, parameter, coefficients, label, function] =
      parts_of<int, double, std::vector<double>, std::string, nb::object>(state, "Score");
  new (&score)
      Score(score_of_parts(static_cast<Score::Kind>(kind), parameter, coefficients, label, function));
}

}  // namespace

void bind_score(nb::module_& module) {
  nb::class_<Score> score(module, "Score",
                          "The score f of attention weights A_j(q) = f(q.k_j) / sum_l f(q.k_l): a value.\n\n"
                          "Wherever a score is asked for, its name will do: \"power:2\", \"expressive\",\n"
                          "\"polynomial:0,1,0.5\", \"softmax:0.125\".");
  score.def_static("power", &Score::power, nb::arg("p"), "f = |x|^p, 0 < p <= 64.")
      .def_static("expressive", &Score::expressive, "f = x^2 / (1 + x^2): expressive attention.")
      .def_static("polynomial", &Score::polynomial, nb::arg("coefficients"),
                  "f = sum_i c_i x^(2i), c_i >= 0, degree at most 8, not constant.")
      .def_static(
          "custom",
          [](std::string name, nb::callable function, int growth) {
            return Score::custom(std::move(name), Callback(std::move(function)), growth);
          },
          nb::arg("name"), nb::arg("function"), nb::arg("growth"),
          nb::sig("def custom(name: str, function: collections.abc.Callable[[float], float], growth: int) -> "
                  "Score"),
          "Any f that is even, nondecreasing in |x|, with f(x) / x^growth nonincreasing (growth 2, 4, 6, "
          "8).\n\n"
          "`function` takes and returns a float; it must be pure, and must not call heavykeys. It is called\n"
          "from many threads, one at a time. Checked on 1,281 points: not a proof. What it raises comes out\n"
          "of whatever was called. Pickling a custom score pickles its function.")
      .def_static("softmax", &Score::softmax, nb::arg("scale") = 1.0,
                  "f = exp(scale x). For scan and attend.")
      .def_static(
          "from_name", [](const std::string& name) { return Score::from_name(name); }, nb::arg("name"),
          "Inverse of `name`, for every kind but custom.")
      .def_prop_ro("name", &Score::name, "\"power:2\", \"expressive\", \"custom:NAME\", ...")
      .def("__call__", &Score::operator(), nb::arg("x"), "f(x), to 1e-13 relative unless it underflows.")
      .def(
          "__eq__", [](const Score& a, const Score& b) { return a == b; }, nb::is_operator(),
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__hash__", [](const Score& s) { return nb::hash(nb::cast(s.name())); })
      .def("__repr__", [](const Score& s) { return "heavykeys.Score('" + s.name() + "')"; })
      .def("__getstate__", &state_of)
      .def("__setstate__", &set_state);
}

}  // namespace heavykeys::python
