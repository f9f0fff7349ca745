// Every kernel on every instruction set of this machine, against loops anyone can check.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "heavykeys/isa.hpp"
#include "lib/dense_kernels.hpp"
#include "lib/dtype.hpp"
#include "lib/gram_amx.hpp"
#include "lib/grid.hpp"
#include "lib/kernels.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

namespace {

/// Leaves the instruction set as it was.
struct IsaGuard {
  std::string before = heavykeys::active_isa();
  ~IsaGuard() { heavykeys::set_isa(before); }
};

std::vector<std::int32_t> random_integers(support::Random& random, std::size_t rows, std::size_t width,
                                          std::size_t dim, int bits) {
  std::vector<std::int32_t> q(rows * width, 0);
  const int top = 1 << bits;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < dim; ++c) {
      q[r * width + c] = random.below(8) == 0 ? (random.coin() ? top : -top) : random.integer(-top, top);
    }
  }
  return q;
}

std::vector<std::int64_t> plain_gram(const std::vector<std::int32_t>& q, std::size_t rows,
                                     std::size_t width) {
  std::vector<std::int64_t> s(width * width, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < width; ++i) {
      for (std::size_t j = i; j < width; ++j) {
        s[i * width + j] += static_cast<std::int64_t>(q[r * width + i]) * q[r * width + j];
      }
    }
  }
  return s;
}

void require_upper_equal(const std::vector<std::int64_t>& got, const std::vector<std::int64_t>& want,
                         std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t j = i; j < width; ++j) REQUIRE(got[i * width + j] == want[i * width + j]);
  }
}

}  // namespace

TEST_CASE("the float64 Gram is exact at the greatest integers of every grid") {
  IsaGuard guard;
  support::Random random(1);
  for (const std::string& isa : heavykeys::available_isas()) {
    heavykeys::set_isa(isa);
    for (const int bits : {8, 20, 23, 24}) {
      for (const std::size_t dim : {1u, 16u, 33u, 64u, 100u}) {
        const std::size_t rows = 1 + random.below(600), width = padded(dim);
        const auto q = random_integers(random, rows, width, dim, bits);
        std::vector<std::int64_t> sums(width * width, 0);
        gram_by_float64(q.data(), rows, width, bits, sums.data());
        CAPTURE(isa, bits, dim, rows);
        require_upper_equal(sums, plain_gram(q, rows, width), width);
      }
    }
  }
}

TEST_CASE("the AMX Gram is exact, for a whole block of the greatest integers") {
  if (!amx_usable()) {
    WARN("no AMX on this machine: this case did not run");
    return;
  }
  support::Random random(2);
  for (const int bits : {8, 14, 20, 22, 23, 24}) {
    for (const std::size_t dim : {3u, 16u, 48u, 64u}) {
      const std::size_t width = padded(dim), rows = dim == 3 ? 4096 : 1 + random.below(1500);
      auto q = random_integers(random, rows, width, dim, bits);
      if (dim == 3) std::fill(q.begin(), q.end(), bits % 2 == 0 ? 1 << bits : -(1 << bits));
      AmxGram gram(width, bits);
      for (int twice = 0; twice < 2; ++twice) {  // begin() forgets the block before
        gram.begin();
        for (std::size_t r = 0; r < rows; r += AmxGram::kPanelRows) {
          gram.add_panel(q.data() + r * width, std::min(AmxGram::kPanelRows, rows - r));
        }
        std::vector<std::int64_t> sums(width * width, -1);
        gram.finish(sums.data());
        CAPTURE(bits, dim, rows);
        require_upper_equal(sums, plain_gram(q, rows, width), width);
      }
    }
  }
}

TEST_CASE("quantising rounds half to even on every instruction set") {
  IsaGuard guard;
  support::Random random(3);
  std::vector<float> k;
  for (int i = -40; i <= 40; ++i) k.push_back(static_cast<float>(i) * 0.5f);  // every half
  for (float v : {8388607.5f, 8388608.0f, 16777215.0f, -16777215.0f, 4194303.5f, 4194304.5f, 0.49999997f})
    k.push_back(v);
  while (k.size() % 7 != 0) k.push_back(static_cast<float>(random.gaussian() * 1e6));
  const std::vector<float> ones(7, 1.0f);
  for (const std::string& isa : heavykeys::available_isas()) {
    heavykeys::set_isa(isa);
    std::vector<std::int32_t> q(k.size());
    quantise_floats(k.data(), k.size() / 7, 7, 7, ones.data(), q.data(), 7);
    for (std::size_t i = 0; i < k.size(); ++i) {
      CAPTURE(isa, k[i]);
      REQUIRE(q[i] == static_cast<std::int32_t>(std::nearbyint(static_cast<double>(k[i]))));
    }
  }
}

TEST_CASE("column maxima are exact and see NaN and Inf in any column") {
  IsaGuard guard;
  support::Random random(4);
  for (const std::string& isa : heavykeys::available_isas()) {
    heavykeys::set_isa(isa);
    for (const std::size_t dim : {1u, 5u, 16u, 67u, 130u}) {
      const std::size_t rows = 9;
      const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(dim) + 3;
      std::vector<float> data(rows * static_cast<std::size_t>(stride),
                              std::numeric_limits<float>::quiet_NaN());
      std::vector<float> want(dim, 0.0f), top(dim);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < dim; ++c) {
          const auto v = static_cast<float>(random.gaussian());
          data[r * static_cast<std::size_t>(stride) + c] = v;
          want[c] = std::max(want[c], std::fabs(v));
        }
      }
      REQUIRE(column_maxima(data.data(), rows, dim, stride, top.data()));
      REQUIRE(top == want);
      for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> broken = data;
        broken[4 * static_cast<std::size_t>(stride) + random.below(dim)] = bad;
        REQUIRE_FALSE(column_maxima(broken.data(), rows, dim, stride, top.data()));
      }
    }
  }
}

