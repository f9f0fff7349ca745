// Kernels in Google Highway: this file is compiled once for each target by foreach_target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/kernels.cpp"
#include "lib/kernels.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "lib/aligned.hpp"

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<float> kF;
constexpr hn::RebindToSigned<decltype(kF)> kI;
constexpr hn::ScalableTag<double> kD;
constexpr hn::RebindToSigned<decltype(kD)> kL;
using VF = hn::Vec<decltype(kF)>;
using VD = hn::Vec<decltype(kD)>;

HWY_INLINE std::int32_t RoundOne(float v) {
  constexpr double kMagic = 0x1.8p52;  // rounds half to even; exact for |v| <= 2^51
  return static_cast<std::int32_t>((static_cast<double>(v) + kMagic) - kMagic);
}

/// Lanes of q for a vector of products. Highway's emulation of NearestInt is not exact near 2^24.
HWY_INLINE auto RoundVector(VF v) {
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  HWY_ALIGN float in[HWY_LANES(float)];
  HWY_ALIGN std::int32_t out[HWY_LANES(float)];
  hn::Store(v, kF, in);
  for (std::size_t i = 0; i < hn::Lanes(kF); ++i) out[i] = RoundOne(in[i]);
  return hn::Load(kI, out);
#else
  return hn::NearestInt(v);
#endif
}

bool ColumnMaxima(const float* data, std::size_t rows, std::size_t dim, std::ptrdiff_t stride, float* top) {
  const std::size_t lanes = hn::Lanes(kF);
  const auto magnitude = hn::Set(kI, 0x7fffffff);  // magnitudes of floats are ordered as integers
  std::int32_t greatest = 0;
  std::size_t c = 0;
  for (; c + 4 * lanes <= dim; c += 4 * lanes) {
    auto m0 = hn::Zero(kI), m1 = m0, m2 = m0, m3 = m0;
    const float* p = data + c;
    for (std::size_t r = 0; r < rows; ++r, p += stride) {
      m0 = hn::Max(m0, hn::And(magnitude, hn::BitCast(kI, hn::LoadU(kF, p))));
      m1 = hn::Max(m1, hn::And(magnitude, hn::BitCast(kI, hn::LoadU(kF, p + lanes))));
      m2 = hn::Max(m2, hn::And(magnitude, hn::BitCast(kI, hn::LoadU(kF, p + 2 * lanes))));
      m3 = hn::Max(m3, hn::And(magnitude, hn::BitCast(kI, hn::LoadU(kF, p + 3 * lanes))));
    }
    hn::StoreU(hn::BitCast(kF, m0), kF, top + c);
    hn::StoreU(hn::BitCast(kF, m1), kF, top + c + lanes);
    hn::StoreU(hn::BitCast(kF, m2), kF, top + c + 2 * lanes);
    hn::StoreU(hn::BitCast(kF, m3), kF, top + c + 3 * lanes);
  }
  for (; c + lanes <= dim; c += lanes) {
    auto m = hn::Zero(kI);
    for (std::size_t r = 0; r < rows; ++r) {
      m = hn::Max(
          m, hn::And(magnitude,
                     hn::BitCast(kI, hn::LoadU(kF, data + static_cast<std::ptrdiff_t>(r) * stride + c))));
    }
    hn::StoreU(hn::BitCast(kF, m), kF, top + c);
  }
  for (; c < dim; ++c) {
    std::int32_t m = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      m = std::max(m, __builtin_bit_cast(
                          std::int32_t,
                          data[static_cast<std::ptrdiff_t>(r) * stride + static_cast<std::ptrdiff_t>(c)]) &
                          0x7fffffff);
    }
    top[c] = __builtin_bit_cast(float, m);
  }
  for (c = 0; c < dim; ++c) greatest = std::max(greatest, __builtin_bit_cast(std::int32_t, top[c]));
  return greatest < 0x7f800000;
}

