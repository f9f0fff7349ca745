#include <utility>
#include <vector>

#include "distributed/reductions.hpp"
#include "lib/byte_stream.hpp"
#include "lib/onion.hpp"
#include "lib/row_bytes.hpp"

namespace heavykeys::distributed {

namespace {

using detail::Candidates;

void put(detail::ByteWriter& out, const Candidates& from, const std::vector<std::size_t>& which) {
  std::vector<KeyId> ids;
  ids.reserve(which.size());
  for (const std::size_t i : which) ids.push_back(from.ids[i]);
  out.put<std::uint64_t>(ids.size());
  out.put_array(ids.data(), ids.size());
  detail::put_rows(out, detail::select(from.rows, which));
}

void get(detail::ByteReader& in, Candidates& into) {
  const auto ids = in.get_array<KeyId>(in.get<std::uint64_t>());
  into.ids.insert(into.ids.end(), ids.begin(), ids.end());
  into.rows.append(detail::get_rows(in, into.rows.dim()));
}

}  // namespace

Candidates gather_candidates(Communicator& comm, const detail::Plan& plan, const detail::Metric& metric,
                             const Candidates& own, std::optional<int> root) {
  Candidates all(plan.spec.dim);
  detail::Peeling peeling(plan, metric, own.rows);
  while (peeling.more()) {
    detail::ByteWriter mine;
    put(mine, own, peeling.test(detail::Effort::loose));
    const bool last = peeling.is_last();
    const auto parts = comm.gather(mine.bytes(), last ? root : std::nullopt);
    Candidates heavy(plan.spec.dim);
    for (const auto& part : parts) {
      detail::ByteReader in(part);
      get(in, heavy);
    }
    all.append(heavy);
    if (last) {
      peeling.stop();
    } else {
      peeling.remove(heavy.rows);
    }
  }
  return all;
}

}  // namespace heavykeys::distributed
