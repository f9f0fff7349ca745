#include "lib/heavy_entries.hpp"

#include <algorithm>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/dtype.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/kernels.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/universal_set_access.hpp"
#include "lib/weigh.hpp"

namespace heavykeys {

namespace detail {

namespace {

constexpr std::size_t kQueriesPerTask = 32;

HeavyEntries entries_of(const UniversalSet& set, const KeyPanel& panel, const Rows& queries) {
  const Normalizer& normalizer = UniversalSetAccess::normalizer(set);
  const std::size_t d = queries.dim;
  std::vector<double> raw(queries.count * d), scaled(queries.count * d), x(queries.count * panel.ld);
  require_finite(queries);
  std::vector<ScaledQuery> prepared;
  for (std::size_t i = 0; i < queries.count; ++i) {
    read_row(queries, i, raw.data() + i * d);
    prepared.push_back(ScaledQuery::make(raw.data() + i * d, normalizer.scale, scaled.data() + i * d));
  }
  dot_products(scaled.data(), queries.count, d, panel.columns.data(), panel.ld, x.data());

  HeavyEntries out;
  out.indptr.push_back(0);
  for (std::size_t i = 0; i < queries.count; ++i) {
    if (!prepared[i].zero && panel.count() > 0) {
      Weighing weighing{prepared[i], set.spec().epsilon, normalizer(prepared[i], 0.0),
                        [&] { return normalizer.exact(prepared[i].raw); }};
      weigh(weighing, panel, 0, panel.count(), x.data() + i * panel.ld, out);
    }
    out.indptr.push_back(static_cast<std::int64_t>(out.keys.size()));
  }
  return out;
}

}  // namespace

void check_queries(const Rows& queries, std::size_t dim) {
  if (queries.dim != dim) {
    throw InvalidInput("queries have " + std::to_string(queries.dim) + " columns; the keys have " +
                       std::to_string(dim));
  }
  if (queries.count > 0 && queries.data == nullptr) throw InvalidInput("queries have no data");
}

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

HeavyEntries heavy_entries_with(const UniversalSet& set, const Rows& queries, const Workers& workers) {
  const FloatEnvironment ieee;
  if (!UniversalSetAccess::is_made(set))
    throw InvalidInput("this universal set was never made; finalize makes one");
  check_queries(queries, set.spec().dim);
  current_isa();
  const KeyPanel& panel = UniversalSetAccess::panel(set);
  const std::size_t tasks = (queries.count + kQueriesPerTask - 1) / kQueriesPerTask;
  std::vector<HeavyEntries> parts(tasks);
  share_tasks(workers, tasks, [&](int, std::size_t task) {
    const std::size_t begin = task * kQueriesPerTask;
    parts[task] =
        entries_of(set, panel, queries.slice(begin, std::min(kQueriesPerTask, queries.count - begin)));
  });
  return concatenate(parts);
}

}  // namespace detail

HeavyEntries heavy_entries(const UniversalSet& set, const Rows& queries, const HeavyOptions&) {
  return detail::heavy_entries_with(set, queries, detail::serial_workers());
}

}  // namespace heavykeys
