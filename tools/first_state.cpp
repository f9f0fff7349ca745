#include "tools/first_state.hpp"

#include <fmt/format.h>

#include "tools/context.hpp"
#include "tools/state_file.hpp"

namespace heavykeys::tools {

Spec new_spec(const SketchOptions& options, std::size_t dim, int grid_bits) {
  Spec spec{.dim = dim, .epsilon = *options.epsilon, .grid_bits = grid_bits};
  if (options.score) spec.score = Score::from_name(*options.score);
  spec.sample_rows = options.sample_rows.value_or(spec.sample_rows);
  spec.seed = options.seed.value_or(spec.seed);
  return spec;
}

Sketch first_state(const SketchOptions& options, const KeySource& keys) {
  const int grid_bits = default_grid_bits(keys.shape().dtype);
  if (options.resume.empty()) {
    const Spec spec = new_spec(options, keys.shape().dim, grid_bits);
    return in_file(keys.name(), [&] { return Sketch(spec); });
  }
  Sketch sketch = load_state(options.resume);
  const Spec& spec = sketch.spec();
  const auto refuse = [&](const std::string& text) { throw Incompatible(options.resume + ": " + text); };
  if (options.epsilon && *options.epsilon != spec.epsilon) {
    refuse(fmt::format("its epsilon is {}, not {}", spec.epsilon, *options.epsilon));
  }
  if (options.score && Score::from_name(*options.score) != spec.score) {
    refuse("its score is " + spec.score.name() + ", not " + *options.score);
  }
  if (options.sample_rows.value_or(spec.sample_rows) != spec.sample_rows) {
    refuse(fmt::format("its sample has {} rows, not {}", spec.sample_rows, *options.sample_rows));
  }
  if (options.seed.value_or(spec.seed) != spec.seed) {
    refuse(fmt::format("its seed is {}, not {}", spec.seed, *options.seed));
  }
  if (keys.shape().dim != spec.dim) {
    refuse(fmt::format("its rows have {} columns, those of {} have {}", spec.dim, keys.name(),
                       keys.shape().dim));
  }
  // Rows of another precision would go onto this grid without a word, and with other bytes than in one run.
  if (grid_bits != spec.grid_bits) {
    refuse(fmt::format("its grid has {} bits, {} keys need {}", spec.grid_bits, name_of(keys.shape().dtype),
                       grid_bits));
  }
  return sketch;
}

}  // namespace heavykeys::tools
