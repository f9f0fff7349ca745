// The pieces behind the decision: intervals that hold the truth, exact bases, filters that never drop a heavy
// row.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "heavykeys/isa.hpp"
#include "lib/certified_factor.hpp"
#include "lib/dense_kernels.hpp"
#include "lib/exact_leverage.hpp"
#include "lib/grid.hpp"
#include "lib/kernels.hpp"
#include "lib/leverage.hpp"
#include "lib/prune_filter.hpp"
#include "lib/scaled_gram.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

namespace {

struct Built {
  ExactGram gram;
  RowStore rows;
};

/// Keys as they are: a lift to monomials of degree 1.
const Lift& plain(std::size_t d) {
  static std::map<std::size_t, Lift> lifts;
  return lifts.try_emplace(d, d, std::vector<int>{1}).first->second;
}

LiftedRows lifted(const RowStore& rows) { return {rows, plain(rows.dim())}; }

/// One block of gridded rows and its Gram matrix.
Built build(const std::vector<double>& k, std::size_t n, std::size_t d) {
  heavykeys::Spec spec;
  spec.dim = d;
  spec.epsilon = 0.5;
  BlockGram block(spec);
  block.compute(heavykeys::rows(k.data(), n, d));
  Built out{ExactGram(d, 24), RowStore(d)};
  out.gram.add_block(block.exponents(), block.sums(), block.width(), n);
  std::vector<double> row(d);
  for (std::size_t r = 0; r < n; ++r) {
    const std::int32_t* q = block.panel(r, 1);
    for (std::size_t c = 0; c < d; ++c) row[c] = gridded_value(q[c], block.exponents()[c], 24);
    out.rows.append(row.data());
  }
  return out;
}

std::vector<double> gaussian(support::Random& random, std::size_t n, std::size_t d, double condition) {
  std::vector<double> k(n * d);
  for (std::size_t r = 0; r < n; ++r) {
    const double common = random.gaussian();  // a shared direction makes the columns nearly dependent
    for (std::size_t c = 0; c < d; ++c) k[r * d + c] = common + random.gaussian() / condition;
  }
  return k;
}

template <class Real>
void intervals_hold_the_truth(double condition, std::uint64_t seed) {
  support::Random random(seed);
  const std::size_t n = 40, d = 6;
  const Built built = build(gaussian(random, n, d, condition), n, d);
  const std::vector<int> scale = equilibration(built.gram);
  const CertifiedFactor<Real> factor(built.gram, scale, nonzero_columns(built.gram));
  REQUIRE(factor.certified());
  std::vector<std::size_t> all(n);
  for (std::size_t r = 0; r < n; ++r) all[r] = r;
  std::vector<Real> row(d);
  for (std::size_t r = 0; r < n; ++r) {
    lifted(built.rows).read(r, scale, row.data());
    Interval tau;
    factor.leverages(row.data(), 1, d, 0.0, &tau);
    CAPTURE(condition, r, tau.lower, tau.upper);
    REQUIRE(tau.lower < tau.upper);
    // The exact engine says on which side of each end the truth lies.
    if (tau.lower > 0)
      REQUIRE(exact_leverages(built.gram, factor.order(), lifted(built.rows), {r}, tau.lower)[0].heavy);
    if (tau.upper < 1)
      REQUIRE_FALSE(exact_leverages(built.gram, factor.order(), lifted(built.rows), {r},
                                    std::nextafter(tau.upper, 2.0))[0]
                        .heavy);
    const double exact = exact_leverages(built.gram, factor.order(), lifted(built.rows), {r}, 0.5)[0].tau;
    REQUIRE(exact >= tau.lower * (1 - 1e-12));
    REQUIRE(exact <= tau.upper * (1 + 1e-12));
  }
}

}  // namespace

TEST_CASE("certified intervals hold the exact leverage") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    for (const double condition : {1.0, 1e2, 1e4}) intervals_hold_the_truth<double>(condition, seed);
    for (const double condition : {1.0, 1e4, 1e6}) intervals_hold_the_truth<DoubleDouble>(condition, seed);
  }
}

