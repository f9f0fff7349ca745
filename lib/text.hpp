// Numbers as text, the same for errors and for names.
#pragma once

#include <charconv>
#include <string>

#include "lib/siblings.hpp"

namespace heavykeys {
struct Score;
}

namespace heavykeys::detail {

/// The shortest decimal that reads back as v.
inline std::string shortest(double v) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

/// The name, and of a custom score all else that tells it from others: equal exactly when the scores are.
HEAVYKEYS_SIBLINGS std::string identity(const Score& score);

}  // namespace heavykeys::detail
