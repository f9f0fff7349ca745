#include "tools/stdin_keys.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <limits>
#include <memory>
#include <optional>

#include "heavykeys/error.hpp"
#include "heavykeys/spec.hpp"
#include "tools/byte_stream.hpp"

namespace heavykeys::tools {
namespace {

const std::string kName = "stdin";
constexpr std::size_t kChunkBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxChunkBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxDim = 4096;  // Spec::dim; checked before a row is given memory

std::vector<std::size_t> read_shape(ByteStream& stream, Dtype& dtype) {
  std::vector<std::byte> bytes;
  NpyHeader header = parse_npy_header(bytes.data(), 0, kName);
  while (header.header_bytes > bytes.size()) {
    const std::size_t present = bytes.size();
    bytes.resize(header.header_bytes);
    const std::size_t got = stream.read(std::span(bytes).subspan(present));
    if (present + got == 0) throw InvalidInput(kName + ": empty input");
    bytes.resize(present + got);
    header = parse_npy_header(bytes.data(), bytes.size(), kName);
    if (got == 0) throw InvalidInput(kName + ": closed in the middle of the npy header");
  }
  dtype = npy_dtype(header.descr, kName);
  if (header.fortran_order) throw InvalidInput(kName + ": is in Fortran order; rows must come one by one");
  if (header.shape.size() != 2 && header.shape.size() != 3) {
    throw InvalidInput(kName + ": " + std::to_string(header.shape.size()) +
                       " dimensions are neither [n, d] nor [heads, n, d]");
  }
  require_elements(kName, header.shape);
  if (header.shape.back() > kMaxDim) {
    throw InvalidInput(kName + ": d = " + std::to_string(header.shape.back()) + " is more than 4096");
  }
  return header.shape;
}

KeyShape key_shape(const std::vector<std::size_t>& shape, Dtype dtype) {
  const bool has_heads = shape.size() == 3;
  return {has_heads ? shape[0] : 1, shape[shape.size() - 2], shape.back(), dtype, has_heads};
}

void require_end(ByteStream& stream) {
  std::array<std::byte, 1> extra{};
  if (stream.read(extra) != 0) throw InvalidInput(kName + ": goes on after the rows its header promised");
}

class StdinKeys : public KeySource {
 public:
  StdinKeys(std::unique_ptr<ByteStream> stream, const KeyShape& shape)
      : KeySource(kName, shape), stream_(std::move(stream)), row_bytes_(shape.dim * size_of(shape.dtype)) {}

  ~StdinKeys() override {
    stream_->cancel();
    if (pending_.valid()) pending_.wait();
  }

  void start(const Share& share, int threads) override {
    share_ = share;
    const std::size_t block_rows = share.block_rows(), block_bytes = block_rows * row_bytes_;
    const std::size_t wanted =
        std::max<std::size_t>(kChunkBytes, block_bytes * static_cast<std::size_t>(threads));
    chunk_rows_ = block_rows * std::max<std::size_t>(1, std::min(wanted, kMaxChunkBytes) / block_bytes);
    for (auto& buffer : buffers_) buffer.resize(std::min(chunk_rows_, shape().count) * row_bytes_);
    read_ahead();
  }

  /// Rows outside the share go by unseen: a stream cannot be entered in the middle.
  bool next(KeyChunk& chunk) override {
    while (head_ != shape().heads) {
      const bool wanted = span_.wanted;
      chunk = {head_, {next_rows()}};
      if (wanted) return true;
    }
    return false;
  }

 private:
  /// Rows to read at once: all of the share, or none.
  struct Span {
    std::size_t length = 0;
    bool wanted = false;
  };

  /// Those that begin with row begin_ of head_.
  Span next_span() const {
    const std::size_t most = std::min(chunk_rows_, shape().count - begin_);
    for (const Range& range : share_->rows(head_)) {
      if (begin_ >= range.end) continue;
      if (begin_ >= range.begin) return {std::min<std::size_t>(most, range.end - begin_), true};
      return {std::min<std::size_t>(most, range.begin - begin_), false};
    }
    return {most, false};
  }

  /// Waits for the rows that are being read, and starts on those after them.
  Rows next_rows() {
    const std::size_t length = span_.length;
    const std::size_t arrived = pending_.get();
    if (arrived < length * row_bytes_) throw_early_end(arrived / row_bytes_);
    const Rows read = rows(buffers_[filling_].data(), shape().dtype, length, shape().dim, begin_);
    begin_ += length;
    if (begin_ == shape().count) {
      begin_ = 0;
      ++head_;
    }
    if (head_ == shape().heads) {
      require_end(*stream_);
    } else {
      filling_ = 1 - filling_;
      read_ahead();
    }
    return read;
  }

  void read_ahead() {
    span_ = next_span();
    const auto bytes = std::span(buffers_[filling_]).first(span_.length * row_bytes_);
    pending_ = std::async(std::launch::async, [this, bytes] { return stream_->read(bytes); });
  }

  [[noreturn]] void throw_early_end(std::size_t rows_of_chunk) const {
    std::string text = kName + ": closed early: " + std::to_string(begin_ + rows_of_chunk) + " of " +
                       std::to_string(shape().count) + " rows arrived";
    if (shape().has_heads) text += " of head " + std::to_string(head_);
    throw InvalidInput(text);
  }

  std::unique_ptr<ByteStream> stream_;
  std::size_t row_bytes_;
  std::optional<Share> share_;
  std::size_t chunk_rows_ = 0;
  std::size_t head_ = 0;   // of the rows that are being read ahead
  std::size_t begin_ = 0;  // the first of them
  Span span_;              // how many, and whether they are wanted
  std::array<std::vector<std::byte>, 2> buffers_;
  std::size_t filling_ = 0;
  std::future<std::size_t> pending_;
};

}  // namespace

std::unique_ptr<KeySource> open_stdin_keys() {
  auto stream = std::make_unique<ByteStream>();
  Dtype dtype{};
  const auto shape = read_shape(*stream, dtype);
  return std::make_unique<StdinKeys>(std::move(stream), key_shape(shape, dtype));
}

Tensor read_stdin_tensor() {
  ByteStream stream;
  Dtype dtype{};
  const auto shape = read_shape(stream, dtype);
  const KeyShape sizes = key_shape(shape, dtype);
  const std::size_t row_bytes = sizes.dim * size_of(dtype);
  if (sizes.count > std::numeric_limits<std::size_t>::max() / row_bytes / sizes.heads) {
    throw InvalidInput(kName + ": its shape is larger than any memory");
  }

  // The buffer grows with what arrives: a header alone must not be able to claim the memory.
  const std::size_t needed = sizes.heads * sizes.count * row_bytes;
  auto bytes = std::make_shared<std::vector<std::byte>>();
  while (bytes->size() < needed) {
    const std::size_t present = bytes->size();
    bytes->resize(std::min(needed, std::max(kChunkBytes, 2 * present)));
    const std::size_t got = stream.read(std::span(*bytes).subspan(present));
    if (present + got < bytes->size()) {
      throw InvalidInput(kName + ": closed early: " + std::to_string((present + got) / row_bytes) + " of " +
                         std::to_string(sizes.heads * sizes.count) + " rows arrived");
    }
  }
  require_end(stream);
  const std::byte* data = bytes->data();
  return {std::move(bytes), data, dtype, shape};
}

}  // namespace heavykeys::tools
