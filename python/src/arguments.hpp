// Arguments that many functions share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "heavykeys/error.hpp"
#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/spec.hpp"
#include "python/src/bind.hpp"

namespace heavykeys::python {

/// A Score, or the name of one. Raises TypeError for anything else.
Score score_of(nb::handle score);

/// "no-false-negatives" or "no-false-positives", with dashes or underscores. Throws InvalidInput otherwise.
Mode mode_of(std::string mode);

/// Which threads do the work: none ("streaming", one core), or those of an engine; "auto": the first there
/// is. Throws InvalidInput for an engine that is not in this build.
std::optional<parallel::Options> threads_of(int threads, const std::string& engine);

/// Names of the engines of this build.
std::vector<std::string> engines();

/// The parts of what __getstate__ gave, `type` being whose. Throws InvalidInput for any other tuple: pickles
/// come from anywhere.
template <class... T>
std::tuple<T...> parts_of(nb::handle state, const char* type) {
  std::tuple<T...> parts;
  if (!nb::try_cast(state, parts)) throw InvalidInput(std::string("state: not that of a ") + type);
  return parts;
}

/// The arguments a Spec is made of, beside dim and epsilon, in the order of the signatures.
Spec spec_of(std::size_t dim, double epsilon, nb::handle score, std::optional<int> grid_bits,
             std::size_t block_rows, std::size_t sample_rows, std::uint64_t seed);

}  // namespace heavykeys::python
