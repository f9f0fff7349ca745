#include "c/dlpack.hpp"

#include <string>

#include "c/guard.hpp"
#include "c/structs.hpp"
#include "heavykeys/error.hpp"

namespace heavykeys::c {
namespace {

void check_device(const DlDevice& device) {
  if (device.type == kDlCpu || device.type == kDlCudaHost) return;
  throw InvalidInput("tensor: its memory is of DLPack device type " + std::to_string(device.type) +
                     "; the CPU's is needed (kDLCPU 1, kDLCUDAHost 3)");
}

heavykeys_dtype dtype_of(const DlDataType& type) {
  if (type.lanes == 1) {
    if (type.code == kDlFloat && type.bits == 64) return HEAVYKEYS_F64;
    if (type.code == kDlFloat && type.bits == 32) return HEAVYKEYS_F32;
    if (type.code == kDlFloat && type.bits == 16) return HEAVYKEYS_F16;
    if (type.code == kDlBfloat && type.bits == 16) return HEAVYKEYS_BF16;
  }
  throw InvalidInput("tensor: its elements are of DLPack type code " + std::to_string(type.code) + ", " +
                     std::to_string(type.bits) + " bits, " + std::to_string(type.lanes) +
                     " lanes; float64, float32, float16 or bfloat16 is needed");
}

heavykeys_rows rows_of_tensor(const DlTensor& tensor) {
  check_device(tensor.device);
  heavykeys_rows rows = {};
  rows.dtype = dtype_of(tensor.dtype);
  if (tensor.ndim != 2) {
    throw InvalidInput("tensor: it has " + std::to_string(tensor.ndim) + " axes; [n, d] is needed");
  }
  require(tensor.shape, "tensor.shape");
  if (tensor.shape[0] < 0 || tensor.shape[1] < 0) {
    throw InvalidInput("tensor: its shape is [" + std::to_string(tensor.shape[0]) + ", " +
                       std::to_string(tensor.shape[1]) + "]");
  }
  rows.count = static_cast<std::uint64_t>(tensor.shape[0]);
  rows.dim = static_cast<std::uint64_t>(tensor.shape[1]);
  rows.row_stride = tensor.strides != nullptr ? tensor.strides[0] : tensor.shape[1];
  rows.column_stride = tensor.strides != nullptr ? tensor.strides[1] : 1;
  if (tensor.data == nullptr) return rows;  // allowed where there are no elements
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.data);
  if (tensor.byte_offset > UINTPTR_MAX - address) {
    throw InvalidInput("tensor: its byte_offset " + std::to_string(tensor.byte_offset) +
                       " passes the address space");
  }
  // On the integer: a pointer past the caller's array must not even be formed.
  rows.data = reinterpret_cast<const void*>(address + tensor.byte_offset);
  return rows;
}

}  // namespace
}  // namespace heavykeys::c

using namespace heavykeys::c;

heavykeys_status heavykeys_rows_from_dlpack(heavykeys_rows* rows, const void* tensor) {
  return guarded([&] {
    require(rows, "rows");
    require(tensor, "tensor");
    const heavykeys_rows made = rows_of_tensor(*static_cast<const DlTensor*>(tensor));
    rows_of(&made, "tensor");
    *rows = made;
  });
}
