// heavykeys sketch: keys into a state file, from the start or where an older one ends.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "heavykeys/streaming.hpp"
#include "tools/answer.hpp"
#include "tools/context.hpp"
#include "tools/key_source.hpp"
#include "tools/progress.hpp"
#include "tools/results.hpp"
#include "tools/state_file.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {
namespace {

/// Rows begin <= row < end of the key file.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
};

Range parse_range(const std::string& text) {
  if (text.empty()) return {};
  Range range;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.begin);
  const bool colon = first.ec == std::errc() && first.ptr != end && *first.ptr == ':';
  if (colon) {
    const auto second = std::from_chars(first.ptr + 1, end, range.end);
    if (second.ec == std::errc() && second.ptr == end && range.begin < range.end) return range;
  }
  throw InvalidInput("--rows \"" + text + "\" is not A:B with A < B");
}

/// The part of `rows` (ids counting from 0) inside the range, named as rows of the stream.
Rows part_of(const Rows& rows, const Range& range, const SketchOptions& options) {
  const std::uint64_t begin =
      std::clamp<std::uint64_t>(range.begin, rows.first_id, rows.first_id + rows.count);
  const std::uint64_t end = std::clamp<std::uint64_t>(range.end, begin, rows.first_id + rows.count);
  Rows part = rows.slice(begin - rows.first_id, end - begin);
  part.first_id += options.first_row;
  part.stream = options.stream;
  return part;
}

std::size_t choose_head(const SketchOptions& options, const KeySource& keys) {
  const KeyShape& shape = keys.shape();
  if (!shape.has_heads && !options.head) return 0;
  if (!options.head) {
    throw InvalidInput(keys.name() + ": has " + std::to_string(shape.heads) +
                       " heads and a state file holds one: choose it with --head");
  }
  if (!shape.has_heads || *options.head >= shape.heads) {
    throw InvalidInput(keys.name() + ": has no head " + std::to_string(*options.head));
  }
  return *options.head;
}

Spec new_spec(const SketchOptions& options, std::size_t dim, int grid_bits) {
  Spec spec{.dim = dim, .epsilon = *options.epsilon, .grid_bits = grid_bits};
  if (options.score) spec.score = Score::from_name(*options.score);
  spec.sample_rows = options.sample_rows.value_or(spec.sample_rows);
  spec.seed = options.seed.value_or(spec.seed);
  return spec;
}

/// The sketch to go on with: a new one, or the older state, which must be about such keys.
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

void absorb_all(Sketch& sketch, KeySource& keys, const Range& range, const SketchOptions& options) {
  const Engine engine(options.engine);
  const std::size_t head = choose_head(options, keys);
  Progress progress(keys.shape().count, options.quiet);
  keys.start(sketch.spec().block_rows, engine.threads());
  for (KeyChunk chunk; keys.next(chunk);) {
    if (head < chunk.first_head || head >= chunk.first_head + chunk.rows.size()) continue;
    const Rows all = chunk.rows[head - chunk.first_head];
    const Rows part = part_of(all, range, options);
    if (part.count != 0)
      in_file(keys.name(), [&] { engine.absorb(std::span(&sketch, 1), std::span(&part, 1)); });
    progress.add(all.count);
  }
}

}  // namespace

void run(const SketchOptions& options) {
  if (options.resume.empty() && !options.epsilon)
    throw InvalidInput("--epsilon is required without --resume");
  Range range = parse_range(options.rows);
  check_parent_folder(options.out);
  if (options.epsilon) validate(new_spec(options, 1, Spec().grid_bits));
  const Engine checked(options.engine);
  const auto keys = open_keys(options.keys);
  if (!options.rows.empty() && range.end > keys->shape().count) {
    throw InvalidInput(
        fmt::format("{}: --rows {} goes past its {} rows", keys->name(), options.rows, keys->shape().count));
  }
  Sketch sketch = first_state(options, *keys);
  if (!options.resume.empty()) {
    const std::uint64_t next = sketch.next_row(options.stream);
    if (next > options.first_row) range.begin = std::max(range.begin, next - options.first_row);
  }
  absorb_all(sketch, *keys, range, options);
  streaming::save(sketch, options.out);
  if (options.quiet) return;
  write_stdout(fmt::format("{}: {} rows, {} candidates\n", printable(options.out), sketch.row_count(),
                           sketch.candidate_count()));
}

}  // namespace heavykeys::tools
