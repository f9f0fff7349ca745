// The numbers of a page, for programs.
#include <fmt/format.h>

#include <cstdlib>

#include "tools/page.hpp"

namespace heavykeys::tools {
namespace {

Json binning(const Binning& bins) {
  return {{"count", bins.count}, {"width", bins.width}, {"bins", bins.size()}};
}

/// Five digits: there may be 16,000 cells.
double short_number(double value) { return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr); }

Json leverage_json(const LeverageBins& leverage) {
  Json bins = Json::array();
  for (std::size_t i = 0; i < leverage.bins.size(); ++i) {
    const LeverageBin& bin = leverage.bins[i];
    if (bin.keys > 0) bins.push_back({i, bin.keys, bin.greatest, bin.at.row});
  }
  return {{"rows", binning(leverage.rows)},
          {"columns", {"bin", "keys", "greatest", "row"}},
          {"bins", std::move(bins)}};
}

Json map_json(const EntryMap& map) {
  Json cells = Json::array();
  for (std::size_t q = 0; q < map.queries.size(); ++q) {
    for (std::size_t k = 0; k < map.keys.size(); ++k) {
      const MapCell& cell = map.cell(q, k);
      if (cell.entries > 0) cells.push_back({q, k, cell.entries, short_number(cell.greatest)});
    }
  }
  return {{"queries", binning(map.queries)},
          {"keys", binning(map.keys)},
          {"columns", {"query_bin", "key_bin", "entries", "greatest"}},
          {"cells", std::move(cells)}};
}

Json histogram_json(const Histogram& histogram) {
  return {{"edges", histogram.edges}, {"counts", histogram.counts}};
}

Json keys_json(const std::vector<KeyTotal>& keys) {
  Json json = Json::array();
  for (const KeyTotal& key : keys) {
    Json one{{"stream", key.id.stream}, {"key", key.id.row}};
    if (key.leverage) one["leverage"] = *key.leverage;
    one["queries"] = key.queries;
    if (key.queries > 0) {
      one["weight"] = key.weight;
      one["greatest"] = key.greatest;
      one["query"] = key.query;
    }
    json.push_back(std::move(one));
  }
  return json;
}

Json shares_json(const Finding& finding, const HeadView& view) {
  Json json{{"mean", view.shares.mean},
            {"median", view.shares.median},
            {"mean_lower", view.shares.mean_lower},
            {"mean_upper", view.shares.mean_upper},
            {"queries_with_entries", view.shares.with_entries},
            {"histogram", histogram_json(view.share_counts)}};
  if (finding.mass) {
    json["universal_set"] = {{"queries", finding.mass->queries.size()},
                             {"mean", view.mass_mean},
                             {"histogram", histogram_json(view.mass_counts)}};
  }
  return json;
}

Json head_json(const Report& report, const HeadView& view) {
  const Finding& finding = report.heads[view.head];
  Json json{{"head", view.head}};
  if (!report.scan) json["leverage"] = leverage_json(view.leverage);
  if (!report.scan) json["by_leverage"] = keys_json(view.by_leverage);
  if (!finding.entries) return json;
  json["map"] = map_json(*view.map);
  json["weights"] = histogram_json(view.weights);
  json["share"] = shares_json(finding, view);
  json["heavy_keys"] = view.heavy_keys;
  json["by_queries"] = keys_json(view.by_queries);
  if (finding.audit) json["audit"] = histogram_json(view.audit_counts);
  return json;
}

Json listed_json(const Report& report, std::size_t head) {
  const Finding& finding = report.heads[head];
  Json json{{"head", head}, {"n", row_count(report, finding)}};
  if (!report.scan) {
    json["rank"] = finding.set.rank();
    json["size"] = finding.set.size();
    json["bound"] = finding.set.size_bound();
  }
  if (finding.entries) json["queries"] = finding.entries->query_count();
  if (finding.entries) json["entries"] = finding.entries->keys.size();
  if (finding.audit) json["audit_share"] = finding.audit->share();
  if (finding.audit) json["audit_weight_share"] = finding.audit->weight_share();
  return json;
}

}  // namespace

Json page_data(const Report& report, const PageView& view) {
  Json json = question_summary(report);
  json["head_count"] = report.heads.size();
  json["heads"] = Json::array();
  for (const std::size_t head : view.listed) json["heads"].push_back(listed_json(report, head));
  json["shown"] = Json::array();
  for (const HeadView& head : view.shown) json["shown"].push_back(head_json(report, head));
  return json;
}

}  // namespace heavykeys::tools
