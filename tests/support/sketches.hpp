// What nearly every test does with a sketch: make a Spec, cut rows into pieces, absorb, compare bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "heavykeys/sketch.hpp"
#include "heavykeys/streaming.hpp"
#include "support/random.hpp"

namespace support {

inline heavykeys::Spec make_spec(std::size_t dim, double epsilon, int grid_bits = 24,
                                 std::size_t block_rows = 16) {
  heavykeys::Spec spec;
  spec.dim = dim;
  spec.epsilon = epsilon;
  spec.grid_bits = grid_bits;
  spec.block_rows = block_rows;
  return spec;
}

struct Piece {
  std::size_t begin = 0;
  std::size_t length = 0;
};

/// [0, n) cut at random places into at most `count` pieces, in order.
inline std::vector<Piece> cut(std::size_t n, std::size_t count, Random& random) {
  std::vector<std::size_t> marks = {0, n};
  for (std::size_t i = 1; i < count; ++i) marks.push_back(random.below(n + 1));
  std::sort(marks.begin(), marks.end());
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i + 1 < marks.size(); ++i) {
    if (marks[i] < marks[i + 1]) pieces.push_back({marks[i], marks[i + 1] - marks[i]});
  }
  return pieces;
}

/// [0, n) cut every `length`.
inline std::vector<Piece> every(std::size_t n, std::size_t length) {
  std::vector<Piece> pieces;
  for (std::size_t b = 0; b < n; b += length) pieces.push_back({b, std::min(length, n - b)});
  return pieces;
}

inline heavykeys::Sketch absorbed(const heavykeys::Spec& spec, const heavykeys::Rows& rows) {
  heavykeys::Sketch sketch(spec);
  heavykeys::streaming::absorb(sketch, rows);
  return sketch;
}

inline heavykeys::Sketch absorbed(const heavykeys::Spec& spec, const heavykeys::Rows& rows,
                                  const std::vector<Piece>& pieces) {
  heavykeys::Sketch sketch(spec);
  for (const Piece& p : pieces) heavykeys::streaming::absorb(sketch, rows.slice(p.begin, p.length));
  return sketch;
}

/// "" when equal, else where they part: what a test prints instead of two hundred thousand bytes.
inline std::string difference(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  if (a == b) return {};
  const auto at = std::mismatch(
      a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin());
  return "bytes part at " + std::to_string(at.first - a.begin()) + " of " + std::to_string(a.size()) +
         " and " + std::to_string(b.size());
}

inline std::string difference(const heavykeys::Sketch& a, const heavykeys::Sketch& b) {
  return difference(heavykeys::to_bytes(a), heavykeys::to_bytes(b));
}

/// Bitwise equality of doubles: tells 0 from -0.
template <class Range>
bool same_bits(const Range& a, const Range& b) {
  return a.size() == b.size() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

}  // namespace support
