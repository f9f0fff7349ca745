// What must hold of the figures of bench_distributed.
#pragma once

#include <nlohmann/json.hpp>

namespace heavykeys::bench {

/// Ranks that differ, and parts of an allmerge over their bound, in the figures of one size. Says what is
/// wrong on stderr; returns how much is.
int faults_of(const nlohmann::json& size);

/// Words must not depend on n: what comes in to each rank, and what goes out of all together, may differ by
/// 1% at most. (Which rank has the rows that are sampled is chance, and so is what one rank sends of them.)
int faults_between(const nlohmann::json& first, const nlohmann::json& other);

}  // namespace heavykeys::bench
