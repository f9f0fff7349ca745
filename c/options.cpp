#include <chrono>

#include "c/growing.hpp"
#include "c/guard.hpp"
#include "c/structs.hpp"

namespace heavykeys::c {

namespace {

constexpr std::uint64_t kFirstOptions = 40;
static_assert(sizeof(heavykeys_options) == kFirstOptions);

constexpr double kLongestPause = 1e6;  // seconds: what fits nanoseconds, and more than anyone waits

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

}  // namespace

Run::Run(const heavykeys_options* options) {
  const heavykeys_options known = options == nullptr ? usual() : grown(options, kFirstOptions, "options");
  threads_ = threads_of(known.engine, known.threads);
  if (known.report == nullptr) return;
  if (!(known.report_seconds >= 0.0 && known.report_seconds <= kLongestPause)) {
    throw InvalidInput("options.report_seconds is " + std::to_string(known.report_seconds) +
                       "; it must be in 0 .. 10^6");
  }
  const std::chrono::duration<double> pause(known.report_seconds);
  monitor_.emplace(
      [report = known.report, user = known.user](const Progress& progress) {
        return report(progress.call, progress.fraction, user) == 0;
      },
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
