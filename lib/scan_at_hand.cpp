// The scan of keys that are at hand: what a pass to a tolerance leaves open, a close one decides.
#include <utility>
#include <vector>

#include "lib/row_store.hpp"
#include "lib/scan.hpp"
#include "lib/verification_queries.hpp"

namespace heavykeys {

namespace detail {

namespace {

struct ScanCall {
  const Score& score;
  double epsilon;
  const Rows& keys;
  const Workers& workers;

  HeavyEntries operator()(const Rows& queries, const ScanOptions& options) const {
    Scan pass(score, epsilon, queries, options);
    absorb_with(pass, keys.slice(0, options.key_count), workers);
    return pass.finish();
  }
};

/// Queries with an entry that may be below epsilon, ascending: all entries that may not be are in `found`.
std::vector<std::size_t> open_queries(const HeavyEntries& found, double epsilon) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < found.query_count(); ++i) {
    for (auto e = found.indptr[i]; e < found.indptr[i + 1]; ++e) {
      if (found.lower[static_cast<std::size_t>(e)] >= epsilon) continue;
      open.push_back(i);
      break;
    }
  }
  return open;
}

/// Entries of some of the queries, ascending.
struct Decided {
  std::vector<std::size_t> queries;
  HeavyEntries entries;
};

std::vector<Decided> decide(const ScanCall& scan_of, const Rows& queries, std::vector<std::size_t> open,
                            ScanOptions options) {
  options.tolerance = ScanOptions().tolerance;
  std::vector<Decided> all;
  if (!options.causal) {
    RowStore rows(queries.dim);
    for (const std::size_t i : open) rows.append(queries.slice(i, 1));
    HeavyEntries entries = scan_of(rows.view(), options);
    all.push_back({std::move(open), std::move(entries)});
    return all;
  }
  const std::uint64_t n = options.key_count;
  for (const QueryRun& run : query_runs(open)) {
    // The last query of a run is the last of its own scan: it sees all keys of it, and has an entry.
    options.key_count = n + run.end - queries.count;
    Decided part;
    for (std::size_t i = run.begin; i < run.end; ++i) part.queries.push_back(i);
    part.entries = scan_of(queries.slice(run.begin, run.end - run.begin), options);
    all.push_back(std::move(part));
  }
  return all;
}

/// `found`, with the decided queries' entries in place of its own.
HeavyEntries with_decided(const HeavyEntries& found, const std::vector<Decided>& parts) {
  HeavyEntries out;
  out.indptr.push_back(0);
  std::size_t query = 0;
  for (const Decided& part : parts) {
    for (std::size_t i = 0; i < part.queries.size(); ++i) {
      for (; query < part.queries[i]; ++query) append(out, found, query);
      append(out, part.entries, i);
      ++query;
    }
  }
  for (; query < found.query_count(); ++query) append(out, found, query);
  return out;
}

}  // namespace

HeavyEntries scan_with(const Score& score, double epsilon, const Rows& queries, const Rows& keys,
                       const ScanOptions& options, const Workers& workers) {
  const ScanCall scan_of = {score, epsilon, keys, workers};
  ScanOptions own = options;
  own.key_count = keys.count;
  // Of other scores a tolerance changes nothing.
  const bool loose = options.tolerance > ScanOptions().tolerance && score.kind == Score::Kind::softmax;
  if (!loose) return scan_of(queries, own);
  own.mode = Mode::no_false_negatives;
  HeavyEntries found = scan_of(queries, own);
  std::vector<std::size_t> open = open_queries(found, epsilon);
  if (open.empty()) return found;
  own.mode = options.mode;
  return with_decided(found, decide(scan_of, queries, std::move(open), own));
}

}  // namespace detail

HeavyEntries scan(const Score& score, double epsilon, const Rows& queries, const Rows& keys,
                  const ScanOptions& options) {
  return detail::scan_with(score, epsilon, queries, keys, options, detail::serial_workers());
}

}  // namespace heavykeys
