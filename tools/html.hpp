// Text and numbers as they stand in a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace heavykeys::tools {

/// Text of any origin, for elements and quoted attributes: & < > " ' as references, control characters as
/// their pictures (U+2400 ..), and U+FFFD for what is not UTF-8, takes no room, or would turn the direction
/// of what follows.
std::string html(std::string_view text);

/// The first `most` characters of it, with an ellipsis where there were more.
std::string shortened(std::string_view text, std::size_t most);

/// JSON that is safe inside <script type="application/json">: no "<" in it.
std::string json_in_html(const nlohmann::ordered_json& json);

std::string grouped(std::uint64_t number);  ///< "20,480"
std::string number(double value);           ///< 4 digits: "0.07567", "20,480"
std::string percent(double share);          ///< "12.3%", "0.0036%"

/// "1 key", "20,480 keys".
std::string counted(std::uint64_t number, std::string_view noun);

/// The last part of a path.
std::string base_name(std::string_view path);

}  // namespace heavykeys::tools
