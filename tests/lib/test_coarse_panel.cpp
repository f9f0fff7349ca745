// Which keys of a panel a query can reach, as their integers tell it, against long double.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/coarse_panel.hpp"
#include "support/every_isa.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;
using support::on_every_isa;

TEST_CASE("reach: no key that is wanted is left out, and few that are not are in") {
  std::size_t wanted = 0, listed = 0;
  on_every_isa([&] {
    support::Random random(9);
    std::vector<double> all;
    for (int round = 0; round < 60; ++round) {
      const std::size_t dim = 1 + random.below(80), count = 1 + random.below(900),
                        ld = (count + 15) / 16 * 16;
      std::vector<double> columns(dim * ld, 0.0), queries(7 * dim);
      double norm = 0;
      for (std::size_t u = 0; u < count; ++u) {
        double squares = 0;
        for (std::size_t i = 0; i < dim; ++i) {
          const double x = (2 * random.uniform() - 1) * (round % 3 == 0 ? std::exp(-random.below(9)) : 1.0);
          columns[i * ld + u] = x;
          squares += x * x;
        }
        norm = std::max(norm, std::sqrt(squares) * (1 + 1e-10));
      }
      const CoarsePanel panel(columns.data(), dim, ld, count, norm);
      REQUIRE(panel.is_usable());
      std::vector<CoarsePanel::Query> asked;
      for (std::size_t a = 0; a < 7; ++a) {
        double squares = 0;
        for (std::size_t i = 0; i < dim; ++i) {
          queries[a * dim + i] = 3.9 * random.uniform() - 1.95;
          squares += queries[a * dim + i] * queries[a * dim + i];
        }
        const double size = std::sqrt(squares) * (1 + 1e-10);
        asked.push_back({queries.data() + a * dim, size, size * norm * 0.2 * (random.uniform() - 0.05)});
      }
      std::vector<std::vector<std::uint32_t>> reached;
      panel.reach(asked, reached);
      for (std::size_t a = 0; a < 7; ++a) {
        CHECK(std::is_sorted(reached[a].begin(), reached[a].end()));
        for (std::uint32_t u = 0; u < count; ++u) {
          long double x = 0;
          for (std::size_t i = 0; i < dim; ++i)
            x += static_cast<long double>(queries[a * dim + i]) * columns[i * ld + u];
          if (std::fabs(x) < asked[a].least) continue;
          ++wanted;
          if (!std::binary_search(reached[a].begin(), reached[a].end(), u))
            FAIL("key " << u << " is missing");
        }
        listed += reached[a].size();
        all.insert(all.end(), reached[a].begin(), reached[a].end());
      }
    }
    return all;
  });
  CHECK(wanted > 10000);
  CHECK(listed < wanted + wanted / 20);
}
