// Johnson-Lindenstrauss projections: few random coordinates that keep lengths. Values named by a seed: no
// matrix is stored, and any element can be asked for, on any machine, in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// A random matrix P, [rows, columns], with E |P x|^2 = |x|^2. Bits are a pure function of these fields
/// (Philox4x32-10; no libm): the same for any number of threads and on any processor.
struct Projection {
  /// How the elements are drawn.
  enum class Kind {
    gaussian,    ///< independent normal elements of variance 1 / rows
    sparse_sign  ///< one +-1/sqrt(nonzeros) in each of `nonzeros` equal bands of rows, in every column
  };

  Kind kind = Kind::gaussian;  ///< how elements are drawn
  std::size_t rows = 0;        ///< r
  std::size_t columns = 0;     ///< D
  std::uint64_t seed = 0;      ///< another seed, another matrix
  std::size_t nonzeros = 0;    ///< s, of a column; sparse_sign only

  /// Throws InvalidInput unless rows and columns are at least 1.
  static Projection gaussian(std::size_t rows, std::size_t columns, std::uint64_t seed);

  /// The block construction of Kane and Nelson (J. ACM 61, 2014; "OSNAP"); nonzeros = 1 is CountSketch.
  /// Throws InvalidInput unless rows and columns are at least 1 and nonzeros divides rows.
  static Projection sparse_sign(std::size_t rows, std::size_t columns, std::size_t nonzeros,
                                std::uint64_t seed);

  friend bool operator==(const Projection&, const Projection&) = default;
};

/// P[i, j]. Throws InvalidInput outside the matrix.
double element(const Projection& projection, std::size_t i, std::size_t j);

/// P x for each row x: [count, projection.rows] row-major. Each row of the result depends on its own row
/// only, so slices may be projected apart, or by several threads, with the same bits.
/// Cost: gaussian O(r D) to make P, once a call, and O(n r D); sparse_sign O(D s) and O(n D s).
/// Throws InvalidInput for another number of columns, or NaN/Inf, naming row and column.
std::vector<double> apply(const Projection& projection, const Rows& rows);

/// The least r this library can prove enough for
///   P[ | |P x|^2 - |x|^2 | > distortion |x|^2 ] <= failure   for every fixed x, of any dimension:
///   gaussian     ceil(2 ln(2 / failure) / (distortion - ln(1 + distortion))): Chernoff's bound for
///   chi-square
///                with r degrees of freedom, whose upper tail is the heavier (docs/primitives.md);
///   sparse_sign  ceil(2 / (distortion^2 failure)): Chebyshev's, as Var |P x|^2 <= 2 |x|^4 / r for any number
///                of nonzeros. Round it up to a multiple of `nonzeros`.
/// For m vectors at once, ask with failure / m. Throws InvalidInput unless both lie in (0, 1).
std::size_t rows_needed(Projection::Kind kind, double distortion, double failure);

#pragma GCC visibility pop

}  // namespace heavykeys
