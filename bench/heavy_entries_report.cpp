#include "bench/heavy_entries_report.hpp"

#include <fmt/format.h>

#include <string>

#include "bench/blas.hpp"
#include "bench/peaks.hpp"
#include "bench/report.hpp"
#include "heavykeys/heavykeys.hpp"

namespace heavykeys::bench {
namespace {

std::string title_of(const HeavyEntriesOptions& options) {
  return fmt::format("{} queries, {} x {} keys", options.queries, options.shape.count, options.shape.dim);
}

// Both rivals without the Gram matrix and with it; closing lines for those with it, which are all of it.
void compare(const HeavyEntriesOptions& options, const std::vector<Measured>& measured,
             nlohmann::json& document, std::vector<std::string>& notes) {
  for (const std::size_t rival : {faiss, faiss_and_gram, sgemm, sgemm_and_gram}) {
    const Stats ratio = speedup(measured[ours], measured[rival]);
    document["ratios"]["heavykeys / " + measured[rival].name] = to_json(ratio);
    notes.push_back(ratio_line("heavykeys / " + measured[rival].name, ratio));
  }
  const Limit limit = {"reading keys and queries", measured[reading].stats().median};
  for (const std::size_t rival : {faiss_and_gram, sgemm_and_gram}) {
    nlohmann::json row =
        closing_row("heavy entries, " + title_of(options), measured[ours], measured[rival], limit);
    if (options.rival_queries != options.queries) {
      row["rival"] =
          fmt::format("{}, scaled from {} queries", row["rival"].get<std::string>(), options.rival_queries);
    }
    document["closing"].push_back(row);
  }
}

}  // namespace

void report_heavy_entries(const HeavyEntriesOptions& options, const std::vector<Measured>& measured,
                          const nlohmann::json& parts, nlohmann::json& document) {
  for (const Measured& line : measured) document["results"].push_back(throughput(line, 0, 0));
  document["parts_seconds"] = parts;
  document["openblas"] = describe_openblas();
  document["rivals"] = {{"queries_searched", options.rival_queries},
                        {"scaled_to_all_queries", options.rival_queries != options.queries},
                        {"faiss", "q and -q, one range_search"}};
  const KeyShape& shape = options.shape;
  document["case"] = {{"keys", shape.count},        {"queries", options.queries},
                      {"dim", shape.dim},           {"epsilon", options.epsilon},
                      {"outliers", shape.outliers}, {"seed", shape.seed},
                      {"threads", options.threads}, {"engine", options.engine.name},
                      {"repeats", options.repeats}, {"faiss_repeats", options.faiss_repeats}};
  std::vector<std::string> notes = {"check: " + document["check"].dump(),
                                    "OpenBLAS " + document["openblas"]["corename"].get<std::string>(),
                                    other_work_line(document["processors_busy_with_others"])};
  for (const auto& [part, seconds] : parts.items())
    notes.push_back(part + ": " + seconds["median"].dump() + " s");
  notes.push_back(peaks_line(document["peaks"]));
  if (options.rival_queries != options.queries) {
    notes.push_back(fmt::format("rivals searched {} queries; their search times are scaled to all",
                                options.rival_queries));
  }
  if (!options.rivals_only) {
    document["heavykeys"] = {{"isa", active_isa()}, {"version", version()}};
    compare(options, measured, document, notes);
  }
  print_table(fmt::format("heavy entries: {}, epsilon {}, {} threads", title_of(options), options.epsilon,
                          options.threads),
              measured, 0, 0, notes);
  write_json(document, options.json);
}

}  // namespace heavykeys::bench
