#include "tools/page_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/html.hpp"
#include "tools/page_text.hpp"
#include "tools/route.hpp"
#include "tools/summary.hpp"
#include "tools/table.hpp"

namespace heavykeys::tools {
namespace {

std::string row(const std::string& name, const std::string& value) {
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", name, value);
}

/// A horizontal bar of a part of the width; of what is not nothing, something is seen.
std::string bar(double part) {
  if (!(part > 0.0)) return "<div class=\"meter\"></div>";
  return fmt::format("<div class=\"meter\"><div style=\"width:{:.2f}%\"></div></div>",
                     std::max(0.5, 100.0 * std::min(part, 1.0)));
}

std::string token_html(const std::string& token) {
  return token.empty() ? "" : fmt::format("<bdi class=\"token\">{}</bdi>", html(token));
}

std::string heads_times(const Report& report) {
  return report.has_heads
             ? grouped(report.heads.size()) + (report.heads.size() == 1 ? " head of " : " heads of ")
             : "";
}

std::string sentence(const Report& report) {
  const ScanQuestion asked = question(report);
  const auto& entries = report.heads.front().entries;
  const std::string keys = fmt::format("{}{} with {}", heads_times(report), counted(asked.rows, "key"),
                                       counted(asked.dim, "column"));
  const std::string weight =
      fmt::format("ε = {} ({} of its attention)", asked.epsilon, percent(asked.epsilon));
  const std::string seen = report.causal ? ", a query seeing only the keys up to its own position" : "";
  const std::string read =
      report.verb == "finalize" ? "From the sketch of " + keys : "In one pass over " + keys;
  if (report.scan) {
    return fmt::format(
        "{}: to which of them does each of {} give a weight of at least {}, with weights proportional to "
        "{}{}?",
        read, counted(entries->query_count(), "query"), weight, score_html(asked.score), seen);
  }
  const std::string listed = entries ? fmt::format(" And which do {} give that much to{}?",
                                                   counted(entries->query_count(), "query"), seen)
                                     : "";
  return fmt::format(
      "{}: to which of them can <em>any</em> query{} give a weight of at least {}, with weights "
      "proportional to {}?{}",
      read, report.causal ? " that sees them all" : "", weight, score_html(asked.score), listed);
}

std::string leverage_cell(const KeyTotal& key, double largest) {
  if (!key.leverage) return "<td class=\"none\">not in U</td>";
  return fmt::format("<td class=\"withbar\">{}<span>{:.6g}</span></td>", bar(*key.leverage / largest),
                     *key.leverage);
}

std::string query_cell(const Report& report, const Finding& finding, const KeyTotal& key) {
  const auto made_from = row_of_query(report, finding, key.query);
  const std::string token = made_from ? token_html(token_text(report, *made_from)) : "";
  return fmt::format("{} {}", grouped(key.query), token);
}

std::string key_table(const Report& report, const HeadView& view, const std::vector<KeyTotal>& keys,
                      const std::string& caption) {
  const Finding& finding = report.heads[view.head];
  const bool leverage = !report.scan, queries = finding.entries.has_value(), tokens = !report.tokens.empty();
  const bool layers = leverage && route_of(finding.set.spec()).name == "onion";
  double largest = 1e-300;
  for (const KeyTotal& key : keys) largest = std::max(largest, key.leverage.value_or(0.0));
  std::string rows;
  for (const KeyTotal& key : keys) {
    rows += fmt::format("<tr><td class=\"num\">{}</td>", row_name(key.id, has_streams(finding)));
    if (tokens) rows += "<td>" + token_html(token_text(report, key.id)) + "</td>";
    if (leverage) rows += leverage_cell(key, largest);
    if (layers)
      rows += fmt::format("<td class=\"num\">{}</td>", key.leverage ? std::to_string(key.layer) : "");
    if (queries && key.queries > 0) {
      rows += fmt::format(
          "<td class=\"num\">{}</td><td class=\"num\">{:.4g}</td><td class=\"num\">{:.4g}</td><td>{}</td>",
          grouped(key.queries), key.weight, key.greatest, query_cell(report, finding, key));
    } else if (queries) {
      rows += "<td class=\"num\">0</td><td></td><td></td><td></td>";
    }
    rows += "</tr>\n";
  }
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"table\" tabindex=\"0\"><table "
      "class=\"keys\"><caption><span>{}</span></caption><thead><tr><th scope=\"col\">key "
      "row</th>{}{}{}{}"
      "</tr></thead><tbody>\n{}</tbody></table></div>\n",
      caption, tokens ? "<th scope=\"col\">token</th>" : "",
      leverage ? "<th scope=\"col\">leverage</th>" : "", layers ? "<th scope=\"col\">layer</th>" : "",
      queries ? fmt::format("<th scope=\"col\">{} for queries</th><th scope=\"col\">their weights' sum</th>"
                            "<th scope=\"col\">greatest weight</th><th scope=\"col\">by query</th>",
                            kind_of_entries(report))
              : "",
      rows);
}

/// ", 10 of 6,575 shown".
std::string left_out(std::size_t shown, std::size_t all) {
  return shown == all ? "" : fmt::format(" ({} of {} shown)", grouped(shown), grouped(all));
}

std::string overview_row(const Report& report, std::size_t head, bool shown, double most_keys,
                         double most_entries) {
  const Finding& finding = report.heads[head];
  std::string cells = shown ? fmt::format("<tr><th scope=\"row\"><a href=\"#head-{0}\">{0}</a></th>", head)
                            : fmt::format("<tr><th scope=\"row\">{}</th>", head);
  if (!report.scan) {
    const auto top = top_leverage(finding.set, 1);
    cells += fmt::format(
        "<td class=\"withbar\">{}<span>{}</span></td><td class=\"num\">{}</td><td class=\"num\">{}</td>",
        bar(static_cast<double>(finding.set.size()) / most_keys), grouped(finding.set.size()),
        number(finding.set.size_bound()), finding.set.rank());
    cells += top.empty() ? "<td class=\"num\">–</td>"
                         : fmt::format("<td class=\"num\">{:.4g}</td>", finding.set.leverage()[top[0]]);
  }
  if (finding.entries) {
    const auto top = top_entries(*finding.entries, 1);
    cells += fmt::format("<td class=\"withbar\">{}<span>{}</span></td>",
                         bar(static_cast<double>(finding.entries->keys.size()) / most_entries),
                         grouped(finding.entries->keys.size()));
    cells += top.empty()
                 ? "<td class=\"num\">–</td>"
                 : fmt::format("<td class=\"num\">{:.4g}</td>", finding.entries->weights[top[0].index]);
  }
  if (finding.audit) cells += fmt::format("<td class=\"num\">{}</td>", percent(finding.audit->share()));
  return cells + "</tr>\n";
}

}  // namespace

