#include "tools/page_charts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/chart.hpp"
#include "tools/html.hpp"
#include "tools/page_text.hpp"

namespace heavykeys::tools {
namespace {

constexpr std::size_t kTicks = 5;

std::string chart_id(const HeadView& view, const char* name) {
  return fmt::format("h{}-{}", view.head, name);
}

/// "rows 0 to 79", or "row 3".
std::string range(const char* noun, const Binning& bins, std::size_t bin) {
  if (bins.width == 1) return fmt::format("{} {}", noun, grouped(bins.begin(bin)));
  return fmt::format("{}s {} to {}", noun, grouped(bins.begin(bin)), grouped(bins.end(bin) - 1));
}

/// "; each column is the greatest of 80 rows".
std::string per_bin(const Binning& bins) {
  return bins.width == 1 ? "" : fmt::format(" Each column stands for {} rows.", grouped(bins.width));
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

double greatest_count(const Histogram& histogram) {
  return histogram.counts.empty() ? 0.0 : static_cast<double>(std::ranges::max(histogram.counts));
}

/// The boxes of a histogram between these parts of each bin: two series share it.
void add_counts(Chart& chart, const Histogram& histogram, double from, double to, const char* colour,
                const char* noun) {
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    if (histogram.counts[i] == 0) continue;
    const double low = histogram.edges[i], width = histogram.edges[i + 1] - low;
    chart.marks += box(
        chart, low + from * width, low + to * width, 0.0, static_cast<double>(histogram.counts[i]), colour,
        fmt::format("{:.4g} to {:.4g}: {}", low, low + width, counted(histogram.counts[i], noun)));
  }
}

std::string count_rows(const Histogram& histogram) {
  std::string rows;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    rows += fmt::format("<tr><td>{:.4g} to {:.4g}</td><td>{}</td></tr>", histogram.edges[i],
                        histogram.edges[i + 1], grouped(histogram.counts[i]));
  }
  return rows;
}

std::string class_name(std::size_t i, std::size_t count) {
  // Five colours, the last the heaviest: of fewer classes, spread over them.
  return fmt::format("w{}", count <= 1 ? 5 : 1 + (i * 4 + (count - 1) / 2) / (count - 1));
}

std::size_t class_of(const std::vector<double>& edges, double weight) {
  return static_cast<std::size_t>(std::ranges::upper_bound(edges, weight) - edges.begin());
}

std::string map_legend(const std::vector<double>& edges) {
  std::string legend = "<p class=\"legend\">Greatest weight in a cell: ";
  for (std::size_t i = 0; i <= edges.size(); ++i) {
    const std::string text = edges.empty()       ? "all alike"
                             : i == 0            ? fmt::format("below {:.4g}", edges[0])
                             : i == edges.size() ? fmt::format("{:.4g} and more", edges.back())
                                                 : fmt::format("{:.4g} to {:.4g}", edges[i - 1], edges[i]);
    legend += fmt::format(
        "<span class=\"key\"><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><path "
        "class=\"{}\" d=\"M0 0H10V10H0z\"/></svg>{}</span> ",
        class_name(i, edges.size() + 1), text);
  }
  return legend + "</p>\n";
}

}  // namespace

std::string leverage_chart(const Report& report, const HeadView& view) {
  const LeverageBins& leverage = view.leverage;
  const Finding& finding = report.heads[view.head];
  double greatest = 0.0;
  for (const LeverageBin& bin : leverage.bins) greatest = std::max(greatest, bin.greatest);
  const auto threshold = leverage_threshold(report);
  const double top = std::max(greatest, threshold ? threshold->value : 0.0) * 1.05;
  const auto count = static_cast<double>(leverage.rows.count);
  Chart chart{.id = chart_id(view, "leverage"),
              .title = "Leverage along the sequence",
              .x = count_axis("key row", 0.0, count, kTicks),
              .y = axis("leverage", 0.0, top, kTicks)};
  std::string rows;
  const double gap = leverage.bins.size() < 100 ? 0.15 : 0.0;
  for (std::size_t i = 0; i < leverage.bins.size(); ++i) {
    const LeverageBin& bin = leverage.bins[i];
    if (bin.keys == 0) continue;
    const std::string at = row_name(bin.at, has_streams(finding)) + with_token(report, bin.at);
    const std::string where = range("row", leverage.rows, i);
    const auto width = static_cast<double>(leverage.rows.width);
    const auto begin = static_cast<double>(leverage.rows.begin(i));
    const auto end = static_cast<double>(leverage.rows.end(i));
    chart.marks += box(chart, begin + gap * width, end - gap * width, 0.0, bin.greatest, "bar",
                       fmt::format("{}: {} of U, greatest leverage {:.4g} (row {})", where,
                                   counted(bin.keys, "key"), bin.greatest, at));
    rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{:.6g}</td><td>{}</td></tr>", where, grouped(bin.keys),
                        bin.greatest, html(at));
  }
  if (threshold) add_line(chart, threshold->value, threshold->name);
  chart.description =
      fmt::format("{} of U; the greatest leverage is {:.4g}.", counted(finding.set.size(), "key"), greatest);
  chart.caption = fmt::format(
      "The greatest leverage of the keys of U in each column. {} Keys outside of U are not drawn: "
      "theirs is too small to be heavy.{}{}",
      leverage.rows.width == 1 ? "One column is one row." : per_bin(leverage.rows).substr(1),
      has_streams(finding) ? " The rows of all streams lie over one another." : "",
      numbers("<th>rows</th><th>keys of U</th><th>greatest leverage</th><th>at row</th>", rows));
  return draw(chart);
}

