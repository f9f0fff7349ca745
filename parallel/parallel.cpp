#include "heavykeys/parallel.hpp"

#include <string>

#include "heavykeys/error.hpp"
#include "lib/absorb.hpp"
#include "lib/causal.hpp"
#include "lib/covariance_absorb.hpp"
#include "lib/heavy_entries.hpp"
#include "lib/scan.hpp"
#include "lib/verification.hpp"
#include "parallel/workers.hpp"

namespace heavykeys::parallel {

detail::Workers make_workers(const Options& options) {
  // Past this, a number is a slip, and starting (oneTBB: visiting) so many threads takes minutes.
  constexpr int kMostThreads = 4096;
  if (options.threads < 0 || options.threads > kMostThreads) {
    throw InvalidInput("threads is " + std::to_string(options.threads) + "; it must be in 0 .. " +
                       std::to_string(kMostThreads));
  }
#ifdef HEAVYKEYS_TBB
  if (options.runtime == Runtime::tbb) return tbb_workers(options.threads);
#endif
#ifdef HEAVYKEYS_OPENMP
  if (options.runtime == Runtime::openmp) return openmp_workers(options.threads);
#endif
  throw BackendError(std::string("this build has no ") +
                     (options.runtime == Runtime::tbb ? "oneTBB" : "OpenMP"));
}

void absorb(Sketch& sketch, const Rows& rows, const Options& options) {
  detail::absorb_with(sketch, rows, make_workers(options));
}

HeavyEntries heavy_entries(const UniversalSet& set, const Rows& queries, const Options& options,
                           const HeavyOptions& what) {
  return detail::heavy_entries_with(set, queries, what, make_workers(options));
}

void absorb(CausalHeavy& pass, const Rows& keys, const Options& options) {
  detail::absorb_with(pass, keys, make_workers(options));
}

void absorb(Scan& scan, const Rows& keys, const Options& options) {
  detail::absorb_with(scan, keys, make_workers(options));
}

HeavyEntries scan(const Score& score, double epsilon, const Rows& queries, const Rows& keys,
                  const ScanOptions& what, const Options& options) {
  return detail::scan_with(score, epsilon, queries, keys, what, make_workers(options));
}

void absorb(Verification& pass, const Rows& keys, const Options& options) {
  detail::absorb_with(pass, keys, make_workers(options));
}

void absorb(Covariance& covariance, const Rows& samples, const Options& options) {
  detail::absorb_with(covariance, samples, make_workers(options));
}

}  // namespace heavykeys::parallel