std::string question_section(const Report& report) {
  const ScanQuestion asked = question(report);
  const auto& entries = report.heads.front().entries;
  std::string rows =
      row(report.verb == "finalize" ? "state" : "keys", "<bdi>" + html(report.input) + "</bdi>");
  rows += row("shape", fmt::format("{}{} × {}", report.has_heads ? grouped(report.heads.size()) + " × " : "",
                                   grouped(asked.rows), grouped(asked.dim)));
  if (entries) {
    rows += row("queries", "<bdi>" + html(report.queries) + "</bdi>");
    rows +=
        row("queries of a head", fmt::format("{} × {}", grouped(entries->query_count()), grouped(asked.dim)));
  }
  rows += row("score", score_html(asked.score) + " <code>" + html(asked.score.name()) + "</code>");
  rows += row("threshold ε", fmt::format("{}", asked.epsilon));
  if (entries) {
    rows += row("causal", report.causal ? "yes: query i of m sees the keys j ≤ i + n − m"
                                        : "no: a query sees all keys");
    const bool missing = report.entries.mode == Mode::no_false_positives;
    rows += row("mode", missing ? "no false positives: every entry listed is heavy"
                                : "no false negatives: every heavy entry is listed");
  }
  if (!report.scan) {
    const Route route = route_of(report.heads.front().set.spec());
    rows += row("route to U",
                route.name == "exact" ? "exact: as in rational arithmetic, and minimal" : to_string(route));
    if (entries && report.entries.confidence > 0.0)
      rows += row("confidence", fmt::format("the bounds of a query's weights are wrong with probability ≤ {}",
                                            report.entries.confidence));
  } else {
    rows += row("tolerance", fmt::format("bounds of a weight are at most {} of it apart", asked.tolerance));
  }
  if (report.scan && !report.scan->audited.empty()) {
    rows += row("audited set", "<bdi>" + html(report.scan->audited) + "</bdi>");
  }
  return fmt::format(
      "<section id=\"question\">\n<p class=\"sentence\">{}</p>\n<details><summary>All that was "
      "asked</summary>"
      "<div class=\"scroll\"><table class=\"facts\">{}</table></div></details>\n</section>\n",
      sentence(report), rows);
}

std::string size_bars(const Report& report, const HeadView& view) {
  const UniversalSet& set = report.heads[view.head].set;
  const auto size = static_cast<double>(set.size()), n = static_cast<double>(set.row_count());
  const double bound = set.size_bound(), most = std::max(n, std::isfinite(bound) ? bound : n);
  const Route route = route_of(set.spec());
  const auto line = [&](const char* name, double value, const std::string& text, const char* colour) {
    return fmt::format("<div class=\"size {}\"><dt>{}</dt><dd>{}<span>{}</span></dd></div>\n", colour, name,
                       bar(value / most), text);
  };
  const std::string of_n = n > 0 ? fmt::format(" ({} of n)", percent(size / n)) : "";
  const std::string of_bound = bound > 0 ? fmt::format("; U is {} of it", percent(size / bound)) : "";
  return fmt::format(
      "<dl class=\"sizes\">\n{}{}{}</dl>\n<p class=\"note\">Rank {} of {} {}. U holds every key that some "
      "query{} could give a weight of at least ε, whichever query it be, and never more keys than the "
      "bound{}.{}"
      "</p>\n",
      line("universal set U", size, counted(set.size(), "key") + of_n, "set"),
      line("its bound", bound, number(bound) + of_bound, "bound"),
      line("all keys n", n, counted(set.row_count(), "key"), "all"), set.rank(), grouped(route.coordinates),
      route.lifted ? "coordinates of the lift" : "columns", report.causal ? " that sees all keys" : "",
      route.name == "exact" ? ", rank / ε" : "",
      report.causal ? " A query that sees fewer keys can give such a weight to others of them, too." : "");
}

