// Key and query files by memory map: .npy and safetensors, [n, d] or [heads, n, d], never copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// A tensor in a mapped file. Copies share the mapping, which lives as long as any of them.
struct Tensor {
  std::shared_ptr<const void> mapping;  ///< keeps `data` readable
  const void* data = nullptr;           ///< the first element
  Dtype dtype = Dtype::f32;             ///< of elements
  std::vector<std::size_t> shape;       ///< [n, d] or [heads, n, d], row-major

  std::size_t heads() const;  ///< 1 for [n, d]
  std::size_t count() const;  ///< n
  std::size_t dim() const;    ///< d
  /// The rows of one head, with ids from 0.
  Rows head(std::size_t h) const;
};

/// Opens "file.npy" (float16/32/64, C order) or "file.safetensors:name" (F16, BF16, F32, F64).
/// Only the header is read here. Throws InvalidInput, naming the file and what is wrong: missing, truncated,
/// another dtype, Fortran order, not 2 or 3 dimensions, no such tensor (those present are listed).
Tensor open_tensor(const std::string& name);

/// The header of an .npy file or stream.
struct NpyHeader {
  std::string descr;               ///< e.g. "<f4"
  bool fortran_order = false;      ///< column-major
  std::vector<std::size_t> shape;  ///< any number of axes
  std::size_t header_bytes = 0;    ///< where the data begins
};

/// Parses the first bytes of an .npy; `name` goes into error texts.
/// Throws InvalidInput when malformed; header_bytes > size means that so many bytes are needed first.
NpyHeader parse_npy_header(const std::byte* bytes, std::size_t size, const std::string& name);

/// Dtype of an npy descr ("<f2", "<f4", "<f8"). Throws InvalidInput for others, naming `name`.
Dtype npy_dtype(const std::string& descr, const std::string& name);

/// Writes a whole .npy, version 1.0, via a temporary file and rename. Throws BackendError.
void write_npy(const std::filesystem::path& path, const std::string& descr,
               const std::vector<std::size_t>& shape, const void* data);

#pragma GCC visibility pop

}  // namespace heavykeys
