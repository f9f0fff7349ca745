// Covariances against exact rationals, and the laws of their state: a function of the multiset of samples.
#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>
#include <numeric>

#include "eigen/samples.hpp"
#include "engines/engine.hpp"

using boost::multiprecision::cpp_rational;
using heavykeys::Covariance;
using heavykeys::CovarianceSpec;
using samples::Matrix;
using samples::Random;
using samples::rows_of;

namespace {

cpp_rational power_of_two(int e) {
  const boost::multiprecision::cpp_int one = 1;
  return e >= 0 ? cpp_rational(one << e) : cpp_rational(one, one << -e);
}

/// The sample as the documentation says it is gridded, by other means than the library's.
std::vector<cpp_rational> gridded(const double* x, std::size_t p) {
  double top = 0.0;
  for (std::size_t j = 0; j < p; ++j) top = std::max(top, std::abs(x[j]));
  std::vector<cpp_rational> out(p);
  if (top == 0.0) return out;
  int e = 0;
  std::frexp(top, &e);  // top < 2^e
  while (e % 8 != 0) ++e;
  for (std::size_t j = 0; j < p; ++j) {
    // long double has the range for 2^(48 - e), and rounds to an integer half to even.
    const long double q = std::nearbyintl(std::ldexp(static_cast<long double>(x[j]), 48 - e));
    out[j] = cpp_rational(static_cast<long long>(q)) * power_of_two(e - 48);
  }
  return out;
}

struct Truth {
  std::vector<double> mean, covariance;
};

Truth truth_of(const Matrix& m) {
  const std::size_t p = m.cols;
  std::vector<cpp_rational> sum(p), products(p * p);
  for (std::size_t r = 0; r < m.rows; ++r) {
    const auto x = gridded(m.row(r), p);
    for (std::size_t i = 0; i < p; ++i) {
      sum[i] += x[i];
      for (std::size_t j = 0; j < p; ++j) products[i * p + j] += x[i] * x[j];
    }
  }
  const cpp_rational n(static_cast<long long>(m.rows));
  Truth out;
  for (std::size_t i = 0; i < p; ++i) {
    out.mean.push_back(static_cast<double>(cpp_rational(sum[i] / n)));
    for (std::size_t j = 0; j < p; ++j) {
      out.covariance.push_back(
          static_cast<double>(cpp_rational((products[i * p + j] - sum[i] * sum[j] / n) / n)));
    }
  }
  return out;
}

Covariance covariance_of(const Matrix& m, const CovarianceSpec& spec) {
  Covariance c(spec);
  heavykeys::streaming::absorb(c, rows_of(m));
  return c;
}

using Make = Matrix (*)(std::size_t, std::size_t, Random&);
const std::vector<Make> makers{samples::decaying, samples::wild};

}  // namespace

TEST_CASE("mean and covariance by hand") {
  const std::vector<float> x{1, 2, /**/ 3, 2, /**/ 5, 8};
  Covariance c({.dim = 2});
  heavykeys::streaming::absorb(c, heavykeys::rows(x.data(), 3, 2));
  CHECK(c.sample_count() == 3);
  CHECK(mean(c) == std::vector<double>{3, 4});
  CHECK(covariance_matrix(c) == std::vector<double>{8.0 / 3, 4, 4, 8});
  CHECK(element_variances(c) == std::vector<double>{8.0 / 3, 8});
}

