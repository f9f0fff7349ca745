// State files, versions 1 and 2: what is read is what would be written, and can be worked with.
#include <cmath>
#include <cstring>
#include <vector>

#include "fuzz/target.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/crc64.hpp"

namespace fuzz {

namespace {

using namespace heavykeys;

constexpr std::size_t kHeader = 32, kSizeAt = 16, kChecksumAt = 24;  // docs/format.md

/// A custom score with its function, so that queries can be weighed: the one of tests/golden.
const std::vector<Score>& custom() {
  static const std::vector<Score> scores{Score::custom(
      "log1p-of-square", [](double x) { return std::log1p(x * x); }, 2)};
  return scores;
}

/// Runs `action`. An Error, and nothing else, may come out of it.
template <class Action>
bool succeeds(const Action& action) {
  try {
    action();
    return true;
  } catch (const Error&) {
    return false;
  }
}

void check_merge(const Sketch& sketch, Bytes bytes) {
  Sketch twice = sketch;
  bool refused = false;
  try {
    merge(twice, sketch);
  } catch (const Incompatible&) {
    refused = true;
  }
  require(refused == (sketch.row_count() > 0), "a merge with itself is refused, if it has rows");
  const std::vector<std::byte> after = to_bytes(twice);
  require(std::ranges::equal(after, bytes), "a refused merge changes nothing");
  Sketch empty(sketch.spec());
  if (succeeds([&] { merge(empty, sketch); })) {
    require(std::ranges::equal(to_bytes(empty), bytes), "a merge into an empty sketch is the sketch");
  }
}

/// That they end, with an answer or an Error. Whether a Gram matrix is that of any rows is not to be seen
/// from the outside, so weights by a forged one may be anything.
void check_answers(const Sketch& sketch, const std::vector<double>& row) {
  succeeds([&] {
    const UniversalSet set = finalize(sketch);
    require(std::is_sorted(set.ids().begin(), set.ids().end()), "ids ascend");
    require(set.leverage().size() == set.size() && set.layer().size() == set.size(), "sizes agree");
    const HeavyEntries entries = heavy_entries(set, rows(row.data(), 1, row.size()));
    require(entries.indptr.size() == 2 && entries.keys.size() == entries.lower.size(), "one query");
  });
}

void check_absorb(const Sketch& sketch, const std::vector<double>& row) {
  Sketch more = sketch;
  const Rows one = rows(row.data(), 1, row.size(), sketch.next_row());
  if (!succeeds([&] { streaming::absorb(more, one); })) {
    require(to_bytes(more) == to_bytes(sketch), "a refused row changes nothing");
    return;
  }
  require(more.row_count() == sketch.row_count() + 1, "a row is a row");
  const std::vector<std::byte> bytes = to_bytes(more);
  require(succeeds([&] { require(to_bytes(heavykeys::from_bytes(bytes)) == bytes, "written as read"); }),
          "what is written can be read");
}

/// True when accepted.
bool read(Bytes bytes) {
  std::vector<double> row;
  try {
    const Sketch sketch = heavykeys::from_bytes(bytes, custom());
    require(std::ranges::equal(to_bytes(sketch), bytes), "what is accepted is what would be written");
    for (std::size_t i = 0; i < sketch.spec().dim; ++i) row.push_back(i % 3 == 2 ? -0.5 : 1.0);
    // One question an input: each costs as much as reading, and the fuzzer has many inputs of a kind.
    switch (detail::crc64(bytes) % 3) {
      case 0:
        check_merge(sketch, bytes);
        break;
      case 1:
        check_answers(sketch, row);
        break;
      default:
        check_absorb(sketch, row);
    }
    return true;
  } catch (const Corrupt&) {
    return false;
  }
}

}  // namespace

void from_bytes(Bytes input) {
  read(input);  // as it is
  if (input.size() < kHeader) return;
  std::vector<std::byte> fixed(input.begin(), input.end());
  const std::uint64_t size = fixed.size();
  std::memcpy(fixed.data() + kSizeAt, &size, sizeof size);
  const std::uint64_t sum = detail::crc64(Bytes(fixed).subspan(kHeader));
  std::memcpy(fixed.data() + kChecksumAt, &sum, sizeof sum);
  if (!std::ranges::equal(fixed, input)) read(fixed);
}

}  // namespace fuzz
