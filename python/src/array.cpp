#include "python/src/array.hpp"

#include <optional>

#include "heavykeys/error.hpp"

namespace heavykeys::python {
namespace {

constexpr const char* kWanted = "an array of float64, float32, float16 or bfloat16 in CPU memory";

[[noreturn]] void wrong_type(const char* name, const std::string& found) {
  throw nb::type_error((std::string(name) + ": " + kWanted + " is needed, not " + found).c_str());
}

std::string text_of(nb::handle object) { return nb::cast<std::string>(nb::str(object)); }

/// Name of a DLPack element type, as NumPy writes it.
std::string dtype_text(nb::dlpack::dtype dtype) {
  using nb::dlpack::dtype_code;
  const std::string bits = std::to_string(dtype.bits);
  switch (static_cast<dtype_code>(dtype.code)) {
    case dtype_code::Int:
      return "int" + bits;
    case dtype_code::UInt:
      return "uint" + bits;
    case dtype_code::Float:
      return "float" + bits;
    case dtype_code::Bfloat:
      return "bfloat" + bits;
    case dtype_code::Complex:
      return "complex" + bits;
    case dtype_code::Bool:
      return "bool";
    default:
      return "DLPack type " + std::to_string(dtype.code) + " of " + bits + " bits";
  }
}

std::optional<Dtype> dtype_of(nb::dlpack::dtype dtype) {
  using nb::dlpack::dtype_code;
  if (dtype.lanes != 1) return std::nullopt;
  if (dtype.code == static_cast<std::uint8_t>(dtype_code::Float)) {
    if (dtype.bits == 64) return Dtype::f64;
    if (dtype.bits == 32) return Dtype::f32;
    if (dtype.bits == 16) return Dtype::f16;
  }
  if (dtype.code == static_cast<std::uint8_t>(dtype_code::Bfloat) && dtype.bits == 16) return Dtype::bf16;
  return std::nullopt;
}

/// The tensor without its part in an autograd graph: the same memory.
nb::object without_gradient(nb::handle object, const char* name, Grad grad) {
  if (!nb::cast<bool>(nb::bool_(nb::getattr(object, "requires_grad", nb::bool_(false)))))
    return nb::borrow(object);
  if (grad == Grad::refuse && nb::cast<bool>(nb::module_::import_("torch").attr("is_grad_enabled")())) {
    throw InvalidInput(std::string(name) +
                       ": requires grad, and the result would have none; use heavykeys.torch, "
                       "detach() it, or call under torch.no_grad()");
  }
  return object.attr("detach")();
}

/// What NumPy says of an array it would lend in a form that is not ours; true if its elements are bfloat16,
/// which NumPy knows only through ml_dtypes, or as uint16 with a note from heavykeys.io.
bool check_numpy(nb::handle object, const char* name) {
  const nb::object dtype = object.attr("dtype");
  if (!nb::cast<bool>(dtype.attr("isnative"))) {
    throw InvalidInput(std::string(name) + ": dtype " + text_of(dtype.attr("str")) +
                       " is not in this machine's byte order");
  }
  if (!nb::cast<bool>(object.attr("flags").attr("aligned"))) {
    throw InvalidInput(std::string(name) + ": its elements are not aligned in memory");
  }
  const nb::object notes = dtype.attr("metadata");
  const bool noted = !notes.is_none() && text_of(notes.attr("get")("heavykeys")) == "bfloat16";
  return noted || text_of(dtype.attr("name")) == "bfloat16";
}

/// Throws InvalidInput unless the array lies in memory that the CPU reads: asked before the memory is, since
/// asking a GPU's array for it may wait for the GPU.
void check_device(nb::handle object, const char* name) {
  constexpr int kCpu = 1, kCudaHost = 3, kRocmHost = 11;  // DLPack; host: pinned memory
  int device = 0;
  try {
    device = nb::cast<int>(nb::int_(object.attr("__dlpack_device__")()[0]));
  } catch (nb::python_error& e) {
    if (!e.matches(PyExc_ValueError) && !e.matches(PyExc_BufferError)) throw;
    // A device that DLPack has no number for ("meta").
  }
  if (device == kCpu || device == kCudaHost || device == kRocmHost) return;
  const nb::object its = nb::getattr(object, "device", nb::none());
  throw InvalidInput(std::string(name) + ": it is on device " +
                     (its.is_none() ? "type " + std::to_string(device) + " (DLPack)" : text_of(its)) +
                     "; CPU memory is needed");
}

/// Throws InvalidInput for a tensor of torch whose memory holds its elements negated, which no protocol
/// tells. (Conjugates are views like that, too: of complex tensors, which no function takes.)
void check_sign(nb::handle object, const char* name) {
  if (!nb::hasattr(object, "is_neg") || !nb::cast<bool>(nb::bool_(object.attr("is_neg")()))) return;
  throw InvalidInput(std::string(name) + ": it has the negative bit set: pass .resolve_neg()");
}

Array import(nb::handle object, const char* name, Grad grad, bool writable) {
  nb::object source = without_gradient(object, name, grad);
  bool bfloat16 = false;
  if (nb::hasattr(source, "__array_interface__")) {
    bfloat16 = check_numpy(source, name);
    if (bfloat16) source = source.attr("view")("uint16");
  } else if (nb::hasattr(source, "__dlpack_device__")) {
    check_device(source, name);
  }
  check_sign(source, name);

  Array array;
  nb::ndarray<nb::ro> readable;
  if (!nb::try_cast(source, readable, false)) {
    const nb::object dtype = nb::getattr(source, "dtype", nb::none());
    wrong_type(name, nb::cast<std::string>(nb::inst_name(source)) +
                         (dtype.is_none() ? std::string() : " of " + text_of(dtype)));
  }
  if (!writable) {
    array.lent = nb::ndarray<>(readable);
  } else if (!nb::try_cast(source, array.lent, false)) {
    throw InvalidInput(std::string(name) + ": it is read-only");
  }
  const nb::ndarray<>& lent = array.lent;
  const std::optional<Dtype> dtype = bfloat16 ? Dtype::bf16 : dtype_of(lent.dtype());
  if (!dtype) wrong_type(name, dtype_text(lent.dtype()));
  array.name = name;
  array.data = lent.data();
  array.dtype = *dtype;
  for (std::size_t axis = 0; axis < lent.ndim(); ++axis) {
    array.shape.push_back(lent.shape(axis));
    array.strides.push_back(lent.stride(axis));
  }
  if (reinterpret_cast<std::uintptr_t>(array.data) % size_of(*dtype) != 0) {
    throw InvalidInput(std::string(name) + ": its elements are not aligned in memory");
  }
  return array;
}

}  // namespace

Array read_array(nb::handle object, const char* name, Grad grad) { return import(object, name, grad, false); }

Array write_array(nb::handle object, const char* name) { return import(object, name, Grad::refuse, true); }

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text = "(";
  for (const std::size_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + (shape.size() == 1 ? ",)" : ")");
}

void require_axes(const Array& array, std::size_t least, std::size_t most, const char* wanted) {
  if (array.axes() < least || array.axes() > most) {
    throw InvalidInput(array.name + ": its shape is " + shape_text(array.shape) + "; " + wanted +
                       " is needed");
  }
}

void require_dim(const Array& array, std::size_t dim, const char* whose) {
  if (array.shape.back() != dim) {
    throw InvalidInput(array.name + ": its shape is " + shape_text(array.shape) + ", but " + whose +
                       " has dim " + std::to_string(dim));
  }
}

Rows rows_of(const Array& array, std::uint64_t first_id, std::uint64_t stream) {
  return {array.data,       array.dtype,      array.shape[0], array.shape[1],
          array.strides[0], array.strides[1], first_id,       stream};
}

Array head_of(const Array& array, std::size_t h) {
  Array head = array;
  head.shape.erase(head.shape.begin());
  head.strides.erase(head.strides.begin());
  head.data = static_cast<char*>(array.data) + static_cast<std::ptrdiff_t>(h) * array.strides[0] *
                                                   static_cast<std::ptrdiff_t>(size_of(array.dtype));
  return head;
}

MutableTensorView writable_tensor_of(const Array& array, Layout layout) {
  require_axes(
      array, 2, 4,
      layout == Layout::bhsd ? "[n, d], [H, n, d] or [B, H, n, d]" : "[n, d], [n, H, d] or [B, n, H, d]");
  // One head, one batch: axes that are not there are 1 long.
  std::vector<std::size_t> shape = array.shape;
  std::vector<std::ptrdiff_t> strides = array.strides;
  if (array.axes() == 2) {
    shape.insert(shape.begin(), 1);
    strides.insert(strides.begin(), 0);
  }
  if (array.axes() < 4) {
    shape.insert(shape.begin(), 1);
    strides.insert(strides.begin(), 0);
  }
  const std::size_t h = array.axes() > 2 && layout == Layout::bshd ? 2 : 1, s = 3 - h;
  return {array.data, array.dtype, shape[0],   shape[h],   shape[s],
          shape[3],   strides[0],  strides[h], strides[s], strides[3]};
}

TensorView tensor_of(const Array& array, Layout layout) { return writable_tensor_of(array, layout); }

Layout layout_of(const std::string& layout) {
  if (layout == "bhsd") return Layout::bhsd;
  if (layout == "bshd") return Layout::bshd;
  throw InvalidInput("layout is \"" + layout + "\"; there are \"bhsd\" and \"bshd\"");
}

void bind_arrays(nb::module_& module) {
  module.def(
      "_address_of",
      [](nb::handle array) { return reinterpret_cast<std::uintptr_t>(read_array(array, "array").data); },
      nb::arg("array").none(), nb::sig("def _address_of(array: Array) -> int"),
      "Where the library would read the first element of `array`: for tests of zero-copy.");
}

}  // namespace heavykeys::python
