// Dense linear algebra in Google Highway: this file is compiled once for each target by foreach_target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/dense_kernels.cpp"
#include "lib/dense_kernels.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<double> kD;
constexpr hn::RebindToSigned<decltype(kD)> kL;
using VD = hn::Vec<decltype(kD)>;

constexpr std::size_t kBlockRows = 4;  // rows of S held in registers at once

/// sums[i..i+4, j..j+kVectors vectors] += left[:, i]^T right[:, j]; both have rows of kStrip doubles.
template <std::size_t kVectors>
HWY_INLINE void StripTile(const double* left, const double* right, std::size_t rows, std::size_t fold,
                          std::int64_t* sums, std::size_t stride) {
  const std::size_t lanes = hn::Lanes(kD);
  HWY_ALIGN std::int64_t total[kBlockRows * kVectors * HWY_LANES(double)] = {};
  for (std::size_t first = 0; first < rows; first += fold) {
    VD acc[kBlockRows][kVectors];
    for (auto& row : acc) {
      for (auto& v : row) v = hn::Zero(kD);
    }
    const std::size_t end = std::min(first + fold, rows);
    for (std::size_t r = first; r < end; ++r) {
      VD b[kVectors];
      for (std::size_t v = 0; v < kVectors; ++v) b[v] = hn::LoadU(kD, right + r * kStrip + v * lanes);
      for (std::size_t a = 0; a < kBlockRows; ++a) {
        const VD x = hn::Set(kD, left[r * kStrip + a]);
        for (std::size_t v = 0; v < kVectors; ++v) acc[a][v] = hn::MulAdd(x, b[v], acc[a][v]);
      }
    }
    for (std::size_t a = 0; a < kBlockRows; ++a) {
      for (std::size_t v = 0; v < kVectors; ++v) {
        std::int64_t* t = total + (a * kVectors + v) * lanes;
        hn::Store(hn::Add(hn::Load(kL, t), hn::ConvertTo(kL, acc[a][v])), kL, t);
      }
    }
  }
  for (std::size_t a = 0; a < kBlockRows; ++a) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      std::int64_t* out = sums + a * stride + v * lanes;
      hn::StoreU(hn::Add(hn::LoadU(kL, out), hn::Load(kL, total + (a * kVectors + v) * lanes)), kL, out);
    }
  }
}

void StripProducts(Strips left, Strips right, std::size_t rows, int grid_bits, bool upper,
                   std::int64_t* sums) {
  const int spare = 53 - 2 * grid_bits;
  const std::size_t fold = spare >= 12 ? rows : std::size_t{1} << spare;
  constexpr std::size_t kVectors = HWY_LANES(double) >= 8 ? 4 : 2;
  const std::size_t step = kVectors * hn::Lanes(kD);
  const std::size_t width = right.count * kStrip;
  for (std::size_t j = 0; j < right.count; ++j) {
    for (std::size_t i = 0; i < (upper ? j + 1 : left.count); ++i) {
      for (std::size_t a = 0; a < kStrip; a += kBlockRows) {
        for (std::size_t b = 0; b < kStrip; b += step) {
          StripTile<kVectors>(left.data + i * rows * kStrip + a, right.data + j * rows * kStrip + b, rows,
                              fold, sums + (i * kStrip + a) * width + j * kStrip + b, width);
        }
      }
    }
  }
}

void SubtractMultiple(double* a, const double* b, double factor, std::size_t n) {
  const std::size_t lanes = hn::Lanes(kD);
  const VD f = hn::Set(kD, factor);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {  // not NegMulAdd: two roundings, on every target
    hn::StoreU(hn::Sub(hn::LoadU(kD, a + i), hn::Mul(f, hn::LoadU(kD, b + i))), kD, a + i);
  }
  for (; i < n; ++i) a[i] = a[i] - factor * b[i];
}

void SolveLower(const double* l, std::size_t n, double* w) {
  constexpr std::size_t kVectors = kSolved / HWY_LANES(double);
  const std::size_t lanes = hn::Lanes(kD);
  for (std::size_t i = 0; i < n; ++i) {
    VD y[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) y[v] = hn::LoadU(kD, w + i * kSolved + v * lanes);
    for (std::size_t j = 0; j < i; ++j) {
      const VD f = hn::Set(kD, l[i * n + j]);
      for (std::size_t v = 0; v < kVectors; ++v) {
        y[v] = hn::Sub(y[v], hn::Mul(f, hn::LoadU(kD, w + j * kSolved + v * lanes)));
      }
    }
    const VD diagonal = hn::Set(kD, l[i * n + i]);
    for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(hn::Div(y[v], diagonal), kD, w + i * kSolved + v * lanes);
    }
  }
}

