// One pass over all keys, whatever they are for.
#pragma once

#include <string>

#include "tools/key_source.hpp"
#include "tools/progress.hpp"

namespace heavykeys::tools {

/// Errors in rows of one of several heads name the head.
inline std::string place(const std::string& file, bool has_heads, std::size_t head) {
  return has_heads ? file + ": head " + std::to_string(head) : file;
}

/// Hands every chunk of keys to `absorb`, and shows how far it is.
template <typename Absorb>
void pass_over_keys(KeySource& keys, std::size_t block_rows, int threads, bool quiet, const Absorb& absorb) {
  Progress progress(keys.shape().heads * keys.shape().count, quiet);
  keys.start(block_rows, threads);
  for (KeyChunk chunk; keys.next(chunk);) {
    absorb(chunk);
    for (const Rows& rows : chunk.rows) progress.add(rows.count);
  }
}

}  // namespace heavykeys::tools
