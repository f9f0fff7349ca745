#include "tools/page.hpp"

#include <fmt/format.h>

#include <set>

#include "tools/html.hpp"
#include "tools/page_charts.hpp"
#include "tools/page_style.hpp"
#include "tools/page_tables.hpp"
#include "tools/page_text.hpp"

namespace heavykeys::tools {
namespace {

// Nothing is loaded and no script runs, even if a name or token got past html().
constexpr const char* kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

std::string figure(const std::string& value, const std::string& words) {
  return fmt::format("<li><b>{}</b><span>{}</span></li>", value, words);
}

/// What one wants to know first, of all heads together.
std::string figures(const Report& report, const PageView& view) {
  std::uint64_t keys = 0, rows = 0, entries = 0, queries = 0, with_entries = 0;
  for (const Finding& finding : report.heads) {
    keys += finding.set.size();
    rows += row_count(report, finding);
    if (!finding.entries) continue;
    entries += finding.entries->keys.size();
    queries += finding.entries->query_count();
    for (std::size_t q = 0; q < finding.entries->query_count(); ++q)
      with_entries += finding.entries->indptr[q] < finding.entries->indptr[q + 1];
  }
  std::string items;
  if (report.has_heads) items += figure(grouped(report.heads.size()), "heads");
  items += figure(grouped(rows), report.has_heads ? "keys in all heads" : "keys read");
  if (!report.scan) {
    const double share = rows == 0 ? 0.0 : static_cast<double>(keys) / static_cast<double>(rows);
    items += figure(grouped(keys), fmt::format("keys in the universal set{}: {} of all keys",
                                               report.has_heads ? "s" : "", percent(share)));
  }
  const std::string kind = report.heads.front().entries ? kind_of_entries(report) : "";
  if (report.heads.front().entries) {
    items += figure(grouped(entries), kind + " entries: (query, key) pairs");
    items += figure(grouped(with_entries), fmt::format("of {} have one", counted(queries, "query")));
  }
  if (!report.has_heads && report.heads.front().entries)
    items += figure(percent(view.shown.front().shares.mean),
                    "of a query's attention is on its " + kind + " entries, on average");
  if (report.heads.front().audit)
    items += figure(percent(total_audit(report).share()), "of the heavy entries are in the audited set");
  return "<ul class=\"figures\">" + items + "</ul>\n";
}

std::string head_body(const Report& report, const HeadView& view) {
  const Finding& finding = report.heads[view.head];
  std::string out;
  if (!report.scan) out += size_bars(report, view) + leverage_chart(report, view);
  if (!finding.entries) return out + key_tables(report, view);
  if (finding.entries->keys.empty()) {
    const bool known = report.entries.mode == Mode::no_false_negatives || kind_of_entries(report) == "heavy";
    out +=
        fmt::format("<p class=\"note\">None of {} {} any key a weight of ε or more.</p>\n",
                    counted(finding.entries->query_count(), "query"), known ? "gives" : "is certain to give");
  } else {
    out += map_chart(report, view);
  }
  if (finding.entries->query_count() > 0) {
    out += "<div class=\"pair\">\n" + weight_chart(report, view) + share_chart(report, view) +
           (finding.audit ? audit_chart(report, view) : "") + "</div>\n";
  }
  return out + key_tables(report, view);
}

std::string head_section(const Report& report, const HeadView& view, bool open) {
  const Finding& finding = report.heads[view.head];
  if (!report.has_heads) {
    return "<section id=\"head-0\">\n<h2>What was found</h2>\n" + head_body(report, view) + "</section>\n";
  }
  std::string words = report.scan ? "" : ": " + counted(finding.set.size(), "key") + " in U";
  if (finding.entries) {
    words += (words.empty() ? ": " : ", ") +
             counted(finding.entries->keys.size(), kind_of_entries(report) + " entry");
  }
  return fmt::format(
      "<details class=\"head\" id=\"head-{}\"{}><summary><h3>Head {}</h3>{}</summary>\n{}</details>\n",
      view.head, open ? " open" : "", view.head, words, head_body(report, view));
}

std::string head_sections(const Report& report, const PageView& view) {
  if (!report.has_heads) return head_section(report, view.shown.front(), true);
  std::string out = "<section id=\"details\">\n<h2>Head by head</h2>\n";
  for (const HeadView& head : view.shown) out += head_section(report, head, &head == &view.shown.front());
  return out + "</section>\n";
}

}  // namespace

std::string page(const Report& report, const PageView& view) {
  const std::string title = html("Heavy attention in " + shortened(base_name(report.input), 80));
  const std::string heads = report.heads.size() > 1 ? overview_section(report, view) : "";
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" "
      "content=\"no-referrer\">\n"
      "<meta name=\"generator\" content=\"heavykeys "
      "{}\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n"
      "<header>\n<h1>{}</h1>\n{}</header>\n<main>\n{}{}{}{}</main>\n"
      "<footer>Written by heavykeys {}, <code>heavykeys {}</code>. The page is complete in itself and loads "
      "nothing.</footer>\n<script type=\"application/json\" id=\"data\">{}</script>\n</body>\n</html>\n",
      kPolicy, html(version()), title, kPageStyle, title, question_section(report), figures(report, view),
      heads, head_sections(report, view), run_section(report), html(version()), report.verb,
      json_in_html(page_data(report, view)));
}

}  // namespace heavykeys::tools