void QuantiseFloats(const float* data, std::size_t rows, std::size_t dim, std::ptrdiff_t stride,
                    const float* scale, std::int32_t* q, std::size_t q_stride) {
  const std::size_t lanes = hn::Lanes(kF);
  for (std::size_t r = 0; r < rows; ++r, data += stride, q += q_stride) {
    std::size_t c = 0;
    for (; c + lanes <= dim; c += lanes) {
      hn::StoreU(RoundVector(hn::Mul(hn::LoadU(kF, data + c), hn::LoadU(kF, scale + c))), kI, q + c);
    }
    for (; c < dim; ++c) q[c] = RoundOne(data[c] * scale[c]);
  }
}

// Rows of S held in registers at once, and vectors of their columns.
constexpr std::size_t kGramRows = HWY_LANES(double) >= 8 ? 8 : 4,
                      kGramVectors = HWY_LANES(double) >= 8 ? 3 : 2;

/// sums[i..i+kGramRows, j..j+kVectors vectors] += k[:, i]^T k[:, j] over `rows` rows, exact since all stays
/// below 2^53.
template <std::size_t kVectors>
HWY_INLINE void GramTile(const double* k, std::size_t rows, std::size_t width, std::size_t i, std::size_t j,
                         std::int64_t* sums) {
  const std::size_t lanes = hn::Lanes(kD);
  VD acc[kGramRows][kVectors];
  for (auto& row : acc) {
    for (auto& v : row) v = hn::Zero(kD);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    const double* row = k + r * width;
    VD right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = hn::LoadU(kD, row + j + v * lanes);
    for (std::size_t a = 0; a < kGramRows; ++a) {
      const VD left = hn::Set(kD, row[i + a]);
      for (std::size_t v = 0; v < kVectors; ++v) acc[a][v] = hn::MulAdd(left, right[v], acc[a][v]);
    }
  }
  for (std::size_t a = 0; a < kGramRows; ++a) {
    std::int64_t* out = sums + (i + a) * width + j;
    for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(hn::Add(hn::LoadU(kL, out + v * lanes), hn::ConvertTo(kL, acc[a][v])), kL, out + v * lanes);
    }
  }
}

/// Rows [i, i + kGramRows) of the sums, from the diagonal on: tiles of as many vectors as there are registers
/// for, and never one at the end where two tiles of two will do.
HWY_INLINE void GramStrip(const double* k, std::size_t rows, std::size_t width, std::size_t i,
                          std::int64_t* sums) {
  const std::size_t lanes = hn::Lanes(kD);
  std::size_t j = i / lanes * lanes;
  while (j < width) {
    const std::size_t left = (width - j) / lanes;
    const std::size_t vectors = kGramVectors == 3 && left == 4 ? 2 : std::min(left, kGramVectors);
    if (vectors == 3) {
      GramTile<kGramVectors>(k, rows, width, i, j, sums);
    } else if (vectors == 2) {
      GramTile<2>(k, rows, width, i, j, sums);
    } else {
      GramTile<1>(k, rows, width, i, j, sums);
    }
    j += vectors * lanes;
  }
}

void GramByFloat64(const std::int32_t* q, std::size_t rows, std::size_t width, int grid_bits,
                   std::int64_t* sums) {
  constexpr std::size_t kPanel = 32;
  constexpr std::size_t kMaxRows = 256;  // a panel of doubles stays in L2 for any width in use
  const int spare = 53 - 2 * grid_bits;  // rows * 2^(2P) <= 2^53 keeps every sum exact
  const std::size_t fold = spare >= 8 ? kMaxRows : std::max<std::size_t>(kPanel, std::size_t{1} << spare);
  const auto panel = aligned_array<double>(fold * width);
  for (std::size_t r = 0; r < rows; r += fold) {
    const std::size_t count = std::min(fold, rows - r);
    const std::int32_t* from = q + r * width;
    for (std::size_t k = 0; k < count * width; ++k) panel[k] = static_cast<double>(from[k]);
    for (std::size_t i = 0; i < width; i += kGramRows) GramStrip(panel.get(), count, width, i, sums);
  }
}

