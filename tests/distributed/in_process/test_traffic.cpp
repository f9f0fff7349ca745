// What allmerge sends: the words that its header promises, term by term, and nothing that grows with n.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "support/in_process.hpp"

using heavykeys::Sketch;
using support::Operation;
using support::Random;
using support::Traffic;
using world::Communicator;

namespace {

/// Weak noise, and `heavy` rows that stand out; the same ones, in the first rows, whatever n.
support::Matrix planted(std::size_t n, std::size_t d, std::size_t heavy) {
  Random random(7);
  support::Matrix k(n, d);
  for (std::size_t r = 0; r < heavy; ++r) {
    for (std::size_t c = 0; c < d; ++c) k(r, c) = 4000 * random.gaussian();
  }
  for (std::size_t i = heavy * d; i < n * d; ++i) k.values[i] = random.uniform() - 0.5;
  return k;
}

struct Measured {
  std::vector<Traffic> by_rank;
  std::size_t members = 0;
};

/// Rank r absorbs the rows from marks[r] to marks[r + 1].
Measured measure(const heavykeys::Spec& spec, const support::Matrix& k, const std::vector<std::size_t>& marks,
                 std::optional<int> root = {}) {
  const auto rows = heavykeys::rows(k.values.data(), k.rows, k.cols);
  Measured measured;
  const auto ends = support::run_ranks(static_cast<int>(marks.size()) - 1, [&](Communicator& comm) {
    const auto r = static_cast<std::size_t>(comm.rank());
    Sketch sketch = support::absorbed(spec, rows.slice(marks[r], marks[r + 1] - marks[r]));
    if (root) {
      merge(comm, sketch, *root);
    } else {
      allmerge(comm, sketch);
    }
    if (comm.rank() == root.value_or(0)) measured.members = finalize(sketch).size();
  });
  support::rethrow(ends);
  for (const auto& end : ends) measured.by_rank.push_back(end.traffic);
  return measured;
}

std::vector<std::size_t> even(std::size_t n, std::size_t ranks) {
  std::vector<std::size_t> marks;
  for (std::size_t r = 0; r <= ranks; ++r) marks.push_back(n * r / ranks);
  return marks;
}

/// The promise for whole blocks of one stream, a run on each rank: no open block. `few`: words for each rank.
struct Promise {
  std::size_t gram, candidates, sample, few;
  std::size_t total() const { return gram + candidates + sample + few; }
};
constexpr std::size_t kFew = 16;

Promise promise(std::size_t lifted, std::size_t d, std::size_t members, std::size_t sample, std::size_t ranks,
                std::size_t limbs = 3) {
  return {limbs * lifted * (lifted + 1) / 2 + 2, members * (d + 2), sample == 0 ? 0 : sample * (d + 2) + 2049,
          kFew * ranks};
}

}  // namespace

TEST_CASE("traffic does not depend on n: 2^14 rows and 2^18 rows with the same heavy keys") {
  const std::size_t d = 16, ranks = 4, heavy = 40;
  const auto spec = support::make_spec(d, 0.01, 24, 4096);
  const Measured few = measure(spec, planted(1u << 14, d, heavy), even(1u << 14, ranks));
  const Measured many = measure(spec, planted(1u << 18, d, heavy), even(1u << 18, ranks));
  CHECK(few.members == heavy);
  CHECK(many.members == heavy);
  for (std::size_t r = 0; r < ranks; ++r) {
    const auto a = static_cast<double>(few.by_rank[r].received());
    const auto b = static_cast<double>(many.by_rank[r].received());
    INFO("rank " << r << ": " << a << " and " << b << " words received");
    CHECK(std::fabs(a - b) <= 0.01 * a);
    CHECK(std::fabs(static_cast<double>(few.by_rank[r].sent()) -
                    static_cast<double>(many.by_rank[r].sent())) <= 0.01 * a);
    CHECK(few.by_rank[r].calls() == many.by_rank[r].calls());
  }
}

