// The bottom-k sample: a function of the set of rows, equal to brute force, uniform over the seeds, and its
// bytes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "lib/counter_random.hpp"
#include "lib/row_sample.hpp"
#include "support/chance.hpp"
#include "support/random.hpp"
#include "support/sketches.hpp"

using namespace heavykeys::detail;
using heavykeys::KeyId;

namespace {

struct Row {
  KeyId id;
  std::vector<double> values;
};

/// Rows of three streams; now and then one that is not float32, or holds minus zero.
std::vector<Row> draw_rows(std::size_t n, std::size_t dim, support::Random& random) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < n; ++i) {
    Row row{{random.below(3), i}, {}};
    const bool wide = random.below(50) == 0;
    for (std::size_t c = 0; c < dim; ++c)
      row.values.push_back(wide ? 0.1 * random.gaussian() : random.integer(-3, 3) * -0.5);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// By the definition: all rows sorted by (hash, id), the first k.
std::vector<Row> least(std::vector<Row> rows, std::size_t k, std::uint64_t seed) {
  const std::uint64_t key = derived_seed(seed, Purpose::row_sample);
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    const std::uint64_t x = random_bits(key, a.id.stream, a.id.row).low,
                        y = random_bits(key, b.id.stream, b.id.row).low;
    return x != y ? x < y : a.id < b.id;
  });
  rows.resize(std::min(k, rows.size()));
  return rows;
}

RowSample sampled(const std::vector<Row>& rows, std::size_t dim, std::size_t k, std::uint64_t seed) {
  RowSample sample(dim, k, seed);
  for (const Row& row : rows) sample.add(row.id, row.values.data());
  return sample;
}

std::vector<std::byte> bytes_of(const RowSample& sample) {
  ByteWriter out;
  sample.put(out);
  return out.take();
}

RowSample read_back(const std::vector<std::byte>& bytes, std::size_t dim, std::size_t k, std::uint64_t seed) {
  ByteReader in(bytes);
  RowSample sample = RowSample::get(in, dim, k, seed);
  if (!in.at_end()) ByteReader::fail("bytes are left over");
  return sample;
}

}  // namespace

TEST_CASE("a row sample is the k least hashes, by brute force") {
  support::Random random(1);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const std::size_t n = random.below(600), dim = 1 + random.below(4), k = random.below(40);
    const auto rows = draw_rows(n, dim, random);
    const auto expected = least(rows, k, seed);
    const auto kept = sampled(rows, dim, k, seed).sorted();
    REQUIRE(kept.ids.size() == expected.size());
    std::vector<double> row(dim);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      REQUIRE(kept.ids[i] == expected[i].id);
      kept.rows.read(i, row.data());
      for (std::size_t c = 0; c < dim; ++c) REQUIRE(row[c] == expected[i].values[c]);
    }
  }
}

TEST_CASE("a row sample does not depend on order or partition, and merges in any order") {
  support::Random random(2);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const std::size_t n = random.below(600), dim = 1 + random.below(3), k = random.below(50);
    auto rows = draw_rows(n, dim, random);
    const RowSample whole = sampled(rows, dim, k, seed);
    random.shuffle(rows);
    CHECK(sampled(rows, dim, k, seed) == whole);
    CHECK(bytes_of(sampled(rows, dim, k, seed)) == bytes_of(whole));

    std::vector<RowSample> parts;
    for (const auto& piece : support::cut(n, 5, random)) {
      const auto from = rows.begin() + static_cast<std::ptrdiff_t>(piece.begin);
      parts.push_back(sampled({from, from + static_cast<std::ptrdiff_t>(piece.length)}, dim, k, seed));
    }
    for (int order = 0; order < 3; ++order) {
      RowSample merged(dim, k, seed);
      for (std::size_t i : random.permutation(parts.size())) merged.merge(parts[i]);
      CHECK(merged == whole);
      CHECK(bytes_of(merged) == bytes_of(whole));
    }
  }
}

TEST_CASE("would_keep and select say beforehand what add will do, and fresh samples lose nothing") {
  support::Random random(3);
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const std::size_t dim = 2, k = random.below(30), n = 2000;
    RowSample one_by_one(dim, k, seed), by_batches(dim, k, seed);
    const double row[] = {1, 2};
    for (std::uint64_t begin = 0; begin < n; begin += 400) {
      std::vector<std::uint32_t> named, asked;
      by_batches.select(0, begin, 400, named);
      for (std::uint32_t i = 0; i < 400; ++i) {
        if (by_batches.would_keep({0, begin + i})) asked.push_back(i);
      }
      REQUIRE(named == asked);
      RowSample batch = by_batches.fresh();
      REQUIRE(batch.size() == 0);
      for (std::uint32_t i = 0; i < 400; ++i)
        REQUIRE(batch.would_keep({0, begin + i}) == (k > 0 && by_batches.would_keep({0, begin + i})));
      for (std::uint32_t i : named) batch.add({0, begin + i}, row);
      by_batches.merge(batch);
      for (std::uint64_t i = begin; i < begin + 400; ++i) {
        const bool expected = one_by_one.would_keep({0, i});
        const auto before = one_by_one.sorted().ids;
        one_by_one.add({0, i}, row);
        REQUIRE((one_by_one.sorted().ids != before) == expected);
      }
      REQUIRE(by_batches == one_by_one);
    }
  }
}

