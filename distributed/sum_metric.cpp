#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "distributed/reductions.hpp"
#include "lib/byte_stream.hpp"

namespace heavykeys::distributed {

namespace {

using detail::ExactGram;
using detail::kZeroColumn;

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();

/// Over all ranks, the least exponents of the columns and the greatest.
void agree_on_exponents(Communicator& comm, std::vector<int>& low, std::vector<int>& high) {
  const std::size_t d = low.size();
  std::vector<std::int64_t> extremes(2 * d, kNone);
  for (std::size_t i = 0; i < d; ++i) {
    if (low[i] == kZeroColumn) continue;
    extremes[i] = -std::int64_t{low[i]};
    extremes[d + i] = high[i];
  }
  comm.all_max(extremes);
  for (std::size_t i = 0; i < d; ++i) {
    low[i] = extremes[i] == kNone ? kZeroColumn : static_cast<int>(-extremes[i]);
    high[i] = extremes[i] == kNone ? kZeroColumn : static_cast<int>(extremes[d + i]);
  }
}

void sum_gram(Communicator& comm, ExactGram& gram) {
  std::uint64_t rows = gram.rows();
  comm.all_sum({&rows, 1}, 1);
  if (rows == 0) return;
  std::vector<int> low(gram.low().begin(), gram.low().end()), high(gram.high().begin(), gram.high().end());
  agree_on_exponents(comm, low, high);
  gram.make_room(rows - gram.rows(), low, high);
  comm.all_sum(gram.words(), static_cast<std::size_t>(gram.limbs()));
}

void sum_weights(Communicator& comm, std::map<int, std::uint64_t>& weights) {
  detail::ByteWriter mine;
  for (const auto& [exponent, rows] : weights) {
    mine.put<std::int64_t>(exponent);
    mine.put(rows);
  }
  const auto parts = comm.gather(mine.bytes());
  weights.clear();
  for (const auto& part : parts) {
    for (detail::ByteReader in(part); !in.at_end();) {
      const auto exponent = static_cast<int>(in.get<std::int64_t>());
      weights[exponent] += in.get<std::uint64_t>();
    }
  }
}

}  // namespace

void sum_metric(Communicator& comm, detail::Metric& metric) {
  sum_gram(comm, metric.gram);
  if (!metric.plain) return;
  sum_gram(comm, *metric.plain);
  sum_weights(comm, metric.weights);
}

}  // namespace heavykeys::distributed
