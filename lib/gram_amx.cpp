#include "lib/gram_amx.hpp"

#if defined(__x86_64__) && defined(__linux__)

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

// Target attributes rather than compiler flags: no inline function of another file may be compiled
// here for a processor its other callers do not have.
#define HK_AMX __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,amx-tile,amx-int8")))
#define HK_INLINE inline __attribute__((always_inline))

namespace heavykeys::detail {

namespace {

constexpr std::size_t kTile = 16;         // columns of K in a tile
constexpr std::size_t kStepRows = 64;     // rows of K in a tile
constexpr std::size_t kTileBytes = 1024;  // 16 rows of 64 bytes
constexpr std::size_t kSteps = AmxGram::kPanelRows / kStepRows;
// One tile more than a panel has: tiles a power of two apart would fall into the same few sets of the cache.
constexpr std::size_t kSliceBytes = (kSteps + 1) * kTileBytes;

struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// Byte indices of permutex2var for a pattern that is the same in every 32-bit lane: 0 .. 3 is a byte of the
/// lane of the first vector, 4 .. 7 one of the second.
HK_AMX HK_INLINE __m512i lane_bytes(std::uint32_t pattern) {
  const __m512i lane = _mm512_mullo_epi32(
      _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), _mm512_set1_epi32(0x04040404));
  const __m512i p = _mm512_set1_epi32(static_cast<int>(pattern));
  const __m512i second = _mm512_slli_epi32(_mm512_and_si512(p, _mm512_set1_epi8(4)), 4);  // 64 bytes on
  return _mm512_add_epi8(lane, _mm512_add_epi8(second, _mm512_and_si512(p, _mm512_set1_epi8(3))));
}

/// Four rows of 16 int32 become, for each byte position s, one vector whose dword c holds byte s of
/// column c in rows 0..3: a 4 x 4 byte transpose in every lane, and the layout AMX wants of its right
/// operand.
struct ByteTranspose {
  __m512i low, high, first, second;

  HK_AMX HK_INLINE ByteTranspose()
      : low(lane_bytes(0x05010400)),       // a0 b0 a1 b1
        high(lane_bytes(0x07030602)),      // a2 b2 a3 b3
        first(lane_bytes(0x05040100)),     // a0 b0 c0 d0
        second(lane_bytes(0x07060302)) {}  // a1 b1 c1 d1

  HK_AMX HK_INLINE void operator()(__m512i a, __m512i b, __m512i c, __m512i d, __m512i out[4]) const {
    const __m512i ab01 = _mm512_permutex2var_epi8(a, low, b), ab23 = _mm512_permutex2var_epi8(a, high, b);
    const __m512i cd01 = _mm512_permutex2var_epi8(c, low, d), cd23 = _mm512_permutex2var_epi8(c, high, d);
    out[0] = _mm512_permutex2var_epi8(ab01, first, cd01);
    out[1] = _mm512_permutex2var_epi8(ab01, second, cd01);
    out[2] = _mm512_permutex2var_epi8(ab23, first, cd23);
    out[3] = _mm512_permutex2var_epi8(ab23, second, cd23);
  }
};

/// Transpose of a 16 x 16 matrix of dwords: right-operand layout to left-operand layout.
HK_AMX void transpose_tile(const std::uint8_t* from, std::uint8_t* to) {
  __m512i a[16], b[16];
  // Row groups of 128 bits are brought together by masked loads, which cost no shuffle.
  for (int c = 0; c < 4; ++c) {
    for (int r = 0; r < 4; ++r) {
      const auto* p = from + r * 64 + c * 16;
      __m512i v = _mm512_castsi128_si512(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
      v = _mm512_mask_broadcast_i32x4(v, 0x00f0,
                                      _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 4 * 64)));
      v = _mm512_mask_broadcast_i32x4(v, 0x0f00,
                                      _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8 * 64)));
      v = _mm512_mask_broadcast_i32x4(v, 0xf000,
                                      _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 12 * 64)));
      a[c * 4 + r] = v;  // lane k: columns 4c..4c+3 of row 4k + r
    }
  }
  for (int c = 0; c < 16; c += 4) {  // 4 x 4 dword transpose within every 128-bit lane
    const __m512i t0 = _mm512_unpacklo_epi32(a[c], a[c + 1]), t1 = _mm512_unpackhi_epi32(a[c], a[c + 1]);
    const __m512i t2 = _mm512_unpacklo_epi32(a[c + 2], a[c + 3]),
                  t3 = _mm512_unpackhi_epi32(a[c + 2], a[c + 3]);
    b[c] = _mm512_unpacklo_epi64(t0, t2);
    b[c + 1] = _mm512_unpackhi_epi64(t0, t2);
    b[c + 2] = _mm512_unpacklo_epi64(t1, t3);
    b[c + 3] = _mm512_unpackhi_epi64(t1, t3);
  }
  for (int c = 0; c < 16; ++c) _mm512_storeu_si512(to + c * 64, b[c]);
}

