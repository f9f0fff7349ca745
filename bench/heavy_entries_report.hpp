// What heavy_entries hands over: its table, its ratios and its lines of the closing table.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/heavy_entries_options.hpp"
#include "bench/timing.hpp"

namespace heavykeys::bench {

/// Places in the list of what was measured; ours is not there when only rivals run.
enum Place : std::size_t { gram, faiss, sgemm, reading, faiss_and_gram, sgemm_and_gram, ours };

/// `parts`: seconds of the parts of a run, by name. The document holds check, peaks and trials already.
void report_heavy_entries(const HeavyEntriesOptions& options, const std::vector<Measured>& measured,
                          const nlohmann::json& parts, nlohmann::json& document);

}  // namespace heavykeys::bench
