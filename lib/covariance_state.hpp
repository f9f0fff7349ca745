// What a Covariance holds, for the code that may look inside.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "heavykeys/covariance.hpp"
#include "lib/product_sums.hpp"
#include "lib/sample_grid.hpp"
#include "lib/siblings.hpp"
#include "lib/sign_vectors.hpp"

namespace heavykeys::detail {

/// Sums over the samples of one exponent E, in units of 2^(E - 48): the samples' elements, or those of their
/// images under the sign vectors.
struct ElementSums {
  std::uint64_t samples = 0;
  std::vector<Int128> sums;
  std::vector<Int128> squares;  ///< in units squared; empty where the products hold them
};

/// Exponents of a sample and of its image; where the whole covariance is kept, the sample is its image.
struct ProductKey {
  int left = 0;
  int right = 0;
  friend auto operator<=>(const ProductKey&, const ProductKey&) = default;
};

struct ProductGroup {
  std::uint64_t samples = 0;
  ProductSums sums;  ///< in units of 2^(left + right - 96)
};

/// A group exists for each exponent that samples have had (and, when memory ran out, for one or two more that
/// are empty, which no function here looks at).
struct HEAVYKEYS_SIBLINGS CovarianceState {
  explicit CovarianceState(const CovarianceSpec& s);

  bool is_sketch() const { return spec.sketch_columns > 0; }
  std::size_t image_dim() const { return is_sketch() ? spec.sketch_columns : spec.dim; }
  SignVectors signs() const;

  /// Make sure that a group is there.
  ElementSums& elements_of(int exponent);
  ElementSums& images_of(int exponent);
  ProductGroup& products_of(ProductKey key);

  CovarianceSpec spec;
  std::uint64_t samples = 0;  ///< those that are 0 throughout, too, which are in no group
  std::map<int, ElementSums> elements;
  std::map<int, ElementSums> images;  ///< of a sketch
  std::map<ProductKey, ProductGroup> products;
};

/// Images are below 2^24 times as large, squares and their sums within float64.
inline constexpr int kMostExponent = 496;

/// Sums of 2^30 samples stay below 2^127.
inline constexpr std::uint64_t kMostSamples = std::uint64_t{1} << 30;

/// Throws InvalidInput when a spec is out of range.
void validate(const CovarianceSpec& spec);

struct CovarianceAccess {
  static CovarianceState& state(Covariance& c) { return *c.state_; }
  static const CovarianceState& state(const Covariance& c) { return *c.state_; }
};

}  // namespace heavykeys::detail
