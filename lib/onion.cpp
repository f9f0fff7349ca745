#include "lib/onion.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace heavykeys::detail {

RowStore select(const RowStore& rows, const std::vector<std::size_t>& which) {
  RowStore out = rows;
  out.keep(which);
  return out;
}

void remove_rows(ExactGram& gram, const Lift& lift, const RowStore& rows) {
  std::vector<double> row(lift.dim());
  std::vector<Int128> odd(lift.dim()), mantissa(lift.size());
  std::vector<int> exponent(lift.dim()), sum(lift.size());
  for (std::size_t r = 0; r < rows.count(); ++r) {
    rows.read(r, row.data());
    for (std::size_t i = 0; i < row.size(); ++i) {
      int e = 0;
      auto m = static_cast<std::int64_t>(std::ldexp(std::frexp(row[i], &e), 53));
      const int zeros = m == 0 ? 0 : __builtin_ctzll(static_cast<std::uint64_t>(m));
      odd[i] = m >> zeros;  // gridded values have at most 24 bits
      exponent[i] = m == 0 ? 0 : e - 53 + zeros;
    }
    lift.products(odd.data(), mantissa.data());
    lift.sums(exponent.data(), sum.data());
    gram.remove_row(mantissa, sum);
  }
}

Peeling::Peeling(const Plan& plan, const Metric& metric, const RowStore& rows)
    : found{{}, {}, {}, 0, metric.gram, 0.0},
      plan_(plan),
      metric_(metric),
      rows_(rows),
      layers_(plan.rule.layers),
      left_(rows.count()) {
  std::iota(left_.begin(), left_.end(), std::size_t{0});
}

const std::vector<std::size_t>& Peeling::test(Effort effort) {
  found.last_threshold = metric_.threshold(plan_, layer_);
  const bool all = left_.size() == rows_.count();
  const RowStore remaining = all ? RowStore(rows_.dim()) : select(rows_, left_);
  const Leverages tested = decide_leverages(found.tested, LiftedRows(all ? rows_ : remaining, plan_.lift),
                                            found.last_threshold, effort, metric_.tau_bits());
  if (layer_ == 1) found.rank = tested.rank;
  std::vector<std::size_t> rest;
  heavy_.clear();
  std::size_t next = 0;
  for (std::size_t i = 0; i < left_.size(); ++i) {
    if (next < tested.kept.size() && tested.kept[next] == i) {
      heavy_.push_back(left_[i]);
      found.kept.push_back(left_[i]);
      found.tau.push_back(plan_.rule.weighted ? tested.tau[next] : std::min(tested.tau[next], 1.0));
      found.layer.push_back(layer_);
      ++next;
    } else {
      rest.push_back(left_[i]);
    }
  }
  left_ = std::move(rest);
  return heavy_;
}

void Peeling::remove(const RowStore& heavy) {
  // Without a heavy row, the layers below are empty too: thresholds rise.
  if (heavy.count() == 0 || is_last()) return stop();
  remove_rows(found.tested, plan_.lift, heavy);
  ++layer_;
}

void Peeling::stop() {
  // What is left is no candidate: below the next layer's threshold as well.
  if (more()) found.last_threshold = std::max(found.last_threshold, metric_.threshold(plan_, layer_));
  layer_ = layers_ + 1;
}

Peeled peel(const Plan& plan, const Metric& metric, const RowStore& rows, Effort effort) {
  Peeling peeling(plan, metric, rows);
  while (peeling.more()) {
    peeling.remove(select(rows, peeling.test(effort)));
    if (peeling.none_left()) peeling.stop();
  }
  Peeled& found = peeling.found;
  if (plan.rule.layers == 1) return std::move(found);
  std::vector<std::size_t> order(found.kept.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return found.kept[a] < found.kept[b]; });
  Peeled by_row{{}, {}, {}, found.rank, std::move(found.tested), found.last_threshold};
  for (std::size_t i : order) {
    by_row.kept.push_back(found.kept[i]);
    by_row.tau.push_back(found.tau[i]);
    by_row.layer.push_back(found.layer[i]);
  }
  return by_row;
}

}  // namespace heavykeys::detail
