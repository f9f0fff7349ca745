// Arrays of the caller, read where they are: NumPy's, and all that speak DLPack or the buffer protocol.
#pragma once

#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "heavykeys/rows.hpp"
#include "heavykeys/tensor.hpp"
#include "python/src/bind.hpp"

namespace heavykeys::python {

/// An array of 1 to 4 axes in CPU memory, which it keeps alive. Never a copy.
struct Array {
  std::string name;      ///< of the argument, for error texts
  nb::ndarray<> lent;    ///< keeps the memory
  void* data = nullptr;  ///< of element 0, 0, ...
  Dtype dtype = Dtype::f32;
  std::vector<std::size_t> shape;
  std::vector<std::ptrdiff_t> strides;  ///< in elements

  std::size_t axes() const { return shape.size(); }
};

/// What a tensor that requires grad is taken for.
enum class Grad {
  detach,  ///< its values: what is computed of them has no gradient
  refuse,  ///< an error while gradients are recorded: the result would silently have none
};

/// `object` as an Array. Raises TypeError for what is no array of floats, ValueError for memory that cannot
/// be read in place (another device, byte order or alignment); both name the argument.
Array read_array(nb::handle object, const char* name, Grad grad = Grad::detach);

/// As read_array, of memory that may be written.
Array write_array(nb::handle object, const char* name);

/// "(3, 4)".
std::string shape_text(const std::vector<std::size_t>& shape);

/// Throws InvalidInput naming the argument and its shape, unless it has from `least` to `most` axes, `wanted`
/// saying which.
void require_axes(const Array& array, std::size_t least, std::size_t most, const char* wanted);

/// Throws InvalidInput unless the last axis is `dim` long; `whose` says who asks ("the sketch").
void require_dim(const Array& array, std::size_t dim, const char* whose);

/// [n, d] as rows.
Rows rows_of(const Array& array, std::uint64_t first_id = 0, std::uint64_t stream = 0);

/// Head h of [H, n, d].
Array head_of(const Array& array, std::size_t h);

/// [n, d], [H, n, d] or [B, H, n, d] as the rows of many heads; with Layout::bshd the heads come after n.
/// Throws InvalidInput for another number of axes.
TensorView tensor_of(const Array& array, Layout layout);
MutableTensorView writable_tensor_of(const Array& array, Layout layout);

/// "bhsd" or "bshd". Throws InvalidInput for another.
Layout layout_of(const std::string& layout);

/// A read-only NumPy array over memory that `owner` keeps alive; `step` in elements.
template <class T>
nb::object view(const T* data, std::size_t count, nb::handle owner, std::int64_t step = 1) {
  static const T nothing{};  // NumPy wants an address for 0 elements, too
  const std::size_t shape[1] = {count};
  const std::int64_t strides[1] = {step};
  return nb::cast(nb::ndarray<nb::numpy, const T>(count == 0 ? &nothing : data, 1, shape, owner, strides));
}

/// A NumPy array that owns `values`, taken over, not copied.
template <class T>
nb::object owned(std::vector<T> values) {
  auto* kept = new std::vector<T>(std::move(values));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  const std::size_t shape[1] = {kept->size()};
  static T nothing{};
  return nb::cast(nb::ndarray<nb::numpy, T>(kept->empty() ? &nothing : kept->data(), 1, shape, owner));
}

}  // namespace heavykeys::python
