// What an allmerge says, part by part, and what it may say at most: the formula of heavykeys/distributed.hpp.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/counting_communicator.hpp"
#include "heavykeys/sketch.hpp"

namespace heavykeys::bench {

/// One part of the protocol on one rank, in words of 8 bytes.
struct Term {
  std::string name;
  std::uint64_t out = 0;
  std::uint64_t in = 0;
  std::uint64_t bound = 0;  ///< neither may pass it
  bool holds() const { return out <= bound && in <= bound; }
};

/// The calls of one allmerge that made `merged`, sorted into parts, with the bound of each part for rows that
/// are split into one run a rank. `universal` is |U|. Throws std::runtime_error when the calls are not those
/// of an allmerge.
std::vector<Term> terms_of(const std::vector<Call>& calls, int ranks, const Sketch& merged,
                           std::size_t universal);

/// All parts together.
Term total_of(const std::vector<Term>& terms);

nlohmann::json to_json(const Term& term);

}  // namespace heavykeys::bench
