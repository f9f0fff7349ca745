#include "soak/sign_stream.hpp"

#include <algorithm>
#include <bit>

namespace soak {

SignStream::SignStream(std::uint64_t rows, std::size_t planted, int most, std::uint64_t seed)
    : state_(seed), signs_(256) {
  for (std::size_t byte = 0; byte < 256; ++byte) {
    for (std::size_t bit = 0; bit < 8; ++bit) signs_[byte][bit] = (byte >> bit & 1u) != 0 ? 1.0F : -1.0F;
  }
  for (std::size_t p = 0; p < planted; ++p) {
    Planted one{random() % rows, {}};
    for (float& x : one.row) {
      x = static_cast<float>(static_cast<int>(random() % static_cast<std::uint64_t>(2 * most + 1)) - most);
    }
    planted_.push_back(one);
  }
  std::sort(planted_.begin(), planted_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  const auto same = [](const auto& a, const auto& b) { return a.id == b.id; };
  planted_.erase(std::unique(planted_.begin(), planted_.end(), same), planted_.end());
}

/// SplitMix64.
std::uint64_t SignStream::random() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void SignStream::fill(float* out, std::size_t count) {
  for (std::size_t r = 0; r < count; r += 64) fill_64(out + r * kDim);
}

/// Word c has the signs of column c, a bit a row: products of two columns are counted by their differing
/// bits.
void SignStream::fill_64(float* out) {
  std::array<std::uint64_t, kDim> columns{};
  for (std::size_t group = 0; group < 16; ++group) {
    const std::uint64_t four_rows = random();
    for (std::size_t r = 0; r < 4; ++r) {
      const std::uint64_t bits = four_rows >> (16 * r) & 0xffffu;
      float* row = out + (4 * group + r) * kDim;
      std::copy_n(signs_[bits & 0xffu].data(), 8, row);
      std::copy_n(signs_[bits >> 8].data(), 8, row + 8);
      for (std::size_t c = 0; c < kDim; ++c) columns[c] |= (bits >> c & 1u) << (4 * group + r);
    }
  }
  for (std::size_t i = 0; i < kDim; ++i) {
    for (std::size_t j = 0; j < kDim; ++j) gram_[i][j] += 64 - 2 * std::popcount(columns[i] ^ columns[j]);
  }
  for (; next_planted_ < planted_.size() && planted_[next_planted_].id < next_id_ + 64; ++next_planted_) {
    const Planted& one = planted_[next_planted_];
    float* row = out + (one.id - next_id_) * kDim;
    for (std::size_t i = 0; i < kDim; ++i) {
      for (std::size_t j = 0; j < kDim; ++j) {
        gram_[i][j] +=
            static_cast<std::int64_t>(one.row[i] * one.row[j]) - static_cast<std::int64_t>(row[i] * row[j]);
      }
    }
    std::copy_n(one.row.data(), kDim, row);
  }
  next_id_ += 64;
}

}  // namespace soak
