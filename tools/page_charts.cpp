#include "tools/page_charts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/chart.hpp"
#include "tools/chart_parts.hpp"
#include "tools/html.hpp"
#include "tools/page_text.hpp"
#include "tools/route.hpp"

namespace heavykeys::tools {
namespace {

std::string per_bin(const Binning& bins) {
  return bins.width == 1 ? "Each column is one row."
                         : fmt::format("Each column stands for {} rows.", grouped(bins.width));
}

/// What is certain of the mean share.
std::string certainty(const Report& report, const EntryShares& shares) {
  const std::string low = percent(shares.mean_lower), high = percent(shares.mean_upper);
  if (low == high) return "";
  const std::string how = report.entries.confidence > 0.0 ? fmt::format("with confidence {} for each query",
                                                                        1.0 - report.entries.confidence)
                                                          : "certified";
  return fmt::format(" ({}: between {} and {})", how, low, high);
}

/// What the leverage of this route means.
std::string meaning(const Report& report, const Finding& finding) {
  const std::string route = route_of(finding.set.spec()).name;
  if (route == "exact")
    return report.causal
               ? "A key's leverage is the greatest weight that any query which sees all keys could give it."
               : "A key's leverage is the greatest weight that any query could give it.";
  if (route == "lift") return "Leverage is that of the key's monomials (the lift): a bound of its weights.";
  if (route == "onion") return "Leverage is that among the keys which the layers before the key's own leave.";
  return "Leverage is k^T M^-1 k with Lewis weights: a bound of the key's weights, which may pass 1.";
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

}  // namespace

std::string leverage_chart(const Report& report, const HeadView& view) {
  const LeverageBins& leverage = view.leverage;
  const Finding& finding = report.heads[view.head];
  if (finding.set.size() == 0) {
    return fmt::format(
        "<p class=\"note\">U is empty: no query{} can give any key a weight of ε or more.</p>\n",
        report.causal ? " that sees all keys" : " whatever");
  }
  double greatest = 0.0;
  for (const LeverageBin& bin : leverage.bins) greatest = std::max(greatest, bin.greatest);
  const auto threshold = leverage_threshold(report);
  const double top = std::max(greatest, threshold ? threshold->value : 0.0) * 1.05;
  Chart chart{.id = chart_id(view, "leverage"),
              .title = "Leverage along the sequence",
              .x = position_axis("key row", leverage.rows.count, kTicks),
              .y = axis("leverage", 0.0, top, kTicks)};
  std::string rows;
  const double gap = leverage.bins.size() < 100 ? 0.15 : 0.0;
  for (std::size_t i = 0; i < leverage.bins.size(); ++i) {
    const LeverageBin& bin = leverage.bins[i];
    if (bin.keys == 0) continue;
    const std::string at = row_name(bin.at, has_streams(finding)) + with_token(report, bin.at);
    const std::string where = bin_range("row", leverage.rows, i);
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
      "The greatest leverage of the keys of U in each column. {} {} Keys outside of U are not drawn: theirs "
      "is too small for a weight of ε{}.{}{}",
      per_bin(leverage.rows), meaning(report, finding),
      report.causal ? " from a query that sees all keys" : "",
      has_streams(finding) ? " The rows of all streams lie over one another." : "",
      numbers("<th>rows</th><th>keys of U</th><th>greatest leverage</th><th>at row</th>", rows));
  return draw(chart);
}

std::string weight_chart(const Report& report, const HeadView& view) {
  const Histogram& weights = view.weights;
  if (weights.counts.empty()) return "";
  Chart chart{.id = chart_id(view, "weights"),
              .title = "Weights of the " + kind_of_entries(report) + " entries",
              .x = axis("weight", weights.edges.front(), weights.edges.back(), kTicks),
              .y = count_axis("entries", 0.0, 1.05 * greatest_count(weights), kTicks)};
  add_counts(chart, weights, 0.08, 0.92, "bar", "entry");
  chart.description = "The number of " + kind_of_entries(report) + " entries by weight.";
  chart.caption = chart.description + numbers("<th>weight</th><th>entries</th>", count_rows(weights));
  return draw(chart);
}

std::string share_chart(const Report& report, const HeadView& view) {
  const bool both = !view.mass_counts.counts.empty();
  const std::string kind = kind_of_entries(report);
  const double top = 1.05 * std::max(greatest_count(view.share_counts), greatest_count(view.mass_counts));
  Chart chart{.id = chart_id(view, "share"),
              .title = "Attention on " + kind + " entries" + (both ? ", and on all of U" : ""),
              .x = axis("share of a query's attention", 0.0, 1.0, kTicks),
              .y = count_axis("queries", 0.0, top, kTicks)};
  add_counts(chart, view.share_counts, 0.08, both ? 0.48 : 0.92, "bar", "query");
  if (both) {
    add_counts(chart, view.mass_counts, 0.52, 0.92, "bar2", "query");
    chart.legend = "<p class=\"legend\">" + legend_key("bar", "its " + kind + " entries") +
                   legend_key("bar2", "all keys of U") + "</p>\n";
  }
  const EntryShares& shares = view.shares;
  chart.description =
      fmt::format("On average {} of a query's attention is on its {} entries.", percent(shares.mean), kind);
  chart.caption = fmt::format(
      "Each query's share is the sum of the weights of its {} entries: on average {}{}; the median is {}. "
      "{} of {} have such an entry; the others count as 0.",
      kind, percent(shares.mean), certainty(report, shares), percent(shares.median),
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
  const std::string head =
      both ? "<th>share</th><th>" + kind + " entries: queries</th><th>all of U: queries</th>"
           : "<th>share</th><th>queries</th>";
  chart.caption += numbers(head, rows);
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
