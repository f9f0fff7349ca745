#include "tools/chart_parts.hpp"

#include <fmt/format.h>

#include "tools/html.hpp"
#include "tools/page_text.hpp"

namespace heavykeys::tools {

std::string chart_id(const HeadView& view, const char* name) {
  return fmt::format("h{}-{}", view.head, name);
}

std::string bin_range(const char* noun, const Binning& bins, std::size_t bin) {
  const std::uint64_t first = bins.begin(bin), last = bins.end(bin) - 1;
  if (first == last) return fmt::format("{} {}", noun, grouped(first));
  const std::string plural = std::string(noun) == "query" ? "queries" : fmt::format("{}s", noun);
  return fmt::format("{} {} to {}", plural, grouped(first), grouped(last));
}

std::string numbers(const std::string& header, const std::string& rows) {
  return fmt::format(
      "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\" tabindex=\"0\">"
      "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>",
      header, rows);
}

std::string with_token(const Report& report, const KeyId& id) {
  const std::string token = token_text(report, id);
  return token.empty() ? "" : fmt::format(" “{}”", token);
}

std::string legend_key(const std::string& colour, const std::string& text) {
  return fmt::format(
      "<span class=\"key\"><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><path class=\"{}\" "
      "d=\"M0 0H10V10H0z\"/></svg>{}</span> ",
      colour, html(text));
}

}  // namespace heavykeys::tools