TEST_CASE("dot products have the same bits everywhere: ascending, two roundings a term") {
  IsaGuard guard;
  support::Random random(5);
  for (const std::size_t dim : {1u, 3u, 64u, 300u}) {
    for (const std::size_t count : {1u, 4u, 7u, 14u}) {
      const std::size_t ld = 48;
      std::vector<double> q(count * dim), k(dim * ld);
      for (double& v : q) v = random.gaussian();
      for (double& v : k) v = random.cauchy();
      for (const std::string& isa : heavykeys::available_isas()) {
        heavykeys::set_isa(isa);
        std::vector<double> x(count * ld);
        dot_products(q.data(), count, dim, k.data(), ld, x.data());
        for (std::size_t a = 0; a < count; ++a) {
          for (std::size_t u = 0; u < ld; ++u) {
            double want = 0.0;
            for (std::size_t i = 0; i < dim; ++i) want = want + q[a * dim + i] * k[i * ld + u];
            REQUIRE(x[a * ld + u] == want);
          }
        }
        std::vector<std::uint32_t> found(ld), expected;
        for (std::size_t u = 0; u < 45; ++u) {
          if (std::fabs(x[u]) >= 0.7) expected.push_back(static_cast<std::uint32_t>(u));
        }
        found.resize(select_at_least(x.data(), 45, 0.7, found.data()));
        REQUIRE(found == expected);
      }
    }
  }
}

TEST_CASE("the pruning norms are within their stated error") {
  IsaGuard guard;
  support::Random random(6);
  const std::size_t rows = 11, width = 48;
  const auto q = random_integers(random, rows, width, 41, 24);
  std::vector<float> scale(width), matrix(width * width, 0.0f);
  for (float& v : scale) v = static_cast<float>(std::ldexp(1.0, random.integer(-28, -20)));
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t j = i; j < width; ++j) matrix[i * width + j] = static_cast<float>(random.gaussian());
  }
  const std::vector<std::uint32_t> index{0, 3, 4, 9, 10};
  for (const std::string& isa : heavykeys::available_isas()) {
    heavykeys::set_isa(isa);
    std::vector<float> norms(rows), projections(index.size()), lengths(index.size());
    weighted_norms(q.data(), rows, width, scale.data(), norms.data());
    projected_norms(q.data(), index.data(), index.size(), width, scale.data(), matrix.data(),
                    projections.data(), lengths.data());
    const auto length = [&](std::size_t r) {
      double sum = 0.0;
      for (std::size_t c = 0; c < width; ++c)
        sum += std::pow(static_cast<double>(q[r * width + c]) * static_cast<double>(scale[c]), 2);
      return sum;
    };
    for (std::size_t r = 0; r < rows; ++r)
      REQUIRE(static_cast<double>(norms[r]) == Approx(length(r)).epsilon(1e-5));
    for (std::size_t a = 0; a < index.size(); ++a) {
      double want = 0.0;
      for (std::size_t j = 0; j < width; ++j) {
        double y = 0.0;
        for (std::size_t c = 0; c < width; ++c) {
          y += static_cast<double>(q[index[a] * width + c]) * static_cast<double>(scale[c]) *
               static_cast<double>(matrix[c * width + j]);
        }
        want += y * y;
      }
      REQUIRE(static_cast<double>(lengths[a]) == Approx(length(index[a])).epsilon(1e-5));
      REQUIRE(static_cast<double>(projections[a]) == Approx(want).epsilon(1e-4));
    }
  }
}

TEST_CASE("all 65,536 half-precision numbers convert exactly") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto h = static_cast<std::uint16_t>(bits);
    const int exponent = (h >> 10) & 31, fraction = h & 1023;
    const float got = half_to_float(h);
    if (exponent == 31) {
      REQUIRE((fraction == 0 ? std::isinf(got) : std::isnan(got)));
      continue;
    }
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    REQUIRE(static_cast<double>(got) == ((h & 0x8000) != 0 ? -magnitude : magnitude));
  }
}

TEST_CASE("the grid is the design's, with float64's top binade kept finite") {
  const std::vector<double> k{1.0, -0.75, 0x1p-20, /**/ 0x1.fffffffffffffp1023, 0.0, -0x1p-1074};
  const auto block = heavykeys::rows(k.data(), 2, 3);
  const std::vector<int> e = fit_grid(block);
  REQUIRE(e == std::vector<int>{1024, 0, -19});
  std::int32_t q[6];
  quantise(block, e, 24, q, 3);
  REQUIRE(q[0] == 0);
  REQUIRE(q[1] == -(3 << 22));
  REQUIRE(q[2] == 1 << 23);
  REQUIRE(q[3] == (1 << 24) - 1);
  REQUIRE(std::isfinite(gridded_value(q[3], 1024, 24)));
  REQUIRE(q[5] == 0);
}
