#include "lib/attention_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "heavykeys/error.hpp"
#include "lib/dtype.hpp"
#include "lib/read_rows.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

/// The greatest |x[i]|, NaN counting as more than Inf: magnitudes are ordered as their bits are, and integers
/// a compiler may take in any order.
template <class T>
T greatest(const T* x, std::size_t n) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  constexpr Bits magnitude = std::numeric_limits<Bits>::max();
  Bits top = 0;
  for (std::size_t i = 0; i < n; ++i)
    top = std::max(top, static_cast<Bits>(std::bit_cast<Bits>(x[i]) & magnitude));
  return std::bit_cast<T>(top);
}

/// Positions relative to a strip, far ones brought near: exact in any float.
template <class T>
T relative(std::int64_t position, std::int64_t base) {
  constexpr std::int64_t kFar = 1 << 20;
  return static_cast<T>(std::clamp(position, base - kFar, base + kFar) - base);
}

template <class Stored, class T>
void store(std::byte* p, T value) {
  const auto stored = static_cast<Stored>(value);
  std::memcpy(p, &stored, sizeof stored);
}

}  // namespace

template <class T>
T read_as(const Rows& rows, std::size_t r, T* out) {
  if constexpr (std::is_same_v<T, double>) {
    read_row(rows, r, out);
  } else {
    read_floats(rows.slice(r, 1), out);
  }
  return greatest(out, rows.dim);
}

/// Asks for a row that will be read soon: rows of a set lie far apart, and waiting for each costs more than
/// multiplying by it.
void prefetch(const Rows& rows, std::size_t r) {
  const Rows row = rows.slice(r, 1);
  if (row.column_stride != 1) return;
  constexpr std::size_t kLine = 64;
  const auto* p = static_cast<const std::byte*>(row.data);
  for (std::size_t at = 0; at < row.dim * size_of(row.dtype); at += kLine) __builtin_prefetch(p + at);
}

template <class T>
void KeyRows<T>::gather(const AttentionShape& shape, const TensorView& k, const TensorView& v,
                        std::size_t unit) {
  const std::size_t b = unit / shape.heads, h = unit % shape.heads;
  const Rows key_rows = k.head(b, h), value_rows = v.head(b, h);
  keys.resize(list.size() * shape.d);
  values.resize(list.size() * shape.dv);
  if (shape.wide_scores) wide.resize(keys.size());
  constexpr std::size_t kAhead = 8;
  size = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i + kAhead < list.size()) {
      const auto later = static_cast<std::size_t>(list[i + kAhead].key);
      prefetch(key_rows, later);
      prefetch(value_rows, later);
    }
    const auto row = static_cast<std::size_t>(list[i].key);
    const T top = read_as(key_rows, row, &keys[i * shape.d]);
    if (!std::isfinite(top)) throw InvalidInput(not_finite(k, "keys", b, h, row));
    size = std::max(size, top);
    if (shape.wide_scores) {
      const T* key = &keys[i * shape.d];
      std::copy(key, key + shape.d, &wide[i * shape.d]);
    }
    if (!std::isfinite(read_as(value_rows, row, &values[i * shape.dv]))) {
      throw InvalidInput(not_finite(v, "values", b, h, row));
    }
  }
}

template <class T>
void turn_rows(const AttentionShape& shape, const TensorView& view, const char* name, std::size_t unit,
               std::size_t first, std::size_t count, std::size_t width, T* turned) {
  const std::size_t b = unit / shape.heads;
  std::vector<T> row(view.dim);
  for (std::size_t u = 0; u < count; ++u) {
    const std::size_t h = shape.query_head(unit, first + u), r = shape.query_row(first + u);
    const bool finite = std::isfinite(read_as(view.head(b, h), r, row.data()));
    if (!finite && name != nullptr) throw InvalidInput(not_finite(view, name, b, h, r));
    for (std::size_t c = 0; c < view.dim; ++c) turned[c * width + u] = row[c];
  }
}

template <class T>
QueryStrip<T>::QueryStrip(const AttentionShape& shape, const TensorView& q, std::size_t unit,
                          std::size_t first_lane, std::size_t lanes)
    : first(first_lane),
      count(lanes),
      width(lanes <= kLeastWidth ? kLeastWidth : kStripWidth),
      first_position(shape.position(first_lane)),
      last_position(shape.position(first_lane + lanes - 1)),
      position(width),
      turned(shape.d * width) {
  for (std::size_t u = 0; u < count; ++u)
    position[u] = relative<T>(shape.position(first + u), first_position);
  turn_rows(shape, q, "queries", unit, first, count, width, turned.data());
  if (shape.wide_scores) {
    wide.resize(turned.size());
    turn_rows(shape, q, "queries", unit, first, count, width, wide.data());
  }
  size = greatest(turned.data(), turned.size());
}

template <class T>
bool QueryStrip<T>::meets(std::span<const AttendedKey> keys) const {
  return std::any_of(keys.begin(), keys.end(), [&](const AttendedKey& k) {
    return k.from <= last_position && k.until > first_position;
  });
}