TEST_CASE("a row sample stays small") {
  const std::size_t k = 100, dim = 8;
  RowSample sample(dim, k, 7);
  const std::vector<double> row(dim, 0.1);
  for (std::uint64_t i = 0; i < 100000; ++i) sample.add({0, i}, row.data());
  CHECK(sample.size() == k);
  CHECK(sample.memory_bytes() <= 2 * (2 * k + 64) * dim * 8 + 2 * k * 64);
  const RowSample none = sampled({{{0, 1}, row}}, dim, 0, 7);
  CHECK(none.size() == 0);
  CHECK_FALSE(none.would_keep({0, 2}));
}

TEST_CASE("every row is sampled equally often over the seeds, and every pair") {
  const std::size_t n = 24, k = 6, seeds = 20000;
  std::vector<double> single(n, 0.0), pair(n * n, 0.0);
  const double row[] = {1};
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    RowSample sample(1, k, seed);
    for (std::uint64_t i = 0; i < n; ++i) sample.add({i % 2, i / 2}, row);
    const auto ids = sample.sorted().ids;
    for (std::size_t a = 0; a < k; ++a) {
      const std::size_t i = 2 * ids[a].row + ids[a].stream;
      single[i] += 1;
      for (std::size_t b = 0; b < k; ++b) pair[i * n + 2 * ids[b].row + ids[b].stream] += 1;
    }
  }
  const double draws = static_cast<double>(seeds), p = static_cast<double>(k) / n;
  double chi_square = 0.0;
  for (double count : single) chi_square += (count - p * draws) * (count - p * draws);
  chi_square /= p * (1 - p) * draws * n / (n - 1.0);  // inclusions of one sample exclude each other
  CHECK(chi_square < support::most_chi_square(n - 1.0));
  CHECK(chi_square > support::least_chi_square(n - 1.0));
  const double both = p * (k - 1.0) / (n - 1.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      // 276 pairs, both sides: each at 1e-6 (Bernstein).
      REQUIRE(pair[i * n + j] < support::most_successes(both, seeds));
      REQUIRE(draws - pair[i * n + j] < support::most_successes(1 - both, seeds));
    }
  }
}

TEST_CASE("samples survive their bytes; bytes that put cannot have written are refused") {
  support::Random random(4);
  const std::size_t dim = 3, k = 20;
  std::size_t taken = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const RowSample sample = sampled(draw_rows(random.below(60), dim, random), dim, k, seed);
    const auto bytes = bytes_of(sample);
    RowSample back = read_back(bytes, dim, k, seed);
    CHECK(back == sample);
    CHECK(bytes_of(back) == bytes);
    const double row[] = {1, 2, 3};  // it goes on as the one it was written from
    RowSample longer = sample;
    for (std::uint64_t i = 1000; i < 1100; ++i) {
      longer.add({9, i}, row);
      back.add({9, i}, row);
    }
    CHECK(back == longer);
    for (std::size_t length = 0; length < bytes.size(); ++length)
      REQUIRE_THROWS_AS(
          read_back({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)}, dim, k, seed),
          heavykeys::Corrupt);
    // No flipped bit is taken for another sample unless the bytes are those that sample would write.
    for (int flip = 0; flip < 300 && !bytes.empty(); ++flip) {
      auto damaged = bytes;
      damaged[random.below(damaged.size())] ^= static_cast<std::byte>(1 << random.below(8));
      std::vector<std::byte> again = damaged;
      try {
        again = bytes_of(read_back(damaged, dim, k, seed));
      } catch (const heavykeys::Corrupt&) {
        continue;
      }
      REQUIRE(again == damaged);
      ++taken;
    }
  }
  CHECK(taken > 100);  // a value's bit, mostly: another sample, and well formed
}

TEST_CASE("what a sample's bytes may not say") {
  const double row[] = {1.5};
  RowSample two(1, 2, 0);
  two.add({0, 0}, row);
  two.add({0, 1}, row);
  const auto bytes = bytes_of(two);
  CHECK_THROWS_AS(read_back(bytes, 1, 1, 0), heavykeys::Corrupt);  // more than asked for
  std::vector<std::byte> swapped = bytes;
  std::swap_ranges(swapped.begin() + 8, swapped.begin() + 24, swapped.begin() + 24);
  CHECK_THROWS_AS(read_back(swapped, 1, 2, 0), heavykeys::Corrupt);
  std::vector<std::byte> twice = bytes;
  std::copy(bytes.begin() + 8, bytes.begin() + 24, twice.begin() + 24);
  CHECK_THROWS_AS(read_back(twice, 1, 2, 0), heavykeys::Corrupt);
  const auto with_value = [&](float value) {
    std::vector<std::byte> changed = bytes;
    std::memcpy(changed.data() + changed.size() - 4, &value, 4);
    return changed;
  };
  CHECK_NOTHROW(read_back(with_value(2.0f), 1, 2, 0));
  CHECK_THROWS_AS(read_back(with_value(-0.0f), 1, 2, 0), heavykeys::Corrupt);
  CHECK_THROWS_AS(read_back(with_value(std::numeric_limits<float>::infinity()), 1, 2, 0), heavykeys::Corrupt);
  CHECK_THROWS_AS(read_back(with_value(std::numeric_limits<float>::quiet_NaN()), 1, 2, 0),
                  heavykeys::Corrupt);
}
