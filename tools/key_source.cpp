#include "tools/key_source.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "heavykeys/error.hpp"
#include "tools/stdin_keys.hpp"

namespace heavykeys::tools {
namespace {

constexpr std::size_t kBlocksPerThread = 8;  // so that a slow thread is waited for seldom

KeyShape shape_of(const Tensor& tensor) {
  return {tensor.heads(), tensor.count(), tensor.dim(), tensor.dtype, tensor.shape.size() == 3};
}

class MappedKeys : public KeySource {
 public:
  MappedKeys(const std::string& name, Tensor tensor)
      : KeySource(name, shape_of(tensor)), tensor_(std::move(tensor)) {}

  void start(const Share& share, int threads) override {
    chunk_rows_ = share.block_rows() * kBlocksPerThread * static_cast<std::size_t>(threads);
    first_head_ = share.begin_head();
    left_.clear();
    for (std::size_t h = first_head_; h < share.end_head(); ++h) left_.push_back(share.rows(h));
  }

  /// Of several heads at once, so that there is work for all threads however short each head is.
  bool next(KeyChunk& chunk) override {
    for (const Rows& rows : current_) release(rows);
    current_.clear();
    const auto has_rows = [](const std::vector<Range>& rows) { return !rows.empty(); };
    auto head = std::ranges::find_if(left_, has_rows);
    if (head == left_.end()) return false;
    chunk.first_head = first_head_ + static_cast<std::size_t>(head - left_.begin());
    for (std::size_t h = chunk.first_head; head != left_.end() && has_rows(*head); ++h, ++head) {
      Range& range = head->front();
      const std::uint64_t length = std::min<std::uint64_t>(chunk_rows_, range.end - range.begin);
      current_.push_back(tensor_.head(h).slice(range.begin, length));
      range.begin += length;
      if (range.begin == range.end) head->erase(head->begin());
    }
    chunk.rows = current_;
    return true;
  }

 private:
  /// Rows that were absorbed are not read again. Unmapping their pages keeps the resident memory of the
  /// command independent of n; the page cache keeps the file. Only whole pages, so no other row is touched.
  static void release(const Rows& rows) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(rows.data);
    const std::uintptr_t end = begin + rows.count * rows.dim * size_of(rows.dtype);
    const std::uintptr_t first = (begin + page - 1) / page * page;
    const std::uintptr_t last = end / page * page;
    if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }

  Tensor tensor_;
  std::size_t chunk_rows_ = 0;
  std::size_t first_head_ = 0;
  std::vector<std::vector<Range>> left_;  // of heads from first_head_ on: what no chunk has had
  std::vector<Rows> current_;
};

}  // namespace

void require_elements(const std::string& name, const std::vector<std::size_t>& shape) {
  if (std::ranges::find(shape, std::size_t{0}) == shape.end()) return;
  std::string text;
  for (const std::size_t length : shape) text += (text.empty() ? "" : ", ") + std::to_string(length);
  throw InvalidInput(name + ": empty input: its shape is [" + text + "]");
}

std::unique_ptr<KeySource> open_keys(const std::string& name) {
  if (name == "-") return open_stdin_keys();
  Tensor tensor = open_tensor(name);
  require_elements(name, tensor.shape);
  return std::make_unique<MappedKeys>(name, std::move(tensor));
}

Tensor open_queries(const std::string& name) {
  Tensor tensor = name == "-" ? read_stdin_tensor() : open_tensor(name);
  require_elements(name == "-" ? "stdin" : name, tensor.shape);
  return tensor;
}

}  // namespace heavykeys::tools
