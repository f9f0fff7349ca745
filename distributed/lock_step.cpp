#include "distributed/lock_step.hpp"

#include <new>
#include <stdexcept>
#include <string>

#include "heavykeys/distributed.hpp"

namespace heavykeys::distributed {

namespace {

constexpr std::int64_t kKinds = 16;

}  // namespace

/// In the handler of what the body has thrown; its text stays where it is.
void LockStep::fail() {
  try {
    throw;
  } catch (const RefusedByAll& e) {
    tell(Kind::refused_by_all, e.what());
  } catch (const InvalidInput& e) {
    tell(Kind::invalid_input, e.what());
  } catch (const Incompatible& e) {
    tell(Kind::incompatible, e.what());
  } catch (const Corrupt& e) {
    tell(Kind::corrupt, e.what());
  } catch (const Cancelled& e) {
    tell(Kind::cancelled, e.what());
  } catch (const std::bad_alloc&) {
    tell(Kind::out_of_memory, {});
  } catch (const std::exception& e) {
    tell(Kind::backend, e.what());
  } catch (...) {
    tell(Kind::backend, "an exception of an unknown type");
  }
  throw BackendError("a failure was told, and no rank heard it: is the communicator in order?");
}

/// Throws unless all ranks are well.
void LockStep::tell(Kind kind, std::string_view text) {
  // The lowest rank that has failed has the greatest number.
  const std::int64_t mine =
      kind == Kind::none ? 0 : (size() - rank()) * kKinds + static_cast<std::int64_t>(kind);
  std::int64_t worst = mine;
  over_ = true;
  inner_.all_max({&worst, 1});
  if (worst == 0) {
    over_ = false;
    return;
  }
  const Kind what = static_cast<Kind>(worst % kKinds);
  if (what == Kind::out_of_memory) throw std::bad_alloc();
  const auto failed = static_cast<int>(size() - worst / kKinds);
  const std::string_view said = mine == worst ? text : std::string_view();
  const auto texts = inner_.gather(std::as_bytes(std::span(said.data(), said.size())), std::nullopt);
  const auto& told = texts[static_cast<std::size_t>(failed)];
  raise(what, failed, {reinterpret_cast<const char*>(told.data()), told.size()});
}

void LockStep::raise(Kind kind, int rank, std::string_view text) {
  std::string told;
  if (kind != Kind::refused_by_all) told = "rank " + std::to_string(rank) + ": ";
  told += text;
  switch (kind) {
    case Kind::invalid_input:
      throw InvalidInput(told);
    case Kind::incompatible:
    case Kind::refused_by_all:
      throw Incompatible(told);
    case Kind::corrupt:
      throw Corrupt(told);
    case Kind::cancelled:
      throw Cancelled(told);
    default:
      throw BackendError(told);
  }
}

void LockStep::all_max(std::span<std::int64_t> values) {
  all_well();
  over_ = true;
  inner_.all_max(values);
  over_ = false;
}

void LockStep::all_sum(std::span<std::uint64_t> words, std::size_t limbs) {
  all_well();
  over_ = true;
  inner_.all_sum(words, limbs);
  over_ = false;
}

std::vector<std::vector<std::byte>> LockStep::gather(std::span<const std::byte> mine,
                                                     std::optional<int> root) {
  all_well();
  over_ = true;
  auto parts = inner_.gather(mine, root);
  over_ = false;
  return parts;
}

std::vector<std::vector<std::byte>> LockStep::exchange(std::span<const Parcel> outgoing,
                                                       std::span<const Arrival> incoming) {
  all_well();
  over_ = true;
  auto arrived = inner_.exchange(outgoing, incoming);
  over_ = false;
  return arrived;
}

void collectively(Communicator& comm, Step step) {
  LockStep steps(comm);
  steps.run(step);
}

}  // namespace heavykeys::distributed
