#include "heavykeys/rows.hpp"

#include <cstddef>
#include <cstdint>

#include "c/guard.hpp"
#include "c/structs.hpp"
#include "heavykeys/error.hpp"

namespace heavykeys::c {
namespace {

Dtype dtype_of(heavykeys_dtype dtype, const std::string& name) {
  if (dtype < HEAVYKEYS_F64 || dtype > HEAVYKEYS_BF16) {
    throw InvalidInput(name + ".dtype is " + std::to_string(dtype) +
                       "; it must be in 0 .. 3 (heavykeys_dtype)");
  }
  return static_cast<Dtype>(dtype);
}

static_assert(static_cast<int>(Dtype::f64) == HEAVYKEYS_F64 && static_cast<int>(Dtype::f32) == HEAVYKEYS_F32);
static_assert(static_cast<int>(Dtype::f16) == HEAVYKEYS_F16 &&
              static_cast<int>(Dtype::bf16) == HEAVYKEYS_BF16);
static_assert(sizeof(std::size_t) == 8 && sizeof(std::ptrdiff_t) == 8);

/// Moves the address by (extent - 1) * stride elements, toward `low` or `high`. False when that passes 2^64.
bool reach(std::uint64_t extent, std::int64_t stride, std::int64_t size, std::uint64_t& low,
           std::uint64_t& high) {
  std::int64_t span = 0;
  if (extent > INT64_MAX || __builtin_mul_overflow(static_cast<std::int64_t>(extent - 1), stride, &span) ||
      __builtin_mul_overflow(span, size, &span)) {
    return false;
  }
  const std::uint64_t moved = static_cast<std::uint64_t>(span);
  if (span < 0) return !__builtin_sub_overflow(low, std::uint64_t{0} - moved, &low);
  return !__builtin_add_overflow(high, moved, &high);
}

/// The first and the last byte have addresses, whose differences fit ptrdiff_t.
bool addressable(const Rows& rows) {
  const auto size = static_cast<std::int64_t>(size_of(rows.dtype));
  std::uint64_t low = reinterpret_cast<std::uintptr_t>(rows.data), high = low;
  return reach(rows.count, rows.row_stride, size, low, high) &&
         reach(rows.dim, rows.column_stride, size, low, high) &&
         !__builtin_add_overflow(high, static_cast<std::uint64_t>(size), &high) && high - low <= PTRDIFF_MAX;
}

}  // namespace

Rows rows_of(const heavykeys_rows* rows, const char* name) {
  require(rows, name);
  const std::string text = name;
  if (rows->reserved != 0) throw InvalidInput(text + ".reserved is not 0: heavykeys_rows_init makes it so");
  Rows out{rows->data,       dtype_of(rows->dtype, text), rows->count,    rows->dim,
           rows->row_stride, rows->column_stride,         rows->first_id, rows->stream};
  if (out.count == 0 || out.dim == 0) return out;  // nothing to read
  require(out.data, (text + ".data").c_str());
  if (reinterpret_cast<std::uintptr_t>(out.data) % size_of(out.dtype) != 0) {
    throw InvalidInput(text + ".data is not aligned to its " + std::to_string(size_of(out.dtype)) +
                       "-byte elements");
  }
  if (!addressable(out)) {
    throw InvalidInput(text + ": " + std::to_string(out.count) + " x " + std::to_string(out.dim) +
                       " elements with strides " + std::to_string(out.row_stride) + ", " +
                       std::to_string(out.column_stride) + " pass the address space");
  }
  return out;
}

}  // namespace heavykeys::c

using namespace heavykeys::c;

heavykeys_status heavykeys_rows_init(heavykeys_rows* rows, const void* data, heavykeys_dtype dtype,
                                     uint64_t count, uint64_t dim) {
  return guarded([&] {
    require(rows, "rows");
    heavykeys_rows made = {};
    made.data = data;
    made.count = count;
    made.dim = dim;
    made.row_stride = static_cast<int64_t>(dim);
    made.column_stride = 1;
    made.dtype = dtype;
    rows_of(&made, "rows");
    *rows = made;
  });
}
