#include "tools/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "tools/route.hpp"
#include "tools/terminal.hpp"

namespace heavykeys::tools {
namespace {

constexpr double kBarWidth = 30.0;
constexpr std::size_t kTokenWidth = 30;
constexpr double kShownWidth = 1e-10;  // bounds closer than this are not worth a column

class Table {
 public:
  Table(const Report& report, const TableStyle& style) : report_(report), style_(style) {}

  std::string text() {
    write_question();
    if (report_.has_heads) {
      if (report_.heads.front().audit) write_audit();
      report_.scan ? write_scanned_heads() : write_heads();
    } else {
      const Finding& finding = report_.heads.front();
      write_sizes(finding);
      if (finding.audit) write_audit();
      write_leverage(finding);
      if (finding.entries) write_entries(finding);
    }
    write_run();
    return std::move(text_);
  }

 private:
  template <typename... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
    while (text_.ends_with(' ')) text_.pop_back();
    text_ += '\n';
  }

  void heading(const std::string& words) {
    text_ += '\n';
    line("{}{}{}", style_.colour ? "\x1b[1m" : "", words, style_.colour ? "\x1b[0m" : "");
  }

  void write_question() {
    const ScanQuestion asked = question(report_);
    line("heavykeys {}: keys that {} a weight >= {} (score {}{})", report_.verb,
         report_.scan ? "get" : "can get", asked.epsilon, asked.score.name(),
         report_.causal ? ", causal" : "");
    text_ += '\n';
    const std::string heads = report_.has_heads ? fmt::format("{} heads x ", report_.heads.size()) : "";
    line("  {:<15} {}   {}{} x {}", report_.verb == "finalize" ? "state" : "keys", printable(report_.input),
         heads, asked.rows, asked.dim);
    if (report_.heads.front().entries) {
      line("  {:<15} {}   {}{} x {}", "queries", printable(report_.queries), heads,
           report_.heads.front().entries->query_count(), asked.dim);
    }
  }

  void write_sizes(const Finding& finding) {
    if (!report_.scan) {
      const Route route = route_of(finding.set.spec());
      const bool exact = route.name == "exact";
      if (!exact) line("  {:<15} {}", "route", to_string(route));
      line("  {:<15} {} of {}", "rank", finding.set.rank(), route.coordinates);
      line("  {:<15} {} keys, never more than {}{:.6g}", "universal set", finding.set.size(),
           exact ? "rank/epsilon = " : "", finding.set.size_bound());
    }
    if (finding.entries) {
      line("  {:<15} {} (query, key) pairs{}", "heavy entries", finding.entries->keys.size(),
           finding.verified ? fmt::format(", {} queries verified", *finding.verified) : "");
    }
  }

  void write_audit() {
    const Audit audit = total_audit(report_);
    line("  {:<15} {} holds {} of {} heavy entries ({:.2f}%), and {:.2f}% of their weight", "audit",
         printable(report_.scan->audited), audit.covered, audit.entries, 100.0 * audit.share(),
         100.0 * audit.weight_share());
  }

  std::string token(std::uint64_t row) const {
    const auto found = report_.tokens.find(row);
    if (found == report_.tokens.end()) return "";
    return fmt::format("{:.{}}", printable(found->second), kTokenWidth);
  }
  std::string token(const KeyId& id) const { return id.stream == 0 ? token(id.row) : ""; }

  /// The row, with its stream before it where there are several.
  static std::string row_text(const KeyId& id, bool streams) {
    return streams ? fmt::format("{}:{}", id.stream, id.row) : std::to_string(id.row);
  }

  std::string bar(double part) const {
    const auto length = static_cast<std::size_t>(std::lround(std::clamp(part, 0.0, 1.0) * kBarWidth));
    std::string cells;
    for (std::size_t i = 0; i < length; ++i) cells += style_.utf8 ? "█" : "#";
    const std::string rest(static_cast<std::size_t>(kBarWidth) - length, ' ');
    return (style_.colour ? "\x1b[36m" + cells + "\x1b[0m" : cells) + rest;
  }

  void write_leverage(const Finding& finding) {
    const auto top = top_leverage(finding.set, report_.top);
    if (top.empty()) return;
    const bool streams = has_streams(finding);
    const double largest = finding.set.leverage()[top.front()];  // at least epsilon
    heading(fmt::format("  {:>12}  {:>8}  {:<30}  {}", streams ? "stream:row" : "key row", "leverage", "",
                        report_.tokens.empty() ? "" : "token"));
    for (const std::size_t i : top) {
      const KeyId id = finding.set.ids()[i];
      const double leverage = finding.set.leverage()[i];
      line("  {:>12}  {:>8.6f}  {}  {}", row_text(id, streams), leverage, bar(leverage / largest), token(id));
    }
    if (top.size() < finding.set.size()) line("  {:>12} and {} more", "", finding.set.size() - top.size());
  }

