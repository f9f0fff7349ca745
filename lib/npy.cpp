// .npy: magic, version, header length, a Python dict literal, then the data.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "heavykeys/error.hpp"
#include "heavykeys/files.hpp"
#include "lib/atomic_file.hpp"
#include "lib/tensor_files.hpp"

namespace heavykeys {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMaxHeaderBytes = std::size_t{1} << 20;  // numpy itself stops at 10000 characters
constexpr std::size_t kAlignment = 64;

/// Reads the one shape of Python dict that numpy writes: string keys; string, bool or tuple values.
class DictReader {
 public:
  DictReader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader read() {
    NpyHeader header;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      read_value(key, header);
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!text_.empty() || seen_ != 7) fail();
    return header;
  }

 private:
  [[noreturn]] void fail() const { throw InvalidInput(name_ + ": malformed npy header"); }

  void read_value(const std::string& key, NpyHeader& header) {
    if (key == "descr") {
      seen_ |= 1;
      if (peek() == '[') throw InvalidInput(name_ + ": structured dtypes cannot be used");
      header.descr = string();
    } else if (key == "fortran_order") {
      seen_ |= 2;
      header.fortran_order = boolean();
    } else if (key == "shape") {
      seen_ |= 4;
      header.shape = tuple();
    } else {
      fail();
    }
  }

  void skip_space() { text_.remove_prefix(std::min(text_.find_first_not_of(" \t\n"), text_.size())); }
  char peek() {
    skip_space();
    return text_.empty() ? '\0' : text_.front();
  }
  bool accept(char c) {
    if (peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail();
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail();
    text_.remove_prefix(1);
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) fail();
    std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }

  bool boolean() {
    if (accept_word("True")) return true;
    if (!accept_word("False")) fail();
    return false;
  }

  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> values;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::size_t value = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      if (error == std::errc::result_out_of_range) throw InvalidInput(name_ + ": its shape is too large");
      if (error != std::errc()) fail();
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      values.push_back(value);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  std::string_view text_;
  const std::string& name_;
  int seen_ = 0;
};

std::string header_text(const std::string& descr, const std::vector<std::size_t>& shape) {
  std::string dict = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) dict += (i ? ", " : "") + std::to_string(shape[i]);
  dict += shape.size() == 1 ? ",), }" : "), }";
  const std::size_t prefix = kMagic.size() + 4;
  const std::size_t padded = (prefix + dict.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  dict.append(padded - prefix - dict.size() - 1, ' ');
  dict += '\n';

  std::string text(kMagic);
  text += '\1';
  text += '\0';
  text += static_cast<char>(dict.size() & 0xff);
  text += static_cast<char>(dict.size() >> 8);
  return text + dict;
}

/// Bytes of one element of "<f8", "<i8" and the like.
std::size_t element_bytes(const std::string& descr) {
  std::size_t bytes = 0;
  if (descr.size() > 2) std::from_chars(descr.data() + 2, descr.data() + descr.size(), bytes);
  if (bytes == 0) throw InvalidInput("npy descr \"" + descr + "\" has no element size");
  return bytes;
}

}  // namespace

NpyHeader parse_npy_header(const std::byte* bytes, std::size_t size, const std::string& name) {
  NpyHeader needs_more;
  const std::size_t present = std::min(size, kMagic.size());
  if (size != 0 && std::memcmp(bytes, kMagic.data(), present) != 0) {
    throw InvalidInput(name + ": not an npy file");
  }
  needs_more.header_bytes = kMagic.size() + 4;
  if (size < needs_more.header_bytes) return needs_more;

  const auto major = std::to_integer<unsigned>(bytes[6]);
  if (major < 1 || major > 3) {
    throw InvalidInput(name + ": npy version " + std::to_string(major) + " is not known");
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t text_begin = kMagic.size() + 2 + length_bytes;
  needs_more.header_bytes = text_begin;
  if (size < text_begin) return needs_more;

  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= std::to_integer<std::size_t>(bytes[kMagic.size() + 2 + i]) << (8 * i);
  }
  if (length > kMaxHeaderBytes) {
    throw InvalidInput(name + ": its npy header claims " + std::to_string(length) + " bytes");
  }
  needs_more.header_bytes = text_begin + length;
  if (size < needs_more.header_bytes) return needs_more;

  const std::string_view text(reinterpret_cast<const char*>(bytes) + text_begin, length);
  NpyHeader header = DictReader(text, name).read();
  header.header_bytes = text_begin + length;
  return header;
}

Dtype npy_dtype(const std::string& descr, const std::string& name) {
  if (descr == "<f8") return Dtype::f64;
  if (descr == "<f4") return Dtype::f32;
  if (descr == "<f2") return Dtype::f16;
  throw InvalidInput(name + ": dtype '" + descr + "' cannot be used; '<f2', '<f4' or '<f8' can");
}

void write_npy(const std::filesystem::path& path, const std::string& descr,
               const std::vector<std::size_t>& shape, const void* data) {
  const auto bytes = detail::checked_bytes(shape, element_bytes(descr));
  if (!bytes) throw InvalidInput(path.string() + ": shape " + detail::shape_text(shape) + " is too large");
  const std::string header = header_text(descr, shape);
  detail::write_file_atomically(
      path, {std::as_bytes(std::span(header)), std::span(static_cast<const std::byte*>(data), *bytes)});
}

namespace detail {

Tensor open_npy(const std::string& path) { return read_npy(map_file(path), path); }

Tensor read_npy(const MappedFile& file, const std::string& path) {
  if (file.size == 0) throw InvalidInput(path + ": empty file");
  const NpyHeader header = parse_npy_header(file.data.get(), file.size, path);
  if (header.header_bytes > file.size) {
    throw InvalidInput(path + ": truncated: " + std::to_string(file.size) +
                       " bytes are there, its header needs " + std::to_string(header.header_bytes));
  }
  const Dtype dtype = npy_dtype(header.descr, path);
  if (header.fortran_order) {
    throw InvalidInput(path + ": is in Fortran order; save it with numpy.ascontiguousarray");
  }
  return make_tensor(file, header.header_bytes, file.size - header.header_bytes, dtype, header.shape, path);
}

}  // namespace detail
}  // namespace heavykeys
