#include "tools/page_data.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace heavykeys::tools {
namespace {

constexpr std::size_t kHistogramBins = 20;

/// n, or one past the last row where several streams lie over one another.
std::uint64_t axis_rows(const Report& report, const Finding& finding) {
  std::uint64_t rows = has_streams(finding) ? 1 : row_count(report, finding);
  for (const KeyId& id : finding.set.ids()) rows = std::max(rows, id.row + 1);
  if (finding.entries) {
    for (const KeyId& id : finding.entries->keys) rows = std::max(rows, id.row + 1);
  }
  return rows;
}

/// The position of a key in U, which is in order of id.
std::optional<std::size_t> position(const UniversalSet& set, const KeyId& id) {
  const auto found = std::ranges::lower_bound(set.ids(), id);
  if (found == set.ids().end() || *found != id) return std::nullopt;
  return static_cast<std::size_t>(found - set.ids().begin());
}

void put_leverage(const UniversalSet& set, KeyTotal& key) {
  const auto i = position(set, key.id);
  if (!i) return;
  key.leverage = set.leverage()[*i];
  key.layer = set.layer()[*i];
}

/// visit(query, index) for every entry, in order.
template <typename Visit>
void for_each_entry(const HeavyEntries& entries, const Visit& visit) {
  for (std::size_t query = 0; query < entries.query_count(); ++query) {
    for (auto i = entries.indptr[query]; i < entries.indptr[query + 1]; ++i) {
      visit(query, static_cast<std::size_t>(i));
    }
  }
}

}  // namespace

Binning Binning::of(std::uint64_t count, std::uint64_t most) {
  return {count, std::max<std::uint64_t>(1, count / most + (count % most != 0))};
}

std::uint64_t Binning::end(std::size_t bin) const { return std::min(count, (bin + 1) * width); }

std::size_t EntryMap::filled() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(cells, [](const MapCell& cell) { return cell.entries > 0; }));
}

double nice_step(double low, double high, std::size_t most) {
  const double rough = (high - low) / static_cast<double>(most);
  if (!(rough > 1e-290 && rough < 1e290)) return 1.0;  // powers of ten would leave float64
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1.0 - 1e-9)) return factor * power;
  }
  return 10.0 * power;
}

Histogram histogram(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto [least, greatest] = std::ranges::minmax(values);
  const bool one_value = greatest - least <= 1e-9 * std::abs(greatest);
  const double step =
      one_value ? nice_step(0.0, std::max(greatest, 1e-12), 10) : nice_step(least, greatest, kHistogramBins);
  std::vector<double> edges;
  double edge = std::floor(least / step) * step;
  if (edge > least) edge -= step;
  const double first = edge;
  for (std::size_t i = 1; edge <= greatest || edges.size() < 2; ++i) {
    edges.push_back(edge);
    edge = first + static_cast<double>(i) * step;
  }
  if (edges.back() <= greatest) edges.push_back(edge);
  return histogram(values, edges);
}

Histogram histogram(const std::vector<double>& values, const std::vector<double>& edges) {
  Histogram found{edges, std::vector<std::uint64_t>(edges.size() - 1)};
  for (const double value : values) {
    const auto next = std::ranges::upper_bound(edges, value) - edges.begin() - 1;
    const auto last = static_cast<std::ptrdiff_t>(found.counts.size()) - 1;
    ++found.counts[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(next, 0, last))];
  }
  return found;
}

EntryShares entry_shares(const HeavyEntries& entries) {
  EntryShares found;
  const std::size_t m = entries.query_count();
  if (m == 0) return found;
  std::vector<double> lower(m), upper(m);
  found.shares.resize(m);
  for_each_entry(entries, [&](std::size_t query, std::size_t i) {
    found.shares[query] += entries.weights[i];
    lower[query] += entries.lower[i];
    upper[query] += entries.upper[i];
  });
  for (std::size_t q = 0; q < m; ++q) {
    found.with_entries += entries.indptr[q] < entries.indptr[q + 1];
    // Weights are rounded one by one, and estimates need not add up: a share is a share all the same.
    found.shares[q] = std::min(found.shares[q], 1.0);
    found.mean += found.shares[q];
    found.mean_lower += std::min(lower[q], 1.0);
    found.mean_upper += std::min(upper[q], 1.0);
  }
  const auto count = static_cast<double>(m);
  found.mean /= count;
  found.mean_lower /= count;
  found.mean_upper /= count;
  std::vector<double> sorted = found.shares;
  std::ranges::sort(sorted);
  found.median = 0.5 * (sorted[(m - 1) / 2] + sorted[m / 2]);
  return found;
}

