#include "heavykeys/spec.hpp"

#include "c/growing.hpp"
#include "c/guard.hpp"
#include "c/structs.hpp"

namespace heavykeys::c {

namespace {

constexpr std::uint64_t kFirstSpec = 64;
static_assert(sizeof(heavykeys_spec) == kFirstSpec);

heavykeys_spec usual() {
  const Spec spec;
  heavykeys_spec out = {};
  out.score = "power:2";
  out.block_rows = spec.block_rows;
  out.sample_rows = spec.sample_rows;
  out.seed = spec.seed;
  out.grid_bits = spec.grid_bits;
  return out;
}

}  // namespace

Spec spec_of(const heavykeys_spec* spec) {
  require(spec, "spec");
  const heavykeys_spec known = grown(spec, kFirstSpec, "spec");
  require(known.score, "spec.score");
  if (known.reserved != 0) throw InvalidInput("spec.reserved is not 0");
  Spec out;
  out.dim = known.dim;
  out.epsilon = known.epsilon;
  out.score = Score::from_name(known.score);
  out.block_rows = known.block_rows;
  out.sample_rows = known.sample_rows;
  out.seed = known.seed;
  out.grid_bits = known.grid_bits;
  return out;
}

void fill_in(heavykeys_spec* to, const Spec& spec, const char* score) {
  heavykeys_spec out = {};
  out.dim = spec.dim;
  out.epsilon = spec.epsilon;
  out.score = score;
  out.block_rows = spec.block_rows;
  out.sample_rows = spec.sample_rows;
  out.seed = spec.seed;
  out.grid_bits = spec.grid_bits;
  initialise(to, to->struct_size, kFirstSpec, out, "spec");
}

Mode mode_of(heavykeys_mode mode) {
  if (mode == HEAVYKEYS_NO_FALSE_NEGATIVES) return Mode::no_false_negatives;
  if (mode == HEAVYKEYS_NO_FALSE_POSITIVES) return Mode::no_false_positives;
  throw InvalidInput("mode is " + std::to_string(mode) + "; it must be 0 or 1 (heavykeys_mode)");
}

}  // namespace heavykeys::c

using namespace heavykeys::c;

heavykeys_status heavykeys_spec_init(heavykeys_spec* spec, uint64_t struct_size) {
  return guarded([&] {
    require(spec, "spec");
    initialise(spec, struct_size, kFirstSpec, usual(), "spec");
  });
}
