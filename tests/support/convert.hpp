// Matrices of doubles as buffers of the four dtypes, contiguous or strided, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heavykeys/rows.hpp"
#include "support/matrix.hpp"

namespace support {

/// The nearest value of this type, ties to even; what is too large becomes the largest finite.
double round_to(double x, heavykeys::Dtype dtype);

/// Writes a value that the type holds exactly, NaN or infinity.
void store(std::byte* to, double x, heavykeys::Dtype dtype);

/// Its inverse.
double load(const std::byte* from, heavykeys::Dtype dtype);

/// How the elements of a buffer lie; strides in elements. Everything between them is NaN, so a
/// reader that strays is caught.
struct Layout {
  std::size_t column_stride = 1;
  std::size_t row_padding = 0;  ///< elements between the end of a row and the next
  bool rows_backwards = false;  ///< negative row stride
  bool columns_backwards = false;
};

/// An encoded matrix that owns its bytes.
class Buffer {
 public:
  Buffer(const Matrix& matrix, heavykeys::Dtype dtype, const Layout& layout = {});

  /// The view of all rows; ids from `first_id`.
  heavykeys::Rows rows(std::uint64_t first_id = 0, std::uint64_t stream = 0) const;

  /// What is in it, after rounding to the dtype.
  const Matrix& values() const { return values_; }

 private:
  heavykeys::Rows view_;
  std::size_t origin_ = 0;  // byte offset of element (0, 0)
  std::vector<std::byte> bytes_;
  Matrix values_;
};

}  // namespace support
