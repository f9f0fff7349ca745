#include "lib/heavy_entries.hpp"

#include <algorithm>

#include "heavykeys/error.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/universal_set_access.hpp"
#include "lib/weigh_queries.hpp"

namespace heavykeys {

namespace detail {

namespace {

constexpr std::size_t kQueriesPerTask = 32;

}  // namespace

HeavyEntries concatenate(const std::vector<HeavyEntries>& parts) {
  HeavyEntries all;
  all.indptr.push_back(0);
  for (const HeavyEntries& part : parts) {
    const std::int64_t base = all.indptr.back();
    for (std::size_t i = 1; i < part.indptr.size(); ++i) all.indptr.push_back(base + part.indptr[i]);
    all.keys.insert(all.keys.end(), part.keys.begin(), part.keys.end());
    all.weights.insert(all.weights.end(), part.weights.begin(), part.weights.end());
    all.lower.insert(all.lower.end(), part.lower.begin(), part.lower.end());
    all.upper.insert(all.upper.end(), part.upper.begin(), part.upper.end());
  }
  return all;
}

HeavyEntries heavy_entries_with(const UniversalSet& set, const Rows& queries, const HeavyOptions& options,
                                const Workers& workers) {
  const FloatEnvironment ieee;
  if (!UniversalSetAccess::is_made(set))
    throw InvalidInput("this universal set was never made; finalize makes one");
  check_queries(queries, set.spec(), options);
  current_isa();
  const KeyPanel& panel = UniversalSetAccess::panel(set);
  const Weighted keys{panel, panel.count(), UniversalSetAccess::sums(set)};
  const std::size_t tasks = (queries.count + kQueriesPerTask - 1) / kQueriesPerTask;
  std::vector<HeavyEntries> parts(tasks);
  share_tasks("heavy_entries", workers, tasks, [&](int, std::size_t task) {
    const std::size_t begin = task * kQueriesPerTask;
    parts[task] = weigh_queries(
        keys, queries.slice(begin, std::min(kQueriesPerTask, queries.count - begin)),
        [](std::size_t) { return std::size_t{0}; }, options);
  });
  return concatenate(parts);
}

}  // namespace detail

HeavyEntries heavy_entries(const UniversalSet& set, const Rows& queries, const HeavyOptions& options) {
  return detail::heavy_entries_with(set, queries, options, detail::serial_workers());
}

}  // namespace heavykeys