/// row[j..] -= sum over pivot rows p of factor[p] * pivot_p[j..], for four rows and kVectors vectors.
template <std::size_t kVectors>
HWY_INLINE void EliminateTile(double* rows, std::size_t stride, const double* pivots, std::size_t pivot_count,
                              const double* factors) {
  const std::size_t lanes = hn::Lanes(kD);
  VD acc[kBlockRows][kVectors];
  for (std::size_t a = 0; a < kBlockRows; ++a) {
    for (std::size_t v = 0; v < kVectors; ++v) acc[a][v] = hn::LoadU(kD, rows + a * stride + v * lanes);
  }
  for (std::size_t p = 0; p < pivot_count; ++p) {
    VD right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = hn::LoadU(kD, pivots + p * stride + v * lanes);
    for (std::size_t a = 0; a < kBlockRows; ++a) {
      const VD f = hn::Set(kD, factors[a * kStrip + p]);
      for (std::size_t v = 0; v < kVectors; ++v) acc[a][v] = hn::NegMulAdd(f, right[v], acc[a][v]);
    }
  }
  for (std::size_t a = 0; a < kBlockRows; ++a) {
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(acc[a][v], kD, rows + a * stride + v * lanes);
  }
}

/// Pivots `first` .. `last` - 1 among themselves, each row to its full length. False when one is not
/// positive.
bool EliminatePanel(double* a, std::size_t n, std::size_t stride, std::size_t first, std::size_t last) {
  const std::size_t lanes = hn::Lanes(kD);
  for (std::size_t k = first; k < last; ++k) {
    const double* pivot = a + k * stride;
    if (!(pivot[k] > 0.0)) return false;
    const double inverse = 1.0 / pivot[k];
    for (std::size_t i = k + 1; i < last; ++i) {
      const VD factor = hn::Set(kD, pivot[i] * inverse);
      double* row = a + i * stride;
      for (std::size_t j = i / lanes * lanes; j < n; j += lanes) {  // padding beyond n holds zeros
        hn::StoreU(hn::NegMulAdd(factor, hn::LoadU(kD, pivot + j), hn::LoadU(kD, row + j)), kD, row + j);
      }
    }
  }
  return true;
}

bool EliminatesPositively(double* a, std::size_t n, std::size_t stride) {
  constexpr std::size_t kVectors = 2;
  const std::size_t step = kVectors * hn::Lanes(kD);  // divides the padding of a row
  double factors[kBlockRows * kStrip];
  for (std::size_t first = 0; first < n; first += kStrip) {
    const std::size_t last = std::min(first + kStrip, n);
    if (!EliminatePanel(a, n, stride, first, last)) return false;
    // Below the panel, whole tiles: what they write left of the diagonal is never read.
    for (std::size_t i = last; i < n; i += kBlockRows) {
      const std::size_t rows = std::min(kBlockRows, n - i);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t p = first; p < last; ++p) {
          factors[r * kStrip + p - first] = a[p * stride + i + r] / a[p * stride + p];
        }
      }
      if (rows < kBlockRows) {  // the last few rows, one by one
        for (std::size_t r = 0; r < rows; ++r) {
          for (std::size_t p = first; p < last; ++p) {
            for (std::size_t j = i + r; j < n; ++j) {
              a[(i + r) * stride + j] -= factors[r * kStrip + p - first] * a[p * stride + j];
            }
          }
        }
        break;
      }
      for (std::size_t j = i / step * step; j < n; j += step) {
        EliminateTile<kVectors>(a + i * stride + j, stride, a + first * stride + j, last - first, factors);
      }
    }
  }
  return true;
}

/// lib/double_double.hpp on vectors, operation by operation, so that the bits are those of the scalar code.
/// Only where MulAdd is fused: without that, the error of a product is not to be had from it.
#if HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
struct VDD {
  VD hi, lo;
};

