// Principal components against a dense SVD of the samples in float64, and overlaps by hand.
#include <Eigen/SVD>
#include <catch2/catch.hpp>

#include "eigen/samples.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"

using Catch::Contains;
using heavykeys::Covariance;
using heavykeys::PrincipalComponents;
using samples::Matrix;
using samples::Random;
using samples::rows_of;

namespace {

PrincipalComponents components_of(const Matrix& m, std::size_t sketch_columns = 0, std::size_t most = 0) {
  Covariance c({.dim = m.cols, .sketch_columns = sketch_columns});
  heavykeys::streaming::absorb(c, rows_of(m));
  return principal_components(c, most);
}

Eigen::MatrixXd centred(const Matrix& m) {
  Eigen::MatrixXd x(m.rows, m.cols);
  for (std::size_t r = 0; r < m.rows; ++r) {
    for (std::size_t c = 0; c < m.cols; ++c) x(static_cast<long>(r), static_cast<long>(c)) = m(r, c);
  }
  return x.rowwise() - x.colwise().mean();
}

Eigen::Map<const Eigen::MatrixXd> basis(const PrincipalComponents& c) {  // [p, r]
  return {c.components.data(), static_cast<long>(c.dim), static_cast<long>(c.size())};
}

/// Variances to 1e-8 of the greatest; the spaces of components up to each clear gap to 1e-8, too.
void check_against_svd(const Matrix& m, const PrincipalComponents& found) {
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(centred(m), Eigen::ComputeFullV | Eigen::ComputeThinU);
  const auto n = static_cast<double>(m.rows);
  const double top = svd.singularValues()[0] * svd.singularValues()[0] / n;
  double total = 0.0;
  for (long i = 0; i < svd.singularValues().size(); ++i) {
    const double truth = svd.singularValues()[i] * svd.singularValues()[i] / n;
    total += truth;
    if (i < static_cast<long>(found.size())) {
      CHECK(std::abs(found.variances[static_cast<std::size_t>(i)] - truth) <= 1e-8 * top);
    } else {
      CHECK(truth <= 1e-8 * top);  // left out: nothing but rounding
    }
  }
  CHECK(std::abs(found.total_variance - total) <= 1e-8 * total);

  const Eigen::MatrixXd e = basis(found);
  CHECK((e.transpose() * e - Eigen::MatrixXd::Identity(e.cols(), e.cols())).cwiseAbs().maxCoeff() < 1e-12);
  for (long r = 1; r < e.cols(); ++r) {
    const double gap =
        (found.variances[static_cast<std::size_t>(r - 1)] - found.variances[static_cast<std::size_t>(r)]) /
        top;
    if (gap < 1e-3) continue;
    const Eigen::MatrixXd v = svd.matrixV().leftCols(r), mine = e.leftCols(r);
    // Davis-Kahan: an error of 1e-11 in the covariance turns the space by 1e-11 / gap.
    CHECK((mine - v * (v.transpose() * mine)).cwiseAbs().maxCoeff() < 1e-8);
  }
}

}  // namespace

TEST_CASE("components by hand: two samples have one direction") {
  Matrix m(2, 3);
  m(0, 0) = 3, m(0, 1) = 1, m(0, 2) = -4;
  m(1, 0) = 0, m(1, 1) = 1, m(1, 2) = 0;
  const PrincipalComponents c = components_of(m);
  CHECK(c.mean == std::vector<double>{1.5, 1, -2});
  CHECK(c.samples == 2);
  CHECK(c.size() == 3);
  CHECK(c.variances[0] == Approx(6.25));
  CHECK(c.variances[1] == Approx(0).margin(1e-12));
  CHECK(c.components[0] == Approx(-0.6));
  CHECK(c.components[2] == Approx(0.8));  // the greatest is positive
  CHECK(explained_variance(c)[0] == Approx(1));
  CHECK(components_for(c, 1.0) == 1);
  CHECK(c.total_variance == 6.25);
}

TEST_CASE("components equal a dense SVD to 1e-8") {
  Random random(1);
  for (int round = 0; round < 25; ++round) {
    const std::size_t n = 2 + random.below(80), p = 1 + random.below(40);
    INFO(n << " samples of " << p);
    const Matrix m = round % 3 == 0 ? samples::of_rank(n, p, 1 + random.below(p), random)
                                    : samples::decaying(n, p, random);
    check_against_svd(m, components_of(m));
  }
}

TEST_CASE("a sketch gives the same while it has some more columns than the samples have dimensions") {
  Random random(2);
  for (int round = 0; round < 25; ++round) {
    const std::size_t n = 2 + random.below(60), p = 60 + random.below(200);
    const std::size_t rank = 1 + random.below(12);
    const std::size_t columns = std::min(p - 1, rank + 24 + random.below(30));
    INFO(n << " samples of " << p << ", rank " << rank << ", columns " << columns);
    const Matrix m = samples::of_rank(n, p, rank, random);
    check_against_svd(m, components_of(m, columns));
  }
}