TEST_CASE("mean and covariance are those of the gridded samples, to the last bit or nearly") {
  Random random(1);
  for (int round = 0; round < 40; ++round) {
    const std::size_t n = 1 + random.below(20), p = 1 + random.below(6);
    const Matrix m = makers[random.below(2)](n, p, random);
    const Truth truth = truth_of(m);
    const Covariance c = covariance_of(m, {.dim = p});
    const std::vector<double> mu = mean(c), cov = covariance_matrix(c);
    // Variances of samples of 2^60 swallow those of 2^-60: rounded once, from 106 bits.
    const double top = *std::max_element(truth.covariance.begin(), truth.covariance.end());
    for (std::size_t i = 0; i < p; ++i) CHECK(mu[i] == truth.mean[i]);
    for (std::size_t i = 0; i < p * p; ++i) {
      CHECK(std::abs(cov[i] - truth.covariance[i]) <=
            0x1p-52 * std::abs(truth.covariance[i]) + 0x1p-90 * top);
    }
    const Covariance sketch = covariance_of(m, {.dim = p, .sketch_columns = random.below(p)});
    CHECK(mean(sketch) == mu);
    CHECK(element_variances(sketch) == element_variances(c));
    for (std::size_t i = 0; i < p; ++i) CHECK(element_variances(c)[i] == std::max(0.0, cov[i * p + i]));
  }
}

TEST_CASE("a mean far from 0 costs no accuracy") {
  Matrix m(4, 2);
  for (std::size_t r = 0; r < 4; ++r) {
    m(r, 0) = std::ldexp(1.0, 20) + (r % 2 == 0 ? 1 : -1);
    m(r, 1) = std::ldexp(1.0, 20) + (r < 2 ? 0.5 : -0.5);
  }
  CHECK(covariance_matrix(covariance_of(m, {.dim = 2})) == std::vector<double>{1, 0, 0, 0.25});
}

TEST_CASE(
    "equal samples give equal bytes, whatever the order, the pieces, the merges, the engine and the dtype") {
  Random random(2);
  for (int round = 0; round < 30; ++round) {
    const std::size_t n = 1 + random.below(60), p = 1 + random.below(90);
    const CovarianceSpec spec{
        .dim = p, .sketch_columns = round % 2 == 0 ? 0 : random.below(p), .seed = random.below(3)};
    const Matrix m = makers[random.below(2)](n, p, random);
    const auto whole = to_bytes(covariance_of(m, spec));
    INFO(n << " samples of " << p << ", sketch_columns " << spec.sketch_columns);
    CHECK(to_bytes(heavykeys::covariance_from_bytes(whole)) == whole);
    CHECK(to_bytes(covariance_of(support::shuffled(m, random), spec)) == whole);

    std::vector<Covariance> parts(3, Covariance(spec));
    for (std::size_t r = 0; r < n;) {
      const std::size_t length = std::min<std::size_t>(n - r, 1 + random.below(7));
      const engines::Engine engine{engines::built()[random.below(engines::built().size())], 3};
      engine.absorb(parts[random.below(3)], rows_of(m).slice(r, length));
      r += length;
    }
    merge(parts[2], parts[0]);
    merge(parts[1], parts[2]);
    CHECK(to_bytes(parts[1]) == whole);
  }
}

TEST_CASE("every engine, number of threads and instruction set gives the same bytes") {
  Random random(3);
  // More samples than one batch, and elements in several passes of strips.
  struct Shape {
    std::size_t n, p, r;
  };
  for (const Shape& shape :
       {Shape{1500, 33, 0}, Shape{40, 700, 0}, Shape{300, 1200, 40}, Shape{3000, 70, 64}}) {
    const Matrix m = samples::decaying(shape.n, shape.p, random);
    const CovarianceSpec spec{.dim = shape.p, .sketch_columns = shape.r, .seed = 7};
    const auto truth = to_bytes(covariance_of(m, spec));
    for (const auto schedule : engines::built()) {
      for (const int threads : {1, 2, 5}) {
        Covariance c(spec);
        const engines::Engine engine{schedule, threads};
        INFO(engine.name());
        engine.absorb(c, rows_of(m));
        CHECK(to_bytes(c) == truth);
      }
    }
    for (const std::string& isa : heavykeys::available_isas()) {
      const engines::UsingIsa forced(isa);
      INFO(isa);
      CHECK(to_bytes(covariance_of(m, spec)) == truth);
    }
  }
}

