#include "heavykeys/spec.hpp"

#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/version.hpp"
#include "lib/rule.hpp"
#include "lib/text.hpp"

namespace heavykeys {

using detail::shortest;

const char* version() { return HEAVYKEYS_VERSION; }

namespace {

/// The fields of a Score can be written by anyone: they must be what its own maker would have made.
void check_score(const Spec& spec) {
  const Score& score = spec.score;
  switch (score.kind) {
    case Score::Kind::power:
      if (Score::power(score.parameter) != score)
        throw InvalidInput("score power was not made by Score::power");
      break;
    case Score::Kind::polynomial:
      if (Score::polynomial(score.coefficients) != score)
        throw InvalidInput("score polynomial ends in zeros");
      break;
    case Score::Kind::custom: {
      const bool growth =
          score.parameter == 2 || score.parameter == 4 || score.parameter == 6 || score.parameter == 8;
      if (!growth || score.coefficients.size() != 1 || !(score.coefficients[0] >= 0.0) ||
          score.label.empty() || score.label.size() > 255) {
        throw InvalidInput("score custom:" + score.label + " was not made by Score::custom");
      }
      break;
    }
    case Score::Kind::expressive:  // a parameter that is NaN would make a Spec that is not its own equal
      if (Score::expressive() != score || std::signbit(score.parameter)) {
        throw InvalidInput("score expressive was not made by Score::expressive");
      }
      break;
    case Score::Kind::softmax:
      break;
    default:
      throw InvalidInput("score kind " + std::to_string(static_cast<unsigned>(score.kind)) + " is unknown");
  }
  detail::rule_for(spec);
}

}  // namespace

void validate(const Spec& spec) {
  if (spec.dim < 1 || spec.dim > 4096) {
    throw InvalidInput("dim is " + std::to_string(spec.dim) + "; it must be in 1 .. 4096");
  }
  if (!(spec.epsilon > 0.0 && spec.epsilon <= 1.0)) {
    throw InvalidInput("epsilon is " + shortest(spec.epsilon) + "; it must be in (0, 1]");
  }
  if (spec.grid_bits < 8 || spec.grid_bits > 24) {
    throw InvalidInput("grid_bits is " + std::to_string(spec.grid_bits) + "; it must be in 8 .. 24");
  }
  const std::size_t b = spec.block_rows;
  if (b < 16 || b > 4096 || (b & (b - 1)) != 0) {
    throw InvalidInput("block_rows is " + std::to_string(b) + "; it must be a power of two in 16 .. 4096");
  }
  if (spec.sample_rows > (std::size_t{1} << 20)) {
    throw InvalidInput("sample_rows is " + std::to_string(spec.sample_rows) + "; it must be in 0 .. 2^20");
  }
  check_score(spec);
}

std::string detail::identity(const Score& score) {
  std::string text = score.name();
  if (score.kind != Score::Kind::custom) return text;
  text += " growth=" + shortest(score.parameter);
  for (const double at_zero : score.coefficients) text += " f(0)=" + shortest(at_zero + 0.0);
  return text;
}

std::string to_string(const Spec& spec) {
  std::string text = "dim=" + std::to_string(spec.dim) + " score=" + detail::identity(spec.score);
  text += " epsilon=" + shortest(spec.epsilon) + " grid_bits=" + std::to_string(spec.grid_bits) +
          " block_rows=" + std::to_string(spec.block_rows);
  const Spec usual;
  if (spec.sample_rows != usual.sample_rows) text += " sample_rows=" + std::to_string(spec.sample_rows);
  if (spec.seed != usual.seed) text += " seed=" + std::to_string(spec.seed);
  return text;
}

}  // namespace heavykeys
