#include "distributed/agree.hpp"

#include <array>
#include <cstring>
#include <exception>
#include <new>
#include <span>

#include "heavykeys/distributed.hpp"
#include "heavykeys/error.hpp"
#include "lib/crc64.hpp"

namespace heavykeys::distributed {

namespace {

enum class Kind : unsigned char { none, invalid_input, incompatible, corrupt, backend, out_of_memory };

struct Failure {
  Kind kind = Kind::none;
  std::string text;
};

Failure run(const std::function<void()>& step) {
  try {
    step();
    return {};
  } catch (const InvalidInput& e) {
    return {Kind::invalid_input, e.what()};
  } catch (const Incompatible& e) {
    return {Kind::incompatible, e.what()};
  } catch (const Corrupt& e) {
    return {Kind::corrupt, e.what()};
  } catch (const std::bad_alloc&) {
    return {Kind::out_of_memory, {}};
  } catch (const std::exception& e) {
    return {Kind::backend, e.what()};
  } catch (...) {
    return {Kind::backend, "an exception of an unknown type"};
  }
}

[[noreturn]] void raise(Kind kind, const std::string& text) {
  switch (kind) {
    case Kind::invalid_input:
      throw InvalidInput(text);
    case Kind::incompatible:
      throw Incompatible(text);
    case Kind::corrupt:
      throw Corrupt(text);
    case Kind::out_of_memory:
      throw std::bad_alloc();
    default:
      throw BackendError(text);
  }
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void collectively(Communicator& comm, const std::function<void()>& step) {
  Failure mine = run(step);
  // The greatest -rank among those that failed: the lowest of them.
  std::int64_t failed = mine.kind == Kind::none ? -comm.size() : -comm.rank();
  comm.all_max(std::span(&failed, 1));
  if (failed == -comm.size()) return;
  const int rank = static_cast<int>(-failed);
  std::string told;
  if (comm.rank() == rank) told = static_cast<char>(mine.kind) + mine.text;
  const std::string text = text_of(comm.gather(bytes_of(told))[static_cast<std::size_t>(rank)]);
  raise(static_cast<Kind>(text.at(0)), "rank " + std::to_string(rank) + ": " + text.substr(1));
}

void agree(Communicator& comm, const std::string& what, const std::string& mine) {
  const auto hash = static_cast<std::int64_t>(detail::crc64(bytes_of(mine)));
  // max(x) = -max(~x) - 1 exactly when all are equal.
  std::array<std::int64_t, 2> extremes{hash, ~hash};
  comm.all_max(extremes);
  if (extremes[0] == ~extremes[1]) return;
  const auto texts = comm.gather(bytes_of(mine));
  for (std::size_t r = 1; r < texts.size(); ++r) {
    if (texts[r] == texts[0]) continue;
    throw Incompatible(what + " of rank 0 and rank " + std::to_string(r) + " differ: " + text_of(texts[0]) +
                       " and " + text_of(texts[r]));
  }
  throw BackendError("ranks disagree about nothing: is the communicator in order?");
}

}  // namespace heavykeys::distributed
