// The part of DLPack's ABI that is read: DLTensor, as it has been in every version since 0.2 (2017).
//
// A copy rather than a dependency: it is a third of a page that cannot change without breaking every user of
// DLPack, and Debian's libdlpack-dev would be needed for nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heavykeys::c {

enum : std::int32_t { kDlCpu = 1, kDlCudaHost = 3 };
enum : std::uint8_t { kDlFloat = 2, kDlBfloat = 4 };

struct DlDevice {
  std::int32_t type;
  std::int32_t id;
};

struct DlDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct DlTensor {
  void* data;
  DlDevice device;
  std::int32_t ndim;
  DlDataType dtype;
  std::int64_t* shape;    // [ndim]
  std::int64_t* strides;  // [ndim], in elements; null: row-major, without gaps
  std::uint64_t byte_offset;
};

static_assert(offsetof(DlTensor, device) == 8 && offsetof(DlTensor, ndim) == 16 &&
              offsetof(DlTensor, dtype) == 20 && offsetof(DlTensor, shape) == 24 &&
              offsetof(DlTensor, strides) == 32 && offsetof(DlTensor, byte_offset) == 40 &&
              sizeof(DlTensor) == 48);

}  // namespace heavykeys::c