TEST_CASE("a sketch with too few columns never claims too much, and keeps what matters") {
  Random random(3);
  for (int round = 0; round < 10; ++round) {
    const Matrix m = samples::decaying(300, 80, random);
    const PrincipalComponents whole = components_of(m), part = components_of(m, 30);
    CHECK(part.total_variance == whole.total_variance);
    CHECK(part.size() == 30);
    for (std::size_t i = 0; i < part.size(); ++i) {
      CHECK(part.variances[i] <= whole.variances[i] * (1 + 1e-9) + 1e-9 * whole.variances[0]);
    }
    // Eigenvalues fall by 2^-1/2 an index: what 30 columns leave out is 2^-15 of the greatest.
    CHECK(explained_variance(part)[9] >= explained_variance(whole)[9] - 0.01);
    CHECK(components_for(part, 0.9) >= components_for(whole, 0.9));
  }
}

TEST_CASE("a sketch of samples far from 0 claims no more than there is") {
  Random random(6);
  for (const double offset : {1e3, 1e5, 0x1p19}) {
    for (int round = 0; round < 20; ++round) {
      Matrix m = samples::of_rank(20, 100, 16, random);
      Matrix far = m;
      for (double& x : far.values) x += offset;
      const PrincipalComponents truth = components_of(m), found = components_of(far, 16);
      for (std::size_t i = 0; i < found.size(); ++i) {
        // The grid of samples of this size moves variances, too: by 2^-41 of their greatest element.
        CHECK(found.variances[i] <= truth.variances[i] + (1e-9 + offset * 0x1p-41) * truth.variances[0]);
      }
    }
  }
}

TEST_CASE("most leaves the rest out, and the total as it was") {
  Random random(4);
  const Matrix m = samples::decaying(50, 10, random);
  const PrincipalComponents all = components_of(m), few = components_of(m, 0, 3);
  CHECK(few.size() == 3);
  CHECK(std::equal(few.components.begin(), few.components.end(), all.components.begin()));
  CHECK(few.total_variance == all.total_variance);
  CHECK(components_for(few, 1.0) == 0);
  CHECK(components_for(all, 1.0) == 10);
  CHECK_THROWS_WITH(components_for(all, 0.0), Contains("share"));
  CHECK_THROWS_WITH(components_for(all, 1.5), Contains("share"));
}

TEST_CASE("samples without variance have all of it explained") {
  const Matrix zero(5, 3);
  for (const std::size_t r : {0, 2}) {
    const PrincipalComponents c = components_of(zero, r);
    CHECK(c.total_variance == 0.0);
    for (const double share : explained_variance(c)) CHECK(share == 1.0);
  }
}

TEST_CASE("overlap and captured variance by hand") {
  PrincipalComponents a, b;
  a.dim = b.dim = 3;
  a.mean = b.mean = {0, 0, 0};
  a.element_variances = {4, 2, 0}, b.element_variances = {1.8, 3.2, 3};
  a.total_variance = 6, a.variances = {4, 2}, a.components = {1, 0, 0, /**/ 0, 1, 0};
  b.total_variance = 10, b.variances = {5, 3}, b.components = {0.6, 0.8, 0, /**/ 0, 0, 1};
  CHECK(overlap(a, a, 2) == 1.0);
  CHECK(overlap(a, b, 1) == Approx(0.36));
  CHECK(overlap(a, b, 2) == Approx(0.5));  // (0.36 + 0.64 + 0 + 0) / 2
  CHECK(overlap(b, a, 2) == Approx(0.5));
  CHECK(captured_variance(a, 1, b) == Approx(0.18));  // 5 * 0.36 / 10
  CHECK(captured_variance(a, 2, b) == Approx(0.5));
  CHECK(captured_variance(b, 2, a) == Approx((4 * 0.36 + 2 * 0.64) / 6));
  CHECK_THROWS_WITH(overlap(a, b, 3), Contains("first 3 of 2"));
  CHECK_THROWS_WITH(overlap(a, b, 0), Contains("first 0"));
  PrincipalComponents wrong = a;
  wrong.variances = {2, 4};
  CHECK_THROWS_WITH(overlap(a, wrong, 1), Contains("descending"));
  b.dim = 4;
  b.mean = b.element_variances = {0, 0, 0, 0};
  b.components.resize(8);
  CHECK_THROWS_AS(overlap(a, b, 1), heavykeys::Incompatible);
  CHECK_THROWS_AS(captured_variance(a, 1, b), heavykeys::Incompatible);
}
