// The library does not know which file its rows came from. The command does, and says so.
#pragma once

#include <string>
#include <string_view>

#include "heavykeys/error.hpp"

namespace heavykeys::tools {

/// "file: text", unless the text begins with the file already.
inline std::string with_file(const std::string& file, std::string_view text) {
  if (text.starts_with(file + ":")) return std::string(text);
  return file + ": " + std::string(text);
}

/// Runs `action`; errors about its input come out with `file` in front.
template <typename Action>
auto in_file(const std::string& file, Action&& action) {
  try {
    return action();
  } catch (const InvalidInput& error) {
    throw InvalidInput(with_file(file, error.what()));
  } catch (const Incompatible& error) {
    throw Incompatible(with_file(file, error.what()));
  } catch (const Corrupt& error) {
    throw Corrupt(with_file(file, error.what()));
  }
}

}  // namespace heavykeys::tools
