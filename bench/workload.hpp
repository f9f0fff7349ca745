// Seeded keys and queries. The same seed gives the same values on any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/machine.hpp"
#include "heavykeys/rows.hpp"

namespace heavykeys::bench {

/// gaussian: every entry N(0, 1), so no key is heavy once n >> d / epsilon.
/// anisotropic: spectrum over 4 decades, reflected so that no axis shows it.
/// outliers: gaussian, with `outliers` planted keys spread over the stream whose leverage is 0.03 to 0.7.
enum class Family { gaussian, anisotropic, outliers };

Family family_of(const std::string& name);
heavykeys::Dtype dtype_of(const std::string& name);

struct KeyShape {
  std::size_t count = 0;
  std::size_t dim = 0;
  Family family = Family::gaussian;
  std::size_t outliers = 40;
  std::uint64_t seed = 1;
};

/// Fills keys [count, dim].
void make_keys(float* keys, const KeyShape& shape, int threads);

/// Rows where make_keys plants its outliers, ascending.
std::vector<std::size_t> planted_rows(const KeyShape& shape);

/// [m, dim]: every second query looks at a planted key with noise of 0 to 3 times its length (heavy to not
/// heavy), the others are gaussian.
std::vector<float> make_queries(const float* keys, const KeyShape& shape, std::size_t m);

/// Rounds to nearest even; finite values only. Threads share the work.
void narrow(const float* from, std::uint16_t* to, std::size_t count, heavykeys::Dtype dtype, int threads);

/// The inverse of narrow, vectorised; one thread.
void widen(const std::uint16_t* from, float* to, std::size_t count, heavykeys::Dtype dtype);

}  // namespace heavykeys::bench
