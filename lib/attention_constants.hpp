// The numbers that e^x, ln and the scores of attention are made of: one table for every instruction set and
// for the GPU, since equal bytes hang on them.
#pragma once

#include <cstdint>

namespace heavykeys::detail {

template <class T>
struct AttentionConstants;

template <>
struct AttentionConstants<float> {
  using Int = std::int32_t;
  using Bits = std::uint32_t;
  static constexpr float kRounder = 0x1.8p23f;  // adding it rounds to an integer, kept in the low bits
  static constexpr float kLn2Hi = 0x1.62ep-1f, kLn2Lo = 0x1.0bfbe8p-15f;  // their sum is ln 2
  static constexpr float kLeastExponent = -87.0f;                         // below it e^x is 0
  static constexpr float kLeastNormal = 0x1p-126f;
  static constexpr float kFar = 0x1p30f;  // past it x^2 / (1 + x^2) is 1
  static constexpr int kMantissa = 23, kExpTerms = 7, kLogTerms = 5;
  static constexpr Bits kRootHalf = 0x3f3504f3;  // the bits of sqrt(1/2)
};

template <>
struct AttentionConstants<double> {
  using Int = std::int64_t;
  using Bits = std::uint64_t;
  static constexpr double kRounder = 0x1.8p52;
  static constexpr double kLn2Hi = 0x1.62e42fefa38p-1, kLn2Lo = 0x1.ef35793c7673p-45;
  static constexpr double kLeastExponent = -708.0;
  static constexpr double kLeastNormal = 0x1p-1022;
  static constexpr double kFar = 0x1p60;
  static constexpr int kMantissa = 52, kExpTerms = 13, kLogTerms = 11;
  static constexpr Bits kRootHalf = 0x3fe6a09e667f3bcd;
};

}  // namespace heavykeys::detail
