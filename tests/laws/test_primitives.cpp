// The sketching primitives have the same bits on every instruction set.
#include <catch2/catch.hpp>
#include <functional>

#include "heavykeys/heavykeys.hpp"
#include "lib/lewis.hpp"
#include "support/problems.hpp"

namespace {

/// Everything the primitives make of these keys, as one list of numbers.
std::vector<double> all_of(const support::Matrix& k) {
  const auto view = heavykeys::rows(k.values.data(), k.rows, k.cols);
  std::vector<double> out = heavykeys::leverage_scores(view);
  const auto append = [&](const auto& values) { out.insert(out.end(), values.begin(), values.end()); };
  const heavykeys::RowSampling sampling =
      heavykeys::sample_by_leverage(view, std::vector<double>(out), 0.5, 0.1, 3);
  append(sampling.scales);
  append(apply(sampling, view));
  append(heavykeys::approximate_leverage_scores(view, 0.95, 0.9, 1));
  for (const double p : {1.0, 3.0}) append(heavykeys::lewis_weights(view, p, 1e-4).weights);
  append(heavykeys::detail::arrival_exponents(k.values.data(), k.rows, k.cols, {}, 3.0));
  append(apply(heavykeys::Projection::gaussian(20, k.cols, 5), view));
  append(apply(heavykeys::Projection::sparse_sign(20, k.cols, 4, 5), view));
  return out;
}

}  // namespace

TEST_CASE("primitives have the same bits on every instruction set") {
  support::Random random(1);
  const std::string best = heavykeys::active_isa();
  for (const auto& [n, d] : {std::pair{200, 5}, {700, 90}, {30, 33}}) {
    support::Matrix k(static_cast<std::size_t>(n), static_cast<std::size_t>(d));
    for (double& v : k.values) v = random.cauchy();
    const std::vector<double> want = all_of(k);
    for (const std::string& isa : heavykeys::available_isas()) {
      heavykeys::set_isa(isa);
      INFO(isa);
      CHECK(support::same_bits(all_of(k), want));
    }
    heavykeys::set_isa(best);
  }
}
