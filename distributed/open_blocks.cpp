#include "distributed/open_blocks.hpp"

#include <map>
#include <utility>

#include "lib/byte_stream.hpp"
#include "lib/row_bytes.hpp"

namespace heavykeys::distributed {

namespace {

/// Calls body(block, run) for the runs that are to go from one rank to another, in the order of the plan.
template <class Body>
void for_moves(const RowDirectory& directory, const Body& body) {
  for (const OpenBlock& block : directory.blocks) {
    if (!block.complete) continue;
    for (const WaitingRun& run : block.runs) {
      if (static_cast<int>(run.rank) != block.owner) body(block, run);
    }
  }
}

struct Moves {
  std::vector<Communicator::Parcel> outgoing;
  std::vector<Communicator::Arrival> incoming;
};

Moves moves_of(int me, const RowDirectory& directory, const RowsHere& here) {
  std::map<int, detail::ByteWriter> to;
  std::map<int, std::size_t> from;
  for_moves(directory, [&](const OpenBlock& block, const WaitingRun& run) {
    if (static_cast<int>(run.rank) == me) detail::put_rows(to[block.owner], here.waiting.at(run.first));
    if (block.owner == me) from[static_cast<int>(run.rank)] += run.bytes(here.dim);
  });
  Moves moves;
  for (auto& [rank, bytes] : to) moves.outgoing.push_back({rank, bytes.take()});
  for (const auto& [rank, size] : from) moves.incoming.push_back({rank, size});
  return moves;
}

}  // namespace

void complete_blocks(Communicator& comm, const RowDirectory& directory, const RowsHere& here,
                     const std::function<void(const Rows&)>& absorb) {
  const int me = comm.rank();
  const Moves moves = moves_of(me, directory, here);
  const auto arrived = comm.exchange(moves.outgoing, moves.incoming);
  std::map<int, detail::ByteReader> from;
  for (std::size_t i = 0; i < arrived.size(); ++i)
    from.emplace(moves.incoming[i].rank, detail::ByteReader(arrived[i]));
  for_moves(directory, [&](const OpenBlock& block, const WaitingRun& run) {
    if (static_cast<int>(run.rank) == me) {
      here.waiting.erase(run.first);
      here.absorbed.remove(run.first.stream, {run.first.row, run.first.row + run.count});
    }
    if (block.owner != me) return;
    const detail::RowStore rows = detail::get_rows(from.at(static_cast<int>(run.rank)), here.dim);
    absorb(rows.view(run.first.row, run.first.stream));
  });
}

detail::Fragments gather_open_blocks(Communicator& comm, const RowDirectory& directory, const RowsHere& here,
                                     std::optional<int> root) {
  const auto me = static_cast<std::uint32_t>(comm.rank());
  detail::ByteWriter mine;
  for (const OpenBlock& block : directory.blocks) {
    for (const WaitingRun& run : block.runs) {
      if (!block.complete && run.rank == me) detail::put_rows(mine, here.waiting.at(run.first));
    }
  }
  const auto parts = comm.gather(mine.bytes(), root);
  detail::Fragments open;
  if (parts.empty()) return open;  // not the root
  std::vector<detail::ByteReader> from(parts.begin(), parts.end());
  for (const OpenBlock& block : directory.blocks) {
    if (block.complete) continue;
    KeyId end;  // of the run last put in
    auto last = open.end();
    for (const WaitingRun& run : block.runs) {
      const detail::RowStore rows = detail::get_rows(from[run.rank], here.dim);
      if (last != open.end() && run.first == end) {
        last->second.append(rows);
      } else {
        last = open.emplace(run.first, rows).first;
      }
      end = {run.first.stream, run.first.row + run.count};
    }
  }
  return open;
}

}  // namespace heavykeys::distributed
