// What the laws of allmerge share: ways to deal rows out to ranks, and the answers of one core to compare
// with.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "distributed/world.hpp"
#include "heavykeys/distributed.hpp"
#include "heavykeys/heavykeys.hpp"
#include "support/problems.hpp"

namespace law {

using heavykeys::Rows;
using heavykeys::Sketch;
using support::Piece;
using support::Random;
using world::Communicator;

/// The pieces that each rank absorbs, one after the other.
using Hands = std::vector<std::vector<Piece>>;

struct Deal {
  std::string name;
  Hands (*make)(std::size_t n, std::size_t ranks, std::size_t block_rows, Random& random);
};

/// Every way to split rows that the library might treat in its own way.
const std::vector<Deal>& deals();

/// The sketch of what a rank was dealt.
Sketch dealt(const heavykeys::Spec& spec, const Rows& rows, const Hands& hands, const Communicator& comm);

/// What one core says of all the rows.
struct Truth {
  explicit Truth(const Sketch& whole, const Rows& queries);

  Rows queries;
  std::vector<std::byte> bytes;
  std::string refusal;  ///< what finalize throws, when it does; the rest is then empty
  heavykeys::UniversalSet set;
  heavykeys::HeavyEntries entries, narrowed;  ///< certified; with the sample's intervals
};

/// "" when this sketch gives every answer of the truth, bit for bit.
std::string difference(const Sketch& found, const Truth& truth);

/// Bit for bit, layers and bounds too.
std::string difference(const heavykeys::UniversalSet& a, const heavykeys::UniversalSet& b);
std::string difference(const heavykeys::HeavyEntries& a, const heavykeys::HeavyEntries& b);

/// m queries: noise, and every other one a row of `keys`.
support::Matrix make_queries(const support::Matrix& keys, std::size_t m, Random& random);

/// Of `count` seeds those for this world: all with threads; under mpirun every fifth, another fifth for each
/// number of ranks.
std::vector<std::uint64_t> seeds(std::size_t count, const world::World& w);

/// The type and text of what `step` throws, "" when it returns.
std::string thrown(const std::function<void()>& step);

}  // namespace law
