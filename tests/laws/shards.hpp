// A pass over keys, cut into shards: whatever rows each takes, in whatever order they come and merge.
#pragma once

#include <utility>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "support/sketches.hpp"

namespace shards {

/// The pieces of `rows` in some order, handed out to passes made by `make`, each in pushes of its own size.
template <class Make>
auto absorbed(const Make& make, const heavykeys::Rows& rows, std::size_t shards, support::Random& random) {
  std::vector<decltype(make())> passes;
  for (std::size_t s = 0; s < shards; ++s) passes.push_back(make());
  std::vector<support::Piece> pieces = support::cut(rows.count, 1 + random.below(3 * shards), random);
  random.shuffle(pieces);
  const std::vector<std::size_t> sizes = {1, 7, 100, 256, 1000, 4096, 5000, rows.count};
  for (const support::Piece& piece : pieces) {
    auto& pass = passes[random.below(shards)];
    const std::size_t size = piece.length > 3000 ? random.pick(sizes) + 100 : random.pick(sizes);
    std::vector<support::Piece> pushes = support::every(piece.length, size);
    if (random.coin()) random.shuffle(pushes);
    for (const support::Piece& push : pushes) pass.absorb(rows.slice(piece.begin + push.begin, push.length));
  }
  return passes;
}

/// Merged in pairs, any two at a time.
template <class Pass>
Pass merged(std::vector<Pass> passes, support::Random& random) {
  while (passes.size() > 1) {
    random.shuffle(passes);
    merge(passes[0], passes.back());
    passes.pop_back();
  }
  return std::move(passes.front());
}

}  // namespace shards
