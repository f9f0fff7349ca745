#include "lib/exact_gram.hpp"

#include <algorithm>
#include <utility>

namespace heavykeys::detail {

namespace {

int low_of(int a, int b) { return a == kZeroColumn ? b : b == kZeroColumn ? a : std::min(a, b); }
int high_of(int a, int b) { return std::max(a, b); }  // kZeroColumn is the least int
int bits_of(std::uint64_t v) { return v == 0 ? 0 : 64 - __builtin_clzll(v); }

void add_product(Limb* entry, int limbs, Int128 product, int shift) {
  if (product == 0) return;
  const Limb words[2] = {static_cast<Limb>(product), static_cast<Limb>(product >> 64)};
  add_shifted(entry, limbs, words, 2, shift);
}

/// entry -= a * b * 2^shift for |a|, |b| <= 2^96.
void subtract_product(Limb* entry, int limbs, Int128 a, Int128 b, int shift) {
  constexpr Int128 kHalf = Int128{1} << 48;
  const Int128 a1 = a / kHalf, a0 = a % kHalf, b1 = b / kHalf, b0 = b % kHalf;  // each at most 2^48
  add_product(entry, limbs, -(a0 * b0), shift);
  add_product(entry, limbs, -(a1 * b0 + a0 * b1), shift + 48);
  add_product(entry, limbs, -(a1 * b1), shift + 96);
}

}  // namespace

ExactGram::ExactGram(std::size_t dim, int grid_bits)
    : dim_(dim), grid_bits_(grid_bits), low_(dim, kZeroColumn), high_(dim, kZeroColumn) {}

int ExactGram::limbs_for(int grid_bits, std::uint64_t rows, std::span<const int> low,
                         std::span<const int> high) {
  int spread = 0;
  for (std::size_t i = 0; i < low.size(); ++i) {
    if (low[i] != kZeroColumn) spread = std::max(spread, high[i] - low[i]);
  }
  // |W_ij| <= rows * 2^(2P + 2 spread), and a sign.
  return (2 * grid_bits + bits_of(rows) + 2 * spread + 1 + 63) / 64;
}

void ExactGram::make_room(std::uint64_t more_rows, std::span<const int> low, std::span<const int> high) {
  std::vector<int> new_low(dim_), new_high(dim_);
  for (std::size_t i = 0; i < dim_; ++i) {
    new_low[i] = low_of(low_[i], low[i]);
    new_high[i] = high_of(high_[i], high[i]);
  }
  const int new_limbs = limbs_for(grid_bits_, rows_ + more_rows, new_low, new_high);
  const std::size_t entries = dim_ * (dim_ + 1) / 2;
  if (words_.empty() || new_limbs != limbs_ || new_low != low_) {
    std::vector<Limb> wide(entries * new_limbs, 0);
    if (!words_.empty()) {
      for (std::size_t i = 0, k = 0; i < dim_; ++i) {
        for (std::size_t j = i; j < dim_; ++j, ++k) {
          if (low_[i] == kZeroColumn || low_[j] == kZeroColumn) continue;
          const int shift = (low_[i] - new_low[i]) + (low_[j] - new_low[j]);
          add_shifted(wide.data() + k * new_limbs, new_limbs, words_.data() + k * limbs_, limbs_, shift);
        }
      }
    }
    words_ = std::move(wide);
  }
  low_ = std::move(new_low);
  high_ = std::move(new_high);
  limbs_ = new_limbs;
  rows_ += more_rows;
}

void ExactGram::add_block(std::span<const int> exponents, const std::int64_t* sums, std::size_t stride,
                          std::uint64_t rows) {
  begin_block(exponents, rows);
  add_piece(exponents, 0, [&](std::size_t i, std::size_t j) { return sums[i * stride + j]; });
}

bool ExactGram::is_empty_column(std::size_t i) const {
  if (is_zero_column(i) || words_.empty()) return true;
  const Limb* word = entry_words(i, i);
  return std::all_of(word, word + limbs_, [](Limb w) { return w == 0; });
}

void ExactGram::remove_row(std::span<const Int128> mantissa, std::span<const int> exponent) {
  std::vector<int> shift(dim_, 0);
  for (std::size_t i = 0; i < dim_; ++i) {
    if (mantissa[i] != 0) shift[i] = exponent[i] - low_[i] + grid_bits_;
  }
  const bool small = std::all_of(mantissa.begin(), mantissa.end(),
                                 [](Int128 m) { return m < (Int128{1} << 31) && m > -(Int128{1} << 31); });
  for (std::size_t i = 0; i < dim_; ++i) {
    if (mantissa[i] == 0) continue;
    Limb* entry = words_.data() + index(i, i) * static_cast<std::size_t>(limbs_);
    for (std::size_t j = i; j < dim_; ++j, entry += limbs_) {
      const int t = shift[i] + shift[j];
      if (small && limbs_ == 2 && t < 64) {  // plain keys, as a rule: one 128-bit subtraction
        unsigned __int128 wide = (static_cast<unsigned __int128>(entry[1]) << 64) | entry[0];
        wide -= static_cast<unsigned __int128>(mantissa[i] * mantissa[j]) << t;
        entry[0] = static_cast<Limb>(wide);
        entry[1] = static_cast<Limb>(wide >> 64);
      } else {
        subtract_product(entry, limbs_, mantissa[i], mantissa[j], t);
      }
    }
  }
  --rows_;
}

void ExactGram::add(const ExactGram& other) {
  if (other.rows_ == 0) return;
  make_room(other.rows_, other.low_, other.high_);
  for (std::size_t i = 0, k = 0; i < dim_; ++i) {
    for (std::size_t j = i; j < dim_; ++j, ++k) {
      if (other.low_[i] == kZeroColumn || other.low_[j] == kZeroColumn) continue;
      const int shift = (other.low_[i] - low_[i]) + (other.low_[j] - low_[j]);
      add_shifted(words_.data() + k * limbs_, limbs_, other.words_.data() + k * other.limbs_, other.limbs_,
                  shift);
    }
  }
}

Dyadic ExactGram::entry(std::size_t i, std::size_t j) const {
  if (words_.empty() || is_zero_column(i) || is_zero_column(j)) return {};
  return {entry_words(i, j), limbs_, entry_exponent(i, j)};
}

std::optional<Int128> ExactGram::small_entry(std::size_t i, std::size_t j) const {
  if (words_.empty() || limbs_ > 2 || is_zero_column(i) || is_zero_column(j)) return {};
  const Limb* word = entry_words(i, j);
  const Limb above = limbs_ == 2 ? word[1] : sign_extension(word, 1);
  const auto value = static_cast<Int128>(static_cast<unsigned __int128>(above) << 64 | word[0]);
  constexpr Int128 kLimit = Int128{1} << 126;
  if (value >= kLimit || value <= -kLimit) return {};
  return value;
}

bool ExactGram::restore(ExactGram& out, std::uint64_t rows, std::vector<int> low, std::vector<int> high,
                        std::vector<Limb> words) {
  for (std::size_t i = 0; i < out.dim_; ++i) {
    if ((low[i] == kZeroColumn) != (high[i] == kZeroColumn) || low[i] > high[i]) return false;
    if (rows == 0 && low[i] != kZeroColumn) return false;
  }
  const int limbs = limbs_for(out.grid_bits_, rows, low, high);
  const std::size_t entries = out.dim_ * (out.dim_ + 1) / 2;
  if (!words.empty() && words.size() != entries * limbs) return false;
  if (words.empty() != (rows == 0)) return false;
  out.rows_ = rows;
  out.low_ = std::move(low);
  out.high_ = std::move(high);
  out.words_ = std::move(words);
  out.limbs_ = limbs;
  return true;
}

}  // namespace heavykeys::detail
