#include "bench/scan_check.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "bench/pairs.hpp"
#include "heavykeys/heavykeys.hpp"

namespace heavykeys::bench {

HeavyEntries scan_ours(const ScanBench& options, const SoftmaxSearch& search, double tolerance) {
  Scan scan(Score::softmax(search.scale), search.epsilon, rows(search.queries, search.m, search.dim),
            {.key_count = search.n, .tolerance = tolerance});
  options.engine.absorb(scan, rows(search.keys, search.n, search.dim));
  return scan.finish();
}

HeavyEntries scan_decided(const ScanBench& options, const SoftmaxSearch& search) {
  return options.engine.scan(Score::softmax(search.scale), search.epsilon,
                             rows(search.queries, search.m, search.dim),
                             rows(search.keys, search.n, search.dim), {.tolerance = options.tolerance});
}

namespace {

// The pairs of one that the other has not must be within `tolerance` of epsilon. Returns how many such.
std::size_t near_ties(const SoftmaxEntries& a, const SoftmaxEntries& b, double epsilon, double tolerance,
                      const std::string& who) {
  std::size_t ties = 0;
  for (std::size_t i = 0; i < a.pairs.size(); ++i) {
    if (std::binary_search(b.pairs.begin(), b.pairs.end(), a.pairs[i])) continue;
    if (std::fabs(a.weights[i] / epsilon - 1.0) > tolerance)
      throw std::runtime_error(who + ": pair " + std::to_string(a.pairs[i]) + " of weight " +
                               std::to_string(a.weights[i]) + " is in one answer only");
    ++ties;
  }
  return ties;
}

// To a tolerance: every heavy pair is listed with its weight between the bounds, and what is listed beside
// them is within the tolerance of epsilon. Returns how many those are, how far weights are off, and how wide
// bounds.
nlohmann::json check_tolerance(const ScanBench& options, const SoftmaxSearch& search,
                               const HeavyEntries& close) {
  const HeavyEntries loose = scan_ours(options, search, options.tolerance);
  const Pairs heavy = pairs_of(close, search.n), listed = pairs_of(loose, search.n);
  double off = 0.0, width = 0.0;
  std::size_t at = 0, open = 0;
  for (std::size_t e = 0; e < listed.size(); ++e) {
    width = std::max(width, (loose.upper[e] - loose.lower[e]) / loose.weights[e]);
    if (at == heavy.size() || heavy[at] != listed[e]) {
      if (loose.weights[e] < (1.0 - options.tolerance) * search.epsilon)
        throw std::runtime_error("a pair is listed that is too light");
      ++open;
      continue;
    }
    if (close.upper[at] < loose.lower[e] || close.lower[at] > loose.upper[e])
      throw std::runtime_error("a weight is not between its bounds");
    off = std::max(off, std::fabs(loose.weights[e] / close.weights[at] - 1.0));
    ++at;
  }
  if (at != heavy.size() || pairs_of(scan_decided(options, search), search.n) != heavy)
    throw std::runtime_error("heavy pairs are not listed to a tolerance");
  return {{"pairs_too_many", open}, {"weights_off_by", off}, {"bounds_wide", width}};
}

}  // namespace

nlohmann::json check_scans(const ScanBench& options, const SoftmaxSearch& search) {
  const HeavyEntries entries = scan_ours(options, search, 1e-10);
  const SoftmaxEntries ours = {pairs_of(entries, search.n), entries.weights};
  nlohmann::json checked = {{"pairs_heavykeys", ours.pairs.size()}};
  const auto compare = [&](const SoftmaxEntries& rival, double tolerance, const std::string& who) {
    checked["near_ties_" + who] = near_ties(ours, rival, search.epsilon, tolerance, who) +
                                  near_ties(rival, ours, search.epsilon, tolerance, who);
  };
  compare(softmax_by_sgemm(search), 1e-3, "sgemm");
  compare(softmax_by_dgemm(search), 1e-9, "dgemm");
  checked["tolerance"] = check_tolerance(options, search, entries);
  return checked;
}

}  // namespace heavykeys::bench