template <class T>
bool QueryStrip<T>::is_served_by_all(std::span<const AttendedKey> keys) const {
  return std::all_of(keys.begin(), keys.end(), [&](const AttendedKey& k) {
    return k.from <= first_position && k.until > last_position;
  });
}

/// x = scale (q.k): the sum comes first, so that what is orthogonal stays so.
template <class T>
void ScoreBlock<T>::multiply_block(const AttentionShape& shape, const KeyRows<T>& rows, std::size_t first,
                                   std::size_t count, const QueryStrip<T>& q) {
  const std::size_t d = shape.d;
  const auto row = static_cast<std::ptrdiff_t>(d), end = static_cast<std::ptrdiff_t>(count * q.width);
  if (shape.wide_scores) {
    multiply<double>({&rows.wide[first * d], row, 1, count, q.wide.data(), q.width, q.width, d}, wide.data(),
                     q.width);
    std::transform(wide.begin(), wide.begin() + end, scores.begin(),
                   [scale = shape.scale](double x) { return static_cast<T>(scale * x); });
    return;
  }
  for (std::size_t c = 0; c < d; c += kColumnBlock) {
    const Product<T> part{&rows.keys[first * d + c],     row,     1,       count,
                          q.turned.data() + c * q.width, q.width, q.width, std::min(kColumnBlock, d - c)};
    if (c == 0) {
      multiply(part, scores.data(), q.width);
    } else {
      multiply_add(part, scores.data(), q.width);
    }
  }
  std::transform(scores.begin(), scores.begin() + end, scores.begin(),
                 [scale = static_cast<T>(shape.scale)](T x) { return scale * x; });
}

template <class T>
Strip<T> ScoreBlock<T>::fill(const AttentionShape& shape, const KeyRows<T>& rows, std::size_t block,
                             const QueryStrip<T>& q) {
  // Past this a sum of d products may not be finite. The margin is for softmax, which subtracts such scores.
  const T scale = static_cast<T>(std::max(1.0, std::abs(shape.scale)));
  if (!(q.size * rows.size * scale <= std::numeric_limits<T>::max() / static_cast<T>(4 * shape.d))) {
    throw InvalidInput("queries: their products with the keys could pass " +
                       std::string(sizeof(T) == 4 ? "float32" : "float64") + " (elements up to " +
                       shortest(static_cast<double>(q.size)) + " and " +
                       shortest(static_cast<double>(rows.size)) + ", scale " + shortest(shape.scale) + ")");
  }
  const std::span<const AttendedKey> keys = rows.block(block);
  multiply_block(shape, rows, block * kKeyBlock, keys.size(), q);
  return masked(keys, q);
}

template <class T>
Strip<T> ScoreBlock<T>::masked(std::span<const AttendedKey> keys, const QueryStrip<T>& q) {
  Strip<T> strip{scores.data(), keys.size(), q.width};
  if (q.is_served_by_all(keys)) return strip;
  for (std::size_t k = 0; k < keys.size(); ++k) {
    from[k] = relative<T>(keys[k].from, q.first_position);
    until[k] = relative<T>(keys[k].until, q.first_position);
  }
  strip.from = from.data();
  strip.until = until.data();
  strip.position = q.position.data();
  return strip;
}

template <class T>
void write_row(const MutableTensorView& out, std::size_t b, std::size_t h, std::size_t r, const T* values,
               std::size_t step) {
  const auto size = static_cast<std::ptrdiff_t>(size_of(out.dtype));
  std::byte* p = static_cast<std::byte*>(out.data) + (static_cast<std::ptrdiff_t>(b) * out.batch_stride +
                                                      static_cast<std::ptrdiff_t>(h) * out.head_stride +
                                                      static_cast<std::ptrdiff_t>(r) * out.row_stride) *
                                                         size;
  for (std::size_t c = 0; c < out.dim; ++c, p += out.column_stride * size) {
    const T value = values[c * step];
    switch (out.dtype) {
      case Dtype::f64:
        store<double>(p, value);
        break;
      case Dtype::f32:
        store<float>(p, value);
        break;
      case Dtype::f16:
        store<std::uint16_t>(p, half_from_float(static_cast<float>(value)));
        break;
      case Dtype::bf16:
        store<std::uint16_t>(p, bfloat16_from_float(static_cast<float>(value)));
        break;
    }
  }
}

template struct KeyRows<float>;
template struct KeyRows<double>;
template struct QueryStrip<float>;
template struct QueryStrip<double>;
template struct ScoreBlock<float>;
template struct ScoreBlock<double>;
template float read_as(const Rows&, std::size_t, float*);
template double read_as(const Rows&, std::size_t, double*);
template void turn_rows(const AttentionShape&, const TensorView&, const char*, std::size_t, std::size_t,
                        std::size_t, std::size_t, float*);
template void turn_rows(const AttentionShape&, const TensorView&, const char*, std::size_t, std::size_t,
                        std::size_t, std::size_t, double*);
template void write_row(const MutableTensorView&, std::size_t, std::size_t, std::size_t, const float*,
                        std::size_t);
template void write_row(const MutableTensorView&, std::size_t, std::size_t, std::size_t, const double*,
                        std::size_t);

}  // namespace heavykeys::detail
