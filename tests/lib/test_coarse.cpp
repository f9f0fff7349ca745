// The scan's first look against exact integers and long double: on every instruction set, the same bits.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "lib/coarse_kernels.hpp"
#include "lib/coarse_rows.hpp"
#include "lib/coarse_tile.hpp"
#include "support/every_isa.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

using support::on_every_isa;

namespace {

std::int16_t panel_value(const std::vector<std::int16_t>& panel, std::size_t width, std::size_t i,
                         std::size_t u) {
  return panel[((u / kKeyStrip * (width / 2) + i / 2) * kKeyStrip + u % kKeyStrip) * 2 + i % 2];
}

/// An integer of 16 bits, with the ends of the range among them.
std::int16_t any_integer(support::Random& random, int most) {
  if (random.below(8) == 0) return static_cast<std::int16_t>(random.coin() ? most : -most);
  return static_cast<std::int16_t>(random.integer(-most, most));
}

std::int32_t any_product(support::Random& random) {
  return static_cast<std::int32_t>((2 * random.uniform() - 1) * kCoarseNorm * kCoarseNorm);
}

}  // namespace

TEST_CASE("coarse_products: exact integers for any counts of queries, keys and columns") {
  on_every_isa([] {
    support::Random random(1);
    std::vector<double> all;
    for (int round = 0; round < 200; ++round) {
      const std::size_t count = 1 + random.below(40), width = 2 * (1 + random.below(70)),
                        ld = 16 * (1 + random.below(16));
      // Rows of norm at most kCoarseNorm: 32767 in two places, or smaller integers in all.
      const int most = std::min(32767, static_cast<int>(kCoarseNorm / std::sqrt(double(width))));
      std::vector<std::int16_t> queries(count * width), panel(width * ld);
      for (auto& x : queries) x = any_integer(random, most);
      for (auto& x : panel) x = any_integer(random, most);
      std::vector<std::int32_t> products(count * ld);
      coarse_products(queries.data(), count, width, panel.data(), ld, products.data());
      for (std::size_t a = 0; a < count; ++a) {
        for (std::size_t u = 0; u < ld; ++u) {
          std::int64_t sum = 0;
          for (std::size_t i = 0; i < width; ++i)
            sum += std::int64_t{queries[a * width + i]} * panel_value(panel, width, i, u);
          if (products[a * ld + u] != sum) FAIL(products[a * ld + u] << " is not " << sum);
        }
      }
      all.insert(all.end(), products.begin(), products.end());
    }
    return all;
  });
}

TEST_CASE("coarse_columns: nearest integers, and no residual larger than it says") {
  on_every_isa([] {
    support::Random random(2);
    std::vector<double> all;
    for (const std::size_t dim : {1u, 2u, 7u, 64u}) {
      const std::size_t ld = 48;
      std::vector<double> columns(dim * ld), residual(ld);
      for (double& x : columns) x = (2 * random.uniform() - 1) * std::ldexp(1.0, -random.integer(0, 20));
      const double step = 1.0 / 32767.0 * (1 + random.uniform());
      std::vector<std::int16_t> panel(coarse_width(dim) * ld);
      coarse_columns(columns.data(), dim, ld, step, panel.data(), residual.data());
      for (std::size_t u = 0; u < ld; ++u) {
        long double squares = 0;
        for (std::size_t i = 0; i < dim; ++i) {
          const long double x = columns[i * ld + u],
                            rest = x - panel_value(panel, coarse_width(dim), i, u) * 1.0L * step;
          CHECK(std::fabs(rest) <= 0.5000001L * step);
          squares += rest * rest;
        }
        CHECK(residual[u] == Approx(double(squares)).epsilon(1e-9).margin(1e-40));
        if (dim % 2 == 1) CHECK(panel_value(panel, dim + 1, dim, u) == 0);
      }
      all.insert(all.end(), residual.begin(), residual.end());
      all.insert(all.end(), panel.begin(), panel.end());
    }
    return all;
  });
}

