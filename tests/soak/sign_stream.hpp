// A stream of any length whose exact Gram matrix is cheap: rows of signs, and now and then a planted row of
// integers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace soak {

inline constexpr std::size_t kDim = 16;

using Row = std::array<float, kDim>;

/// G = sum of k k^T over all rows so far, and the planted rows among them.
class SignStream {
 public:
  struct Planted {
    std::uint64_t id;
    Row row;
  };

  /// `planted` rows of integers up to `most`, spread over `rows` rows.
  SignStream(std::uint64_t rows, std::size_t planted, int most, std::uint64_t seed);

  /// The next `count` rows, a multiple of 64: [count, kDim].
  void fill(float* out, std::size_t count);

  const std::vector<Planted>& planted() const { return planted_; }
  /// Entry (i, j) of the Gram matrix of what was filled, an integer below 2^63.
  std::int64_t gram(std::size_t i, std::size_t j) const { return gram_[i][j]; }

 private:
  void fill_64(float* out);
  std::uint64_t random();

  std::uint64_t next_id_ = 0, state_;
  std::vector<Planted> planted_;  // ascending
  std::size_t next_planted_ = 0;
  std::array<std::array<std::int64_t, kDim>, kDim> gram_{};
  std::vector<std::array<float, 8>> signs_;  // of a byte
};

}  // namespace soak
