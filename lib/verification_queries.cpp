#include "lib/verification_queries.hpp"

#include <algorithm>
#include <string>

#include "heavykeys/error.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kDecidedWidth = 1e-10;
constexpr std::size_t kMostRuns = 16, kLeastGap = 16;

bool is_whole(const HeavyEntries& found) {
  const std::size_t entries = found.keys.size();
  const std::vector<std::int64_t>& ends = found.indptr;
  if (found.weights.size() != entries || found.lower.size() != entries || found.upper.size() != entries)
    return false;
  if (ends.empty()) return entries == 0;
  return ends.front() == 0 && std::is_sorted(ends.begin(), ends.end()) &&
         ends.back() == static_cast<std::int64_t>(entries);
}

/// How many keys query i of m sees.
std::uint64_t visible(std::size_t i, std::size_t m, const ScanOptions& options) {
  if (!options.causal) return options.key_count;
  const std::uint64_t unseen = m - i - 1;
  return options.key_count > unseen ? options.key_count - unseen : 0;
}

}  // namespace

void check_found(const HeavyEntries& found, std::size_t queries, const ScanOptions& options) {
  if (!is_whole(found) || found.query_count() != queries) {
    throw InvalidInput("entries of " + std::to_string(found.query_count()) +
                       " queries are not whole, or not of these " + std::to_string(queries));
  }
  for (std::size_t i = 0; i < queries; ++i) {
    const std::uint64_t sees = visible(i, queries, options);
    for (auto e = static_cast<std::size_t>(found.indptr[i]);
         e < static_cast<std::size_t>(found.indptr[i + 1]); ++e) {
      const KeyId id = found.keys[e];
      if (id.stream == 0 && id.row < sees) continue;
      throw InvalidInput("query " + std::to_string(i) + " has an entry for row " + std::to_string(id.row) +
                         " of stream " + std::to_string(id.stream) +
                         "; a verification reads stream 0 only, "
                         "of which the query sees " +
                         std::to_string(sees) + " rows");
    }
  }
}

std::vector<std::size_t> undecided_queries(const HeavyEntries& found, double epsilon) {
  std::vector<std::size_t> queries;
  for (std::size_t i = 0; i < found.query_count(); ++i) {
    const auto end = static_cast<std::size_t>(found.indptr[i + 1]);
    for (auto e = static_cast<std::size_t>(found.indptr[i]); e < end; ++e) {
      if (found.lower[e] >= epsilon && found.upper[e] - found.lower[e] <= kDecidedWidth) continue;
      queries.push_back(i);
      break;
    }
  }
  return queries;
}

std::vector<QueryRun> query_runs(const std::vector<std::size_t>& queries) {
  std::vector<std::size_t> cuts;  // positions in `queries` where a run may begin
  for (std::size_t i = 1; i < queries.size(); ++i) {
    if (queries[i] - queries[i - 1] > kLeastGap) cuts.push_back(i);
  }
  const auto wider = [&](std::size_t a, std::size_t b) {
    const std::size_t of_a = queries[a] - queries[a - 1], of_b = queries[b] - queries[b - 1];
    return of_a != of_b ? of_a > of_b : a < b;
  };
  std::sort(cuts.begin(), cuts.end(), wider);
  if (cuts.size() > kMostRuns - 1) cuts.resize(kMostRuns - 1);
  std::sort(cuts.begin(), cuts.end());
  cuts.push_back(queries.size());
  std::vector<QueryRun> runs;
  std::size_t first = 0;
  for (const std::size_t cut : cuts) {
    runs.push_back({queries[first], queries[cut - 1] + 1});
    first = cut;
  }
  return runs;
}

void append(HeavyEntries& out, const HeavyEntries& from, std::size_t query) {
  const std::ptrdiff_t begin = from.indptr[query], end = from.indptr[query + 1];
  const auto take = [begin, end](auto& into, const auto& values) {
    into.insert(into.end(), values.begin() + begin, values.begin() + end);
  };
  take(out.keys, from.keys);
  take(out.weights, from.weights);
  take(out.lower, from.lower);
  take(out.upper, from.upper);
  out.indptr.push_back(static_cast<std::int64_t>(out.keys.size()));
}

}  // namespace heavykeys::detail
