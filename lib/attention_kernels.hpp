// The loops of attention, compiled once for each instruction set as those of kernels.hpp. Lanes are queries
// (or columns), so that every sum runs over keys (or columns) in ascending order, one fused multiply-add
// after another, and is the same bits whatever the width of a vector.
#pragma once

#include <cstddef>

namespace heavykeys::detail {

/// Queries are taken this many at a time, or half as many where there are no more.
inline constexpr std::size_t kStripWidth = 32;
inline constexpr std::size_t kLeastWidth = 16;

/// sum_k a[i row + k step] b[k ldb + u] for i < rows, u < width, k ascending. width: a multiple of
/// kLeastWidth.
template <class T>
struct Product {
  const T* a = nullptr;
  std::ptrdiff_t row = 0, step = 1;
  std::size_t rows = 0;
  const T* b = nullptr;
  std::size_t ldb = 0, width = 0, depth = 0;
};

/// c[i ldc + u] = product.
template <class T>
void multiply(const Product<T>& p, T* c, std::size_t ldc);
/// c[i ldc + u] += product, the product being summed first.
template <class T>
void multiply_add(const Product<T>& p, T* c, std::size_t ldc);
/// c[i ldc + u] = c[i ldc + u] factor[u] + product, fused.
template <class T>
void multiply_rescaled(const Product<T>& p, const T* factor, T* c, std::size_t ldc);

/// f as attention evaluates it: in units that bring the greatest weight of a query near one.
struct Term {
  enum class Kind { softmax, power, real_power, expressive, polynomial };
  Kind kind = Kind::softmax;
  int power = 2;                ///< power: p
  double exponent = 2.0;        ///< real_power: p
  double coefficients[9] = {};  ///< polynomial in x^2
  int degree = 0;               ///< its
};

/// Scores x of `keys` keys for `width` queries: x[k width + u].
template <class T>
struct Strip {
  T* x = nullptr;
  std::size_t keys = 0, width = 0;
  /// Null: every key serves every query. Else key k serves query u when from[k] <= position[u] < until[k].
  const T* from = nullptr;
  const T* until = nullptr;
  const T* position = nullptr;
};

/// The least shift: what a query has before it has seen a key. Even scores: |x| below it count as multiples
/// of it.
template <class T>
T least_shift(const Term& f);

/// shift[u] = max(shift[u], x or |x| of the keys that serve u), and factor[u] the old unit in terms of the
/// new.
template <class T>
void raise_shift(const Term& f, const Strip<T>& s, T* shift, T* factor);

/// x becomes f(x) / unit(shift), 0 where a key does not serve; sum[u] is their sum.
template <class T>
void weigh(const Term& f, const Strip<T>& s, const T* shift, T* sum);

/// x becomes the weight f(x) / unit * inverse[u]; slope, which holds the derivative of the loss by weight,
/// becomes that by x: f'(x) / unit * inverse[u] * (slope - mean[u]).
template <class T>
void weigh_slopes(const Term& f, const Strip<T>& s, const T* shift, const T* inverse, const T* mean,
                  T* slope);

}  // namespace heavykeys::detail
