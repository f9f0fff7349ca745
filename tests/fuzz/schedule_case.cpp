#include "fuzz/schedule_case.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace fuzz {

namespace {

using heavykeys::Dtype;
using heavykeys::Score;
using support::Matrix;

constexpr std::size_t kMostRows = 40;  // two blocks of 16 and some that wait

const Score& logarithm() {
  static const Score score = Score::custom(
      "log", [](double x) { return std::log1p(x * x); }, 2);
  return score;
}

/// Of these a sketch is a function of the set of rows (T7, powers beyond the lift, is not).
Score sketch_score(std::size_t which) {
  switch (which) {
    case 4:
      return Score::power(4);
    case 5:
      return Score::power(1);
    case 6:
      return Score::expressive();
    case 7:
      return Score::polynomial({0.5, 1.0, 0.25});
    case 8:
      return Score::power(5);
    case 9:
      return logarithm();
    default:
      return {};
  }
}

Score scan_score(std::size_t which) {
  switch (which) {
    case 0:
      return Score::softmax(0.5);
    case 1:
      return Score::softmax(-20);
    case 2:
      return Score::power(0.5);
    case 3:
      return Score::power(3);
    case 4:
      return Score::expressive();
    default:
      return Score::polynomial({0.0, 1.0, 0.5});
  }
}

/// The ends of the formats, as far as they lie near 1.
constexpr std::array<double, 8> kNear{-0.0, 0.1, 1 + 0x1p-24, 1 + 0x1p-52, 0x1p-24, 0x1p-14, 65504.0, -3.0};
/// And those that do not: sums of their squares are integers of hundreds of bits to thousands.
/// Of float32 first, then of float64.
constexpr std::array<double, 8> kFar{0x1p-149,   0x1p-126,  0x1p-133, 0x1.fffffep127,
                                     0x1.8p-140, 0x1p-1074, 0x1p1000, std::numeric_limits<double>::max()};

/// How far apart values may lie. Exact arithmetic costs the square of its bits, and products have as many
/// times the bits of a value as the degree of the lift: an execution should take a millisecond, not a second.
struct Range {
  int step;          ///< between powers of two
  std::size_t ends;  ///< how many of the formats' ends, kFar
};
constexpr Range kNarrow{3, 0}, kFloats{18, 5}, kEverything{120, 8};

Range widest(const heavykeys::Spec& spec) {
  if (spec.score == Score()) return spec.dim <= 2 ? kEverything : kFloats;
  return spec.dim == 1 ? kFloats : kNarrow;
}

/// A value for a byte: small integers, powers of two, what was above (ties), and the ends of the formats.
double value_of(std::uint8_t code, const Matrix& m, std::size_t row, std::size_t column, Range range) {
  if (code < 64) return static_cast<double>(code) - 32.0;
  if (code < 112) return std::ldexp(code % 2 == 0 ? 1.0 : -1.0, (code - 88) / 2);
  if (code < 128) return std::ldexp(1.0, (code - 120) * range.step);
  if (code >= 224) {
    return code % 2 == 0 && range.ends > 0 ? kFar[code / 2 % range.ends] : kNear[code / 2 % 8u];
  }
  const std::size_t back = 1 + code % 32u;
  if (row < back) return 0.0;
  const double above = m(row - back, column);
  if (code >= 192 && std::fabs(above) < 0x1p1000) return above * 3.0;
  return code < 160 ? above : -above;
}

void fill(Matrix& m, Input& input, Range range) {
  for (std::size_t r = 0; r < m.rows; ++r) {
    for (std::size_t c = 0; c < m.cols; ++c) m(r, c) = value_of(input.byte(), m, r, c, range);
  }
}

heavykeys::Spec read_spec(Input& input) {
  static constexpr std::array<double, 8> kEpsilons{0.5, 1.0, 0.25, 1.0 / 3.0, 0.05, 0.9, 1e-4, 1.0 / 16.0};
  static constexpr std::array<int, 4> kBits{24, 20, 8, 23};
  heavykeys::Spec spec;
  spec.block_rows = 16;
  const std::uint8_t dim = input.byte();
  spec.dim = 1 + dim % 4u;
  spec.epsilon = input.pick(kEpsilons);
  spec.grid_bits = input.pick(kBits);
  spec.score = sketch_score(input.below(10));
  if (spec.score != Score()) {
    spec.sample_rows = input.below(8);
    // Twenty monomials of degree 3 take the exact arithmetic of thousands of bits: one input in eight has
    // them.
    if (dim < 224) spec.dim = 1 + dim % 2u;
  }
  return spec;
}

/// Cuts every stream into pushes and deals them out in some order.
void read_pushes(Case& c, Input& input) {
  std::vector<Push> pushes;
  for (std::size_t s = 0; s < c.streams.size(); ++s) {
    const std::size_t n = c.streams[s].rows;
    for (std::size_t begin = 0; begin < n;) {
      const std::uint8_t code = input.byte();
      const std::size_t length = std::min<std::size_t>(n - begin, code == 0 ? n : 1 + code % 32);
      pushes.push_back({s, {begin, length}, static_cast<std::size_t>(code / 32) % c.schedule.sketches});
      begin += length;
    }
  }
  const std::uint8_t order = input.byte();
  if (order % 4 == 1) std::reverse(pushes.begin(), pushes.end());
  for (std::size_t i = pushes.size(); order % 4 == 2 && i > 1; --i) {
    std::swap(pushes[i - 1], pushes[input.below(i)]);
  }
  c.schedule.pushes = std::move(pushes);
}

void read_schedule(Schedule& schedule, Input& input) {
  static const std::vector<engines::Schedule> kEngines = engines::built();
  static const std::vector<std::string> kIsas = heavykeys::available_isas();
  // Threads cost far more than these small problems: one input in 64 has an engine other than streaming.
  const std::uint8_t engine = input.byte();
  if (engine % 64 == 63 && kEngines.size() > 1) {
    schedule.engine = {kEngines[1 + engine / 64u % (kEngines.size() - 1)], 1 + engine / 64};
  }
  schedule.isa = input.pick(kIsas);
  const std::uint8_t flags = input.byte();
  schedule.sketches = 1 + flags % 3u;
  schedule.stored = (flags & 24) == 24;
  schedule.finalized = (flags & 24) == 16;
  if ((flags & 32) != 0) schedule.layout.column_stride = 2;
  if ((flags & 64) != 0) schedule.layout.row_padding = 3;
  schedule.layout.rows_backwards = (flags & 128) != 0;
}

}  // namespace

