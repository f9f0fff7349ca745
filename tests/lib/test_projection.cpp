// Projections: every element by its definition, lengths kept as often as promised, refusals.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/isa.hpp"
#include "heavykeys/projection.hpp"
#include "support/chance.hpp"
#include "support/convert.hpp"
#include "support/random.hpp"
#include "support/sketches.hpp"

using heavykeys::Projection;

namespace {

/// Unit vectors [4, dim]: one-hot, flat, two coordinates, random.
support::Matrix directions(std::size_t dim) {
  support::Matrix x(4, dim);
  support::Random random(dim);
  x(0, dim / 2) = 1;
  for (std::size_t c = 0; c < dim; ++c) x(1, c) = 1 / std::sqrt(static_cast<double>(dim));
  x(2, 0) = x(2, dim - 1) = std::sqrt(0.5);
  double squares = 0;
  for (std::size_t c = 0; c < dim; ++c) squares += (x(3, c) = random.cauchy()) * x(3, c);
  for (std::size_t c = 0; c < dim; ++c) x(3, c) /= std::sqrt(squares);
  return x;
}

struct Lengths {
  std::vector<std::size_t> misses;  // of each direction: | |Px|^2 - 1 | > distortion
  std::vector<double> squares;      // sum over the seeds of (|Px|^2 - 1)^2
};

Lengths measure(const std::function<Projection(std::uint64_t)>& make, const support::Matrix& x,
                double distortion, std::size_t seeds) {
  Lengths out{std::vector<std::size_t>(x.rows, 0), std::vector<double>(x.rows, 0.0)};
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const Projection p = make(seed);
    const auto image = apply(p, heavykeys::rows(x.values.data(), x.rows, x.cols));
    for (std::size_t i = 0; i < x.rows; ++i) {
      double length = 0;
      for (std::size_t k = 0; k < p.rows; ++k) length += image[i * p.rows + k] * image[i * p.rows + k];
      out.misses[i] += std::fabs(length - 1) > distortion;
      out.squares[i] += (length - 1) * (length - 1);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a projection is applied as its elements say, in any slices, on every instruction set") {
  support::Random random(1);
  for (const auto& p :
       {Projection::gaussian(5, 7, 1), Projection::gaussian(33, 3, 2), Projection::sparse_sign(12, 7, 3, 3),
        Projection::sparse_sign(6, 9, 6, 4), Projection::sparse_sign(4, 300, 1, 5)}) {
    support::Matrix x(300, p.columns);
    for (double& v : x.values) v = random.gaussian();
    const auto rows = heavykeys::rows(x.values.data(), x.rows, x.cols);
    const auto image = apply(p, rows);
    REQUIRE(image.size() == x.rows * p.rows);
    for (std::size_t r = 0; r < x.rows; r += 37) {
      for (std::size_t i = 0; i < p.rows; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < p.columns; ++j) sum += element(p, i, j) * x(r, j);
        REQUIRE(image[r * p.rows + i] == Approx(sum).margin(1e-12));
      }
    }
    std::vector<double> parts;
    for (const auto& piece : support::cut(x.rows, 5, random)) {
      const auto part = apply(p, rows.slice(piece.begin, piece.length));
      parts.insert(parts.end(), part.begin(), part.end());
    }
    CHECK(support::same_bits(parts, image));
    const std::string best = heavykeys::active_isa();
    for (const std::string& isa : heavykeys::available_isas()) {
      heavykeys::set_isa(isa);
      CHECK(support::same_bits(apply(p, rows), image));
    }
    heavykeys::set_isa(best);
    const support::Buffer strided(x, heavykeys::Dtype::f64, {2, 3, true, false});
    CHECK(support::same_bits(apply(p, strided.rows()), image));
  }
}

TEST_CASE("a sparse column has one element in each band, evenly placed and signed") {
  const std::size_t bands = 4, band_rows = 8, columns = 4000;
  const Projection p = Projection::sparse_sign(bands * band_rows, columns, bands, 9);
  std::vector<double> count(2 * p.rows, 0.0);
  for (std::size_t j = 0; j < columns; ++j) {
    for (std::size_t band = 0; band < bands; ++band) {
      std::size_t nonzeros = 0;
      for (std::size_t i = band * band_rows; i < (band + 1) * band_rows; ++i) {
        const double v = element(p, i, j);
        if (v == 0) continue;
        REQUIRE(std::fabs(v) == 0.5);
        count[2 * i + (v > 0)] += 1;
        ++nonzeros;
      }
      REQUIRE(nonzeros == 1);
    }
  }
  const double expected = static_cast<double>(columns) / (2 * band_rows);
  double chi_square = 0;
  for (double c : count) chi_square += (c - expected) * (c - expected) / expected;
  const double freedom = static_cast<double>(bands * (2 * band_rows - 1));
  CHECK(chi_square < support::most_chi_square(freedom));
  CHECK(chi_square > support::least_chi_square(freedom));
}

TEST_CASE("gaussian elements are normal: as many in each of 64 cells of equal probability") {
  const Projection p = Projection::gaussian(400, 160, 3);
  std::vector<double> count(64, 0.0);
  for (std::size_t i = 0; i < p.rows; ++i) {
    for (std::size_t j = 0; j < p.columns; ++j)
      count[static_cast<std::size_t>(64 * 0.5 * std::erfc(-element(p, i, j) * std::sqrt(400.0 / 2)))] += 1;
  }
  double chi_square = 0;
  for (double c : count) chi_square += (c - 1000) * (c - 1000) / 1000;
  CHECK(chi_square < support::most_chi_square(63));
  CHECK(chi_square > support::least_chi_square(63));
}

TEST_CASE("lengths are kept within the distortion as often as rows_needed says, and far fewer rows do not") {
  const double distortion = 0.3, failure = 0.05;
  const std::size_t seeds = 400, dim = 24;
  const support::Matrix x = directions(dim);
  const std::size_t gaussian_rows = rows_needed(Projection::Kind::gaussian, distortion, failure);
  const std::size_t sparse_rows =
      (rows_needed(Projection::Kind::sparse_sign, distortion, failure) + 7) / 8 * 8;
  const auto gaussian = [&](std::size_t rows) {
    return [=](std::uint64_t seed) { return Projection::gaussian(rows, dim, seed); };
  };
  const auto sparse = [&](std::size_t rows, std::size_t nonzeros) {
    return [=](std::uint64_t seed) { return Projection::sparse_sign(rows, dim, nonzeros, seed); };
  };
  const double most = support::most_successes(failure, seeds);
  for (std::size_t misses : measure(gaussian(gaussian_rows), x, distortion, seeds).misses)
    CHECK(static_cast<double>(misses) <= most);
  for (const std::size_t nonzeros : {1u, 8u}) {
    const Lengths found = measure(sparse(sparse_rows, nonzeros), x, distortion, seeds);
    for (std::size_t misses : found.misses) CHECK(static_cast<double>(misses) <= most);
  }
  for (std::size_t misses : measure(gaussian(gaussian_rows / 8), x, distortion, seeds).misses)
    CHECK(static_cast<double>(misses) > most);
  CHECK(static_cast<double>(measure(sparse(8, 1), x, distortion, seeds).misses[1]) > most);
}

TEST_CASE(
    "the mean square error of a squared length is at most 2 / r, and exact for one-hot vectors when sparse") {
  const std::size_t seeds = 2000, dim = 16, rows = 32;
  const support::Matrix x = directions(dim);
  for (const std::size_t nonzeros : {1u, 4u}) {
    const Lengths found = measure(
        [&](std::uint64_t s) { return Projection::sparse_sign(rows, dim, nonzeros, s); }, x, 0.5, seeds);
    CHECK(found.squares[0] < 1e-20);
    for (double sum : found.squares) {
      // Z = |Px|^2 - 1 is a chaos of order 2 in the signs: E Z^4 <= 81 (E Z^2)^2 given the places
      // (hypercontractivity), so five standard deviations of the mean of Z^2 are 45 / sqrt(seeds) of it.
      CHECK(sum / static_cast<double>(seeds) <= 2.0 / rows * (1 + 45 / std::sqrt(2000.0)));
    }
    // The flat vector attains it nearly: 2 / r (1 - 1 / dim).
    CHECK(found.squares[1] / static_cast<double>(seeds) >= 0.5 * 2.0 / rows * (1 - 1.0 / dim));
  }
}

TEST_CASE("rows_needed is its formula") {
  using Kind = Projection::Kind;
  CHECK(rows_needed(Kind::gaussian, 0.5, 0.01) ==
        static_cast<std::size_t>(std::ceil(2 * std::log(200.0) / (0.5 - std::log(1.5)))));
  CHECK(rows_needed(Kind::sparse_sign, 0.5, 0.01) == 801);  // 800, and the margin for rounding
  CHECK(rows_needed(Kind::gaussian, 1e-4, 0.5) == Approx(4 * std::log(4.0) * 1e8).epsilon(1e-3));
  for (const double bad : {0.0, 1.0, -1.0, std::nan("")}) {
    CHECK_THROWS_AS(rows_needed(Kind::gaussian, bad, 0.1), heavykeys::InvalidInput);
    CHECK_THROWS_AS(rows_needed(Kind::gaussian, 0.1, bad), heavykeys::InvalidInput);
  }
  CHECK_THROWS_AS(rows_needed(Kind::sparse_sign, 1e-12, 1e-12), heavykeys::InvalidInput);
}

TEST_CASE("what is not a projection is refused") {
  CHECK_THROWS_AS(Projection::gaussian(0, 3, 1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(Projection::gaussian(3, 0, 1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(Projection::sparse_sign(6, 3, 0, 1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(Projection::sparse_sign(6, 3, 4, 1), heavykeys::InvalidInput);
  const Projection p = Projection::gaussian(2, 3, 1);
  CHECK_THROWS_AS(element(p, 2, 0), heavykeys::InvalidInput);
  CHECK_THROWS_AS(element(p, 0, 3), heavykeys::InvalidInput);
  const double x[] = {1, 2, NAN, 4};
  CHECK_THROWS_AS(apply(p, heavykeys::rows(x, 1, 3)), heavykeys::InvalidInput);
  CHECK_THROWS_AS(apply(p, heavykeys::rows(x, 2, 2)), heavykeys::InvalidInput);
  CHECK(apply(p, heavykeys::rows(x, 0, 3)).empty());
}