void WeightedNorms(const std::int32_t* q, std::size_t rows, std::size_t width, const float* scale,
                   float* out) {
  const std::size_t lanes = hn::Lanes(kF);
  for (std::size_t r = 0; r < rows; ++r, q += width) {
    VF sum = hn::Zero(kF);
    for (std::size_t c = 0; c < width; c += lanes) {
      const VF k = hn::Mul(hn::ConvertTo(kF, hn::LoadU(kI, q + c)), hn::LoadU(kF, scale + c));
      sum = hn::MulAdd(k, k, sum);
    }
    out[r] = hn::GetLane(hn::SumOfLanes(kF, sum));
  }
}

constexpr std::size_t kProjectedRows = 4;

/// total[a] += squares of row a of k times kVectors vectors of columns of the matrix.
template <std::size_t kVectors>
HWY_INLINE void ProjectTile(const float* k, std::size_t width, const float* matrix, std::size_t columns,
                            VF* total) {
  const std::size_t lanes = hn::Lanes(kF);
  VF acc[kProjectedRows][kVectors];
  for (auto& row : acc) {
    for (auto& v : row) v = hn::Zero(kF);
  }
  for (std::size_t c = 0; c < width; ++c) {
    VF right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = hn::LoadU(kF, matrix + c * columns + v * lanes);
    for (std::size_t a = 0; a < kProjectedRows; ++a) {
      const VF left = hn::Set(kF, k[a * width + c]);
      for (std::size_t v = 0; v < kVectors; ++v) acc[a][v] = hn::MulAdd(left, right[v], acc[a][v]);
    }
  }
  for (std::size_t a = 0; a < kProjectedRows; ++a) {
    for (std::size_t v = 0; v < kVectors; ++v) total[a] = hn::MulAdd(acc[a][v], acc[a][v], total[a]);
  }
}

/// kProjectedRows rows of k at a time; load(a, row number) fills row a and returns its squared norm.
template <class Load>
HWY_INLINE void ProjectRows(float* k, std::size_t count, std::size_t width, const float* matrix,
                            std::size_t columns, float* out, float* norms, const Load& load) {
  const std::size_t lanes = hn::Lanes(kF);
  constexpr std::size_t kVectors = HWY_LANES(float) >= 16 ? 4 : 2;
  for (std::size_t first = 0; first < count; first += kProjectedRows) {
    const std::size_t rows = std::min(kProjectedRows, count - first);
    VF total[kProjectedRows];
    for (std::size_t a = 0; a < kProjectedRows; ++a) {
      const float norm = load(k + a * width, first + std::min(a, rows - 1));
      if (a < rows) norms[first + a] = norm;
      total[a] = hn::Zero(kF);
    }
    std::size_t j = 0;
    for (; j + kVectors * lanes <= columns; j += kVectors * lanes)
      ProjectTile<kVectors>(k, width, matrix + j, columns, total);
    for (; j < columns; j += lanes) ProjectTile<1>(k, width, matrix + j, columns, total);
    for (std::size_t a = 0; a < rows; ++a) out[first + a] = hn::GetLane(hn::SumOfLanes(kF, total[a]));
  }
}

void ProjectedNorms(const std::int32_t* q, const std::uint32_t* index, std::size_t count, std::size_t width,
                    const float* scale, const float* matrix, float* out, float* norms) {
  const std::size_t lanes = hn::Lanes(kF);
  const auto k = aligned_array<float>(kProjectedRows * width);
  ProjectRows(k.get(), count, width, matrix, width, out, norms, [&](float* to, std::size_t at) HWY_ATTR {
    const std::int32_t* row = q + static_cast<std::size_t>(index[at]) * width;
    VF norm = hn::Zero(kF);
    for (std::size_t c = 0; c < width; c += lanes) {
      const VF v = hn::Mul(hn::ConvertTo(kF, hn::LoadU(kI, row + c)), hn::LoadU(kF, scale + c));
      hn::StoreU(v, kF, to + c);
      norm = hn::MulAdd(v, v, norm);
    }
    return hn::GetLane(hn::SumOfLanes(kF, norm));
  });
}