std::string key_tables(const Report& report, const HeadView& view) {
  const Finding& finding = report.heads[view.head];
  std::string out;
  if (!view.by_queries.empty()) {
    out += "<h4>Keys that most queries attend to</h4>\n" +
           key_table(report, view, view.by_queries,
                     "Keys by the number of queries they are " + kind_of_entries(report) +
                         " for, then by the sum of these weights" +
                         left_out(view.by_queries.size(), view.heavy_keys));
  }
  if (!view.by_leverage.empty()) {
    out += "<h4>Keys of greatest leverage</h4>\n" +
           key_table(report, view, view.by_leverage,
                     "Keys of U by leverage" + left_out(view.by_leverage.size(), finding.set.size()));
  }
  return out;
}

std::string overview_section(const Report& report, const PageView& view) {
  double most_keys = 1.0, most_entries = 1.0;
  for (const Finding& finding : report.heads) {
    most_keys = std::max(most_keys, static_cast<double>(finding.set.size()));
    if (finding.entries)
      most_entries = std::max(most_entries, static_cast<double>(finding.entries->keys.size()));
  }
  std::string rows;
  for (const std::size_t head : view.listed) {
    const bool shown = std::ranges::any_of(view.shown, [&](const HeadView& v) { return v.head == head; });
    rows += overview_row(report, head, shown, most_keys, most_entries);
  }
  const std::string entries = report.heads.front().entries ? kind_of_entries(report) + " entries" : "";
  const std::string kind = entries.empty() ? "the greatest universal sets" : "most " + entries;
  std::string note;
  if (view.listed.size() < report.heads.size())
    note +=
        fmt::format(" Listed are the {} with {}; {} with fewer are left out.", grouped(view.listed.size()),
                    kind, counted(report.heads.size() - view.listed.size(), "head"));
  if (view.shown.size() < report.heads.size())
    note +=
        fmt::format(" Charts follow for the {} with {}; <code>--out</code> and <code>--json</code> have all.",
                    counted(view.shown.size(), "head"), kind);
  return fmt::format(
      "<section id=\"heads\">\n<h2>All heads</h2>\n<p class=\"note\">{} in all.{}</p>\n<div class=\"scroll "
      "tall\" tabindex=\"0\"><table "
      "class=\"overview\"><thead><tr><th "
      "scope=\"col\">head</th>{}{}{}</tr></thead><tbody>\n{}</tbody></table></div>\n</"
      "section>\n",
      counted(report.heads.size(), "head"), note,
      report.scan
          ? ""
          : "<th scope=\"col\">keys in U</th><th scope=\"col\">at most</th><th scope=\"col\">rank</th>"
            "<th scope=\"col\">greatest leverage</th>",
      report.heads.front().entries
          ? "<th scope=\"col\">" + entries + "</th><th scope=\"col\">greatest weight</th>"
          : "",
      report.heads.front().audit ? "<th scope=\"col\">held by the audited set</th>" : "", rows);
}

std::string run_section(const Report& report) {
  const RunInfo& run = report.run;
  std::string rows = row(
      "engine",
      html(run.engine) +
          (run.ranks ? fmt::format(", {}", counted(static_cast<std::uint64_t>(*run.ranks), "rank")) : ""));
  rows += row("threads", fmt::format("{}{}", run.threads, run.ranks ? " on each rank" : ""));
  rows += row("instruction set", html(active_isa()));
  const auto seconds = [&](const char* name, double value) {
    rows += row(name, fmt::format("{:.3f} s", value));
  };
  if (report.scan) {
    seconds("scan", run.absorb_seconds);
  } else {
    seconds("absorb the keys", run.absorb_seconds);
    seconds("decide U", run.finalize_seconds);
    if (report.heads.front().entries) seconds("heavy entries", run.entries_seconds);
    if (report.heads.front().verified) seconds("verify", run.verify_seconds);
  }
  if (run.ranks) seconds("merge the ranks", run.merge_seconds);
  if (run.peak_memory_bytes)
    rows += row("peak memory", bytes_text(static_cast<double>(*run.peak_memory_bytes)));
  return fmt::format(
      "<section id=\"run\">\n<h2>How it was computed</h2>\n<table class=\"facts\">{}</table>\n"
      "<script type=\"application/json\" id=\"run-data\">{}</script>\n</section>\n",
      rows, json_in_html(run_summary(report)));
}

}  // namespace heavykeys::tools