TEST_CASE("coarse_sums: within kCoarseRounding of powers of two, for any counts of keys") {
  double worst = 0;
  on_every_isa([&] {
    support::Random random(3);
    std::vector<double> all;
    for (int round = 0; round < 3000; ++round) {
      constexpr std::size_t kLd = 256;
      std::vector<std::int32_t> products(2 * kLd);
      CoarseTerm queries[2];
      for (std::size_t a = 0; a < 2; ++a) {
        queries[a].n = random.below(4) == 0 ? 0 : 1 + random.below(kLd);
        queries[a].factor =
            static_cast<float>(std::ldexp(1.0 + 0.4 * random.uniform(), -random.integer(22, 50)));
        queries[a].far = random.coin() || static_cast<double>(queries[a].factor) * 0x1p31 > kCoarseExponent;
        for (std::size_t u = 0; u < kLd; ++u) products[a * kLd + u] = any_product(random);
      }
      coarse_sums(products.data(), kLd, 2, queries);
      for (std::size_t a = 0; a < 2; ++a) {
        const CoarseTerm& q = queries[a];
        if (q.n == 0) continue;
        long double sum = 0, top = 0, most = 0;
        for (std::size_t u = 0; u < q.n; ++u) {
          const long double y = static_cast<long double>(q.factor) * products[a * kLd + u];
          if (!q.far) REQUIRE(std::fabs(y) <= kCoarseExponent);
          sum += std::exp2(y - q.unit);
          top = std::max(top, std::exp2(y - q.unit));
          most = std::max(most, std::fabs(y));
        }
        CHECK((q.far ? top >= 0.99 && top <= 2.02 : q.unit == 0.0f));
        const long double change = std::expm1(most * (q.far ? 0x1p-22L : 0x1p-23L) * std::log(2.0L));
        CHECK(std::fabs(q.most / top - 1) <= change + kCoarseRounding);
        const long double error = std::fabs(q.sum / sum - 1);
        CHECK(error <= change + kCoarseRounding);
        worst = std::max(worst, static_cast<double>((error - change) / kCoarseRounding));
        all.push_back(q.sum);
      }
    }
    return all;
  });
  CHECK(worst < 1.0);
}

TEST_CASE("coarse_sums: a single key is a power of two, for many mantissas") {
  on_every_isa([] {
    std::vector<double> all;
    for (std::int32_t product = 1; product < (1 << 26); product += 12345) {
      CoarseTerm query{.n = 1, .factor = 0x1p-24f};
      std::vector<std::int32_t> products(16, -5);
      products[0] = product;
      coarse_sums(products.data(), 16, 1, &query);
      const long double true_sum = std::exp2(product * 0x1p-24L);
      if (std::fabs(query.sum / true_sum - 1) > 0x1p-18L) FAIL(product << " gives " << query.sum);
      if (static_cast<double>(query.most) != query.sum)
        FAIL(product << " has a greatest term of " << query.most);
      all.push_back(query.sum);
    }
    return all;
  });
}

TEST_CASE("select_coarse: exactly the terms from the threshold on") {
  on_every_isa([] {
    support::Random random(5);
    std::vector<double> all;
    for (int round = 0; round < 300; ++round) {
      const bool far = random.coin();
      CoarseTerm query{.n = 1 + random.below(256), .factor = far ? 0x1p-23f : 0x1p-27f, .far = far};
      std::vector<std::int32_t> products(256);
      for (auto& x : products) x = any_product(random);
      coarse_sums(products.data(), 256, 1, &query);
      const float threshold = std::ldexp(query.most, -static_cast<int>(random.integer(-1, 20)));
      std::vector<std::uint32_t> found(256);
      std::vector<float> terms(256);
      found.resize(select_coarse(products.data(), query, threshold, found.data(), terms.data()));
      for (std::size_t f = 0; f < found.size(); ++f) {
        CHECK(terms[f] >= threshold);
        CHECK(terms[f] ==
              Approx(std::exp2(double(query.factor) * products[found[f]] - query.unit)).epsilon(1e-4));
      }
      CHECK(std::is_sorted(found.begin(), found.end()));
      std::size_t at = 0;
      for (std::size_t u = 0; u < query.n; ++u) {
        const bool listed = at < found.size() && found[at] == u;
        const double term = std::exp2(double(query.factor) * products[u] - query.unit);
        if (term > threshold * (1 + 1e-4)) CHECK(listed);
        if (term < threshold * (1 - 1e-4)) CHECK(!listed);
        at += listed ? 1 : 0;
      }
      CHECK(at == found.size());
      all.insert(all.end(), found.begin(), found.end());
    }
    return all;
  });
}

