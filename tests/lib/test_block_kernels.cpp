// The loops that bring rows into blocks, against long double.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/block_kernels.hpp"
#include "support/every_isa.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;
using support::on_every_isa;

TEST_CASE("pair_products: products of any length, as close as float64 brings them, on all the same") {
  on_every_isa([] {
    support::Random random(7);
    std::vector<double> all;
    for (const std::size_t dim : {1u, 7u, 8u, 9u, 64u, 203u}) {
      std::vector<double> values(10 * dim);
      for (double& x : values) x = random.gaussian();
      const double *a[5], *b[5];
      for (std::size_t f = 0; f < 5; ++f) {
        a[f] = values.data() + f * dim;
        b[f] = values.data() + (9 - f) * dim;
      }
      std::vector<double> products(5);
      pair_products(a, b, 5, dim, products.data());
      for (std::size_t f = 0; f < 5; ++f) {
        long double product = 0, size = 0;
        for (std::size_t i = 0; i < dim; ++i) {
          product += static_cast<long double>(a[f][i]) * b[f][i];
          size += std::fabs(static_cast<long double>(a[f][i]) * b[f][i]);
        }
        CHECK(std::fabs(products[f] - product) <= (dim + 2) * 0x1p-53L * size);
      }
      all.insert(all.end(), products.begin(), products.end());
    }
    return all;
  });
}
