// Key files: .npy and safetensors, from bytes in memory of exactly that size, so that a byte read past the
// end is seen.
#include "heavykeys/files.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "fuzz/target.hpp"
#include "heavykeys/error.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/tensor_files.hpp"

namespace fuzz {

namespace {

using namespace heavykeys;

detail::MappedFile file_of(Bytes bytes) {
  if (bytes.empty()) return {};
  std::shared_ptr<std::byte> copy(new std::byte[bytes.size()], std::default_delete<std::byte[]>());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

/// Reads every byte the tensor says it has, and absorbs narrow ones.
void use(const Tensor& tensor, std::size_t file_size) {
  require(tensor.shape.size() == 2 || tensor.shape.size() == 3, "a tensor has two or three dimensions");
  if (tensor.count() == 0 || tensor.dim() == 0) return;
  volatile unsigned sum = 0;
  std::size_t bytes = 0;
  for (std::size_t h = 0; h < tensor.heads(); ++h) {
    const Rows rows = tensor.head(h);
    require(rows.count == tensor.count() && rows.dim == tensor.dim(), "every head has the shape");
    require(reinterpret_cast<std::uintptr_t>(rows.data) % size_of(rows.dtype) == 0, "elements are aligned");
    const std::size_t size = rows.count * rows.dim * size_of(rows.dtype);
    const auto* p = static_cast<const unsigned char*>(rows.data);
    for (std::size_t i = 0; i < size; ++i) sum = sum + p[i];
    bytes += size;
    require(bytes <= file_size, "no more data than the file has");
  }
  if (tensor.dim() > 8) return;
  Sketch sketch({.dim = tensor.dim(), .epsilon = 0.5, .block_rows = 16});
  for (std::size_t h = 0; h < std::min<std::size_t>(tensor.heads(), 2); ++h) {
    Rows rows = tensor.head(h);
    rows.count = std::min<std::size_t>(rows.count, 20);
    rows.stream = h;
    try {
      streaming::absorb(sketch, rows);
    } catch (const InvalidInput&) {  // NaN or an infinity
    }
  }
}

/// `open` gives a tensor that can be used, or throws InvalidInput with a text that names the file.
template <class Open>
void check(const std::string& name, std::size_t file_size, const Open& open) {
  try {
    use(open(), file_size);
  } catch (const InvalidInput& error) {
    require(std::string(error.what()).starts_with(name), "the error names the file");
  }
}

}  // namespace

void npy(Bytes input) {
  const detail::MappedFile file = file_of(input);
  check("name.npy", file.size, [&] { return detail::read_npy(file, "name.npy"); });
  // A stream shows its first bytes, and is asked for more until they are enough.
  try {
    std::size_t given = 0;
    while (given < input.size()) {
      const detail::MappedFile part = file_of(input.first(given));
      const NpyHeader header = parse_npy_header(part.data.get(), given, "stdin");
      if (header.header_bytes <= given) break;
      require(header.header_bytes <= (std::size_t{1} << 20) + 12, "no header claims more than a megabyte");
      given = header.header_bytes;
    }
  } catch (const InvalidInput&) {
  }
}

void safetensors(Bytes input) {
  if (input.empty()) return;
  const std::size_t length = std::min<std::size_t>(std::to_integer<std::size_t>(input[0]), input.size() - 1);
  const std::string tensor(reinterpret_cast<const char*>(input.data()) + 1, length);
  const detail::MappedFile file = file_of(input.subspan(1 + length));
  check("f.safetensors", file.size, [&] { return detail::read_safetensors(file, "f.safetensors", tensor); });
}

}  // namespace fuzz
