// Rows of attention in the type it computes in: keys and values gathered, queries turned so that lanes are
// queries; and the scores of the one for the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/attended_keys.hpp"
#include "lib/attention_shape.hpp"

namespace heavykeys::detail {

/// Keys are weighed this many at a time: their scores for a strip of queries stay in the nearest cache. Sums
/// are formed over so many keys, then added: a number of the algorithm, not a tuning constant.
inline constexpr std::size_t kKeyBlock = 96;

/// Dot products are formed over so many columns, then added, for the same reason.
inline constexpr std::size_t kColumnBlock = 32;

/// Columns of a row that is an operand of `multiply`, padded with zeros.
inline std::size_t padded_columns(std::size_t dim) {
  return (dim + kLeastWidth - 1) / kLeastWidth * kLeastWidth;
}

/// Reads row r as T; T is double for float64. Returns the greatest |element|: Inf or NaN when one is not
/// finite.
template <class T>
T read_as(const Rows& rows, std::size_t r, T* out);

/// Keys and values of one unit that serve some positions.
template <class T>
struct KeyRows {
  std::vector<AttendedKey> list;
  AlignedVector<T> keys;       ///< [list.size(), d]
  AlignedVector<T> values;     ///< [list.size(), dv]
  AlignedVector<double> wide;  ///< keys again, for wide scores
  T size = 0;                  ///< of the greatest element of keys

  /// Gathers the rows. Throws InvalidInput for NaN/Inf.
  void gather(const AttentionShape& shape, const TensorView& k, const TensorView& v, std::size_t unit);
  std::size_t blocks() const { return (list.size() + kKeyBlock - 1) / kKeyBlock; }
  std::span<const AttendedKey> block(std::size_t b) const {
    return std::span(list).subspan(b * kKeyBlock, std::min(kKeyBlock, list.size() - b * kKeyBlock));
  }
};

/// Lanes [first, first + count) of a unit, count <= width, as one strip.
template <class T>
struct QueryStrip {
  std::size_t first = 0, count = 0, width = kStripWidth;
  std::int64_t first_position = 0, last_position = 0;
  AlignedVector<T> position;   ///< [width], relative to first_position
  AlignedVector<T> turned;     ///< [d, width]: q, zeros beyond count
  AlignedVector<double> wide;  ///< turned again, for wide scores
  T size = 0;                  ///< of the greatest element of turned

  QueryStrip(const AttentionShape& shape, const TensorView& q, std::size_t unit, std::size_t first,
             std::size_t count);

  /// Whether a block has keys that serve some query, and whether all serve all.
  bool meets(std::span<const AttendedKey> keys) const;
  bool is_served_by_all(std::span<const AttendedKey> keys) const;
};

/// Scores of a strip with room for a block of keys, and which key serves which query.
template <class T>
struct ScoreBlock {
  AlignedVector<T> scores = AlignedVector<T>(kKeyBlock * kStripWidth);
  AlignedVector<double> wide = AlignedVector<double>(kKeyBlock * kStripWidth);
  AlignedVector<T> from = AlignedVector<T>(kKeyBlock), until = AlignedVector<T>(kKeyBlock);

  /// The scores of `block` of `keys` for the strip. Throws InvalidInput where they could overflow.
  Strip<T> fill(const AttentionShape& shape, const KeyRows<T>& keys, std::size_t block,
                const QueryStrip<T>& q);
  /// `scores` [keys, q.width], with who serves whom.
  Strip<T> masked(std::span<const AttendedKey> keys, const QueryStrip<T>& q);

 private:
  void multiply_block(const AttentionShape& shape, const KeyRows<T>& rows, std::size_t first,
                      std::size_t count, const QueryStrip<T>& q);
};

/// Turns rows of `view` (of the unit's lanes, as queries are) into [dim, width]. `name`: of the argument, for
/// the text of the InvalidInput that NaN/Inf are; null: they are let through, as gradients are.
template <class T>
void turn_rows(const AttentionShape& shape, const TensorView& view, const char* name, std::size_t unit,
               std::size_t first, std::size_t count, std::size_t width, T* turned);

/// Writes values[c step], c < dim, over row r of head (b, h), rounded to the dtype of `out`: step is the
/// width where `values` is a column of something turned.
template <class T>
void write_row(const MutableTensorView& out, std::size_t b, std::size_t h, std::size_t r, const T* values,
               std::size_t step);

}  // namespace heavykeys::detail
