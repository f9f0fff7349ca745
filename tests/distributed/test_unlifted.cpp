// |x|^p, p > 2, beyond the lift (T7): weights are given on arrival, so that bytes depend on who saw what.
// What holds: all ranks have one and the same sketch, no heavy key is outside U, and weights are in their
// intervals.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "laws/score_agreement.hpp"

using heavykeys::Sketch;
using support::Random;
using world::Communicator;

namespace {

/// Noise, and among it directions that few keys share.
support::Matrix keys(std::size_t n, std::size_t d, Random& random) {
  support::Matrix k = support::gaussian({n, d}, random);
  for (std::size_t r = 0; r < n; ++r) {
    if (random.below(20) == 0) k(r, random.below(d)) += random.sign() * std::ldexp(1.0, random.integer(1, 6));
  }
  return k;
}

/// Axes, keys, and noise.
support::Matrix queries(const support::Matrix& k, Random& random) {
  support::Matrix q = law::make_queries(k, 60, random);
  for (std::size_t c = 0; c < k.cols; ++c) {
    for (std::size_t i = 0; i < k.cols; ++i) q.values.push_back(i == c ? 1.0 : 0.0);
    ++q.rows;
  }
  return q;
}

struct Checked {
  const scores::Case& score;
  heavykeys::Spec spec;
  support::Matrix k, q;
  std::vector<std::vector<scores::Real>> truth;  // [query][key]
  std::size_t heavy = 0;

  Checked(const scores::Case& c, std::size_t n, std::size_t d, double epsilon, Random& random)
      : score(c), spec(support::make_spec(d, epsilon, 24, 64)), k(keys(n, d, random)), q(queries(k, random)) {
    spec.score = c.score;
    const auto gridded = oracle::grid(k.values, n, d, spec.block_rows, spec.grid_bits);
    for (std::size_t i = 0; i < q.rows; ++i) {
      std::vector<scores::Real> w(n);
      scores::Real total = 0;
      for (std::size_t j = 0; j < n; ++j) {
        scores::Real x = 0;
        for (std::size_t a = 0; a < d; ++a) x += scores::Real{q(i, a)} * gridded[j * d + a];
        total += w[j] = c.f(x);
      }
      for (scores::Real& v : w) {
        v /= total;
        heavy += v >= epsilon * (1 + 1e-12L);
      }
      truth.push_back(w);
    }
  }

  heavykeys::Rows rows() const { return heavykeys::rows(k.values.data(), k.rows, k.cols); }

  std::string judge(const Sketch& sketch) const {
    if (sketch.row_count() != k.rows) return "rows are missing";
    const auto set = finalize(sketch);
    if (!(static_cast<double>(set.size()) <= set.size_bound())) return "U is larger than its bound";
    if (set.size() == 0) return "U is empty";
    if (k.cols == 24 && set.size() == k.rows) return "U says nothing";
    for (const double tau : set.leverage()) {
      if (!(tau > 0 && std::isfinite(tau))) return "a leverage of " + std::to_string(tau);
    }
    const auto members = agreement::rows_of(set);
    for (std::size_t i = 0; i < q.rows; ++i) {
      for (std::size_t j = 0; j < k.rows; ++j) {
        if (truth[i][j] >= spec.epsilon * (1 + 1e-12L) &&
            !std::binary_search(members.begin(), members.end(), j))
          return "query " + std::to_string(i) + " has heavy key " + std::to_string(j) + " outside U";
      }
    }
    std::string wrong;
    for (const auto mode : {heavykeys::Mode::no_false_negatives, heavykeys::Mode::no_false_positives}) {
      const auto found = heavy_entries(set, heavykeys::rows(q.values.data(), q.rows, k.cols), {mode, 0.0});
      wrong += agreement::shape(found, q.rows);
      for (std::size_t i = 0; i < q.rows && wrong.empty(); ++i)
        wrong += agreement::intervals(found, i, truth[i], spec.epsilon, mode);
    }
    return wrong;
  }
};

std::string one_and_the_same(Communicator& comm, const std::vector<std::byte>& mine) {
  const auto all = comm.gather(mine);
  return std::ranges::all_of(all, [&](const auto& other) { return other == all[0]; })
             ? ""
             : "ranks have different sketches";
}

void check(const Checked& problem, std::size_t seed) {
  CHECK(problem.heavy >= 10);
  for (const world::World& w : world::worlds()) {
    if (problem.k.cols == 128 && w.ranks != 3) continue;  // slow
    Random random(seed);
    for (const std::size_t number : {seed, seed + 4}) {
      const law::Deal& deal = law::deals()[number % law::deals().size()];
      const auto ranks = static_cast<std::size_t>(w.ranks);
      const law::Hands hands = deal.make(problem.k.rows, ranks, problem.spec.block_rows, random);
      INFO(w.name << ", dealt " << deal.name << ", " << to_string(problem.spec));
      CHECK(w.run([&](Communicator& comm) -> std::string {
        const Sketch own = law::dealt(problem.spec, problem.rows(), hands, comm);
        Sketch sketch = own;
        allmerge(comm, sketch);
        const auto bytes = to_bytes(sketch);
        if (auto wrong = one_and_the_same(comm, bytes); !wrong.empty()) return wrong;
        if (to_bytes(heavykeys::from_bytes(bytes)) != bytes) return "its bytes do not make it again";
        Sketch rooted = own;
        heavykeys::distributed::merge(comm, rooted, comm.size() - 1);
        if (comm.rank() == comm.size() - 1 && to_bytes(rooted) != bytes) return "another sketch on the root";
        const Sketch before = prefix(comm, own);
        Sketch both = before;  // the last rank's prefix and its own rows are all rows
        heavykeys::merge(both, own);
        if (comm.rank() == comm.size() - 1) {
          if (auto wrong = problem.judge(both); !wrong.empty()) return "prefix: " + wrong;
        }
        return comm.rank() == 0 ? problem.judge(sketch) : std::string();
      }) == "");
    }
  }
}

}  // namespace

TEST_CASE("p = 6 at 24 columns: one sketch on all ranks, and every heavy key is in U") {
  Random random(1);
  for (const double epsilon : {0.5, 0.1}) {
    const Checked problem(scores::unlifted()[2], 700, 24, epsilon, random);
    check(problem, epsilon == 0.5 ? 1 : 7);
  }
}

TEST_CASE("p = 3 and 4 at 128 columns: one sketch on all ranks, and every heavy key is in U") {
  Random random(2);
  check(Checked(scores::unlifted()[1], 600, 128, 0.1, random), 5);
  check(Checked(scores::unlifted()[0], 600, 128, 0.5, random), 8);
}
