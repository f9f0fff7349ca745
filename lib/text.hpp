// Numbers as text, the same for errors and for names.
#pragma once

#include <charconv>
#include <string>

namespace heavykeys::detail {

/// The shortest decimal that reads back as v.
inline std::string shortest(double v) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

}  // namespace heavykeys::detail
