// |x|^p, p > 2, at a dim where the lift is too large (T7): U may depend on the schedule, and whatever the
// schedule no query gives a key outside it a weight >= epsilon.
#include <catch2/catch.hpp>

#include "laws/score_agreement.hpp"

using agreement::Case;
using agreement::Real;

namespace {

constexpr std::size_t kDim = 128;

// Noise, and among it directions that few keys share: what a heavy key looks like.
support::Matrix keys(std::size_t n, support::Random& random) {
  support::Matrix k = support::gaussian({n, kDim}, random);
  for (std::size_t r = 0; r < n; ++r) {
    if (random.below(20) != 0) continue;
    const std::size_t hot = random.below(kDim);
    k(r, hot) += random.sign() * std::ldexp(1.0, random.integer(1, 6));
  }
  return k;
}

// Keys, whole and without their noise; directions; noise.
support::Matrix queries(const support::Matrix& k, support::Random& random) {
  support::Matrix q(0, kDim);
  const auto add = [&](auto value) {
    q.values.resize(q.values.size() + kDim);
    for (std::size_t c = 0; c < kDim; ++c) q(q.rows, c) = value(c);
    ++q.rows;
  };
  for (std::size_t hot = 0; hot < kDim; ++hot) add([&](std::size_t c) { return c == hot ? 1.0 : 0.0; });
  for (int i = 0; i < 60; ++i) {
    const double* key = k.row(random.below(k.rows));
    add([&](std::size_t c) { return key[c]; });
    add([&](std::size_t c) { return std::fabs(key[c]) > 3 ? key[c] : 0.0; });
    add([&](std::size_t) { return random.gaussian(); });
  }
  return q;
}

std::vector<Real> true_weights(const Case& c, const std::vector<double>& gridded, const double* query) {
  const std::size_t n = gridded.size() / kDim;
  std::vector<Real> w(n);
  Real total = 0;
  for (std::size_t j = 0; j < n; ++j) {
    Real x = 0;
    for (std::size_t i = 0; i < kDim; ++i) x += Real{query[i]} * gridded[j * kDim + i];
    total += w[j] = c.f(x);
  }
  for (Real& v : w) v /= total;
  return w;
}

// Whole; in pieces, in any order; merged from parts.
std::vector<heavykeys::Sketch> schedules(const heavykeys::Spec& spec, const heavykeys::Rows& rows,
                                         support::Random& random) {
  auto pieces = support::cut(rows.count, 12, random);
  std::vector<heavykeys::Sketch> made;
  made.push_back(support::absorbed(spec, rows));
  random.shuffle(pieces);
  made.push_back(support::absorbed(spec, rows, pieces));
  heavykeys::Sketch merged(spec);
  for (const auto& piece : pieces)
    merge(merged, support::absorbed(spec, rows.slice(piece.begin, piece.length)));
  made.push_back(merged);
  return made;
}

}  // namespace

TEST_CASE("p = 3, 4, 6 at 128 columns: no heavy key is outside U, and weights are in their intervals") {
  for (const Case& c : scores::unlifted()) {
    for (const double epsilon : {0.5, 0.1, 0.02}) {
      DYNAMIC_SECTION(c.name() << " epsilon=" << epsilon) {
        support::Random random(7);
        const std::size_t n = 1500;
        auto spec = support::make_spec(kDim, epsilon, 24, 64);
        spec.score = c.score;
        const support::Buffer buffer(keys(n, random), heavykeys::Dtype::f64);
        const auto gridded = oracle::grid(buffer.values().values, n, kDim, spec.block_rows, spec.grid_bits);
        const support::Matrix q = queries(buffer.values(), random);
        std::vector<std::vector<Real>> truth;
        for (std::size_t i = 0; i < q.rows; ++i) truth.push_back(true_weights(c, gridded, q.row(i)));
        std::size_t heavy = 0;
        for (const auto& sketch : schedules(spec, buffer.rows(), random)) {
          const auto set = finalize(sketch);
          CHECK(static_cast<double>(set.size()) <= set.size_bound());
          const auto members = agreement::rows_of(set);
          std::string missed;
          for (std::size_t i = 0; i < q.rows; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
              if (!(truth[i][j] >= epsilon * (1 + 1e-12L))) continue;
              ++heavy;
              if (!std::binary_search(members.begin(), members.end(), j))
                missed += "query " + std::to_string(i) + " key " + std::to_string(j) + "\n";
            }
          }
          CHECK(missed == "");
          for (const auto mode : {heavykeys::Mode::no_false_negatives, heavykeys::Mode::no_false_positives}) {
            const auto found =
                heavy_entries(set, heavykeys::rows(q.values.data(), q.rows, kDim), {mode, 0.0});
            REQUIRE(agreement::shape(found, q.rows) == "");
            std::string wrong;
            for (std::size_t i = 0; i < q.rows; ++i)
              wrong += agreement::intervals(found, i, truth[i], epsilon, mode);
            CHECK(wrong == "");
          }
        }
        CHECK(heavy >= 30);
      }
    }
  }
}
