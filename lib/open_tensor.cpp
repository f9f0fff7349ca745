#include <cstring>
#include <limits>

#include "heavykeys/error.hpp"
#include "heavykeys/files.hpp"
#include "lib/tensor_files.hpp"

namespace heavykeys {
namespace detail {
namespace {

constexpr std::size_t kMaxSize = std::numeric_limits<std::size_t>::max();
constexpr std::string_view kSafetensors = ".safetensors";

}  // namespace

std::optional<std::size_t> checked_bytes(const std::vector<std::size_t>& shape, std::size_t element) {
  std::size_t bytes = element;
  bool empty = false;
  for (const std::size_t length : shape) {
    if (length == 0) {
      empty = true;
    } else if (bytes > kMaxSize / length) {
      return std::nullopt;
    } else {
      bytes *= length;
    }
  }
  return empty ? 0 : bytes;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Tensor make_tensor(const MappedFile& file, std::size_t offset, std::size_t size, Dtype dtype,
                   const std::vector<std::size_t>& shape, const std::string& name) {
  const std::string what = shape_text(shape) + " " + std::string(name_of(dtype));
  if (shape.size() != 2 && shape.size() != 3) {
    throw InvalidInput(name + ": shape " + what + " is neither [n, d] nor [heads, n, d]");
  }
  const auto needed = checked_bytes(shape, size_of(dtype));
  if (!needed) throw InvalidInput(name + ": shape " + what + " is larger than any file");
  if (*needed > size) {
    throw InvalidInput(name + ": truncated: " + std::to_string(size) + " bytes of data are there, " +
                       std::to_string(*needed) + " are needed for " + what);
  }
  if (*needed < size) {
    throw InvalidInput(name + ": " + std::to_string(size) + " bytes of data are there, but " + what +
                       " has only " + std::to_string(*needed));
  }

  const std::byte* data = file.data ? file.data.get() + offset : nullptr;
  std::shared_ptr<const void> owner = file.data;
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) != 0) {
    // Safetensors promises no alignment, and kernels load whole elements. Every common writer aligns, so
    // the copy is for the rare file only.
    auto copy = std::make_shared<std::vector<double>>(size / sizeof(double) + 1);
    std::memcpy(copy->data(), data, size);
    data = reinterpret_cast<const std::byte*>(copy->data());
    owner = std::move(copy);
  }
  return {std::move(owner), data, dtype, shape};
}

}  // namespace detail

std::size_t Tensor::heads() const { return shape.size() == 3 ? shape[0] : 1; }
std::size_t Tensor::count() const { return shape.size() < 2 ? 0 : shape[shape.size() - 2]; }
std::size_t Tensor::dim() const { return shape.empty() ? 0 : shape.back(); }

Rows Tensor::head(std::size_t h) const {
  if (h >= heads()) {
    throw InvalidInput("head " + std::to_string(h) + " of a tensor with " + std::to_string(heads()) +
                       " heads");
  }
  const std::size_t head_bytes = count() * dim() * size_of(dtype);
  const auto* begin = static_cast<const std::byte*>(data);
  return rows(begin == nullptr ? nullptr : begin + h * head_bytes, dtype, count(), dim());
}

Tensor open_tensor(const std::string& name) {
  const auto split = name.find(std::string(detail::kSafetensors) + ":");
  if (split != std::string::npos) {
    const std::size_t path_end = split + detail::kSafetensors.size();
    return detail::open_safetensors(name.substr(0, path_end), name.substr(path_end + 1));
  }
  if (name.ends_with(detail::kSafetensors)) return detail::open_safetensors(name, "");
  return detail::open_npy(name);
}

}  // namespace heavykeys
