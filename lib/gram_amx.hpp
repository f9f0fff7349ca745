// Exact block Gram by int8 slices on AMX tiles.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/aligned.hpp"

namespace heavykeys::detail {

/// True when processor and operating system let this process use AMX-INT8 (permission is requested once).
bool amx_usable();

/// S = sum_r q_r q_r^T over one block of at most 4096 rows, given in panels.
///
/// An integer of P + 2 bits is ceil((P + 2) / 8) bytes of its two's complement: the top one signed, the
/// others unsigned. S is the sum of 2^(8(a+b)) Q_a^T Q_b, and each Q_a^T Q_b is int32-exact:
/// 255^2 * 4096 < 2^31. Wide enough accumulators for a whole block stay in L2.
class AmxGram {
 public:
  static constexpr std::size_t kPanelRows = 512;
  static constexpr std::size_t kMaxWidth = 256;

  AmxGram(std::size_t width, int grid_bits);
  void begin();
  /// At most kPanelRows rows, as integers [rows, width], width a multiple of 16.
  void add_panel(const std::int32_t* q, std::size_t rows);
  /// The same from floats: q = round_half_even(data * scale[column]), never stored. scale is [width].
  void add_panel(const float* data, std::ptrdiff_t stride, std::size_t dim, const float* scale,
                 std::size_t rows);
  /// sums[i * width + j] for j >= i (whole 16 x 16 tiles on and above the diagonal are written).
  void finish(std::int64_t* sums) const;

 private:
  void multiply(std::size_t rows);

  std::size_t width_, tiles_, slices_, virtual_tiles_;
  bool empty_ = true;  // no panel since begin(): sums start from zero without being read
  AlignedVector<std::int32_t> accumulators_;  // [virtual_tiles, virtual_tiles, 16, 16], upper triangle used
  AlignedVector<std::uint8_t> left_,
      right_;  // [virtual_tiles, steps, 1024] and padding, in tile layouts A and B
};

}  // namespace heavykeys::detail
