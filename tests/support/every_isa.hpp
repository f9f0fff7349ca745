// The same numbers from every instruction set that this machine has.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "heavykeys/isa.hpp"

namespace support {

/// body() returns the numbers; they are to be equal, and the instruction set that was asked for the one that
/// ran.
template <class Body>
void on_every_isa(const Body& body) {
  std::vector<double> first;
  for (const std::string& isa : heavykeys::available_isas()) {
    CAPTURE(isa);
    heavykeys::set_isa(isa);
    REQUIRE(heavykeys::active_isa() == isa);
    const std::vector<double> bits = body();
    if (first.empty()) first = bits;
    CHECK(bits == first);
  }
  heavykeys::set_isa(heavykeys::available_isas().back());
}

}  // namespace support
