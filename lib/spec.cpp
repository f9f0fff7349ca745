#include "heavykeys/spec.hpp"

#include <charconv>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/version.hpp"

namespace heavykeys {

namespace {

std::string shortest(double v) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, v).ptr;
  return {text, end};
}

}  // namespace

const char* version() { return HEAVYKEYS_VERSION; }

Score Score::power(double p) {
  if (!(p == 2.0)) {
    throw InvalidInput("score power:" + shortest(p) + " is not served by this version; it serves power:2");
  }
  return {Kind::power, p};
}

std::string Score::name() const { return "power:" + shortest(parameter); }

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
  if (spec.score.kind != Score::Kind::power) {
    throw InvalidInput("score kind " + std::to_string(static_cast<unsigned>(spec.score.kind)) +
                       " is unknown");
  }
  Score::power(spec.score.parameter);
}

std::string to_string(const Spec& spec) {
  return "dim=" + std::to_string(spec.dim) + " score=" + spec.score.name() +
         " epsilon=" + shortest(spec.epsilon) + " grid_bits=" + std::to_string(spec.grid_bits) +
         " block_rows=" + std::to_string(spec.block_rows);
}

}  // namespace heavykeys
