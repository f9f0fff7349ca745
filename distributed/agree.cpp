#include "distributed/agree.hpp"

#include <array>
#include <span>

#include "distributed/lock_step.hpp"
#include "lib/crc64.hpp"

namespace heavykeys::distributed {

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void agree(Communicator& comm, const std::string& what, const std::string& mine) {
  const auto hash = static_cast<std::int64_t>(detail::crc64(bytes_of(mine)));
  // max(x) = ~max(~x) exactly when all are equal.
  std::array<std::int64_t, 2> extremes{hash, ~hash};
  comm.all_max(extremes);
  if (extremes[0] == ~extremes[1]) return;
  const auto texts = comm.gather(bytes_of(mine));
  for (std::size_t r = 1; r < texts.size(); ++r) {
    if (texts[r] == texts[0]) continue;
    throw RefusedByAll(what + " of rank 0 and rank " + std::to_string(r) + " differ: " + text_of(texts[0]) +
                       " and " + text_of(texts[r]));
  }
  throw BackendError("ranks disagree about nothing: is the communicator in order?");
}

}  // namespace heavykeys::distributed