// One multiply-accumulate of tiles; the operands' signs decide the instruction, tile numbers are literals.
HK_AMX inline void multiply_00(bool left_signed, bool right_signed) {
  if (left_signed) {
    if (right_signed)
      _tile_dpbssd(0, 4, 6);
    else
      _tile_dpbsud(0, 4, 6);
  } else {
    if (right_signed)
      _tile_dpbusd(0, 4, 6);
    else
      _tile_dpbuud(0, 4, 6);
  }
}
HK_AMX inline void multiply_01(bool left_signed, bool right_signed) {
  if (left_signed) {
    if (right_signed)
      _tile_dpbssd(1, 4, 7);
    else
      _tile_dpbsud(1, 4, 7);
  } else {
    if (right_signed)
      _tile_dpbusd(1, 4, 7);
    else
      _tile_dpbuud(1, 4, 7);
  }
}
HK_AMX inline void multiply_10(bool left_signed, bool right_signed) {
  if (left_signed) {
    if (right_signed)
      _tile_dpbssd(2, 5, 6);
    else
      _tile_dpbsud(2, 5, 6);
  } else {
    if (right_signed)
      _tile_dpbusd(2, 5, 6);
    else
      _tile_dpbuud(2, 5, 6);
  }
}
HK_AMX inline void multiply_11(bool left_signed, bool right_signed) {
  if (left_signed) {
    if (right_signed)
      _tile_dpbssd(3, 5, 7);
    else
      _tile_dpbsud(3, 5, 7);
  } else {
    if (right_signed)
      _tile_dpbusd(3, 5, 7);
    else
      _tile_dpbuud(3, 5, 7);
  }
}

/// Where 16 columns of consecutive rows come from: integers, or floats that become integers on the way.
struct IntegerSource {
  const std::int32_t* q;
  std::size_t width;

  struct Column {
    const std::int32_t* p;
    std::size_t width;
    HK_AMX HK_INLINE __m512i row(std::size_t r) const { return _mm512_loadu_si512(p + r * width); }
  };
  HK_AMX HK_INLINE Column column(std::size_t first_row, std::size_t c) const {
    return {q + first_row * width + c, width};
  }
};
struct FloatSource {
  const float* data;
  std::ptrdiff_t stride;
  std::size_t dim;
  const float* scale;

  struct Column {
    const float* p;
    std::ptrdiff_t stride;
    __m512 scale;
    __mmask16 mask;
    HK_AMX HK_INLINE __m512i row(std::size_t r) const {
      const __m512 k = _mm512_maskz_loadu_ps(mask, p + static_cast<std::ptrdiff_t>(r) * stride);
      return _mm512_cvtps_epi32(_mm512_mul_ps(k, scale));  // half to even
    }
  };
  HK_AMX HK_INLINE Column column(std::size_t first_row, std::size_t c) const {
    const std::size_t columns = std::min(kTile, dim - c);
    return {data + static_cast<std::ptrdiff_t>(first_row) * stride + c, stride, _mm512_load_ps(scale + c),
            static_cast<__mmask16>((1u << columns) - 1)};
  }
};

