// Shares: every row once, whole blocks, evenly, whatever the heads, rows and ranks.
#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "tools/shares.hpp"

using heavykeys::tools::Holders;
using heavykeys::tools::holders;
using heavykeys::tools::Range;
using heavykeys::tools::row_count;
using heavykeys::tools::Share;
using heavykeys::tools::take_rows;
using heavykeys::tools::without;
using heavykeys::tools::Work;

namespace {

std::uint64_t blocks_of(const Share& share) {
  std::uint64_t blocks = 0;
  for (std::size_t h = share.begin_head(); h < share.end_head(); ++h) {
    for (const Range& range : share.rows(h)) {
      blocks += (range.end - 1) / share.block_rows() - range.begin / share.block_rows() + 1;
    }
  }
  return blocks;
}

/// Ranges that touch become one.
std::vector<Range> joined(const std::vector<Range>& ranges) {
  std::vector<Range> out;
  for (const Range& range : ranges) {
    if (!out.empty() && out.back().end == range.begin) {
      out.back().end = range.end;
    } else {
      out.push_back(range);
    }
  }
  return out;
}

void check(const Work& work, int ranks) {
  CAPTURE(work.first_head, work.heads, work.rows.size(), work.block_rows, ranks);
  std::map<std::size_t, std::vector<Range>> dealt;
  std::map<std::size_t, Holders> held;
  std::uint64_t least = UINT64_MAX, most = 0;
  for (int r = 0; r < ranks; ++r) {
    const Share share(work, ranks, r);
    std::uint64_t rows = 0;
    for (std::size_t h = share.begin_head(); h < share.end_head(); ++h) {
      const std::vector<Range> mine = share.rows(h);
      REQUIRE_FALSE(mine.empty());
      for (const Range& range : mine) {
        REQUIRE(range.begin < range.end);
        dealt[h].push_back(range);
      }
      rows += row_count(mine);
      if (!held.contains(h)) held[h].first = r;
      held[h].last = r;
    }
    CHECK(share.rows(work.first_head + work.heads).empty());
    CHECK(share.row_count() == rows);
    least = std::min(least, blocks_of(share));
    most = std::max(most, blocks_of(share));
  }
  CHECK(most - least <= 1);
  if (work.rows.empty()) {
    CHECK(dealt.empty());
    return;
  }
  REQUIRE(dealt.size() == work.heads);
  for (const auto& [head, ranges] : dealt) {
    CHECK(joined(ranges) == joined(work.rows));
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      // Cut between blocks, or where the work has a gap.
      if (ranges[i].begin == ranges[i - 1].end) CHECK(ranges[i].begin % work.block_rows == 0);
    }
    const Holders found = holders(work, ranks, head);
    CHECK(found.first == held[head].first);
    CHECK(found.last == held[head].last);
  }
}

}  // namespace

TEST_CASE("every row of every head is in one share") {
  for (const int ranks : {1, 2, 3, 7, 64}) {
    for (const std::size_t heads : {1, 2, 5, 31}) {
      for (const std::uint64_t rows : {1, 15, 16, 17, 100, 1000}) check({0, heads, {{0, rows}}, 16}, ranks);
    }
  }
}

TEST_CASE("any rows of any head") {
  std::mt19937_64 random(5);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int trial = 0; trial < 300; ++trial) {
    Work work{below(4), 1 + below(4), {}, std::size_t{4} << below(4)};
    std::uint64_t at = below(50);
    for (std::uint64_t i = below(6); i > 0; --i) {
      const std::uint64_t end = at + 1 + below(120);
      work.rows.push_back({at, end});
      at = end + 1 + below(60);
    }
    check(work, 1 + static_cast<int>(below(9)));
  }
}

TEST_CASE("few long heads are split by rows, many short ones by heads") {
  const Work few{0, 2, {{0, 4096 * 6}}, 4096};
  CHECK(Share(few, 4, 1).rows(0) == std::vector<Range>{{4096 * 3, 4096 * 6}});
  CHECK(Share(few, 4, 1).end_head() == 1);
  const Work many{0, 12, {{0, 1000}}, 4096};
  CHECK(Share(many, 4, 1).begin_head() == 3);
  CHECK(Share(many, 4, 1).end_head() == 6);
  CHECK(Share(many, 4, 1).rows(4) == std::vector<Range>{{0, 1000}});
}

TEST_CASE("what the header of a stream may promise is no work") {
  const Work work{0, std::size_t{1} << 60, {{0, std::uint64_t{1} << 62}}, 16};
  const Share all(work);
  CHECK(all.begin_head() == 0);
  CHECK(all.end_head() == std::size_t{1} << 60);
  CHECK(all.rows(12345) == work.rows);
  CHECK(Share(work, 1 << 20, 1).rows(std::size_t{1} << 40) == work.rows);
}

TEST_CASE("ranges: take and without") {
  std::vector<Range> ranges{{0, 10}, {20, 25}, {30, 31}};
  CHECK(take_rows(ranges, 4) == std::vector<Range>{{0, 4}});
  CHECK(take_rows(ranges, 8) == std::vector<Range>{{4, 10}, {20, 22}});
  CHECK(ranges == std::vector<Range>{{22, 25}, {30, 31}});
  CHECK(take_rows(ranges, 0).empty());
  CHECK(row_count(take_rows(ranges, 100)) == 4);
  CHECK(ranges.empty());
  CHECK(take_rows(ranges, 1).empty());

  CHECK(without({0, 10}, {}) == std::vector<Range>{{0, 10}});
  CHECK(without({5, 5}, {}).empty());
  CHECK(without({0, 10}, {{8, 12}, {2, 3}, {2, 4}}) == std::vector<Range>{{0, 2}, {4, 8}});
  CHECK(without({0, 10}, {{0, 10}}).empty());
  CHECK(without({5, 10}, {{0, 6}, {20, 30}}) == std::vector<Range>{{6, 10}});
}
