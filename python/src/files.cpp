// Tensors in files, by memory map.
#include "heavykeys/files.hpp"

#include "python/src/array.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

nb::dlpack::dtype numpy_dtype(Dtype dtype) {
  using nb::dlpack::dtype_code;
  // NumPy has no bfloat16: heavykeys.io says what these uint16 are.
  const auto code = dtype == Dtype::bf16 ? dtype_code::UInt : dtype_code::Float;
  return {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(8 * size_of(dtype)), 1};
}

nb::tuple open(const std::string& name) {
  auto* tensor = new Tensor([&] {
    const WithoutGil released;
    return open_tensor(name);
  }());
  const nb::capsule owner(tensor, [](void* p) noexcept { delete static_cast<Tensor*>(p); });
  const nb::ndarray<nb::numpy, nb::ro> array(tensor->data, tensor->shape.size(), tensor->shape.data(), owner,
                                             nullptr, numpy_dtype(tensor->dtype));
  return nb::make_tuple(array, std::string(name_of(tensor->dtype)));
}

}  // namespace

void bind_files(nb::module_& module) {
  module.def("_open_tensor", &open, nb::arg("name"),
             nb::sig("def _open_tensor(name: str) -> tuple[numpy.ndarray, str]"),
             "The tensor as a NumPy view, bfloat16 as uint16, and the name of its dtype.");
}

}  // namespace heavykeys::python
