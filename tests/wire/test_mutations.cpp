// Damaged state files: Corrupt, or accepted and then exactly what to_bytes writes. Quickly, and without
// memory that the bytes there are do not account for.
#include <time.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "support/random.hpp"
#include "wire/counted_memory.hpp"
#include "wire/state_files.hpp"

using support::Random;
using wire::Bytes;
using wire::Field;
using wire::Kind;

namespace {

/// What a reader may take: so much whatever the file says (the lift of the greatest Spec), and so many bytes
/// for each one of the file (floating-point factors of its Gram matrix).
constexpr std::size_t kSingle = std::size_t{1} << 17, kSinglePerByte = 4;
constexpr std::size_t kTogether = std::size_t{1} << 19, kTogetherPerByte = 16;
constexpr double kSeconds = 1.0;  // of processor time, for files of at most a few kilobytes

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Reads what may be damaged, and keeps the books.
class Reader {
 public:
  void read(const Bytes& bytes, const std::string& what) {
    const double start = processor_seconds();
    bool right = true;
    {
      const wire::CountedMemory memory;
      right = is_right(bytes);
      greatest = std::max(greatest, memory.greatest());
      peak = std::max(peak, memory.peak());
      right &= memory.greatest() <= kSingle + kSinglePerByte * bytes.size();
      right &= memory.peak() <= kTogether + kTogetherPerByte * bytes.size();
    }
    const double took = processor_seconds() - start;
    slowest = std::max(slowest, took);
    if (right && took < kSeconds) return;
    ++wrong;
    UNSCOPED_INFO(what << ", " << bytes.size() << " bytes: " << took << " s, other error " << other_);
  }
  void check() const {
    CAPTURE(accepted, refused, greatest, peak, slowest);
    CHECK(wrong == 0);
  }

  std::size_t accepted = 0, refused = 0, wrong = 0, greatest = 0, peak = 0;
  double slowest = 0.0;

 private:
  bool is_right(const Bytes& bytes) {
    other_ = "none";
    try {
      const heavykeys::Sketch sketch = heavykeys::from_bytes(bytes);
      ++accepted;
      return to_bytes(sketch) == bytes;
    } catch (const heavykeys::Corrupt&) {
      ++refused;
      return true;
    } catch (const std::exception& error) {
      other_ = error.what();
      return false;
    }
  }
  std::string other_;
};

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
  static constexpr std::array<int, 10> kExponents{std::numeric_limits<int>::min(),
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
                 random.coin() ? kExponents[random.below(kExponents.size())]
                               : static_cast<int>(static_cast<std::uint32_t>(old) +
                                                  static_cast<std::uint32_t>(random.integer(-30, 30))));
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
  Reader reader;
  std::size_t lengths = 0;
  for (const wire::State& state : wire::states()) {
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
  CHECK(lengths > 20'000);
}

TEST_CASE("20,000 random mutations and as many behind a checksum made to fit") {
  Random random(2026);
  Reader stale, sealed;
  std::vector<std::vector<Field>> fields;
  for (const wire::State& state : wire::states()) fields.push_back(wire::fields_of(state.bytes));
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t which = random.below(fields.size());
    const wire::State& state = wire::states()[which];
    Bytes bytes = state.bytes;
    damage(bytes, fields[which], random);
    const std::string what = "round " + std::to_string(round) + " of " + state.name;
    if (bytes != state.bytes) stale.read(bytes, what);
    wire::seal(bytes);
    sealed.read(bytes, what + ", sealed");
  }
  stale.check();
  sealed.check();
  CHECK(stale.accepted == 0);
  CHECK(sealed.accepted > 100);
  CHECK(sealed.refused > 10'000);
}

TEST_CASE("states of the largest Specs, with nothing or little in them, are read with little memory") {
  using heavykeys::Score;
  const auto spec = [](std::size_t dim, const Score& score) {
    return heavykeys::Spec{.dim = dim, .epsilon = 0.01, .score = score};
  };
  Reader reader;
  for (const heavykeys::Spec& s :
       {spec(4096, {}), spec(4096, Score::power(4)), spec(4096, Score::expressive()),
        spec(64, Score::power(4)), spec(22, Score::power(6)), spec(13, Score::power(8)),
        spec(12, Score::polynomial({1, 1, 1, 1, 1})),
        heavykeys::Spec{.dim = 64,
        .epsilon = 5e-324,
        .score = Score::power(3),
        .block_rows = 16,
        .sample_rows = std::size_t{1} << 20}}) {
    reader.read(to_bytes(heavykeys::Sketch(s)), to_string(s));
  }
  reader.check();
  CHECK(reader.accepted == 8);
}

TEST_CASE("wide states with rows in them are read with a small multiple of their size") {
  Random random(9);
  for (const heavykeys::Spec& spec :
       {heavykeys::Spec{.dim = 128, .epsilon = 0.05, .block_rows = 16},
        heavykeys::Spec{.dim = 14, .epsilon = 0.05, .score = heavykeys::Score::power(4), .block_rows = 16},
        heavykeys::Spec{
            .dim = 40, .epsilon = 0.05, .score = heavykeys::Score::expressive(), .block_rows = 16}}) {
    constexpr std::size_t n = 165;
    std::vector<float> keys(n * spec.dim);
    for (float& k : keys) k = static_cast<float>(random.integer(-1000, 1000));
    heavykeys::Sketch sketch(spec);
    heavykeys::streaming::absorb(sketch, heavykeys::rows(keys.data(), n, spec.dim));
    const Bytes bytes = to_bytes(sketch);
    CAPTURE(to_string(spec), bytes.size());
    CHECK(bytes.size() > 10'000);
    Reader reader;
    reader.read(bytes, to_string(spec));
    reader.check();
    CHECK(reader.accepted == 1);
  }
}
