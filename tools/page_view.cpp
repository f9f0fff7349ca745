#include "tools/page_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace heavykeys::tools {
namespace {

constexpr std::size_t kMostListed = 1024, kMostShown = 16, kMostKeys = 50, kMostKeysOfMany = 20;

// The page stays below 2 MB: the more there is, the coarser it is shown.
constexpr std::size_t kMostCells = 14000;  // with entries, of all maps
constexpr std::size_t kFewCells = 1000;
struct MapSize {
  std::uint64_t queries, keys;
};
constexpr std::array<MapSize, 7> kMapSizes = {
    {{128, 256}, {96, 192}, {64, 128}, {48, 96}, {32, 64}, {24, 48}, {16, 32}}};

std::uint64_t leverage_bin_count(std::size_t heads) { return heads == 1 ? 256 : heads <= 4 ? 160 : 96; }

/// The `most` heads with most entries, or with the greatest sets; ascending.
std::vector<std::size_t> choose(const Report& report, std::size_t most) {
  std::vector<std::size_t> heads(report.heads.size());
  std::iota(heads.begin(), heads.end(), std::size_t{0});
  const auto size = [&](std::size_t h) {
    const Finding& finding = report.heads[h];
    return finding.entries ? finding.entries->keys.size() : finding.set.size();
  };
  std::ranges::stable_sort(heads, std::ranges::greater{}, size);
  heads.resize(std::min(most, heads.size()));
  std::ranges::sort(heads);
  return heads;
}

std::vector<double> twentieths() {
  std::vector<double> edges;
  for (int i = 0; i <= 20; ++i) edges.push_back(i / 20.0);
  return edges;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The finest maps that do not have too many cells between them.
void add_maps(const Report& report, std::vector<HeadView>& views) {
  if (!report.heads.front().entries) return;
  for (const MapSize& size : kMapSizes) {
    std::size_t filled = 0;
    for (HeadView& view : views) {
      view.map = entry_map(report, report.heads[view.head], size.queries, size.keys);
      filled += view.map->filled();
    }
    for (HeadView& view : views) view.few_cells = filled <= kFewCells;
    if (filled <= kMostCells) return;
  }
}

void add_entries(const Finding& finding, HeadView& view) {
  const HeavyEntries& entries = *finding.entries;
  view.weights = histogram(entries.weights);
  if (!entries.weights.empty()) {
    const auto [least, greatest] = std::ranges::minmax(entries.weights);
    view.classes = class_edges(least, greatest);
  }
  view.shares = entry_shares(entries);
  view.share_counts = histogram(view.shares.shares, twentieths());
  if (finding.mass) {
    view.mass_counts = histogram(finding.mass->shares, twentieths());
    view.mass_mean = mean(finding.mass->shares);
  }
  if (finding.audit) view.audit_counts = histogram(finding.audit->shares, twentieths());
}

HeadView head_view(const Report& report, std::size_t head, std::uint64_t leverage_bin_count) {
  const Finding& finding = report.heads[head];
  const std::size_t top = std::min(report.top, report.heads.size() == 1 ? kMostKeys : kMostKeysOfMany);
  HeadView view{.head = head};
  const std::vector<KeyTotal> totals = key_totals(finding);
  view.heavy_keys = totals.size();
  if (!report.scan) view.leverage = leverage_bins(report, finding, leverage_bin_count);
  if (!report.scan) view.by_leverage = keys_by_leverage(finding, totals, top);
  if (finding.entries) add_entries(finding, view);
  view.by_queries = keys_by_queries(totals, top);
  return view;
}

}  // namespace

std::vector<double> class_edges(double least, double greatest) {
  std::vector<double> edges;
  if (greatest - least <= 1e-6 * greatest) return edges;  // no steps that float64 could count
  if (least > 1e-290 && greatest >= 5.0 * least) {
    const auto exponent = [](double x) { return static_cast<int>(std::floor(std::log10(x))); };
    for (int e = exponent(least); e <= exponent(greatest); ++e) {
      const double power = std::pow(10.0, e);
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double edge = factor * power;
        if (edge > least * 1.2 && edge < greatest) edges.push_back(edge);
      }
    }
  } else {
    const double step = nice_step(least, greatest, 4);
    for (double i = std::floor(least / step) + 1.0; i * step < greatest; i += 1.0) {
      if (i * step > least) edges.push_back(i * step);
    }
  }
  // The lightest go first: what is heavy is what the map is for.
  if (edges.size() > 4) edges.erase(edges.begin(), edges.end() - 4);
  return edges;
}

PageView page_view(const Report& report) {
  PageView view;
  view.listed = choose(report, kMostListed);
  const std::vector<std::size_t> shown = choose(report, kMostShown);
  for (const std::size_t head : shown)
    view.shown.push_back(head_view(report, head, leverage_bin_count(shown.size())));
  add_maps(report, view.shown);
  return view;
}

std::set<std::uint64_t> named_rows(const Report& report, const PageView& view) {
  std::set<std::uint64_t> rows;
  const auto want = [&](const KeyId& id) {
    if (id.stream == 0) rows.insert(id.row);
  };
  for (const HeadView& head : view.shown) {
    for (const LeverageBin& bin : head.leverage.bins) {
      if (bin.keys > 0) want(bin.at);
    }
    if (head.few_cells) {
      for (const MapCell& cell : head.map->cells) {
        if (cell.entries > 0) want(cell.key);
      }
    }
    for (const auto* keys : {&head.by_leverage, &head.by_queries}) {
      for (const KeyTotal& key : *keys) {
        want(key.id);
        if (key.queries == 0) continue;
        if (const auto row = row_of_query(report, report.heads[head.head], key.query)) rows.insert(*row);
      }
    }
  }
  return rows;
}

}  // namespace heavykeys::tools
