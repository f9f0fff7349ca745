#include <chrono>
#include <stdexcept>

#include "c/growing.hpp"
#include "c/guard.hpp"
#include "c/structs.hpp"
#include "lib/text.hpp"

namespace heavykeys::c {

namespace {

constexpr std::uint64_t kFirstOptions = 40;
static_assert(sizeof(heavykeys_options) == kFirstOptions);

constexpr double kLongestPause = 1e6;  // seconds: what fits nanoseconds, and more than anyone waits

constexpr int kMostThreads = 4096;  // as parallel.cpp, which is not asked where one core works

heavykeys_options usual() {
  heavykeys_options options = {};
  options.engine = HEAVYKEYS_ENGINE_AUTO;
  options.report_seconds = 0.05;
  return options;
}

std::optional<parallel::Options> threads_of(heavykeys_engine engine, int threads) {
  using parallel::Runtime;
  switch (engine) {
    case HEAVYKEYS_ENGINE_AUTO:
#if defined(HEAVYKEYS_TBB)
      return parallel::Options{Runtime::tbb, threads};
#elif defined(HEAVYKEYS_OPENMP)
      return parallel::Options{Runtime::openmp, threads};
#endif
    case HEAVYKEYS_ENGINE_ONE_CORE:
      return std::nullopt;
    case HEAVYKEYS_ENGINE_TBB:
      return parallel::Options{Runtime::tbb, threads};
    case HEAVYKEYS_ENGINE_OPENMP:
      return parallel::Options{Runtime::openmp, threads};
    default:
      throw InvalidInput("options.engine is " + std::to_string(engine) +
                         "; it must be in 0 .. 3 (heavykeys_engine)");
  }
}

void check(const heavykeys_options& options) {
  if (options.threads < 0 || options.threads > kMostThreads) {
    throw InvalidInput("options.threads is " + std::to_string(options.threads) + "; it must be in 0 .. " +
                       std::to_string(kMostThreads));
  }
  if (!(options.report_seconds >= 0.0 && options.report_seconds <= kLongestPause)) {
    throw InvalidInput("options.report_seconds is " + detail::shortest(options.report_seconds) +
                       "; it must be in 0 .. 10^6");
  }
}

/// Asks the caller's report. What one written in C++ throws must not pass for an error of ours.
bool goes_on(const heavykeys_options& options, const Progress& progress) {
  try {
    return options.report(progress.call, progress.fraction, options.user) == 0;
  } catch (const std::exception& error) {
    throw std::runtime_error(error.what());
  }
}

}  // namespace

Run::Run(const heavykeys_options* options) {
  const heavykeys_options known = options == nullptr ? usual() : grown(options, kFirstOptions, "options");
  check(known);
  threads_ = threads_of(known.engine, known.threads);
  if (known.report == nullptr) return;
  const std::chrono::duration<double> pause(known.report_seconds);
  monitor_.emplace([known](const Progress& progress) { return goes_on(known, progress); },
                   std::chrono::duration_cast<std::chrono::nanoseconds>(pause));
}

}  // namespace heavykeys::c

using namespace heavykeys::c;

heavykeys_status heavykeys_options_init(heavykeys_options* options, uint64_t struct_size) {
  return guarded([&] {
    require(options, "options");
    initialise(options, struct_size, kFirstOptions, usual(), "options");
  });
}
