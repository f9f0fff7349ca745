// Tensors [batch, heads, rows, dim] as buffers of any dtype that lie in memory in many ways, and back.
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/tensor.hpp"

namespace support {

/// How a tensor lies. `scattered`: columns two apart, rows backwards, room between rows and heads; everything
/// between elements is NaN, so a reader that strays is caught.
enum class Lie { bhsd, bshd, scattered };

class TensorBuffer {
 public:
  /// All NaN.
  TensorBuffer(heavykeys::Dtype dtype, Lie lie, std::size_t batch, std::size_t heads, std::size_t rows,
               std::size_t dim);
  /// `values` in the order [batch, heads, rows, dim], rounded to the dtype.
  void fill(const std::vector<double>& values);
  /// Back, in that order.
  std::vector<double> values() const;
  /// True while every byte between elements is as it was made.
  bool gaps_are_untouched() const;

  heavykeys::TensorView view() const;
  heavykeys::MutableTensorView mutable_view();
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  template <class Visit>
  void for_elements(Visit visit) const;  // visit(index in order, byte offset)

  heavykeys::MutableTensorView view_;
  std::size_t origin_ = 0;  // byte offset of element (0, 0, 0, 0)
  std::vector<std::byte> bytes_;
};

/// `values` rounded to the dtype.
std::vector<double> rounded(std::vector<double> values, heavykeys::Dtype dtype);

}  // namespace support
