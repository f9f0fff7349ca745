#include <vector>

#include "distributed/lock_step.hpp"
#include "heavykeys/distributed.hpp"
#include "lib/byte_stream.hpp"
#include "lib/heavy_entries.hpp"

namespace heavykeys::distributed {

namespace {

std::vector<std::byte> to_bytes(const HeavyEntries& entries) {
  detail::ByteWriter out;
  out.put<std::uint64_t>(entries.indptr.size());
  out.put_array(entries.indptr.data(), entries.indptr.size());
  out.put<std::uint64_t>(entries.keys.size());
  out.put_array(entries.keys.data(), entries.keys.size());
  out.put_array(entries.weights.data(), entries.weights.size());
  out.put_array(entries.lower.data(), entries.lower.size());
  out.put_array(entries.upper.data(), entries.upper.size());
  return out.take();
}

HeavyEntries from_bytes(const std::vector<std::byte>& bytes) {
  detail::ByteReader in(bytes);
  HeavyEntries entries;
  entries.indptr = in.get_array<std::int64_t>(in.get<std::uint64_t>());
  const auto count = in.get<std::uint64_t>();
  entries.keys = in.get_array<KeyId>(count);
  entries.weights = in.get_array<double>(count);
  entries.lower = in.get_array<double>(count);
  entries.upper = in.get_array<double>(count);
  return entries;
}

HeavyEntries concatenated(Communicator& comm, const HeavyEntries& mine) {
  std::vector<HeavyEntries> entries;
  for (const auto& part : comm.gather(to_bytes(mine))) entries.push_back(from_bytes(part));
  return detail::concatenate(entries);
}

}  // namespace

Rows share(const Communicator& comm, const Rows& all, std::uint64_t multiple) {
  const auto rank = static_cast<std::uint64_t>(comm.rank()), size = static_cast<std::uint64_t>(comm.size());
  const auto cut = [&](std::uint64_t r) -> std::size_t {
    if (r == size) return all.count;
    // As 128 bits: count * rank may pass 64.
    const auto even = static_cast<std::uint64_t>(static_cast<unsigned __int128>(all.count) * r / size);
    const std::uint64_t id = (all.first_id + even) / multiple * multiple;
    return id <= all.first_id ? 0 : static_cast<std::size_t>(id - all.first_id);
  };
  return all.slice(cut(rank), cut(rank + 1) - cut(rank));
}

HeavyEntries concatenate(Communicator& comm, const HeavyEntries& mine) {
  if (comm.size() == 1) return mine;
  HeavyEntries all;
  LockStep steps(comm);
  steps.run([&] { all = concatenated(steps, mine); });
  return all;
}

HeavyEntries heavy_entries(Communicator& comm, const UniversalSet& set, const Rows& queries,
                           const HeavyOptions& options) {
  HeavyEntries all;
  LockStep steps(comm);
  steps.run([&] { all = concatenated(steps, heavykeys::heavy_entries(set, share(comm, queries), options)); });
  return all;
}

}  // namespace heavykeys::distributed
