// G = K~^T K~ as exact integers: the additive half of the sketch (docs/theory.md, "The grid").
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "lib/dyadic.hpp"
#include "lib/int128.hpp"
#include "lib/lift.hpp"
#include "lib/limbs.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// Exponent of a column that is zero throughout a block, or throughout everything seen.
inline constexpr int kZeroColumn = std::numeric_limits<int>::min();

/// Symmetric d x d matrix of wide fixed-point integers.
///
/// Entry (i, j) is W[i,j] * 2^(low_i + low_j - 2P), W a two's-complement integer of `limbs()` limbs,
/// low_i and high_i the least and greatest block exponent that column i has had. The number of limbs is a
/// function of (rows, low, high), which is itself a commutative monoid: so is the whole value, bytes
/// included.
class HEAVYKEYS_SIBLINGS ExactGram {
 public:
  ExactGram(std::size_t dim, int grid_bits);

  std::size_t dim() const { return dim_; }
  std::uint64_t rows() const { return rows_; }
  int limbs() const { return limbs_; }
  std::span<const int> low() const { return low_; }
  std::span<const int> high() const { return high_; }
  std::span<const Limb> words() const { return words_; }
  bool is_zero_column(std::size_t i) const { return low_[i] == kZeroColumn; }
  /// Also true when all that a column had was removed.
  bool is_empty_column(std::size_t i) const;

  /// Adds a block: sums[i * stride + j] for i <= j is sum_r q_ri q_rj, exponents[i] its column exponents.
  void add_block(std::span<const int> exponents, const std::int64_t* sums, std::size_t stride,
                 std::uint64_t rows);

  /// The same in pieces, for integers of several digits: announce the block, then add its sums one by one.
  /// Entries are taken times 2^shift; piece(i, j) is read for i <= j.
  void begin_block(std::span<const int> exponents, std::uint64_t rows) {
    make_room(rows, exponents, exponents);
  }
  template <class Piece>
  void add_piece(std::span<const int> exponents, int shift, const Piece& piece);

  /// Adds another matrix of the same dim and grid_bits.
  void add(const ExactGram& other);

  /// Makes room for so many more rows of these exponents, counted at once: what is then added to words() adds
  /// their squares. Matrices that made room to the same totals add up word by word.
  void make_room(std::uint64_t more_rows, std::span<const int> low, std::span<const int> high);
  std::span<Limb> words() { return words_; }

  /// Takes one row of those added out again (T5). Its coordinates are m * 2^e, each m odd or 0, |m| <= 2^96.
  /// Only for matrices that are measured with and thrown away: limbs, low and high stay as they are.
  void remove_row(std::span<const Int128> mantissa, std::span<const int> exponent);

  /// Entry (i, j) exactly.
  Dyadic entry(std::size_t i, std::size_t j) const;
  /// W[i, j], where it is below 2^126: as a rule. None where column i or j is zero.
  std::optional<Int128> small_entry(std::size_t i, std::size_t j) const;
  const Limb* entry_words(std::size_t i, std::size_t j) const { return words_.data() + index(i, j) * limbs_; }
  /// The power of two that entry (i, j)'s integer is a multiple of.
  int entry_exponent(std::size_t i, std::size_t j) const { return low_[i] + low_[j] - 2 * grid_bits_; }
  int grid_bits() const { return grid_bits_; }
  std::size_t memory_bytes() const { return words_.size() * sizeof(Limb) + 2 * dim_ * sizeof(int); }

  /// Rebuilds a stored value. False when the parts do not fit each other.
  static bool restore(ExactGram& out, std::uint64_t rows, std::vector<int> low, std::vector<int> high,
                      std::vector<Limb> words);
  /// Limbs an entry needs for these rows and exponents.
  static int limbs_for(int grid_bits, std::uint64_t rows, std::span<const int> low,
                       std::span<const int> high);

  friend bool operator==(const ExactGram&, const ExactGram&) = default;

 private:
  std::size_t index(std::size_t i, std::size_t j) const {
    if (i > j) std::swap(i, j);
    return i * dim_ - i * (i + 1) / 2 + j;
  }
  std::size_t dim_;
  int grid_bits_;
  int limbs_ = 1;
  std::uint64_t rows_ = 0;
  std::vector<int> low_, high_;
  std::vector<Limb> words_;  // upper triangle by rows, limbs_ words each; empty while all columns are zero
};

template <class Piece>
void ExactGram::add_piece(std::span<const int> exponents, int shift, const Piece& piece) {
  Limb* entry = words_.data();
  for (std::size_t i = 0; i < dim_; ++i) {
    if (exponents[i] == kZeroColumn) {
      entry += (dim_ - i) * static_cast<std::size_t>(limbs_);
      continue;
    }
    for (std::size_t j = i; j < dim_; ++j, entry += limbs_) {
      const std::int64_t sum = exponents[j] == kZeroColumn ? 0 : piece(i, j);
      if (sum == 0) continue;
      const int t = exponents[i] - low_[i] + exponents[j] - low_[j] + shift;
      if (limbs_ == 2 && t < 64) {  // the usual case, as one 128-bit addition
        unsigned __int128 wide = (static_cast<unsigned __int128>(entry[1]) << 64) | entry[0];
        wide += static_cast<unsigned __int128>(static_cast<__int128>(sum)) << t;
        entry[0] = static_cast<Limb>(wide);
        entry[1] = static_cast<Limb>(wide >> 64);
      } else {
        const Limb word = static_cast<Limb>(sum);
        add_shifted(entry, limbs_, &word, 1, t);
      }
    }
  }
}

}  // namespace heavykeys::detail