TEST_CASE("a look's error bounds every product, for rows of any shape") {
  support::Random random(6);
  double tightest = 0;
  for (int round = 0; round < 400; ++round) {
    const std::size_t dim = 1 + random.below(80), n = 1 + random.below(256);
    std::vector<double> keys(n * dim), query(dim);
    const auto fill = [&](std::vector<double>& values, int spread, int unit) {
      for (double& x : values)
        x = std::ldexp(random.gaussian(), unit + static_cast<int>(random.integer(-spread, spread)));
    };
    const int spread = round % 3 == 0 ? 0 : round % 3 == 1 ? 3 : 20;
    fill(keys, spread, static_cast<int>(random.integer(-100, 100)));
    fill(query, spread, static_cast<int>(random.integer(-100, 100)));
    if (round % 7 == 0) std::fill_n(keys.begin(), dim, 0.0);
    KeyBlock block;
    block.load(heavykeys::rows(keys.data(), n, dim));
    CoarseKeys coarse;
    coarse.load(block, dim);
    REQUIRE(coarse.size.usable);
    QueryTile tile;
    tile.load(heavykeys::rows(query.data(), 1, dim));
    CoarseQueries queries;
    const bool negative = random.coin();
    queries.append(tile, negative);
    std::vector<std::int32_t> products(block.ld);
    coarse_products(queries.values.data(), 1, queries.width, coarse.panel.data(), block.ld, products.data());
    const long double error = coarse_error(queries.size[0], coarse.size),
                      step = static_cast<long double>(queries.size[0].step) * coarse.size.step;
    for (std::size_t u = 0; u < n; ++u) {
      long double x = 0;
      for (std::size_t c = 0; c < dim; ++c) x += static_cast<long double>(query[c]) * keys[u * dim + c];
      const long double off = std::fabs((negative ? -x : x) - products[u] * step);
      CHECK(off <= error);
      if (error > 0) tightest = std::max(tightest, static_cast<double>(off / error));
    }
    // What is lost is little: 2^-13 of the norms, for rows of any shape.
    CHECK(error <= static_cast<long double>(queries.size[0].norm) * coarse.size.norm *
                       (std::sqrt(static_cast<double>(dim)) + 1) * 0x1p-14L);
  }
  CHECK(tightest > 0.2);
}

TEST_CASE("select_far: exactly the magnitudes from the limit on") {
  on_every_isa([] {
    support::Random random(8);
    std::vector<double> all;
    for (int round = 0; round < 500; ++round) {
      const std::size_t n = 1 + random.below(kMostCoarse);
      std::vector<std::int32_t> products(kMostCoarse);
      for (auto& x : products) x = any_product(random) >> random.below(31);
      const std::int32_t least = random.below(4) == 0 ? 0 : products[random.below(n)];
      std::vector<std::uint32_t> want, found(n);
      for (std::size_t u = 0; u < n; ++u) {
        if (std::abs(products[u]) >= least) want.push_back(static_cast<std::uint32_t>(1000 + u));
      }
      found.resize(select_far(products.data(), n, least, 1000, found.data()));
      CHECK(found == want);
      all.insert(all.end(), found.begin(), found.end());
    }
    return all;
  });
}