std::string map_chart(const Report& report, const HeadView& view) {
  const EntryMap& map = *view.map;
  const Finding& finding = report.heads[view.head];
  Chart chart{.id = chart_id(view, "map"),
              .title = "Heavy entries: which query attends to which key",
              .x = count_axis("key row", 0.0, static_cast<double>(map.keys.count), kTicks),
              .y = count_axis("query", 0.0, static_cast<double>(map.queries.count), kTicks),
              .y_down = true,
              .tall = true,
              .legend = map_legend(view.classes)};
  std::size_t filled = 0;
  for (const MapCell& cell : map.cells) filled += cell.entries > 0;
  const bool dots = filled <= 400;  // alone in a large map a cell would be hard to see
  std::vector<std::string> paths(view.classes.size() + 1);
  for (std::size_t q = 0; q < map.queries.size(); ++q) {
    for (std::size_t k = 0; k < map.keys.size(); ++k) {
      const MapCell& cell = map.cell(q, k);
      if (cell.entries == 0) continue;
      const double x0 = chart.x.part(static_cast<double>(map.keys.begin(k)));
      const double x1 = chart.x.part(static_cast<double>(map.keys.end(k)));
      const double y0 = chart.y.part(static_cast<double>(map.queries.begin(q)));
      const double y1 = chart.y.part(static_cast<double>(map.queries.end(q)));
      const std::size_t which = class_of(view.classes, cell.greatest);
      if (!dots) {
        paths[which] += fmt::format("M{} {}H{}V{}H{}z", coordinate(x0), coordinate(y0), coordinate(x1),
                                    coordinate(y1), coordinate(x0));
        continue;
      }
      const std::string tip = fmt::format(
          "{}, {}: {}, greatest weight {:.4g} (query {}, row {}{})", range("query", map.queries, q),
          range("row", map.keys, k), counted(cell.entries, "entry"), cell.greatest, grouped(cell.query),
          row_name(cell.key, has_streams(finding)), with_token(report, cell.key));
      chart.marks += fmt::format("<path class=\"dot {}\" d=\"M{} {}h.01\"><title>{}</title></path>",
                                 class_name(which, paths.size()), coordinate(0.5 * (x0 + x1)),
                                 coordinate(0.5 * (y0 + y1)), html(tip));
    }
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!paths[i].empty())
      chart.marks += fmt::format("<path class=\"{}\" d=\"{}\"/>", class_name(i, paths.size()), paths[i]);
  }
  const std::size_t entries = finding.entries->keys.size();
  chart.description = fmt::format("{} of {} on {}.", counted(entries, "heavy entry"),
                                  counted(map.queries.count, "query"), counted(view.heavy_keys, "key"));
  chart.caption = fmt::format(
      "{} in {}; a {} is {} wide and {} high.{} The tables below and the data at the end of the page have "
      "the "
      "numbers.",
      counted(entries, "heavy entry"), counted(filled, "cell"), dots ? "dot stands for a cell that" : "cell",
      counted(map.keys.width, "row"), counted(map.queries.width, "query"),
      report.causal ? " Causal: a query sees the keys up to its own position." : "");
  return draw(chart);
}

