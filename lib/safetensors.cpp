// safetensors: a little-endian 64-bit length, that many bytes of JSON, then the data.
// Format: https://huggingface.co/docs/safetensors (metadata parsing).
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/tensor_files.hpp"

namespace heavykeys::detail {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kNamesShown = 20;

std::uint64_t little_endian_64(const std::byte* bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

struct Header {
  nlohmann::json tensors;
  std::size_t data_begin = 0;
};

Header read_header(const MappedFile& file, const std::string& path) {
  if (file.size < kLengthBytes) {
    throw InvalidInput(path + ": truncated: " + std::to_string(file.size) +
                       " bytes are there, a safetensors file needs at least 8");
  }
  const std::uint64_t length = little_endian_64(file.data.get());
  if (length > kMaxHeaderBytes) {
    throw InvalidInput(path + ": not a safetensors file: its header claims " + std::to_string(length) +
                       " bytes");
  }
  if (length > file.size - kLengthBytes) {
    throw InvalidInput(path + ": truncated: " + std::to_string(file.size - kLengthBytes) +
                       " bytes of header are there, " + std::to_string(length) + " are needed");
  }
  const auto* text = reinterpret_cast<const char*>(file.data.get()) + kLengthBytes;
  Header header{nlohmann::json::parse(text, text + length, nullptr, false), kLengthBytes + length};
  if (!header.tensors.is_object()) throw InvalidInput(path + ": its safetensors header is not a JSON object");
  header.tensors.erase("__metadata__");
  return header;
}

std::string names_present(const nlohmann::json& tensors) {
  if (tensors.empty()) return "it has none";
  std::string text = "it has";
  std::size_t shown = 0;
  for (const auto& [name, entry] : tensors.items()) {
    if (shown == kNamesShown) {
      return text + " and " + std::to_string(tensors.size() - shown) + " more";
    }
    text += (shown++ ? ", " : " ") + name;
  }
  return text;
}

Dtype dtype_of(const nlohmann::json& entry, const std::string& name) {
  const auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string())
    throw InvalidInput(name + ": its header entry has no dtype");
  const auto& text = found->get_ref<const std::string&>();
  if (text == "F64") return Dtype::f64;
  if (text == "F32") return Dtype::f32;
  if (text == "F16") return Dtype::f16;
  if (text == "BF16") return Dtype::bf16;
  throw InvalidInput(name + ": dtype " + text + " cannot be used; F16, BF16, F32 or F64 can");
}

/// The member `key`, an array of unsigned integers.
std::vector<std::size_t> sizes_of(const nlohmann::json& entry, const char* key, const std::string& name) {
  const auto found = entry.find(key);
  const auto is_size = [](const nlohmann::json& value) { return value.is_number_unsigned(); };
  if (found == entry.end() || !found->is_array() || !std::ranges::all_of(*found, is_size)) {
    throw InvalidInput(name + ": its header entry has no valid " + key);
  }
  return found->get<std::vector<std::size_t>>();
}

}  // namespace

Tensor open_safetensors(const std::string& path, const std::string& tensor) {
  return read_safetensors(map_file(path), path, tensor);
}

Tensor read_safetensors(const MappedFile& file, const std::string& path, const std::string& tensor) {
  const Header header = read_header(file, path);
  if (tensor.empty()) {
    throw InvalidInput(path + ": name a tensor as " + path + ":NAME; " + names_present(header.tensors));
  }
  const auto found = header.tensors.find(tensor);
  if (found == header.tensors.end()) {
    throw InvalidInput(path + ": no tensor " + tensor + "; " + names_present(header.tensors));
  }
  const std::string name = path + ":" + tensor;
  const Dtype dtype = dtype_of(*found, name);
  const auto shape = sizes_of(*found, "shape", name);
  const auto offsets = sizes_of(*found, "data_offsets", name);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw InvalidInput(name + ": its data_offsets are not [begin, end]");
  }
  const std::size_t data_bytes = file.size - header.data_begin;
  if (offsets[1] > data_bytes) {
    throw InvalidInput(name + ": truncated: " + std::to_string(data_bytes) + " bytes of data are there, " +
                       std::to_string(offsets[1]) + " are needed");
  }
  return make_tensor(file, header.data_begin + offsets[0], offsets[1] - offsets[0], dtype, shape, name);
}

}  // namespace heavykeys::detail
