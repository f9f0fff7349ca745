#include "distributed/row_directory.hpp"

#include <algorithm>
#include <string>
#include <tuple>

#include "distributed/lock_step.hpp"
#include "lib/byte_stream.hpp"
#include "lib/read_rows.hpp"

namespace heavykeys::distributed {

namespace {

using detail::Range;

struct Holding {
  std::uint64_t stream = 0;
  Range rows;
  std::uint32_t rank = 0;
};

std::vector<std::byte> to_bytes(const RowsHere& here, int rank) {
  detail::ByteWriter out;
  std::vector<RowRange> ranges;
  for (const auto& [stream, all] : here.absorbed.streams()) {
    for (const Range& range : all) ranges.push_back({stream, range.begin, range.end});
  }
  std::vector<WaitingRun> runs;
  for (const auto& [first, run] : here.waiting) {
    const std::uint32_t bytes = detail::fits_float(run.view()) ? 4 : 8;
    runs.push_back({first, run.count(), static_cast<std::uint32_t>(rank), bytes});
  }
  out.put<std::uint64_t>(ranges.size());
  out.put_array(ranges.data(), ranges.size());
  out.put_array(runs.data(), runs.size());
  return out.take();
}

detail::Coverage united(std::vector<Holding> all) {
  std::sort(all.begin(), all.end(), [](const Holding& a, const Holding& b) {
    return std::tie(a.stream, a.rows.begin) < std::tie(b.stream, b.rows.begin);
  });
  detail::Coverage rows;
  const Holding* before = nullptr;  // of those so far in this stream, the one that reaches furthest
  for (const Holding& next : all) {
    if (before != nullptr && before->stream == next.stream && before->rows.end > next.rows.begin) {
      const Range both{next.rows.begin, std::min(before->rows.end, next.rows.end)};
      throw RefusedByAll(detail::to_string(next.stream, both) + " are on rank " +
                         std::to_string(std::min(before->rank, next.rank)) + " and on rank " +
                         std::to_string(std::max(before->rank, next.rank)));
    }
    rows.add(next.stream, next.rows);
    before = &next;
  }
  return rows;
}

void finish(OpenBlock& block, const RowsHere& here) {
  std::uint64_t total = 0, most = 0;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> shares;
  for (const WaitingRun& run : block.runs) shares.emplace_back(run.rank, run.count);
  std::sort(shares.begin(), shares.end());
  for (std::size_t i = 0; i < shares.size();) {
    const std::uint32_t rank = shares[i].first;
    std::uint64_t held = 0;
    for (; i < shares.size() && shares[i].first == rank; ++i) held += shares[i].second;
    total += held;
    if (held > most) {
      most = held;
      block.owner = static_cast<int>(rank);
    }
  }
  const std::uint64_t start = block.runs.front().first.row / here.block_rows * here.block_rows;
  block.complete = total == std::min(here.block_rows, here.end - start);
}

std::vector<OpenBlock> grouped(std::vector<WaitingRun> runs, const RowsHere& here) {
  const std::uint64_t block_rows = here.block_rows;
  std::sort(runs.begin(), runs.end(),
            [](const WaitingRun& a, const WaitingRun& b) { return a.first < b.first; });
  std::vector<OpenBlock> blocks;
  for (const WaitingRun& run : runs) {
    const bool same = !blocks.empty() && blocks.back().runs.back().first.stream == run.first.stream &&
                      blocks.back().runs.back().first.row / block_rows == run.first.row / block_rows;
    if (!same) blocks.emplace_back();
    blocks.back().runs.push_back(run);
  }
  for (OpenBlock& block : blocks) finish(block, here);
  return blocks;
}

}  // namespace

RowDirectory gather_rows(Communicator& comm, const RowsHere& here) {
  const auto parts = comm.gather(to_bytes(here, comm.rank()));
  std::vector<Holding> holdings;
  std::vector<WaitingRun> runs;
  for (std::size_t r = 0; r < parts.size(); ++r) {
    detail::ByteReader in(parts[r]);
    const auto ranges = in.get_array<RowRange>(in.get<std::uint64_t>());
    for (const RowRange& range : ranges)
      holdings.push_back({range.stream, {range.begin, range.end}, static_cast<std::uint32_t>(r)});
    while (!in.at_end()) runs.push_back(in.get<WaitingRun>());
  }
  return {united(std::move(holdings)), grouped(std::move(runs), here)};
}

}  // namespace heavykeys::distributed
