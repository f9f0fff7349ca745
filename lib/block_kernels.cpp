#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/block_kernels.cpp"
#include "lib/block_kernels.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::CappedTag<double, kRowsTogether> kD;
using VD = hn::Vec<decltype(kD)>;

double RowTop(const double* row, std::size_t dim) {
  const std::size_t lanes = hn::Lanes(kD);
  VD even = hn::Zero(kD), odd = even;
  std::size_t i = 0;
  for (; i + 2 * lanes <= dim; i += 2 * lanes) {
    even = hn::Max(even, hn::Abs(hn::LoadU(kD, row + i)));
    odd = hn::Max(odd, hn::Abs(hn::LoadU(kD, row + i + lanes)));
  }
  double top = hn::GetLane(hn::MaxOfLanes(kD, hn::Max(even, odd)));
  for (; i < dim; ++i) top = std::max(top, std::fabs(row[i]));
  return top;
}

void WidenFloats(const float* from, std::size_t n, double* to) {
  constexpr hn::Rebind<float, decltype(kD)> kFloats;
  const std::size_t lanes = hn::Lanes(kD);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::PromoteTo(kD, hn::LoadU(kFloats, from + i)), kD, to + i);
  for (; i < n; ++i) to[i] = static_cast<double>(from[i]);
}

/// One column of kRowsTogether elements, given as they are and scaled.
struct ColumnSizes {
  double squares[kRowsTogether] = {};
  bool wide[kRowsTogether] = {};

  void add(std::size_t r, double element, double x, double least) {
    squares[r] += x * x;
    wide[r] |= element != 0.0 && std::fabs(x) < least;
  }
};

#if HWY_TARGET <= HWY_AVX3
/// Rows of eight become columns.
HWY_INLINE void Transpose(__m512d v[8]) {
  __m512d a[8], b[8];
  for (int r = 0; r < 8; r += 2) {
    a[r] = _mm512_unpacklo_pd(v[r], v[r + 1]);
    a[r + 1] = _mm512_unpackhi_pd(v[r], v[r + 1]);
  }
  for (int half = 0; half < 2; ++half) {
    for (int odd = 0; odd < 2; ++odd) {
      const __m512d low = a[4 * half + odd], high = a[4 * half + 2 + odd];
      b[4 * half + odd] = _mm512_shuffle_f64x2(low, high, 0x88);      // blocks 0 and 2 of both
      b[4 * half + 2 + odd] = _mm512_shuffle_f64x2(low, high, 0xdd);  // 1 and 3
    }
  }
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm512_shuffle_f64x2(b[i], b[4 + i], 0x88);
    v[i + 4] = _mm512_shuffle_f64x2(b[i], b[4 + i], 0xdd);
  }
}
#endif

void ScaleColumns(const double* const* rows, std::size_t dim, const double* near, const double* rest,
                  double least, double* columns, std::size_t ld, double* squares, bool* wide) {
  ColumnSizes sizes;
  std::size_t i = 0;
#if HWY_TARGET <= HWY_AVX3
  const __m512d limit = _mm512_set1_pd(least), zero = _mm512_setzero_pd();
  __m512d sum = zero;
  __mmask8 found = 0;
  for (; i + 8 <= dim; i += 8) {
    __m512d element[8];
    for (int r = 0; r < 8; ++r) element[r] = _mm512_loadu_pd(rows[r] + i);
    Transpose(element);
    for (std::size_t c = 0; c < 8; ++c) {
      const __m512d x =
          _mm512_mul_pd(_mm512_mul_pd(element[c], _mm512_loadu_pd(near)), _mm512_loadu_pd(rest));
      _mm512_storeu_pd(columns + (i + c) * ld, x);
      sum = _mm512_add_pd(sum, _mm512_mul_pd(x, x));
      found |= _mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(element[c], zero, _CMP_NEQ_UQ), _mm512_abs_pd(x),
                                       limit, _CMP_LT_OQ);
    }
  }
  _mm512_storeu_pd(sizes.squares, sum);
  for (std::size_t r = 0; r < kRowsTogether; ++r) sizes.wide[r] = ((found >> r) & 1) != 0;
#endif
  for (; i < dim; ++i) {
    for (std::size_t r = 0; r < kRowsTogether; ++r) {
      const double element = rows[r][i], x = element * near[r] * rest[r];
      columns[i * ld + r] = x;
      sizes.add(r, element, x, least);
    }
  }
  std::copy_n(sizes.squares, kRowsTogether, squares);
  std::copy_n(sizes.wide, kRowsTogether, wide);
}

void PairProducts(const double* const* a, const double* const* b, std::size_t count, std::size_t dim,
                  double* out) {
  constexpr std::size_t kSums = 8, kLanes = hn::MaxLanes(kD), kVectors = kSums / kLanes;
  for (std::size_t f = 0; f < count; ++f) {
    VD sums[kVectors];
    for (VD& sum : sums) sum = hn::Zero(kD);
    std::size_t i = 0;
    for (; i + kSums <= dim; i += kSums) {
      for (std::size_t v = 0; v < kVectors; ++v) {
        const std::size_t at = i + v * kLanes;
        sums[v] = hn::Add(sums[v], hn::Mul(hn::LoadU(kD, a[f] + at), hn::LoadU(kD, b[f] + at)));
      }
    }
    double each[kSums];
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sums[v], kD, each + v * kLanes);
    for (std::size_t s = 0; i < dim; ++i, ++s) each[s] += a[f][i] * b[f][i];
    for (std::size_t step = kSums / 2; step > 0; step /= 2) {
      for (std::size_t s = 0; s < step; ++s) each[s] += each[s + step];
    }
    out[f] = each[0];
  }
}

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heavykeys::detail {

HWY_EXPORT(RowTop);
HWY_EXPORT(WidenFloats);
HWY_EXPORT(ScaleColumns);
HWY_EXPORT(PairProducts);

double row_top(const double* row, std::size_t dim) { return HWY_DYNAMIC_DISPATCH(RowTop)(row, dim); }
void widen_floats(const float* from, std::size_t n, double* to) {
  HWY_DYNAMIC_DISPATCH(WidenFloats)(from, n, to);
}
void scale_columns(const double* const* rows, std::size_t dim, const double* near, const double* rest,
                   double least, double* columns, std::size_t ld, double* squares, bool* wide) {
  HWY_DYNAMIC_DISPATCH(ScaleColumns)(rows, dim, near, rest, least, columns, ld, squares, wide);
}
void pair_products(const double* const* a, const double* const* b, std::size_t count, std::size_t dim,
                   double* out) {
  HWY_DYNAMIC_DISPATCH(PairProducts)(a, b, count, dim, out);
}

}  // namespace heavykeys::detail
#endif
