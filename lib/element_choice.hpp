// Which elements of a sample to compute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heavykeys/reconstruction.hpp"
#include "lib/variance_model.hpp"

namespace heavykeys::detail {

/// As choose_elements; `model` of all components.
std::vector<std::size_t> choose(const VarianceModel& model, std::size_t count, Choice choice,
                                std::uint64_t seed);

}  // namespace heavykeys::detail