/// 64 rows of one column tile (fewer at the end of a short block), sliced into tiles of both layouts.
template <class Source>
HK_AMX void slice_tile(const Source& source, std::size_t first, std::size_t rows, std::size_t column,
                       std::size_t slices, std::uint8_t* left, std::uint8_t* right) {
  const ByteTranspose transpose;
  const auto from = source.column(first, column);
  const __m512i zero = _mm512_setzero_si512();
  for (std::size_t r = 0; r < kStepRows; r += 4) {
    __m512i slice[4];
    if (r + 4 <= rows) {
      transpose(from.row(r), from.row(r + 1), from.row(r + 2), from.row(r + 3), slice);
    } else {
      transpose(r < rows ? from.row(r) : zero, r + 1 < rows ? from.row(r + 1) : zero,
                r + 2 < rows ? from.row(r + 2) : zero, zero, slice);
    }
    for (std::size_t s = 0; s < slices; ++s) _mm512_store_si512(right + s * kSliceBytes + r * 16, slice[s]);
  }
  for (std::size_t s = 0; s < slices; ++s) transpose_tile(right + s * kSliceBytes, left + s * kSliceBytes);
}

template <class Source>
void slice_panel(const Source& source, std::size_t rows, std::size_t tiles, std::size_t slices,
                 std::uint8_t* left, std::uint8_t* right) {
  for (std::size_t first = 0; first < rows; first += kStepRows) {
    for (std::size_t i = 0; i < tiles; ++i) {
      const std::size_t at = i * slices * kSliceBytes + first / kStepRows * kTileBytes;
      slice_tile(source, first, std::min(kStepRows, rows - first), i * kTile, slices, left + at, right + at);
    }
  }
}

struct PanelView {
  const std::uint8_t* left;
  const std::uint8_t* right;
  std::int32_t* accumulators;
  std::size_t virtual_tiles, slices, steps;
  bool first;

  const std::uint8_t* left_tile(std::size_t v) const { return left + v * kSliceBytes; }
  const std::uint8_t* right_tile(std::size_t v) const { return right + v * kSliceBytes; }
  std::int32_t* sum(std::size_t v, std::size_t w) const {
    return accumulators + (v * virtual_tiles + w) * 256;
  }
  bool is_signed(std::size_t v) const { return v % slices == slices - 1; }
};

/// A 2 x 2 block of tile products: four sums in registers, one load for each multiplication.
HK_AMX void multiply_four(const PanelView& p, std::size_t v, std::size_t w) {
  const bool l0 = p.is_signed(v), l1 = p.is_signed(v + 1), r0 = p.is_signed(w), r1 = p.is_signed(w + 1);
  if (p.first) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, p.sum(v, w), 64);
    _tile_loadd(1, p.sum(v, w + 1), 64);
    _tile_loadd(2, p.sum(v + 1, w), 64);
    _tile_loadd(3, p.sum(v + 1, w + 1), 64);
  }
  for (std::size_t k = 0; k < p.steps; ++k) {
    _tile_loadd(4, p.left_tile(v) + k * kTileBytes, 64);
    _tile_loadd(5, p.left_tile(v + 1) + k * kTileBytes, 64);
    _tile_loadd(6, p.right_tile(w) + k * kTileBytes, 64);
    multiply_00(l0, r0);
    multiply_10(l1, r0);
    _tile_loadd(7, p.right_tile(w + 1) + k * kTileBytes, 64);
    multiply_01(l0, r1);
    multiply_11(l1, r1);
  }
  _tile_stored(0, p.sum(v, w), 64);
  _tile_stored(1, p.sum(v, w + 1), 64);
  _tile_stored(2, p.sum(v + 1, w), 64);
  _tile_stored(3, p.sum(v + 1, w + 1), 64);
}

HK_AMX void multiply_one(const PanelView& p, std::size_t v, std::size_t w) {
  if (p.first) {
    _tile_zero(0);
  } else {
    _tile_loadd(0, p.sum(v, w), 64);
  }
  for (std::size_t k = 0; k < p.steps; ++k) {
    _tile_loadd(4, p.left_tile(v) + k * kTileBytes, 64);
    _tile_loadd(6, p.right_tile(w) + k * kTileBytes, 64);
    multiply_00(p.is_signed(v), p.is_signed(w));
  }
  _tile_stored(0, p.sum(v, w), 64);
}

