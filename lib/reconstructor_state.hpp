// What a Reconstructor holds, and the estimate itself.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "heavykeys/reconstruction.hpp"
#include "lib/aligned.hpp"

namespace heavykeys::detail {

/// Estimates are formed so many elements at a time, or all where they are fewer: their part of the map lies
/// together. Not a power of two, or its rows would compete for the same lines of the cache.
inline constexpr std::size_t kMapBlock = 240;

/// x^_R = mean_R + (x_S - mean_S) to from: S the elements computed, R the rest, both ascending; `to` [s, t]
/// leads to t coefficients, `from` [t, p - s] away from them. Not factored: t = s, and `to` is the identity.
struct ReconstructorState {
  std::size_t dim = 0;
  ReconstructorOptions options;
  double predicted_error = 0.0;
  std::vector<std::size_t> computed;  ///< [s]
  std::vector<double> mean;           ///< [p]
  bool factored = false;
  std::size_t coefficients = 0;  ///< t
  AlignedVector<double> to;      ///< [s, padded t]; empty unless factored
  AlignedVector<double> from;    ///< [blocks of `block` columns][t, block], zeros beyond p - s

  // Of `computed` and `mean`:
  std::vector<std::size_t> rest;  ///< [p - s]
  std::vector<double> rest_mean;  ///< [p - s]
  std::size_t block = kMapBlock;

  /// Fills in what follows from the members above, and makes room in to and from.
  void prepare();
  std::size_t keys() const { return dim / options.sample_queries; }
  std::size_t padded_coefficients() const;
  double& from_at(std::size_t coefficient, std::size_t r) {
    return from[(r / block * coefficients + coefficient) * block + r % block];
  }

  friend bool operator==(const ReconstructorState&, const ReconstructorState&) = default;
};

struct ReconstructorAccess {
  static const ReconstructorState& state(const Reconstructor& r) { return *r.state_; }
  static Reconstructor make(ReconstructorState state) {
    Reconstructor r;
    r.state_ = std::make_shared<const ReconstructorState>(std::move(state));
    return r;
  }
};

/// A matrix that lies anywhere: element (i, k) at data[i row + k step].
struct Strided {
  const double* data = nullptr;
  std::ptrdiff_t row = 0, step = 1;
};

bool all_finite(const double* x, std::size_t count);

/// Estimates samples from their computed elements. Holds workspace: one for each thread.
class Completion {
 public:
  /// The coefficients [count, t] of `count` samples whose centred elements (x_S - mean_S) are `centred`
  /// [count, s]. They point into this object or are `centred` itself.
  Strided coefficients(const ReconstructorState& state, const Strided& centred, std::size_t count);

  /// Elements first .. last - 1 of `count` samples: those of `exact` [count, s] as they are, the rest
  /// estimated, to out[i ld + e - first].
  void complete(const ReconstructorState& state, const Strided& coefficients, const Strided& exact,
                std::size_t count, std::size_t first, std::size_t last, double* out, std::size_t ld);

  /// The same turned, lanes being samples: `centred` and `exact` are [s, width], the result [t, width].
  const double* turned_coefficients(const ReconstructorState& state, const double* centred,
                                    std::size_t width);
  /// To out[(e - first) width + lane].
  void complete_turned(const ReconstructorState& state, const double* coefficients, const double* exact,
                       std::size_t width, std::size_t first, std::size_t last, double* out);

 private:
  AlignedVector<double> coefficients_, block_;
};

}  // namespace heavykeys::detail