HWY_INLINE VDD FastTwoSum(VD a, VD b) {
  const VD s = hn::Add(a, b);
  return {s, hn::Sub(b, hn::Sub(s, a))};
}
HWY_INLINE VDD TwoSum(VD a, VD b) {
  const VD s = hn::Add(a, b);
  const VD bb = hn::Sub(s, a);
  return {s, hn::Add(hn::Sub(a, hn::Sub(s, bb)), hn::Sub(b, bb))};
}
HWY_INLINE VDD Sum(VDD a, VDD b) {
  const VDD s = TwoSum(a.hi, b.hi), t = TwoSum(a.lo, b.lo);
  const VDD v = FastTwoSum(s.hi, hn::Add(s.lo, t.hi));
  return FastTwoSum(v.hi, hn::Add(t.lo, v.lo));
}
HWY_INLINE VDD Product(VDD a, VDD b) {
  const VD p = hn::Mul(a.hi, b.hi), e = hn::MulSub(a.hi, b.hi, p);
  const VD cross = hn::MulAdd(a.lo, b.hi, hn::MulAdd(a.hi, b.lo, hn::Mul(a.lo, b.lo)));
  return FastTwoSum(p, hn::Add(e, cross));
}
HWY_INLINE VDD Difference(VDD a, VDD b) { return Sum(a, {hn::Neg(b.hi), hn::Neg(b.lo)}); }
HWY_INLINE VDD Quotient(VDD a, VDD b) {
  const VD zero = hn::Zero(kD);
  const VD q = hn::Div(a.hi, b.hi);
  const VDD rest = Difference(a, Product(b, {q, zero}));
  const VD q2 = hn::Div(rest.hi, b.hi);
  const VDD rest2 = Difference(rest, Product(b, {q2, zero}));
  return Sum(FastTwoSum(q, q2), {hn::Div(rest2.hi, b.hi), zero});
}
HWY_INLINE VDD LoadDD(const double* p) {
  VDD v;
  hn::LoadInterleaved2(kD, p, v.hi, v.lo);
  return v;
}
HWY_INLINE void StoreDD(VDD v, double* p) { hn::StoreInterleaved2(v.hi, v.lo, kD, p); }
HWY_INLINE VDD SetDD(DoubleDouble v) { return {hn::Set(kD, v.hi), hn::Set(kD, v.lo)}; }
#endif

void SubtractMultipleDD(DoubleDouble* a, const DoubleDouble* b, DoubleDouble factor, std::size_t n) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  const std::size_t lanes = hn::Lanes(kD);
  const VDD f = SetDD(factor);
  for (; i + lanes <= n; i += lanes) {
    double* to = &a[i].hi;
    StoreDD(Difference(LoadDD(to), Product(f, LoadDD(&b[i].hi))), to);
  }
#endif
  for (; i < n; ++i) a[i] = a[i] - factor * b[i];
}

void SolveLowerDD(const DoubleDouble* l, std::size_t n, DoubleDouble* w) {
#if HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  const std::size_t lanes = hn::Lanes(kD);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t r = 0; r < kSolved; r += lanes) {
      VDD y = LoadDD(&w[i * kSolved + r].hi);
      for (std::size_t j = 0; j < i; ++j) {
        y = Difference(y, Product(SetDD(l[i * n + j]), LoadDD(&w[j * kSolved + r].hi)));
      }
      StoreDD(Quotient(y, SetDD(l[i * n + i])), &w[i * kSolved + r].hi);
    }
  }
#else
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t r = 0; r < kSolved; ++r) {
      DoubleDouble y = w[i * kSolved + r];
      for (std::size_t j = 0; j < i; ++j) y = y - l[i * n + j] * w[j * kSolved + r];
      w[i * kSolved + r] = y / l[i * n + i];
    }
  }
#endif
}

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heavykeys::detail {

HWY_EXPORT(StripProducts);
HWY_EXPORT(SubtractMultiple);
HWY_EXPORT(SolveLower);
HWY_EXPORT(EliminatesPositively);
HWY_EXPORT(SubtractMultipleDD);
HWY_EXPORT(SolveLowerDD);

void strip_products(Strips left, Strips right, std::size_t rows, int grid_bits, bool upper,
                    std::int64_t* sums) {
  HWY_DYNAMIC_DISPATCH(StripProducts)(left, right, rows, grid_bits, upper, sums);
}
void subtract_multiple(double* a, const double* b, double factor, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(SubtractMultiple)(a, b, factor, n);
}
void solve_lower(const double* l, std::size_t n, double* w) { HWY_DYNAMIC_DISPATCH(SolveLower)(l, n, w); }
bool eliminates_positively(double* a, std::size_t n, std::size_t stride) {
  return HWY_DYNAMIC_DISPATCH(EliminatesPositively)(a, n, stride);
}
void subtract_multiple(DoubleDouble* a, const DoubleDouble* b, DoubleDouble factor, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(SubtractMultipleDD)(a, b, factor, n);
}
void solve_lower(const DoubleDouble* l, std::size_t n, DoubleDouble* w) {
  HWY_DYNAMIC_DISPATCH(SolveLowerDD)(l, n, w);
}

}  // namespace heavykeys::detail
#endif
