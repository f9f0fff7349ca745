#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "distributed/reductions.hpp"
#include "lib/byte_stream.hpp"

namespace heavykeys::distributed {

namespace {

/// The k-th least of the hashes of all ranks, found from its highest byte down; the greatest there is, when
/// there are no more than k.
std::uint64_t kth_least(Communicator& comm, const std::vector<std::uint64_t>& hashes, std::uint64_t k) {
  std::uint64_t total = hashes.size();
  comm.all_sum({&total, 1}, 1);
  if (total <= k) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t found = 0, left = k;
  for (int shift = 56; shift >= 0; shift -= 8) {
    std::array<std::uint64_t, 256> counts{};
    for (const std::uint64_t h : hashes) {
      if (shift == 56 || (h >> (shift + 8)) == (found >> (shift + 8))) ++counts[(h >> shift) & 255];
    }
    comm.all_sum(counts, 1);
    std::uint64_t byte = 0;
    for (; counts[byte] < left; ++byte) left -= counts[byte];
    found |= byte << shift;
  }
  return found;
}

}  // namespace

detail::RowSample gather_sample(Communicator& comm, const detail::RowSample& own, std::optional<int> root) {
  detail::RowSample all(own.dim(), own.capacity(), own.seed());
  if (own.capacity() == 0) return all;
  const std::uint64_t highest = kth_least(comm, own.hashes(), own.capacity());
  detail::ByteWriter mine;
  own.up_to(highest).put(mine);
  const auto parts = comm.gather(mine.bytes(), root);
  for (const auto& part : parts) {
    detail::ByteReader in(part);
    all.merge(detail::RowSample::get(in, own.dim(), own.capacity(), own.seed()));
  }
  return all;
}

}  // namespace heavykeys::distributed
