#include "tools/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace heavykeys::tools {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

struct Character {
  std::size_t bytes = 1;
  std::uint32_t code = 0;
  bool valid = false;
};

std::uint32_t byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// The one that begins at `at`: shortest forms only, no surrogates.
Character decode(std::string_view text, std::size_t at) {
  const std::uint32_t lead = byte(text, at);
  if (lead < 0x80) return {1, lead, true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return {};
  std::uint32_t code = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(text, at + i) & 0xc0U) != 0x80) return {};
    code = code << 6U | (byte(text, at + i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {length, code, true};
}

/// Marks that embed, override or isolate a direction, line and paragraph separators, noncharacters, and what
/// takes no room on the page and would make two tokens look alike.
bool is_unwelcome(std::uint32_t code) {
  return code == 0xad || code == 0x200b || (code >= 0x2060 && code <= 0x2064) ||
         (code >= 0xe0000 && code <= 0xe0fff) || (code >= 0x80 && code < 0xa0) || code == 0x200e ||
         code == 0x200f || code == 0x061c || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff || (code >= 0xfdd0 && code <= 0xfdef) ||
         (code & 0xfffeU) == 0xfffe;
}

/// U+2400 + code, for the control characters below the space, and for DEL.
std::string picture(std::uint32_t code) {
  const std::uint32_t low = code == 0x7f ? 0x21 : code;
  return {'\xe2', '\x90', static_cast<char>(0x80U + low)};
}

std::string one(std::string_view text, std::size_t at, const Character& c) {
  if (!c.valid || is_unwelcome(c.code)) return std::string(kReplacement);
  if (c.code < 0x20 || c.code == 0x7f) return picture(c.code);
  switch (c.code) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return std::string(text.substr(at, c.bytes));
  }
}

}  // namespace

std::string html(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = decode(text, at);
    out += one(text, at, c);
    at += c.bytes;
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t most) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < most && at < text.size(); ++i) at += decode(text, at).bytes;
  return at < text.size() ? std::string(text.substr(0, at)) + "…" : std::string(text);
}

std::string json_in_html(const nlohmann::ordered_json& json) {
  const std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string number(double value) {
  if (value >= 1000.0 && value < 1e15) return grouped(static_cast<std::uint64_t>(std::llround(value)));
  return fmt::format("{:.4g}", value);
}

std::string percent(double share) {
  if (share > 0.0 && share < 0.001) return fmt::format("{:.2g}%", 100.0 * share);
  return fmt::format("{:.1f}%", 100.0 * share);
}

std::string counted(std::uint64_t number, std::string_view noun) {
  const bool entry = noun.ends_with("entry") || noun.ends_with("query");
  if (number == 1) return fmt::format("1 {}", noun);
  if (entry) return fmt::format("{} {}ies", grouped(number), noun.substr(0, noun.size() - 1));
  return fmt::format("{} {}s", grouped(number), noun);
}

std::string base_name(std::string_view path) {
  const std::size_t slash = path.find_last_of('/');
  const bool inner = slash != std::string_view::npos && slash + 1 < path.size();
  return std::string(inner ? path.substr(slash + 1) : path);
}

}  // namespace heavykeys::tools