std::string weight_chart(const HeadView& view) {
  const Histogram& weights = view.weights;
  if (weights.counts.empty()) return "";
  Chart chart{.id = chart_id(view, "weights"),
              .title = "Weights of the heavy entries",
              .x = axis("weight", weights.edges.front(), weights.edges.back(), kTicks),
              .y = count_axis("entries", 0.0, 1.05 * greatest_count(weights), kTicks)};
  add_counts(chart, weights, 0.08, 0.92, "bar", "entry");
  chart.description = "The number of heavy entries by weight.";
  chart.caption = "The number of heavy entries by weight." +
                  numbers("<th>weight</th><th>entries</th>", count_rows(weights));
  return draw(chart);
}

std::string share_chart(const Report& report, const HeadView& view) {
  const bool both = !view.mass_counts.counts.empty();
  const double top = 1.05 * std::max(greatest_count(view.share_counts), greatest_count(view.mass_counts));
  Chart chart{.id = chart_id(view, "share"),
              .title = both ? "Attention on heavy entries, and on all of U" : "Attention on heavy entries",
              .x = axis("share of a query's attention", 0.0, 1.0, kTicks),
              .y = count_axis("queries", 0.0, top, kTicks)};
  add_counts(chart, view.share_counts, 0.08, both ? 0.48 : 0.92, "bar", "query");
  if (both) {
    add_counts(chart, view.mass_counts, 0.52, 0.92, "bar2", "query");
    chart.legend =
        "<p class=\"legend\"><span class=\"key\"><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><path "
        "class=\"bar\" "
        "d=\"M0 0H10V10H0z\"/></svg>its heavy entries</span> <span class=\"key\"><svg viewBox=\"0 0 10 10\" "
        "aria-hidden=\"true\"><path class=\"bar2\" d=\"M0 0H10V10H0z\"/></svg>all keys of U</span></p>\n";
  }
  const EntryShares& shares = view.shares;
  chart.description =
      fmt::format("On average {} of a query's attention is on its heavy entries.", percent(shares.mean));
  chart.caption = fmt::format(
      "Each query's share is the sum of the weights of its heavy entries: on average {}, certified to be "
      "between {} and {}; the median is {}. {} of {} have a heavy entry; the others count as 0.",
      percent(shares.mean), percent(shares.mean_lower), percent(shares.mean_upper), percent(shares.median),
      grouped(shares.with_entries), counted(shares.shares.size(), "query"));
  if (both) {
    const SetMass& mass = *report.heads[view.head].mass;
    const bool all = mass.queries.size() == shares.shares.size();
    chart.caption += fmt::format(
        " All keys of U together, those too light to be heavy for the query included, hold {} on average{}.",
        percent(view.mass_mean),
        all ? "" : fmt::format(", over {} evenly spread", counted(mass.queries.size(), "query")));
  }
  std::string rows;
  for (std::size_t i = 0; i < view.share_counts.counts.size(); ++i) {
    rows += fmt::format("<tr><td>{}% to {}%</td><td>{}</td>{}</tr>", 5 * i, 5 * i + 5,
                        grouped(view.share_counts.counts[i]),
                        both ? fmt::format("<td>{}</td>", grouped(view.mass_counts.counts[i])) : "");
  }
  chart.caption += numbers(both ? "<th>share</th><th>heavy entries: queries</th><th>all of U: queries</th>"
                                : "<th>share</th><th>queries</th>",
                           rows);
  return draw(chart);
}

std::string audit_chart(const Report& report, const HeadView& view) {
  const Audit& audit = *report.heads[view.head].audit;
  Chart chart{.id = chart_id(view, "audit"),
              .title = "Audit: heavy entries held by the audited set",
              .x = axis("share of a query's heavy entries", 0.0, 1.0, kTicks),
              .y = count_axis("queries", 0.0, 1.05 * greatest_count(view.audit_counts), kTicks)};
  add_counts(chart, view.audit_counts, 0.08, 0.92, "bar2", "query");
  chart.description = fmt::format("The set holds {} of the heavy entries.", percent(audit.share()));
  chart.caption = fmt::format(
      "The set {} holds {} of {} ({}), and {} of their weight. A query without heavy entries misses none and "
      "counts as 1.{}",
      html(report.scan->audited), grouped(audit.covered), counted(audit.entries, "heavy entry"),
      percent(audit.share()), percent(audit.weight_share()),
      numbers("<th>share</th><th>queries</th>", count_rows(view.audit_counts)));
  return draw(chart);
}

}  // namespace heavykeys::tools
