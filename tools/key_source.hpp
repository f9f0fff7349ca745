// Where keys come from: a mapped file or a stream on stdin, a chunk of rows at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "heavykeys/files.hpp"
#include "heavykeys/rows.hpp"
#include "tools/shares.hpp"

namespace heavykeys::tools {

struct KeyShape {
  std::size_t heads = 1;
  std::size_t count = 0;  ///< n, of each head
  std::size_t dim = 0;
  Dtype dtype = Dtype::f32;
  bool has_heads = false;  ///< [heads, n, d], even if heads is 1
};

/// rows[i] are the next rows of head first_head + i. Valid until the next chunk is asked for.
struct KeyChunk {
  std::size_t first_head = 0;
  std::vector<Rows> rows;
};

class KeySource {
 public:
  virtual ~KeySource() = default;

  /// For error texts: the file's name, or "stdin".
  const std::string& name() const { return name_; }
  const KeyShape& shape() const { return shape_; }

  /// Begins a pass over these rows, in chunks of enough blocks for every thread. Call before next(); a file
  /// may be started again.
  virtual void start(const Share& share, int threads) = 0;

  /// The next chunk; false after the last. Rows of one head come in order, their ids counting from 0 in the
  /// whole tensor, and no rows but those of the share.
  /// Throws InvalidInput when the rows that the header promised do not arrive.
  virtual bool next(KeyChunk& chunk) = 0;

 protected:
  KeySource(std::string name, const KeyShape& shape) : name_(std::move(name)), shape_(shape) {}

 private:
  std::string name_;
  KeyShape shape_;
};

/// `name` as for open_tensor, or "-" for an .npy stream on stdin. Throws InvalidInput, also for no rows.
std::unique_ptr<KeySource> open_keys(const std::string& name);

/// Queries are read as often as needed, so those from stdin ("-") are held in memory.
Tensor open_queries(const std::string& name);

/// Throws InvalidInput when the shape has no elements: there is nothing to ask about.
void require_elements(const std::string& name, const std::vector<std::size_t>& shape);

}  // namespace heavykeys::tools
