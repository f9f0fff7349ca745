// Spec: everything that decides the result, as keyword arguments and as a value.
#include "heavykeys/spec.hpp"

#include "python/src/arguments.hpp"

namespace heavykeys::python {
namespace {

using State = nb::typed<nb::tuple, std::size_t, double, Score, int, std::size_t, std::size_t, std::uint64_t>;

State state_of(const Spec& s) {
  return State(nb::make_tuple(s.dim, s.epsilon, s.score, s.grid_bits, s.block_rows, s.sample_rows, s.seed));
}

void set_state(Spec& self, const State& state) {
  auto [dim, epsilon, score, grid_bits, block_rows, sample_rows, seed] =
      parts_of<std::size_t, double, Score, int, std::size_t, std::size_t, std::uint64_t>(state, "Spec");
  Spec spec{dim, epsilon, std::move(score), grid_bits, block_rows, sample_rows, seed};
  validate(spec);
  new (&self) Spec(std::move(spec));
}

}  // namespace

void bind_spec(nb::module_& module) {
  nb::class_<Spec>(module, "Spec",
                   "What a sketch is asked to find. Equal Specs and equal rows give equal bytes.\n\n"
                   "dim          d, columns of K: 1 .. 4096\n"
                   "epsilon      in (0, 1]: keys that can reach weight >= epsilon are heavy\n"
                   "score        f, a Score or its name; not softmax\n"
                   "grid_bits    P: keys are rounded to P bits below their column's block maximum; None: 24\n"
                   "block_rows   rows that share one grid, a power of two in 16 .. 4096\n"
                   "sample_rows  rows sampled for estimates where f has no closed form\n"
                   "seed         of the sample")
      .def(
          "__init__",
          [](Spec* self, std::size_t dim, double epsilon, nb::handle score, std::optional<int> grid_bits,
             std::size_t block_rows, std::size_t sample_rows, std::uint64_t seed) {
            Spec spec = spec_of(dim, epsilon, score, grid_bits, block_rows, sample_rows, seed);
            validate(spec);
            new (self) Spec(std::move(spec));
          },
          nb::arg("dim"), nb::arg("epsilon"), nb::arg("score") = "power:2", nb::kw_only(),
          nb::arg("grid_bits") = nb::none(), nb::arg("block_rows") = 4096, nb::arg("sample_rows") = 1024,
          nb::arg("seed") = 0,
          nb::sig("def __init__(self, dim: int, epsilon: float, score: str | Score = 'power:2', *, "
                  "grid_bits: int | None = None, block_rows: int = 4096, sample_rows: int = 1024, "
                  "seed: int = 0) -> None"))
      .def_ro("dim", &Spec::dim)
      .def_ro("epsilon", &Spec::epsilon)
      .def_ro("score", &Spec::score)
      .def_ro("grid_bits", &Spec::grid_bits)
      .def_ro("block_rows", &Spec::block_rows)
      .def_ro("sample_rows", &Spec::sample_rows)
      .def_ro("seed", &Spec::seed)
      .def(
          "__eq__", [](const Spec& a, const Spec& b) { return a == b; }, nb::is_operator(),
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__hash__", [](const Spec& spec) { return nb::hash(nb::cast(to_string(spec))); })
      .def("__repr__", [](const Spec& spec) { return "heavykeys.Spec(" + to_string(spec) + ")"; })
      .def("__getstate__", &state_of)
      .def("__setstate__", &set_state);
}

}  // namespace heavykeys::python
