// Names that the parts of a page share.
#pragma once

#include <optional>
#include <string>

#include "tools/report.hpp"

namespace heavykeys::tools {

/// The token of a row, shortened; empty where none was given. Text, not yet HTML.
std::string token_text(const Report& report, std::uint64_t row);
std::string token_text(const Report& report, const KeyId& id);

/// "17,887", or "2:17,887" where there are several streams.
std::string row_name(const KeyId& id, bool streams);

/// What the listed entries are: "heavy", or, of weights that are known as intervals only, "possibly heavy"
/// (none is missing), "certainly heavy" or "likely heavy" (some may be).
std::string kind_of_entries(const Report& report);

/// "f(x) = x²" and the like. HTML.
std::string score_html(const Score& score);

/// The leverage that a key of U has at least, with its name: of exact and lifted routes and the onion's first
/// layer. None for Lewis weights.
struct Threshold {
  double value;
  std::string name;
};
std::optional<Threshold> leverage_threshold(const Report& report);

}  // namespace heavykeys::tools