TEST_CASE("traffic is at most what the header says, term by term") {
  struct Setting {
    heavykeys::Score score;
    std::size_t d, lifted, sample;
    double epsilon;
  };
  const std::vector<Setting> settings = {{heavykeys::Score::power(2), 8, 8, 0, 0.01},
                                         {heavykeys::Score::power(2), 64, 64, 0, 0.05},
                                         {heavykeys::Score::power(4), 6, 21, 0, 0.02},
                                         {heavykeys::Score::expressive(), 8, 8, 100, 0.25},
                                         {heavykeys::Score::power(1), 5, 5, 50, 0.3}};
  for (const Setting& s : settings) {
    for (const std::size_t ranks : {2, 4, 8}) {
      const std::size_t n = 8 * 256 * 2;
      auto spec = support::make_spec(s.d, s.epsilon, 24, 256);
      spec.score = s.score;
      if (s.sample > 0) spec.sample_rows = s.sample;
      const Measured m = measure(spec, planted(n, s.d, 12), even(n, ranks));
      // Lifted integers are products: their words are as many times more.
      const std::size_t limbs = s.lifted > s.d ? 5 : 3;
      const Promise most = promise(s.lifted, s.d, m.members, s.sample, ranks, limbs);
      INFO(to_string(spec) << " on " << ranks << " ranks, " << m.members << " members");
      CHECK(m.members >= 4);
      for (const Traffic& t : m.by_rank) {
        const std::size_t counting = s.sample == 0 ? 0 : 2049;
        CHECK(t.of(Operation::all_sum).received <= most.gram + counting);
        const auto layers = static_cast<std::size_t>(1 / s.epsilon);
        CHECK(t.of(Operation::all_max).received <= 2 * s.lifted + kFew + 4 * layers);
        // Without a sample, gather is of the candidates and a few words for each rank.
        CHECK(t.of(Operation::gather).received <= most.candidates + most.sample - counting + most.few);
        CHECK(t.of(Operation::exchange).received == 0);
        CHECK(t.received() <= most.total() + 2 * s.lifted + kFew);
        CHECK(t.sent() <= most.total() + 2 * s.lifted + kFew);
      }
    }
  }
}

TEST_CASE("traffic of open blocks: their rows, once, and of those completed on the way their rows, once") {
  const std::size_t d = 8, block = 256, ranks = 4, n = 8 * block + 100;
  const auto spec = support::make_spec(d, 0.05, 24, block);
  const support::Matrix k = planted(n, d, 12);
  // Cuts in the middle of blocks: three are in two hands, and the last stays open.
  const std::vector<std::size_t> marks = {0, 2 * block + 100, 4 * block + 3, 6 * block + 255, n};
  const Measured m = measure(spec, k, marks);
  std::uint64_t moved = 0;
  for (const Traffic& t : m.by_rank) {
    moved += t.of(Operation::exchange).received;
    const Promise most = promise(d, d, m.members, 0, ranks);
    CHECK(t.of(Operation::gather).received <= most.candidates + most.few + 8 * 7 + 100 * d);
    CHECK(t.received() <= most.total() + 8 * 7 + 100 * d + (block / 2) * d + 8 + 2 * d + kFew);
  }
  // The smaller part of each block goes to who has the greater one.
  CHECK(moved <= (100 + 3 + 1) * d + 3 * 4);
  CHECK(moved >= (100 + 3 + 1) * d);
}

TEST_CASE("traffic: merging to a root spares the others the candidates; light rows are never sent") {
  const std::size_t d = 16, ranks = 4, heavy = 300, n = 16 * 1024;
  auto spec = support::make_spec(d, 0.01, 24, 1024);
  const support::Matrix k = planted(n, d, heavy);
  const Measured m = measure(spec, k, even(n, ranks), 1);
  CHECK(m.members > 100);
  for (std::size_t r = 0; r < ranks; ++r) {
    const std::size_t received = m.by_rank[r].of(Operation::gather).received;
    if (r == 1) {
      CHECK(received >= m.members * d / 2);  // rows that are floats go out as such
      CHECK(received <= m.members * (d + 2) + kFew * ranks);
    } else {
      CHECK(received <= kFew * ranks);
    }
  }
  // Every rank's own rows are candidates at first: only what is heavy in the whole goes out.
  const support::Matrix strong = planted(n, d, 0);
  const Measured none = measure(support::make_spec(d, 0.5, 24, 1024), strong, even(n, ranks));
  CHECK(none.members == 0);
  for (const Traffic& t : none.by_rank) CHECK(t.of(Operation::gather).received <= kFew * ranks);
}

TEST_CASE("traffic of prefix: at most log2 of the ranks sketches from each") {
  const std::size_t d = 8, ranks = 7, n = 7 * 512;
  const auto spec = support::make_spec(d, 0.05, 24, 256);
  const support::Matrix k = planted(n, d, 30);
  const auto rows = heavykeys::rows(k.values.data(), n, d);
  std::vector<std::size_t> sizes(ranks);
  const auto ends = support::run_ranks(static_cast<int>(ranks), [&](Communicator& comm) {
    const auto r = static_cast<std::size_t>(comm.rank());
    const Sketch own = support::absorbed(spec, rows.slice(512 * r, 512));
    const Sketch before = prefix(comm, own);
    Sketch both = before;
    heavykeys::merge(both, own);
    sizes[r] = to_bytes(both).size() / 8 + 1;
  });
  support::rethrow(ends);
  const std::size_t most =
      2 * *std::max_element(sizes.begin(), sizes.end());  // a part may have more heavy keys
  for (const auto& end : ends) CHECK(end.traffic.of(Operation::exchange).sent <= 3 * (most + 1));
}
