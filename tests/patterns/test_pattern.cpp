// Sparse patterns: what is one, what is refused and why, and random ones.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/isa.hpp"
#include "heavykeys/sparse_pattern.hpp"

using Catch::Matchers::Contains;
using heavykeys::InvalidInput;
using heavykeys::pattern_of;
using heavykeys::PatternShape;
using heavykeys::random_pattern;
using heavykeys::shape_of;
using heavykeys::SparsePattern;

namespace {

/// [[1, 0, 4], [0, 2, 0]].
SparsePattern example() { return {2, 3, {0, 2, 3}, {0, 2, 1}, {1.0, 4.0, 2.0}}; }

template <class Change>
void refused(Change change, const std::string& words) {
  SparsePattern m = example();
  change(m);
  CHECK_THROWS_WITH(shape_of(m), Contains(words));
  CHECK_THROWS_AS(shape_of(m), InvalidInput);
}

}  // namespace

TEST_CASE("a pattern is measured") {
  CHECK(shape_of(example()) == PatternShape{2, 3, 2, 1, 4.0});
  CHECK(heavykeys::normalised_weights(example()) == std::vector<double>{0.2, 0.8, 1.0});
  const double dense[] = {1, 0, 4, 0, 2, 0};
  CHECK(pattern_of(heavykeys::rows(dense, 2, 3)) == example());
  const float small[] = {1, 0, 4, 0, 2, 0};
  CHECK(pattern_of(heavykeys::rows(small, 2, 3)) == example());
}

TEST_CASE("what is no pattern is refused, with the place and the values") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  refused([](SparsePattern& m) { m.values[1] = -1; }, "row 0, column 2 is -1");
  refused([](SparsePattern& m) { m.values[1] = 0; }, "row 0, column 2 is 0");
  refused([](SparsePattern& m) { m.values[2] = std::nan(""); }, "row 1, column 1 is nan");
  refused([](SparsePattern& m) { m.values[2] = inf; }, "row 1, column 1 is inf");
  refused([](SparsePattern& m) { m.indices[1] = 0; }, "row 0, column 0 comes after column 0");
  refused([](SparsePattern& m) { std::swap(m.indices[0], m.indices[1]); },
          "row 0, column 0 comes after column 2");
  refused([](SparsePattern& m) { m.indices[2] = 3; }, "row 1, column 3: there are 3 columns");
  refused([](SparsePattern& m) { m.indices[2] = -1; }, "row 1, column -1");
  refused([](SparsePattern& m) { m.indptr = {0, 3, 3}; }, "row 1 is empty");
  refused([](SparsePattern& m) { m.indptr = {0, 5, 3}; }, "indptr[2] = 3 is below indptr[1] = 5");
  refused([](SparsePattern& m) { m.indptr = {1, 2, 3}; }, "indptr[0] is 1");
  refused([](SparsePattern& m) { m.indptr = {0, 2, 4}; }, "indptr ends at 4, but there are 3 entries");
  refused([](SparsePattern& m) { m.indptr.pop_back(); }, "indptr has 2 elements");
  refused([](SparsePattern& m) { m.values.pop_back(); }, "3 indices, but 2 values");
  refused([](SparsePattern& m) { m.rows = 0; }, "(0, 3)");
  refused([](SparsePattern& m) { m.columns = (std::size_t{1} << 32) + 1; }, "4294967297 columns");
  refused([](SparsePattern& m) { m.values = {1e308, 1e-308, 1}; }, "the ratio overflows");

  CHECK_THROWS_WITH(shape_of(example(), {1, 0.0}), Contains("row 0 has 2 entries; at most 1"));
  CHECK_THROWS_WITH(shape_of(example(), {0, 3.0}), Contains("row 0 has the ratio 4; at most 3"));
  SparsePattern column = example();
  column.indices[2] = 0;
  CHECK_THROWS_WITH(shape_of({2, 3, {0, 1, 2}, {0, 0}, {1, 1}}, {1, 0.0}),
                    Contains("column 0 has 2 entries"));
  CHECK(shape_of(column, {2, 4.0}).column_nonzeros == 2);

  const double bad[] = {1, 0, 0, -2};
  CHECK_THROWS_WITH(pattern_of(heavykeys::rows(bad, 2, 2)), Contains("row 1, column 1 is -2"));
  const double empty[] = {1, 0, 0, 0};
  CHECK_THROWS_WITH(pattern_of(heavykeys::rows(empty, 2, 2)), Contains("row 1 is empty"));
}

TEST_CASE("forged sizes are refused, and a wide pattern takes no memory for its columns") {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_WITH(shape_of({most, 1, {}, {}, {}}), Contains("indptr has 0 elements; 18446744073709551615"));
  CHECK_THROWS_AS(shape_of({most, 1, {}, {}, {}}), InvalidInput);
  CHECK_THROWS_AS(shape_of({1, std::size_t{1} << 61, {0, 1}, {0}, {1.0}}), InvalidInput);
  const std::size_t wide = std::size_t{1} << 32;  // 32 GiB, were its columns counted in an array
  const SparsePattern m{3, wide, {0, 1, 3, 4}, {5, 5, 4294967295, 4294967295}, {1, 1, 2, 1}};
  CHECK(shape_of(m) == PatternShape{3, wide, 2, 2, 2.0});
  CHECK_THROWS_WITH(shape_of(m, {1, 0.0}), Contains("row 1 has 2"));
  CHECK_THROWS_WITH(shape_of({3, wide, {0, 1, 2, 3}, {9, 7, 7}, {1, 1, 1}}, {1, 0.0}),
                    Contains("column 7 has 2 entries"));
}

TEST_CASE("a random pattern has exactly k entries in each row and column, and the ratio in each row") {
  for (const std::size_t size : {1u, 2u, 5u, 64u, 301u}) {
    for (const std::size_t k : {1u, 2u, 3u, 4u}) {
      if (k > size) continue;
      const SparsePattern m = random_pattern(size, k, 7.5, 3);
      const PatternShape shape = shape_of(m, {k, 7.5});
      CHECK(shape == PatternShape{size, size, k, k, k == 1 ? 1.0 : 7.5});
      CHECK(m.values.size() == k * size);
    }
  }
  CHECK(random_pattern(64, 2, 4.0, 1) == random_pattern(64, 2, 4.0, 1));
  CHECK(random_pattern(64, 2, 4.0, 1) != random_pattern(64, 2, 4.0, 2));
  CHECK_THROWS_WITH(random_pattern(3, 4, 2.0, 1), Contains("3 columns cannot have 4"));
  CHECK_THROWS_WITH(random_pattern(3, 0, 2.0, 1), Contains("0 entries"));
  CHECK_THROWS_WITH(random_pattern(3, 1, 0.5, 1), Contains("ratio is 0.5"));
  for (const int bits : {27, 40, 61, 63})
    CHECK_THROWS_WITH(random_pattern(std::size_t{1} << bits, 1, 1.0, 1), Contains("at most 2^26 rows"));
  CHECK_THROWS_WITH(random_pattern(std::size_t{1} << 26, 5, 1.0, 1),
                    Contains("67108864 rows with 5 entries"));
}
