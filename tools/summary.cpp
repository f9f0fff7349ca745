#include "tools/summary.hpp"

#include "tools/route.hpp"

namespace heavykeys::tools {
namespace {

void put_key(Json& json, const Report& report, const KeyId& id, bool streams) {
  if (streams) json["stream"] = id.stream;
  json["key"] = id.row;
  const auto token = report.tokens.find(id.row);
  if (id.stream == 0 && token != report.tokens.end()) json["token"] = token->second;
}

Json universal_set(const Report& report, const Finding& finding) {
  Json top = Json::array();
  for (const std::size_t i : top_leverage(finding.set, report.top)) {
    Json key;
    put_key(key, report, finding.set.ids()[i], has_streams(finding));
    key["leverage"] = finding.set.leverage()[i];
    top.push_back(std::move(key));
  }
  return {{"size", finding.set.size()}, {"bound", finding.set.size_bound()}, {"top", std::move(top)}};
}

Json heavy(const Report& report, const Finding& finding) {
  const HeavyEntries& entries = *finding.entries;
  Json top = Json::array();
  for (const auto [query, index] : top_entries(entries, report.top)) {
    Json entry{{"query", query}};
    if (const auto row = row_of_query(report, finding, query)) {
      const auto token = report.tokens.find(*row);
      if (token != report.tokens.end()) entry["query_token"] = token->second;
    }
    put_key(entry, report, entries.keys[index], has_streams(finding));
    entry["weight"] = entries.weights[index];
    entry["lower"] = entries.lower[index];
    entry["upper"] = entries.upper[index];
    top.push_back(std::move(entry));
  }
  Json json{{"queries", entries.query_count()}, {"entries", entries.keys.size()}};
  if (finding.verified) json["verified_queries"] = *finding.verified;
  json["top"] = std::move(top);
  return json;
}

Json audited(const Audit& audit, const std::string& set) {
  return {{"set", set},
          {"entries", audit.entries},
          {"covered", audit.covered},
          {"share", audit.share()},
          {"weight_share", audit.weight_share()}};
}

void put_found(Json& json, const Report& report, const Finding& finding) {
  json["n"] = row_count(report, finding);
  if (!report.scan) {
    json["rank"] = finding.set.rank();
    json["universal_set"] = universal_set(report, finding);
  }
  if (finding.audit) json["audit"] = audited(*finding.audit, report.scan->audited);
  if (finding.entries) json["heavy_entries"] = heavy(report, finding);
}

}  // namespace

Json question_summary(const Report& report) {
  const ScanQuestion asked = question(report);
  Json json{{"heavykeys", version()}, {"verb", report.verb}};
  json[report.verb == "finalize" ? "state" : "keys"] = report.input;
  if (!report.queries.empty()) json["queries"] = report.queries;
  json["score"] = asked.score.name();
  json["epsilon"] = asked.epsilon;
  json["causal"] = report.causal;
  json["d"] = asked.dim;
  if (report.heads.front().entries) {
    json["mode"] =
        report.entries.mode == Mode::no_false_positives ? "no-false-positives" : "no-false-negatives";
  }
  if (report.scan) {
    json["tolerance"] = asked.tolerance;
    return json;
  }
  const Spec& spec = report.heads.front().set.spec();
  const Route route = route_of(spec);
  if (report.heads.front().entries) json["confidence"] = report.entries.confidence;
  json["route"] = route.name;
  if (route.lifted) json["lift_coordinates"] = route.coordinates;
  json["grid_bits"] = spec.grid_bits;
  json["block_rows"] = spec.block_rows;
  if (!route.exact_weights) json["sample_rows"] = spec.sample_rows;
  if (!route.exact_weights) json["seed"] = spec.seed;
  return json;
}

Json run_summary(const Report& report) {
  const RunInfo& run = report.run;
  Json json{{"engine", run.engine}};
  if (run.ranks) json["ranks"] = *run.ranks;
  json["threads"] = run.threads;
  json["isa"] = active_isa();
  if (report.scan) {
    json["seconds"] = {{"scan", run.absorb_seconds}};
  } else {
    json["seconds"] = {{"absorb", run.absorb_seconds},
                       {"finalize", run.finalize_seconds},
                       {"heavy_entries", run.entries_seconds}};
    if (report.heads.front().verified) json["seconds"]["verify"] = run.verify_seconds;
  }
  if (run.ranks) json["seconds"]["merge"] = run.merge_seconds;
  if (run.peak_memory_bytes) json["peak_memory_bytes"] = *run.peak_memory_bytes;
  return json;
}

Json head_summary(const Report& report, std::size_t head) {
  Json json = question_summary(report);
  if (report.has_heads) json["head"] = head;
  put_found(json, report, report.heads[head]);
  return json;
}

Json summary(const Report& report) {
  Json json = question_summary(report);
  if (report.has_heads) {
    json["heads"] = Json::array();
    for (std::size_t h = 0; h < report.heads.size(); ++h) {
      Json found{{"head", h}};
      put_found(found, report, report.heads[h]);
      json["heads"].push_back(std::move(found));
    }
    if (report.heads.front().audit) json["audit"] = audited(total_audit(report), report.scan->audited);
  } else {
    put_found(json, report, report.heads.front());
  }
  json["run"] = run_summary(report);
  return json;
}

std::string to_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace heavykeys::tools
