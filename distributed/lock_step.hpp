// No rank leaves a protocol alone.
#pragma once

#include <cstdint>
#include <string_view>

#include "heavykeys/communicator.hpp"
#include "heavykeys/error.hpp"

namespace heavykeys::distributed {

/// What every rank finds out by itself, at the same place: told without saying which rank it was.
class RefusedByAll : public Incompatible {
 public:
  using Incompatible::Incompatible;
};

/// A communicator whose operations all begin with a word from every rank: that it has come this far. A rank
/// on which anything throws in between says that instead, and all throw its error (of several ranks, the
/// lowest one's). To say so takes no memory, so that it may be memory which has run out, anywhere between two
/// operations. What the communicator itself throws is this rank's alone.
class LockStep final : public Communicator {
 public:
  explicit LockStep(Communicator& inner) : inner_(inner) {}

  /// Runs a protocol, all of whose messages go through this object, and waits until all ranks have come to
  /// its end. What cannot fail, such as a move, may follow.
  template <class Body>
  void run(const Body& body) {
    try {
      body();
    } catch (...) {
      if (over_) throw;
      fail();
    }
    all_well();
  }

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  void all_max(std::span<std::int64_t> values) override;
  void all_sum(std::span<std::uint64_t> words, std::size_t limbs) override;
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine,
                                             std::optional<int> root) override;
  std::vector<std::vector<std::byte>> exchange(std::span<const Parcel> outgoing,
                                               std::span<const Arrival> incoming) override;

 private:
  enum class Kind : std::int64_t {
    none,
    invalid_input,
    incompatible,
    refused_by_all,
    corrupt,
    backend,
    out_of_memory,
    cancelled
  };

  void all_well() { tell(Kind::none, {}); }
  [[noreturn]] void fail();
  void tell(Kind kind, std::string_view text);
  [[noreturn]] static void raise(Kind kind, int rank, std::string_view text);

  Communicator& inner_;
  bool over_ = false;  // nothing is left to tell: the error is known to all, or the transport's own
};

}  // namespace heavykeys::distributed
