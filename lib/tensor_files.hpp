// What the file formats share: from a mapped file and a claimed shape to a Tensor, checked.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "heavykeys/files.hpp"
#include "lib/mapped_file.hpp"

namespace heavykeys::detail {

/// Product of the shape and the element size; nothing when it does not fit.
std::optional<std::size_t> checked_bytes(const std::vector<std::size_t>& shape, std::size_t element);

/// "[3, 4]".
std::string shape_text(const std::vector<std::size_t>& shape);

/// The tensor whose data are bytes [offset, size) of the file. `name` begins the error texts.
/// Throws InvalidInput unless the shape has 2 or 3 dimensions and needs exactly these bytes.
Tensor make_tensor(const MappedFile& file, std::size_t offset, std::size_t size, Dtype dtype,
                   const std::vector<std::size_t>& shape, const std::string& name);

Tensor open_npy(const std::string& path);
Tensor open_safetensors(const std::string& path, const std::string& tensor);

/// The same of bytes that are there already. `path` begins the error texts.
Tensor read_npy(const MappedFile& file, const std::string& path);
Tensor read_safetensors(const MappedFile& file, const std::string& path, const std::string& tensor);

}  // namespace heavykeys::detail