std::vector<KeyTotal> key_totals(const Finding& finding) {
  std::vector<KeyTotal> totals;
  if (!finding.entries) return totals;
  const HeavyEntries& entries = *finding.entries;
  std::vector<std::size_t> order(entries.keys.size()), query_of(entries.keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for_each_entry(entries, [&](std::size_t query, std::size_t i) { query_of[i] = query; });
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::tuple(entries.keys[i], i); });
  for (const std::size_t i : order) {
    if (totals.empty() || totals.back().id != entries.keys[i]) {
      totals.push_back({.id = entries.keys[i]});
      put_leverage(finding.set, totals.back());
    }
    KeyTotal& key = totals.back();
    if (key.queries == 0 || entries.weights[i] > key.greatest) {
      key.greatest = entries.weights[i];
      key.query = query_of[i];
    }
    ++key.queries;
    key.weight += entries.weights[i];
  }
  return totals;
}

LeverageBins leverage_bins(const Report& report, const Finding& finding, std::uint64_t most) {
  const UniversalSet& set = finding.set;
  LeverageBins found{Binning::of(axis_rows(report, finding), most), {}};
  found.bins.resize(found.rows.size());
  for (std::size_t i = 0; i < set.size(); ++i) {
    LeverageBin& bin = found.bins[found.rows.bin(set.ids()[i].row)];
    const double leverage = set.leverage()[i];
    if (bin.keys++ == 0 || leverage > bin.greatest) {
      bin.greatest = leverage;
      bin.at = set.ids()[i];
    }
  }
  return found;
}

EntryMap entry_map(const Report& report, const Finding& finding, std::uint64_t most_queries,
                   std::uint64_t most_keys) {
  const HeavyEntries& entries = *finding.entries;
  EntryMap map{Binning::of(entries.query_count(), most_queries),
               Binning::of(axis_rows(report, finding), most_keys),
               {}};
  map.cells.resize(map.queries.size() * map.keys.size());
  for_each_entry(entries, [&](std::size_t query, std::size_t i) {
    MapCell& cell = map.cells[map.queries.bin(query) * map.keys.size() + map.keys.bin(entries.keys[i].row)];
    if (cell.entries++ == 0 || entries.weights[i] > cell.greatest) {
      cell.greatest = entries.weights[i];
      cell.query = query;
      cell.key = entries.keys[i];
    }
  });
  return map;
}

std::vector<KeyTotal> keys_by_leverage(const Finding& finding, const std::vector<KeyTotal>& totals,
                                       std::size_t top) {
  std::vector<KeyTotal> keys;
  for (const std::size_t i : top_leverage(finding.set, top)) {
    const KeyId id = finding.set.ids()[i];
    const auto found = std::ranges::lower_bound(totals, id, {}, &KeyTotal::id);
    keys.push_back(found != totals.end() && found->id == id ? *found : KeyTotal{.id = id});
    put_leverage(finding.set, keys.back());
  }
  return keys;
}

std::vector<KeyTotal> keys_by_queries(std::vector<KeyTotal> totals, std::size_t top) {
  const auto before = [](const KeyTotal& a, const KeyTotal& b) {
    return std::tuple(b.queries, b.weight, a.id) < std::tuple(a.queries, a.weight, b.id);
  };
  const auto end = totals.begin() + static_cast<std::ptrdiff_t>(std::min(top, totals.size()));
  std::partial_sort(totals.begin(), end, totals.end(), before);
  totals.erase(end, totals.end());
  return totals;
}

}  // namespace heavykeys::tools
