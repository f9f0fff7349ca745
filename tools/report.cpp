#include "tools/report.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "tools/tokens.hpp"

namespace heavykeys::tools {
namespace {

/// Indices of the `top` largest values, the largest first, ties by index.
template <typename Value>
std::vector<std::size_t> largest(std::size_t count, std::size_t top, const Value& value) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto before = [&](std::size_t a, std::size_t b) {
    return value(a) != value(b) ? value(a) > value(b) : a < b;
  };
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(top, count));
  std::partial_sort(order.begin(), end, order.end(), before);
  order.erase(end, order.end());
  return order;
}

}  // namespace

std::uint64_t row_count(const Report& report, const Finding& finding) {
  return report.scan ? report.scan->rows : finding.set.row_count();
}

ScanQuestion question(const Report& report) {
  if (report.scan) return *report.scan;
  const UniversalSet& set = report.heads.front().set;
  return {set.spec().score, set.spec().epsilon, set.spec().dim, set.row_count(), "", ScanOptions().tolerance};
}

Audit total_audit(const Report& report) {
  Audit total;
  for (const Finding& finding : report.heads) {
    total.entries += finding.audit->entries;
    total.covered += finding.audit->covered;
    total.weight += finding.audit->weight;
    total.covered_weight += finding.audit->covered_weight;
  }
  return total;
}

std::vector<std::size_t> top_leverage(const UniversalSet& set, std::size_t top) {
  return largest(set.size(), top, [&](std::size_t i) { return set.leverage()[i]; });
}

std::vector<TopEntry> top_entries(const HeavyEntries& entries, std::size_t top) {
  std::vector<TopEntry> found;
  const auto weight = [&](std::size_t i) { return entries.weights[i]; };
  for (const std::size_t index : largest(entries.weights.size(), top, weight)) {
    const auto next = std::ranges::upper_bound(entries.indptr, static_cast<std::int64_t>(index));
    found.push_back({static_cast<std::size_t>(next - entries.indptr.begin()) - 1, index});
  }
  return found;
}

std::optional<std::uint64_t> row_of_query(const Report& report, const Finding& finding, std::size_t query) {
  const std::uint64_t keys = row_count(report, finding);
  const std::uint64_t queries = finding.entries->query_count();
  if (report.causal && queries <= keys) return query + (keys - queries);
  if (queries == keys) return query;
  return std::nullopt;
}

void name_tokens(Report& report, const std::string& token_file, std::set<std::uint64_t> rows) {
  const auto want = [&](const KeyId& id) {
    if (id.stream == 0) rows.insert(id.row);
  };
  for (const Finding& finding : report.heads) {
    for (const std::size_t i : top_leverage(finding.set, report.top)) want(finding.set.ids()[i]);
    if (!finding.entries) continue;
    for (const TopEntry& entry : top_entries(*finding.entries, report.top)) {
      want(finding.entries->keys[entry.index]);
      if (const auto row = row_of_query(report, finding, entry.query)) rows.insert(*row);
    }
  }
  report.tokens = read_tokens(token_file, rows);
}

bool has_streams(const Finding& finding) {
  const auto elsewhere = [](const KeyId& id) { return id.stream != 0; };
  return std::ranges::any_of(finding.set.ids(), elsewhere);
}

}  // namespace heavykeys::tools