TEST_CASE("float64 refuses to certify a singular matrix") {
  support::Random random(9);
  std::vector<double> k;
  for (int r = 0; r < 30; ++r) {
    const double a = random.integer(-9, 9), b = random.integer(-9, 9);
    for (const double v : {a, b, a + b}) k.push_back(v);
  }
  const Built built = build(k, 30, 3);
  const std::vector<int> scale = equilibration(built.gram);
  REQUIRE_FALSE(CertifiedFactor<double>(built.gram, scale, {0, 1, 2}).certified());
  REQUIRE_FALSE(CertifiedFactor<DoubleDouble>(built.gram, scale, {0, 1, 2}).certified());
  REQUIRE(exact_column_basis(built.gram, {0, 1, 2}) == std::vector<std::size_t>{0, 1});
  REQUIRE(exact_column_basis(built.gram, {2, 0, 1}) == std::vector<std::size_t>{2, 0});
  REQUIRE(decide_leverages(built.gram, lifted(built.rows), 0.01, Effort::thorough).rank == 2);
}

TEST_CASE("exact ties are heavy, one unit in the last place above them is not") {
  // Five copies of one row: tau = 1/5. The double 0.2 is slightly more than 1/5.
  const std::vector<double> k{3, 4, 3, 4, 3, 4, 3, 4, 3, 4};
  const Built built = build(k, 5, 2);
  REQUIRE(decide_leverages(built.gram, lifted(built.rows), 0.2, Effort::thorough).kept.empty());
  REQUIRE(decide_leverages(built.gram, lifted(built.rows), std::nextafter(0.2, 0.0), Effort::thorough)
              .kept.size() == 5);
  const std::vector<double> four(k.begin(), k.begin() + 8);
  const Built quarter = build(four, 4, 2);
  const Leverages tie = decide_leverages(quarter.gram, lifted(quarter.rows), 0.25, Effort::thorough);
  REQUIRE(tie.kept.size() == 4);
  for (double tau : tie.tau) REQUIRE(tau == 0.25);
  REQUIRE(decide_leverages(quarter.gram, lifted(quarter.rows), std::nextafter(0.25, 1.0), Effort::thorough)
              .kept.empty());
}

TEST_CASE("the filter never drops a row that is heavy, and does drop") {
  support::Random random(11);
  std::size_t dropped = 0, tried = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const std::size_t n = 300, d = 1 + random.below(20);
    const double condition = std::pow(10.0, random.integer(0, 5));
    std::vector<double> k = gaussian(random, n, d, condition);
    for (std::size_t r = 0; r < n; r += 37) {
      for (std::size_t c = 0; c < d; ++c) k[r * d + c] *= std::ldexp(1.0, random.integer(-3, 12));
    }
    const std::size_t part = 100 + random.below(200);  // a filter from some of the rows, for all of them
    const Built built = build(k, n, d), known = build(k, part, d);
    const double epsilon = 0.01 + 0.2 * random.uniform();
    const auto filter = PruneFilter::build(known.gram, plain(d), epsilon, part);
    if (!filter) continue;
    heavykeys::Spec spec;
    spec.dim = d;
    spec.epsilon = epsilon;
    BlockGram block(spec);
    block.compute(heavykeys::rows(k.data(), n, d));
    std::vector<std::uint32_t> survivors;
    filter->survivors(block, Plan(spec), nullptr, survivors);
    ++tried;
    dropped += n - survivors.size();
    for (std::size_t r : decide_leverages(built.gram, lifted(built.rows), epsilon, Effort::thorough).kept) {
      CAPTURE(trial, r);
      REQUIRE(std::find(survivors.begin(), survivors.end(), static_cast<std::uint32_t>(r)) !=
              survivors.end());
    }
  }
  REQUIRE(tried >= 40);
  REQUIRE(dropped > 40 * 150);
}