void ProjectedNormsOfFloats(const float* rows, const std::uint32_t* index, std::size_t count,
                            std::size_t width, const float* matrix, std::size_t columns, float* out,
                            float* norms) {
  const std::size_t lanes = hn::Lanes(kF);
  const auto k = aligned_array<float>(kProjectedRows * width);
  ProjectRows(k.get(), count, width, matrix, columns, out, norms, [&](float* to, std::size_t at) HWY_ATTR {
    const float* row = rows + static_cast<std::size_t>(index[at]) * width;
    VF norm = hn::Zero(kF);
    for (std::size_t c = 0; c < width; c += lanes) {
      const VF v = hn::LoadU(kF, row + c);
      hn::StoreU(v, kF, to + c);
      norm = hn::MulAdd(v, v, norm);
    }
    return hn::GetLane(hn::SumOfLanes(kF, norm));
  });
}

constexpr std::size_t kDotVectors = 2;  // of keys in a tile of dot products
constexpr std::size_t kDotDepth = 256;  // coordinates whose keys are kept together: 32 KiB, the first cache
constexpr std::size_t kFewQueries = 8;  // up to so many are not worth the copy

/// One tile: x += the products of kQueries queries, rows `dim` apart, with kDotVectors vectors of keys over
/// `depth` coordinates. Order and roundings do not depend on how coordinates are cut: what waits in x is a
/// double, too.
template <std::size_t kQueries>
HWY_INLINE void DotTile(const double* queries, std::size_t dim, std::size_t depth, const double* keys,
                        std::size_t key_stride, bool first, double* x, std::size_t ld) {
  const std::size_t lanes = hn::Lanes(kD);
  VD acc[kQueries][kDotVectors];
  for (std::size_t a = 0; a < kQueries; ++a) {
    for (std::size_t v = 0; v < kDotVectors; ++v) {
      acc[a][v] = first ? hn::Zero(kD) : hn::LoadU(kD, x + a * ld + v * lanes);
    }
  }
  for (std::size_t i = 0; i < depth; ++i) {
    const VD k0 = hn::LoadU(kD, keys + i * key_stride);
    const VD k1 = hn::LoadU(kD, keys + i * key_stride + lanes);
    for (std::size_t a = 0; a < kQueries; ++a) {
      const VD q = hn::Set(kD, queries[a * dim + i]);
      acc[a][0] = hn::Add(acc[a][0], hn::Mul(q, k0));  // not MulAdd: two roundings, on every target
      acc[a][1] = hn::Add(acc[a][1], hn::Mul(q, k1));
    }
  }
  for (std::size_t a = 0; a < kQueries; ++a) {
    for (std::size_t v = 0; v < kDotVectors; ++v) hn::StoreU(acc[a][v], kD, x + a * ld + v * lanes);
  }
}

void DotProducts(const double* queries, std::size_t query_count, std::size_t dim, const double* keys,
                 std::size_t ld, double* x) {
  constexpr std::size_t kStep = kDotVectors * HWY_LANES(double);
  const std::size_t lanes = hn::Lanes(kD), step = kDotVectors * lanes;
  // Coordinates of keys often lie a power of two apart, where a cache holds few of them: for many queries a
  // strip of them is copied together first.
  HWY_ALIGN double packed[kDotDepth * kStep];
  const bool pack = query_count > kFewQueries;
  for (std::size_t u = 0; u < ld; u += step) {
    for (std::size_t i = 0; i < dim || i == 0; i += kDotDepth) {  // of no coordinates: zeros
      const std::size_t depth = std::min(kDotDepth, dim - i);
      const double* strip = keys + i * ld + u;
      for (std::size_t r = 0; pack && r < depth; ++r) {
        for (std::size_t v = 0; v < step; v += lanes) {
          hn::Store(hn::LoadU(kD, strip + r * ld + v), kD, packed + r * step + v);
        }
      }
      const double* from = pack ? packed : strip;
      const std::size_t stride = pack ? step : ld;
      std::size_t a = 0;
      for (; a + 4 <= query_count; a += 4) {
        DotTile<4>(queries + a * dim + i, dim, depth, from, stride, i == 0, x + a * ld + u, ld);
      }
      for (; a < query_count; ++a) {
        DotTile<1>(queries + a * dim + i, dim, depth, from, stride, i == 0, x + a * ld + u, ld);
      }
    }
  }
}