TEST_CASE("views of any dtype and stride are the samples that they show") {
  Random random(4);
  Matrix m = samples::decaying(20, 9, random);
  for (double& x : m.values) x = static_cast<float>(x);
  const auto truth = to_bytes(covariance_of(m, {.dim = 9}));
  std::vector<float> transposed(m.values.size());
  for (std::size_t r = 0; r < 20; ++r) {
    for (std::size_t c = 0; c < 9; ++c) transposed[c * 20 + r] = static_cast<float>(m(r, c));
  }
  heavykeys::Rows view = heavykeys::rows(transposed.data(), 20, 9);
  view.row_stride = 1;
  view.column_stride = 20;
  Covariance c({.dim = 9});
  heavykeys::streaming::absorb(c, view);
  CHECK(to_bytes(c) == truth);
}

TEST_CASE("bad input is refused by name, and nothing is lost") {
  using Catch::Contains;
  CHECK_THROWS_WITH(Covariance({.dim = 0}), Contains("dim is 0"));
  CHECK_THROWS_WITH(Covariance({.dim = 3, .sketch_columns = 4}),
                    Contains("sketch_columns is 4") && Contains("3"));
  CHECK_THROWS_WITH(Covariance({.dim = 20000}), Contains("20000") && Contains("give sketch_columns"));
  CHECK_THROWS_WITH(mean(Covariance({.dim = 3})), Contains("no samples"));

  Random random(5);
  Matrix m = samples::decaying(10, 3, random);
  Covariance c = covariance_of(m, {.dim = 3});
  const auto before = to_bytes(c);
  m(7, 2) = std::nan("");
  CHECK_THROWS_WITH(heavykeys::streaming::absorb(c, rows_of(m)), "NaN at row 7, column 2");
  CHECK_THROWS_WITH(heavykeys::parallel::absorb(c, rows_of(m)), "NaN at row 7, column 2");
  const Matrix wide(2, 4);
  CHECK_THROWS_WITH(heavykeys::streaming::absorb(c, rows_of(wide)),
                    Contains("4 elements") && Contains("of 3"));
  CHECK_THROWS_AS(merge(c, Covariance({.dim = 4})), heavykeys::Incompatible);
  CHECK_THROWS_WITH(merge(c, Covariance({.dim = 3, .sketch_columns = 2, .seed = 5})), Contains("seed 5"));
  CHECK(to_bytes(c) == before);
  CHECK_THROWS_WITH(covariance_matrix(Covariance({.dim = 3, .sketch_columns = 2})),
                    Contains("sketch_columns is 2"));

  Matrix huge(2, 3);
  huge(1, 2) = -0x1p496;
  CHECK_THROWS_WITH(heavykeys::streaming::absorb(c, rows_of(huge)),
                    Contains("row 1, column 2") && Contains("2^496"));
  CHECK(to_bytes(c) == before);
  huge(1, 2) = -0x1.fffffp495;
  for (const std::size_t r : {0, 2}) {
    const Covariance large = covariance_of(huge, {.dim = 3, .sketch_columns = r});
    CHECK(mean(large)[2] == -0x1.fffffp494);
    CHECK(element_variances(large)[2] == 0x1.fffffp494 * 0x1.fffffp494);
    CHECK(to_bytes(heavykeys::covariance_from_bytes(to_bytes(large))) == to_bytes(large));
  }
}

TEST_CASE("damaged bytes are Corrupt, wherever the damage is") {
  Random random(6);
  for (const std::size_t r : {0, 3}) {
    const Matrix m = samples::wild(12, 5, random);
    const auto bytes = to_bytes(covariance_of(m, {.dim = 5, .sketch_columns = r}));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      CHECK_THROWS_AS(heavykeys::covariance_from_bytes(std::span(bytes).first(i)), heavykeys::Corrupt);
      auto flipped = bytes;
      flipped[i] ^= std::byte{static_cast<unsigned char>(1 << random.below(8))};
      CHECK_THROWS_AS(heavykeys::covariance_from_bytes(flipped), heavykeys::Corrupt);
    }
  }
}