TEST_CASE("a filter keeps every row that leaves the columns it knows") {
  support::Random random(12);
  std::vector<double> known(200, 0.0), later(20, 0.0);
  for (std::size_t r = 0; r < 100; ++r) known[2 * r] = random.gaussian();  // column 1 is zero so far
  for (std::size_t r = 0; r < 10; ++r) later[2 * r] = 1e-6;
  later[2 * 7 + 1] = 1e-30;  // however small
  const auto filter = PruneFilter::build(build(known, 100, 2).gram, plain(2), 0.1, 100);
  REQUIRE(filter);
  heavykeys::Spec spec;
  spec.dim = 2;
  spec.epsilon = 0.1;
  BlockGram block(spec);
  block.compute(heavykeys::rows(later.data(), 10, 2));
  std::vector<std::uint32_t> survivors;
  filter->survivors(block, Plan(spec), nullptr, survivors);
  REQUIRE(survivors == std::vector<std::uint32_t>{7});
}

TEST_CASE("a block far below the rows known is dropped whole, dead columns or not; one heavy row keeps it") {
  support::Random random(13);
  const std::size_t d = 5, many = 4000, few = 40;
  for (const bool dead : {false, true}) {
    std::vector<double> known = gaussian(random, many, d, 3.0), later = gaussian(random, few, d, 3.0);
    for (std::size_t r = 0; dead && r < many; ++r) known[r * d + 2] = 0.0;
    for (std::size_t r = 0; dead && r < few; ++r) later[r * d + 2] = 0.0;
    const double epsilon = 0.05;  // 40 rows beside 4,000 like them: each has about 5 / 4,000
    const auto filter = PruneFilter::build(build(known, many, d).gram, plain(d), epsilon, many);
    REQUIRE(filter);
    heavykeys::Spec spec;
    spec.dim = d;
    spec.epsilon = epsilon;
    BlockGram block(spec);
    std::vector<std::uint32_t> survivors;
    block.compute(heavykeys::rows(later.data(), few, d));
    REQUIRE(filter->whole_block_is_light(block, 24));
    filter->survivors(block, Plan(spec), nullptr, survivors);
    REQUIRE(survivors.empty());
    for (std::size_t c = 0; c < d; ++c) later[17 * d + c] *= 1000.0;
    block.compute(heavykeys::rows(later.data(), few, d));
    REQUIRE_FALSE(filter->whole_block_is_light(block, 24));
    filter->survivors(block, Plan(spec), nullptr, survivors);
    REQUIRE(survivors == std::vector<std::uint32_t>{17});
    if (dead) {  // something where there was nothing
      later[2] = 1e-9;
      later[17 * d] = later[17 * d + 1] = later[17 * d + 3] = later[17 * d + 4] = 0.0;
      block.compute(heavykeys::rows(later.data(), few, d));
      REQUIRE_FALSE(filter->whole_block_is_light(block, 24));
    }
  }
}

TEST_CASE("elimination finds positive definite matrices positive, and others not, on every instruction set") {
  const std::string before = heavykeys::active_isa();
  support::Random random(14);
  for (const std::string& isa : heavykeys::available_isas()) {
    heavykeys::set_isa(isa);
    for (const std::size_t n : {1u, 2u, 15u, 16u, 33u}) {
      const std::size_t width = padded(n);
      std::vector<double> b(n * n), a(n * width, 0.0);
      for (double& v : b) v = random.gaussian();
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i; j < n; ++j) {
          for (std::size_t k = 0; k < n; ++k) a[i * width + j] += b[i * n + k] * b[j * n + k];
        }
        a[i * width + i] += 0.1;
      }
      std::vector<double> indefinite = a;
      indefinite[(n - 1) * width + n - 1] = -1e-3;
      REQUIRE(eliminates_positively(a.data(), n, width));
      REQUIRE_FALSE(eliminates_positively(indefinite.data(), n, width));
    }
  }
  heavykeys::set_isa(before);
}