HK_AMX void multiply_panel(const PanelView& p) {
  static const TileConfig config;
  _tile_loadconfig(&config);
  for (std::size_t v = 0; v < p.virtual_tiles; v += 2) {
    for (std::size_t w = v; w < p.virtual_tiles; w += 2) {
      if (v + 1 < p.virtual_tiles && w + 1 < p.virtual_tiles) {
        multiply_four(p, v, w);
      } else {
        for (std::size_t a = v; a < std::min(v + 2, p.virtual_tiles); ++a) {
          for (std::size_t b = w; b < std::min(w + 2, p.virtual_tiles); ++b) multiply_one(p, a, b);
        }
      }
    }
  }
  _tile_release();
}

bool request_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const bool amx = (d >> 24 & 1) && (d >> 25 & 1);                                      // TILE, INT8
  const bool avx512 = (b >> 16 & 1) && (b >> 30 & 1) && (b >> 31 & 1) && (c >> 1 & 1);  // F, BW, VL, VBMI
  if (!amx || !avx512 || !__builtin_cpu_supports("avx512f")) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool amx_usable() {
  static const bool usable = request_amx();
  return usable;
}

AmxGram::AmxGram(std::size_t width, int grid_bits)
    : width_(width),
      tiles_(width / kTile),
      slices_(static_cast<std::size_t>((grid_bits + 2 + 7) / 8)),
      virtual_tiles_(tiles_ * slices_),
      accumulators_(virtual_tiles_ * virtual_tiles_ * 256),
      left_(virtual_tiles_ * kSliceBytes),
      right_(left_.size()) {}

void AmxGram::begin() { empty_ = true; }

void AmxGram::add_panel(const std::int32_t* q, std::size_t rows) {
  slice_panel(IntegerSource{q, width_}, rows, tiles_, slices_, left_.data(), right_.data());
  multiply(rows);
}

void AmxGram::add_panel(const float* data, std::ptrdiff_t stride, std::size_t dim, const float* scale,
                        std::size_t rows) {
  slice_panel(FloatSource{data, stride, dim, scale}, rows, tiles_, slices_, left_.data(), right_.data());
  multiply(rows);
}

void AmxGram::multiply(std::size_t rows) {
  const std::size_t steps = (rows + kStepRows - 1) / kStepRows;
  multiply_panel({left_.data(), right_.data(), accumulators_.data(), virtual_tiles_, slices_, steps, empty_});
  empty_ = false;
}

void AmxGram::finish(std::int64_t* sums) const {
  for (std::size_t i = 0; i < tiles_; ++i) {
    for (std::size_t j = i; j < tiles_; ++j) {
      for (std::size_t x = 0; x < kTile; ++x) {
        std::fill_n(sums + (i * kTile + x) * width_ + j * kTile, kTile, 0);
      }
      for (std::size_t a = 0; a < slices_; ++a) {
        for (std::size_t b = i == j ? a : 0; b < slices_; ++b) {
          const std::int32_t* part =
              accumulators_.data() + ((i * slices_ + a) * virtual_tiles_ + j * slices_ + b) * 256;
          const int shift = static_cast<int>(8 * (a + b));
          for (std::size_t x = 0; x < kTile; ++x) {
            std::int64_t* out = sums + (i * kTile + x) * width_ + j * kTile;
            for (std::size_t y = 0; y < kTile; ++y) {
              std::int64_t value = part[x * 16 + y];
              if (i == j && a != b) value += part[y * 16 + x];  // Q_b^T Q_a is the transpose of Q_a^T Q_b
              out[y] += value * (std::int64_t{1} << shift);
            }
          }
        }
      }
    }
  }
}

}  // namespace heavykeys::detail

#else

namespace heavykeys::detail {
bool amx_usable() { return false; }
AmxGram::AmxGram(std::size_t width, int) : width_(width), tiles_(0), slices_(0), virtual_tiles_(0) {}
void AmxGram::begin() {}
void AmxGram::add_panel(const std::int32_t*, std::size_t) {}
void AmxGram::add_panel(const float*, std::ptrdiff_t, std::size_t, const float*, std::size_t) {}
void AmxGram::multiply(std::size_t) {}
void AmxGram::finish(std::int64_t*) const {}
}  // namespace heavykeys::detail

#endif