std::size_t SelectAtLeast(const double* x, std::size_t count, double threshold, std::uint32_t* out) {
  const std::size_t lanes = hn::Lanes(kD);
  const VD t = hn::Set(kD, threshold);
  std::size_t found = 0, u = 0;
  for (; u + lanes <= count; u += lanes) {
    if (hn::AllFalse(kD, hn::Ge(hn::Abs(hn::LoadU(kD, x + u)), t))) continue;
    for (std::size_t v = u; v < u + lanes; ++v) {
      if (std::fabs(x[v]) >= threshold) out[found++] = static_cast<std::uint32_t>(v);
    }
  }
  for (; u < count; ++u) {
    if (std::fabs(x[u]) >= threshold) out[found++] = static_cast<std::uint32_t>(u);
  }
  return found;
}

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heavykeys::detail {

HWY_EXPORT(ColumnMaxima);
HWY_EXPORT(QuantiseFloats);
HWY_EXPORT(GramByFloat64);
HWY_EXPORT(WeightedNorms);
HWY_EXPORT(ProjectedNorms);
HWY_EXPORT(ProjectedNormsOfFloats);
HWY_EXPORT(DotProducts);
HWY_EXPORT(SelectAtLeast);

bool column_maxima(const float* data, std::size_t rows, std::size_t dim, std::ptrdiff_t stride, float* top) {
  return HWY_DYNAMIC_DISPATCH(ColumnMaxima)(data, rows, dim, stride, top);
}
void quantise_floats(const float* data, std::size_t rows, std::size_t dim, std::ptrdiff_t stride,
                     const float* scale, std::int32_t* q, std::size_t q_stride) {
  HWY_DYNAMIC_DISPATCH(QuantiseFloats)(data, rows, dim, stride, scale, q, q_stride);
}
void gram_by_float64(const std::int32_t* q, std::size_t rows, std::size_t width, int grid_bits,
                     std::int64_t* sums) {
  HWY_DYNAMIC_DISPATCH(GramByFloat64)(q, rows, width, grid_bits, sums);
}
void weighted_norms(const std::int32_t* q, std::size_t rows, std::size_t width, const float* scale,
                    float* out) {
  HWY_DYNAMIC_DISPATCH(WeightedNorms)(q, rows, width, scale, out);
}
void projected_norms(const std::int32_t* q, const std::uint32_t* index, std::size_t count, std::size_t width,
                     const float* scale, const float* matrix, float* out, float* norms) {
  HWY_DYNAMIC_DISPATCH(ProjectedNorms)(q, index, count, width, scale, matrix, out, norms);
}
void projected_norms(const float* k, const std::uint32_t* index, std::size_t count, std::size_t width,
                     const float* matrix, std::size_t columns, float* out, float* norms) {
  HWY_DYNAMIC_DISPATCH(ProjectedNormsOfFloats)(k, index, count, width, matrix, columns, out, norms);
}
void dot_products(const double* queries, std::size_t query_count, std::size_t dim, const double* keys,
                  std::size_t ld, double* x) {
  HWY_DYNAMIC_DISPATCH(DotProducts)(queries, query_count, dim, keys, ld, x);
}
std::size_t select_at_least(const double* x, std::size_t count, double threshold, std::uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(SelectAtLeast)(x, count, threshold, out);
}

}  // namespace heavykeys::detail
#endif
