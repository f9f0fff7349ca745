#include "tools/page_text.hpp"

#include <fmt/format.h>

#include "lib/rule.hpp"
#include "tools/html.hpp"
#include "tools/route.hpp"

namespace heavykeys::tools {
namespace {

constexpr std::size_t kTokenCharacters = 24;
constexpr std::size_t kTokenBytes = 72;  // of HTML: quotes take six each

}  // namespace

std::string token_text(const Report& report, std::uint64_t row) {
  const auto found = report.tokens.find(row);
  if (found == report.tokens.end()) return "";
  std::size_t most = kTokenCharacters;
  while (most > 1 && html(shortened(found->second, most)).size() > kTokenBytes) --most;
  return shortened(found->second, most);
}

std::string token_text(const Report& report, const KeyId& id) {
  return id.stream == 0 ? token_text(report, id.row) : "";
}

std::string row_name(const KeyId& id, bool streams) {
  return streams ? fmt::format("{}:{}", id.stream, grouped(id.row)) : grouped(id.row);
}

std::string kind_of_entries(const Report& report) {
  const bool decided =
      report.scan ? report.scan->tolerance <= ScanOptions().tolerance
                  : report.heads.front().verified || route_of(report.heads.front().set.spec()).exact_weights;
  if (decided) return "heavy";
  if (report.entries.mode == Mode::no_false_negatives) return "possibly heavy";
  return report.entries.confidence > 0.0 ? "likely heavy" : "certainly heavy";
}

std::string score_html(const Score& score) {
  switch (score.kind) {
    case Score::Kind::power:
      if (score.parameter == 2.0) return "f(x) = x²";
      return fmt::format("f(x) = |x|<sup>{:g}</sup>", score.parameter);
    case Score::Kind::expressive:
      return "f(x) = x² / (1 + x²)";
    case Score::Kind::softmax:
      return fmt::format("f(x) = exp({:.6g} x), softmax", score.parameter);
    default:
      return "the score " + html(score.name());
  }
}

std::optional<Threshold> leverage_threshold(const Report& report) {
  if (report.scan) return std::nullopt;
  const Spec& spec = report.heads.front().set.spec();
  const detail::Rule rule = detail::rule_for(spec);
  if (rule.weighted) return std::nullopt;
  if (rule.layers > 1) return Threshold{spec.epsilon, fmt::format("ε = {} (first layer)", spec.epsilon)};
  if (route_of(spec).name == "exact") return Threshold{spec.epsilon, fmt::format("ε = {}", spec.epsilon)};
  return Threshold{rule.threshold, fmt::format("threshold {:.4g}", rule.threshold)};
}

}  // namespace heavykeys::tools
