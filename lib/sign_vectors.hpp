// Random vectors of signs, named by a seed: the test matrix of a Nystrom sketch, never stored whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/dense_kernels.hpp"

namespace heavykeys::detail {

/// A matrix of independent signs, [dim, columns]. Bits are a pure function of (seed, element): Philox4x32-10.
struct SignVectors {
  std::size_t dim = 0;
  std::size_t columns = 0;
  std::uint64_t seed = 0;  ///< derived: of this purpose

  /// Memory for one worker.
  struct Workspace {
    Workspace();
    std::vector<std::uint64_t> words;
    AlignedVector<double> signs, image;
    std::vector<double> panel;
  };

  std::size_t strips() const { return (columns + kStrip - 1) / kStrip; }

  /// out[r * stride + u] = sum_c x[r * dim + c] sign(c, 32 strip + u), for the columns of a strip; the rest
  /// of its 32 are 0. float64, in an order that depends on dim alone: the same bits on every instruction set,
  /// and whatever the other rows are. Does not throw.
  void multiply(const double* x, std::size_t rows, std::size_t strip, Workspace& workspace, double* out,
                std::size_t stride) const;
};

}  // namespace heavykeys::detail