Case read_case(Input& input) {
  static constexpr std::array<Dtype, 4> kDtypes{Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16};
  Case c;
  c.spec = read_spec(input);
  const std::uint8_t question = input.byte();
  c.question = static_cast<Case::Question>(question % 4);
  c.scan_score = scan_score(question / 4 % 6);
  c.round_trip = question >= 224;
  c.dtype = input.pick(kDtypes);
  const std::uint8_t rows = input.byte();
  const std::uint8_t shape = input.byte();
  c.causal = (shape & 1) != 0;
  if ((shape & 2) != 0) c.what.mode = heavykeys::Mode::no_false_positives;
  if ((shape & 4) != 0) c.what.confidence = 0.1;
  if (c.question == Case::Question::scan && (shape & 4) != 0) c.tolerance = 0.05;  // it has no confidence
  const std::size_t n = rows % kMostRows;
  const bool two = (shape & 8) != 0 && n > 1;
  c.streams.emplace_back(two ? n / 2 : n, c.spec.dim);
  if (two) c.streams.emplace_back(n - n / 2, c.spec.dim);
  c.queries = Matrix((shape >> 4) % 3u, c.spec.dim);
  read_schedule(c.schedule, input);
  read_pushes(c, input);
  const Range range = (shape >> 6) == 3 && rows >= 160 ? widest(c.spec) : kNarrow;
  fill(c.queries, input, range);
  for (Matrix& m : c.streams) fill(m, input, range);
  return c;
}

}  // namespace fuzz
