#include "lib/onion.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace heavykeys::detail {

namespace {

RowStore select(const RowStore& rows, const std::vector<std::size_t>& which) {
  RowStore out = rows;
  out.keep(which);
  return out;
}

}  // namespace

void remove_rows(ExactGram& gram, const Lift& lift, const RowStore& rows,
                 const std::vector<std::size_t>& which) {
  std::vector<double> row(lift.dim());
  std::vector<Int128> odd(lift.dim()), mantissa(lift.size());
  std::vector<int> exponent(lift.dim()), sum(lift.size());
  for (std::size_t r : which) {
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

Peeled peel(const Plan& plan, const Metric& metric, const RowStore& rows, Effort effort) {
  Peeled out{{}, {}, {}, 0, metric.gram, 0.0};
  std::vector<std::size_t> left(rows.count());
  std::iota(left.begin(), left.end(), std::size_t{0});
  for (int layer = 1; layer <= plan.rule.layers; ++layer) {
    out.last_threshold = metric.threshold(plan, layer);
    const RowStore remaining = layer == 1 ? rows : select(rows, left);
    const Leverages found = decide_leverages(out.tested, LiftedRows(remaining, plan.lift), out.last_threshold,
                                             effort, metric.tau_bits());
    if (layer == 1) out.rank = found.rank;
    std::vector<std::size_t> rest;
    std::size_t next = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (next < found.kept.size() && found.kept[next] == i) {
        out.kept.push_back(left[i]);
        out.tau.push_back(plan.rule.weighted ? found.tau[next] : std::min(found.tau[next], 1.0));
        out.layer.push_back(layer);
        ++next;
      } else {
        rest.push_back(left[i]);
      }
    }
    left = std::move(rest);
    // Without a heavy row, the layers below are empty too: thresholds rise.
    if (found.kept.empty() || layer == plan.rule.layers) break;
    remove_rows(out.tested, plan.lift, remaining, found.kept);
    if (left.empty()) {  // what is left is no candidate: below the next layer's threshold as well
      out.last_threshold = metric.threshold(plan, layer + 1);
      break;
    }
  }
  if (plan.rule.layers > 1) {  // by layer so far
    std::vector<std::size_t> order(out.kept.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return out.kept[a] < out.kept[b]; });
    Peeled by_row{{}, {}, {}, out.rank, std::move(out.tested), out.last_threshold};
    for (std::size_t i : order) {
      by_row.kept.push_back(out.kept[i]);
      by_row.tau.push_back(out.tau[i]);
      by_row.layer.push_back(out.layer[i]);
    }
    return by_row;
  }
  return out;
}

}  // namespace heavykeys::detail
