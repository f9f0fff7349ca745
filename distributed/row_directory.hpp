// Who has absorbed which rows, and which rows wait where: known to every rank, so that all make one plan.
#pragma once

#include <cstdint>
#include <vector>

#include "heavykeys/communicator.hpp"
#include "lib/sketch_state.hpp"

namespace heavykeys::distributed {

/// What a sketch and a scan have alike: rows they have absorbed, some of which wait for the rest of their
/// block.
struct RowsHere {
  detail::Coverage& absorbed;
  detail::Fragments& waiting;
  std::size_t dim = 0;
  std::uint64_t block_rows = 0;
  std::uint64_t end = std::uint64_t{1} << 62;  ///< of all row ids: the last block is complete there
};

/// A run of rows that wait on a rank for the rest of their block.
struct WaitingRun {
  KeyId first;
  std::uint64_t count = 0;
  std::uint32_t rank = 0;
  std::uint32_t element_bytes = 4;  ///< as put_rows writes them: 4 or 8

  std::size_t bytes(std::size_t dim) const { return 16 + count * dim * element_bytes; }
};

/// All the runs of one block.
struct OpenBlock {
  std::vector<WaitingRun> runs;  ///< ascending
  bool complete = false;
  int owner = 0;  ///< who has most of its rows, the lowest such rank: it puts a complete block together
};

struct RowDirectory {
  detail::Coverage rows;          ///< of all ranks
  std::vector<OpenBlock> blocks;  ///< ascending
};

/// Collective. Throws Incompatible, on all ranks, when two have absorbed the same row.
/// Traffic: 3 words for each run of rows that a rank has, and 4 for each that waits.
RowDirectory gather_rows(Communicator& comm, const RowsHere& here);

}  // namespace heavykeys::distributed