  void write_entries(const Finding& finding) {
    const HeavyEntries& entries = *finding.entries;
    const auto top = top_entries(entries, report_.top);
    if (top.empty()) return;
    const bool streams = has_streams(finding);
    const auto is_wide = [&](const TopEntry& e) {
      return entries.upper[e.index] - entries.lower[e.index] > kShownWidth;
    };
    const bool bounds = std::ranges::any_of(top, is_wide);
    heading(fmt::format("  {:>12}  {:>12}  {:>8}{}  {}", "query", streams ? "stream:row" : "key row",
                        "weight", bounds ? fmt::format("  {:>8} .. {:<8}", "at least", "at most") : "",
                        report_.tokens.empty() ? "" : "token"));
    for (const auto [query, index] : top) {
      const auto row = row_of_query(report_, finding, query);
      const std::string from = row ? token(*row) : "";
      const std::string between =
          bounds ? fmt::format("  {:>8.6f} .. {:<8.6f}", entries.lower[index], entries.upper[index]) : "";
      line("  {:>12}  {:>12}  {:>8.6f}{}  {}{}", query, row_text(entries.keys[index], streams),
           entries.weights[index], between, from.empty() ? "" : from + " -> ", token(entries.keys[index]));
    }
    if (top.size() < entries.keys.size()) line("  {:>12} and {} more", "", entries.keys.size() - top.size());
  }

  void write_heads() {
    const bool queries = report_.heads.front().entries.has_value();
    heading(fmt::format("  {:>5}  {:>5}  {:>8}  {:>10}  {:>10}  {:>12}  {:>8}  {}", "head", "rank", "keys",
                        "at most", queries ? "entries" : "", "top key row", "leverage",
                        report_.tokens.empty() ? "" : "token"));
    for (std::size_t h = 0; h < report_.heads.size(); ++h) {
      const Finding& finding = report_.heads[h];
      const std::string entries = queries ? std::to_string(finding.entries->keys.size()) : "";
      const auto top = top_leverage(finding.set, 1);
      const std::string key = top.empty() ? "-" : std::to_string(finding.set.ids()[top[0]].row);
      const std::string leverage = top.empty() ? "-" : fmt::format("{:.6f}", finding.set.leverage()[top[0]]);
      line("  {:>5}  {:>5}  {:>8}  {:>10.6g}  {:>10}  {:>12}  {:>8}  {}", h, finding.set.rank(),
           finding.set.size(), finding.set.size_bound(), entries, key, leverage,
           top.empty() ? "" : token(finding.set.ids()[top[0]]));
    }
  }

  /// As write_heads, of a scan: no set, and the heaviest entry in place of the heaviest key.
  void write_scanned_heads() {
    heading(fmt::format("  {:>5}  {:>10}  {:>12}  {:>12}  {:>8}  {}", "head", "entries", "query", "key row",
                        "weight", report_.tokens.empty() ? "" : "token"));
    for (std::size_t h = 0; h < report_.heads.size(); ++h) {
      const HeavyEntries& entries = *report_.heads[h].entries;
      const auto top = top_entries(entries, 1);
      if (top.empty()) {
        line("  {:>5}  {:>10}  {:>12}  {:>12}  {:>8}", h, 0, "-", "-", "-");
        continue;
      }
      const auto [query, index] = top.front();
      line("  {:>5}  {:>10}  {:>12}  {:>12}  {:>8.6f}  {}", h, entries.keys.size(), query,
           entries.keys[index].row, entries.weights[index], token(entries.keys[index]));
    }
  }

  void write_run() {
    const RunInfo& run = report_.run;
    const std::string ranks =
        run.ranks ? fmt::format("{} rank{} x ", *run.ranks, *run.ranks == 1 ? "" : "s") : "";
    const std::string engine = fmt::format("engine {}, {}{} thread{}, {}", run.engine, ranks, run.threads,
                                           run.threads == 1 ? "" : "s", active_isa());
    text_ += '\n';
    if (report_.scan) {
      line("  scan {:.3f} s; {}", run.absorb_seconds, engine);
      return;
    }
    line("  absorb {:.3f} s, finalize {:.3f} s, heavy entries {:.3f} s; {}", run.absorb_seconds,
         run.finalize_seconds, run.entries_seconds, engine);
  }

  const Report& report_;
  TableStyle style_;
  std::string text_;
};

}  // namespace

std::string table(const Report& report, const TableStyle& style) { return Table(report, style).text(); }

std::string bytes_text(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024.0 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024.0;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

}  // namespace heavykeys::tools
