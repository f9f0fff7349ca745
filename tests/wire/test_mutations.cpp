// Damaged stored bytes of every kind, cut and changed.
#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "support/random.hpp"
#include "wire/reader.hpp"

using support::Random;
using wire::Bytes;
using wire::Field;
using wire::Kind;
using wire::Reader;

namespace {

template <class T>
void put(Bytes& bytes, const Field& field, T value) {
  std::memcpy(bytes.data() + field.at, &value, std::min(field.size, sizeof value));
}

/// Sets a field to a value that readers trip over.
void set_extreme(Bytes& bytes, const Field& field, Random& random) {
  static constexpr std::array<std::uint64_t, 16> kCounts{0,
                                                         1,
                                                         2,
                                                         3,
                                                         4,
                                                         8,
                                                         13,
                                                         16,
                                                         64,
                                                         2080,
                                                         4096,
                                                         std::uint64_t{1} << 20,
                                                         std::uint64_t{1} << 32,
                                                         std::uint64_t{1} << 61,
                                                         std::uint64_t{1} << 62,
                                                         ~std::uint64_t{0}};
  static constexpr std::array<std::int64_t, 10> kExponents{std::numeric_limits<int>::min(),
                                                           std::numeric_limits<int>::max(),
                                                           -5400,
                                                           -1080,
                                                           -1,
                                                           0,
                                                           1,
                                                           24,
                                                           1024,
                                                           5120};
  static constexpr std::array<double, 12> kNumbers{0.0,
                                                   -0.0,
                                                   1.0,
                                                   0.5,
                                                   3.0,
                                                   64.0,
                                                   5e-324,
                                                   1e-300,
                                                   1e300,
                                                   std::numeric_limits<double>::infinity(),
                                                   std::numeric_limits<double>::quiet_NaN(),
                                                   0x1p-1022};
  std::uint64_t old = 0;
  std::memcpy(&old, bytes.data() + field.at, field.size);
  switch (field.kind) {
    case Kind::count:
      return put(bytes, field,
                 random.coin() ? kCounts[random.below(kCounts.size())]
                               : old + static_cast<std::uint64_t>(random.integer(-2, 2)));
    case Kind::id:
      return put(bytes, field,
                 random.coin() ? kCounts[random.below(kCounts.size())]
                               : old + 8 * static_cast<std::uint64_t>(random.integer(-2, 2)));
    case Kind::exponent:
      return put(bytes, field,
                 random.coin() ? static_cast<std::uint64_t>(kExponents[random.below(kExponents.size())])
                               : old + static_cast<std::uint64_t>(random.integer(-30, 30)));
    case Kind::number:
      if (field.size == 4)
        return put(bytes, field, static_cast<float>(kNumbers[random.below(kNumbers.size())]));
      return put(bytes, field, kNumbers[random.below(kNumbers.size())]);
    case Kind::word:
      return put(bytes, field, old ^ (std::uint64_t{1} << random.below(64)));
    case Kind::small:
      return put(bytes, field, static_cast<std::uint64_t>(random.below(12)));
  }
}

/// One to three changes: bits, bytes, or whole fields.
void damage(Bytes& bytes, const std::vector<Field>& fields, Random& random) {
  for (std::size_t i = 0, count = 1 + random.below(3); i < count; ++i) {
    const std::size_t at = random.below(bytes.size());
    switch (random.below(4)) {
      case 0:
        bytes[at] ^= std::byte{1} << random.below(8);
        break;
      case 1:
        bytes[at] = static_cast<std::byte>(random.below(256));
        break;
      default: {
        // Half of them in the head of the file: what stands there decides how the rest is read.
        const std::size_t among = random.coin() ? fields.size() : std::min<std::size_t>(fields.size(), 40);
        set_extreme(bytes, fields[random.below(among)], random);
      }
    }
  }
}

}  // namespace

TEST_CASE("every truncation is refused, whether the checksum is stale or made to fit") {
  const auto [kind, least] =
      GENERATE(table<wire::Stored, std::size_t>({{wire::Stored::sketch, 20'000},
                                                 {wire::Stored::covariance, 4'000},
                                                 {wire::Stored::reconstructor, 3'000}}));
  Reader reader(kind);
  std::size_t lengths = 0;
  for (const wire::State& state : wire::states(kind)) {
    for (std::size_t length = 0; length < state.bytes.size(); ++length, ++lengths) {
      Bytes part(state.bytes.begin(), state.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      reader.read(part, state.name + " cut");
      if (length < wire::kHeader) continue;
      wire::seal(part);
      reader.read(part, state.name + " cut and sealed");
    }
  }
  reader.check();
  CHECK(reader.accepted == 0);
  CHECK(reader.refused > lengths);
  CHECK(lengths > least);
  WARN(wire::states(kind).size() << " states, " << lengths << " lengths; " << reader.figures());
}

TEST_CASE("20,000 random mutations of each kind and as many behind a checksum made to fit") {
  const wire::Stored kind =
      GENERATE(wire::Stored::sketch, wire::Stored::covariance, wire::Stored::reconstructor);
  Random random(2026);
  Reader stale(kind), sealed(kind);
  const std::vector<wire::State>& states = wire::states(kind);
  std::vector<std::vector<Field>> fields;
  for (const wire::State& state : states) fields.push_back(wire::fields_of(state.bytes));
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t which = random.below(fields.size());
    Bytes bytes = states[which].bytes;
    damage(bytes, fields[which], random);
    const std::string what = "round " + std::to_string(round) + " of " + states[which].name;
    if (bytes != states[which].bytes) stale.read(bytes, what);
    wire::seal(bytes);
    sealed.read(bytes, what + ", sealed");
  }
  stale.check();
  sealed.check();
  CHECK(stale.accepted == 0);
  CHECK(sealed.accepted > 100);
  CHECK(sealed.refused > 5'000);
  WARN(states.size() << " states; " << stale.figures() << "; sealed: " << sealed.figures());
}
