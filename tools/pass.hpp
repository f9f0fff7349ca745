// One pass over keys, whatever it is for.
#pragma once

#include <string>

#include "tools/context.hpp"
#include "tools/engine.hpp"
#include "tools/key_source.hpp"
#include "tools/progress.hpp"
#include "tools/shares.hpp"

namespace heavykeys::tools {

/// Errors in rows of one of several heads name the head.
inline std::string place(const std::string& file, bool has_heads, std::size_t head) {
  return has_heads ? file + ": head " + std::to_string(head) : file;
}
inline std::string place(const KeySource& keys, std::size_t head) {
  return place(keys.name(), keys.shape().has_heads, head);
}

/// All rows of all heads.
inline Work all_rows(const KeyShape& shape, std::size_t block_rows) {
  return {.heads = shape.heads, .rows = {{0, shape.count}}, .block_rows = block_rows};
}

/// What this rank reads of it.
inline Share share_of(const Work& work, const Job& job) { return {work, job.ranks(), job.rank()}; }

/// Hands every chunk of this rank's share to `absorb`, and shows how far the first rank is. Collective.
template <typename Absorb>
void pass_over_keys(KeySource& keys, const Share& share, const Engine& engine, bool quiet,
                    const Absorb& absorb) {
  Job& job = engine.job();
  job.together([&] {
    Progress progress(share.row_count(), quiet || !job.is_first());
    keys.start(share, engine.threads());
    for (KeyChunk chunk; keys.next(chunk);) {
      absorb(chunk);
      for (const Rows& rows : chunk.rows) progress.add(rows.count);
    }
  });
}

/// The same, head by head: absorb(head, rows). Errors name the file and the head.
template <typename Absorb>
void pass_over_heads(KeySource& keys, const Share& share, const Engine& engine, bool quiet,
                     const Absorb& absorb) {
  pass_over_keys(keys, share, engine, quiet, [&](const KeyChunk& chunk) {
    for (std::size_t i = 0; i < chunk.rows.size(); ++i) {
      const std::size_t head = chunk.first_head + i;
      in_file(place(keys, head), [&] { absorb(head, chunk.rows[i]); });
    }
  });
}

}  // namespace heavykeys::tools
