// What the charts of a page have in common.
#pragma once

#include <string>

#include "tools/page_view.hpp"

namespace heavykeys::tools {

inline constexpr std::size_t kTicks = 5;  ///< about as many on an axis

/// "h3-leverage".
std::string chart_id(const HeadView& view, const char* name);

/// "rows 0 to 79", or "row 3".
std::string bin_range(const char* noun, const Binning& bins, std::size_t bin);

/// A table to unfold. Both are HTML: cells of the header, rows of the body.
std::string numbers(const std::string& header, const std::string& rows);

/// " “token”" of a key, if it has one. Text.
std::string with_token(const Report& report, const KeyId& id);

/// One entry of a legend: a square of a colour, and what it stands for.
std::string legend_key(const std::string& colour, const std::string& text);

}  // namespace heavykeys::tools
