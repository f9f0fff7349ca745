// Where fields lie in stored bytes, by docs/format.md; and what each kind of them adds to states().
#pragma once

#include <cstring>
#include <vector>

#include "wire/state_files.hpp"

namespace wire {

std::vector<State> fresh_sketches();
std::vector<State> fresh_covariances();
std::vector<State> fresh_reconstructors();

std::vector<Field> fields_of_sketch(const Bytes& state);
std::vector<Field> fields_of_covariance(const Bytes& state);
std::vector<Field> fields_of_reconstructor(const Bytes& state);

/// Walks over stored bytes, one field after the other.
class Walk {
 public:
  explicit Walk(const Bytes& state) : bytes_(state) {}

  /// The same of all that is stored. Returns the version.
  std::uint64_t header() {
    array(8, 1, Kind::small);  // magic
    const std::uint64_t version = field(4, Kind::small);
    field(4, Kind::small);
    field(8, Kind::count);  // size
    field(8, Kind::word);   // checksum
    return version;
  }
  std::uint64_t field(std::size_t size, Kind kind) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at_, size);
    fields.push_back({at_, size, kind});
    at_ += size;
    return value;
  }
  void array(std::uint64_t count, std::size_t size, Kind kind) {
    for (std::uint64_t i = 0; i < count; ++i) field(size, kind);
  }
  void integers128(std::uint64_t count) { array(2 * count, 8, Kind::word); }
  void rows(std::size_t dim) {
    const std::uint64_t count = field(8, Kind::count);
    const std::uint64_t size = field(4, Kind::small);
    field(4, Kind::small);
    array(count * dim, size, Kind::number);
  }
  void gram(std::size_t columns) {
    field(8, Kind::count);
    array(2 * columns, 4, Kind::exponent);
    array(field(8, Kind::count), 8, Kind::word);
  }
  void candidates(std::size_t dim) {
    array(2 * field(8, Kind::count), 8, Kind::id);
    rows(dim);
  }

  std::vector<Field> fields;

 private:
  const Bytes& bytes_;
  std::size_t at_ = 0;
};

}  // namespace wire
