// The cheap test that lets rows go while streaming (docs/theory.md, T2).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/block_gram.hpp"
#include "lib/exact_gram.hpp"
#include "lib/lifted_gram.hpp"
#include "lib/plan.hpp"

namespace heavykeys::detail {

/// Over-estimates tau from the Gram matrix G' of any subset of the rows: G >= G' in the Loewner order,
/// so k^T G'^-1 k >= tau(k). A row is dropped only when the over-estimate is certified below epsilon.
///
/// Three tests, each for what the one before could not drop: the whole block, when its exact Gram matrix S
/// satisfies S < epsilon G' (every row has k k^T <= S); a row by a diagonal bound on G'^-1; a row by the
/// factor of G'. Errors of floating point are in the margins.
///
/// Of lifted rows, whose D is in the thousands, a Johnson-Lindenstrauss projection of L^-1 first tells the
/// rows that look light; they are dropped together when S without the others is < epsilon G', and looked at
/// one by one when not. The projection can only be wrong about the speed.
class PruneFilter {
 public:
  /// From the Gram matrix of any rows of the sketch, lifted by this lift; in an onion, of what is left before
  /// its last layer (T5). `rows` says how many rows it knows.
  /// Null when no filter can be certified: G' too near singular on its nonzero columns.
  static std::shared_ptr<const PruneFilter> build(const ExactGram& gram, const Lift& lift, double threshold,
                                                  std::uint64_t rows);

  /// Appends to `survivors` the row numbers of the block last computed (lifted: fitted, and last added to
  /// `lifted`) that cannot be dropped, ascending.
  void survivors(BlockGram& block, const Plan& plan, const LiftedGram* lifted,
                 std::vector<std::uint32_t>& survivors) const;

  std::size_t memory_bytes() const {
    return sizeof *this + scale_.size() * sizeof(int) + (gram_.size() + weight_.size()) * 8 +
           (inverse_.size() + sketch_.size()) * 4;
  }

  /// True when every row of the block last computed is certified light. Cost: O(d^3), nothing for each row.
  bool whole_block_is_light(const BlockGram& block, int grid_bits) const;

  /// Rows behind the Gram matrix it was built from.
  std::uint64_t rows() const { return rows_; }

 private:
  PruneFilter() = default;
  template <class Factor>
  static std::shared_ptr<PruneFilter> from_factor(const Factor& factor, std::size_t dim, double epsilon,
                                                  bool lifted);
  void survivors_of_lift(BlockGram& block, const Plan& plan, const LiftedGram& lifted,
                         std::vector<std::uint32_t>& survivors) const;
  /// True when the rows of the block but `suspects` (lifted, scaled, [count, D]) are certified light.
  bool others_are_light(const std::vector<int>& exponents, const std::vector<double>& unit,
                        const LiftedGram& lifted, const std::vector<double>& suspects) const;
  void sketch_inverse();
  /// Appends first + open[a] where the projection of row a does not prove it light.
  void judge(const std::vector<std::uint32_t>& open, const float* projections, const float* lengths,
             std::size_t first, std::vector<std::uint32_t>& survivors) const;

  std::uint64_t rows_ = 0;
  double epsilon_ = 0.0;
  std::vector<int> scale_;        // equilibration of G'
  std::vector<double> gram_;      // [d, d] G' equilibrated, upper triangle
  std::vector<double> weight_;    // [d] G'^-1 <= diag(weight) (lifted: 0); infinite for zero columns of G'
  AlignedVector<float> inverse_;  // [width, width] transposed L^-1, columns of K down
  AlignedVector<float> sketch_;   // [width, kSketched]: inverse_ times a random projection (lifted)
  double factor_slack_ = 0.0;     // || computed - true projection || <= factor_slack_ * || k ||
  double underflow_ = 0.0;        // what values too small for float32 could add
  double theta_ = 0.0;            // G' is within (1 +- theta) of L L^T
};

}  // namespace heavykeys::detail
