// The map of heavy entries: queries down, keys across, colour for weight.
#include <fmt/format.h>

#include <algorithm>

#include "tools/chart.hpp"
#include "tools/chart_parts.hpp"
#include "tools/html.hpp"
#include "tools/page_charts.hpp"
#include "tools/page_text.hpp"

namespace heavykeys::tools {
namespace {

/// The colour of class i of `count`: of five, the last the heaviest. Fewer are spread over them.
std::string class_name(std::size_t i, std::size_t count) {
  return fmt::format("w{}", count <= 1 ? 5 : 1 + (i * 4 + (count - 1) / 2) / (count - 1));
}

std::string legend(const std::vector<double>& edges) {
  std::string text = "<p class=\"legend\">Greatest weight: ";
  for (std::size_t i = 0; i <= edges.size(); ++i) {
    const std::string range = edges.empty()       ? "all about the same"
                              : i == 0            ? fmt::format("below {:.4g}", edges[0])
                              : i == edges.size() ? fmt::format("{:.4g} and more", edges.back())
                                                  : fmt::format("{:.4g} to {:.4g}", edges[i - 1], edges[i]);
    text += legend_key(class_name(i, edges.size() + 1), range);
  }
  return text + "</p>\n";
}

class EntryMapChart {
 public:
  EntryMapChart(const Report& report, const HeadView& view)
      : report_(report),
        view_(view),
        map_(*view.map),
        paths_(view.classes.size() + 1),
        // Alone in a large map a cell would be hard to see.
        dots_(view.few_cells && (map_.keys.size() > 96 || map_.queries.size() > 64)) {
    chart_ = {.id = chart_id(view, "map"),
              .title = "Heavy entries: which query attends to which key",
              .x = position_axis("key row", map_.keys.count, kTicks),
              .y = position_axis("query", map_.queries.count, kTicks),
              .y_down = true,
              .tall = true,
              .legend = legend(view.classes)};
  }

  std::string text() {
    for (std::size_t q = 0; q < map_.queries.size(); ++q) {
      for (std::size_t k = 0; k < map_.keys.size(); ++k) {
        if (map_.cell(q, k).entries > 0) add_cell(q, k);
      }
    }
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (paths_[i].empty()) continue;
      chart_.marks += fmt::format("<path class=\"{}\" d=\"{}\"/>", class_name(i, paths_.size()), paths_[i]);
    }
    add_words();
    return draw(chart_);
  }

 private:
  void add_cell(std::size_t q, std::size_t k) {
    const MapCell& cell = map_.cell(q, k);
    const auto which = static_cast<std::size_t>(std::ranges::upper_bound(view_.classes, cell.greatest) -
                                                view_.classes.begin());
    const std::string shape = outline(q, k);
    if (!view_.few_cells) {
      paths_[which] += shape;
      return;
    }
    const std::string queries = bin_range("query", map_.queries, q), rows = bin_range("row", map_.keys, k);
    const std::string entries = counted(cell.entries, "entry");
    const std::string at = fmt::format("query {}, row {}{}", grouped(cell.query),
                                       row_name(cell.key, has_streams(report_.heads[view_.head])),
                                       with_token(report_, cell.key));
    chart_.marks += fmt::format("<path class=\"{}{}\" d=\"{}\"><title>{}</title></path>", dots_ ? "dot " : "",
                                class_name(which, paths_.size()), shape,
                                html(fmt::format("{}, {}: {}, greatest weight {:.4g} ({})", queries, rows,
                                                 entries, cell.greatest, at)));
    rows_ += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.4g}</td><td>{}</td></tr>", queries,
                         rows, grouped(cell.entries), cell.greatest, html(at));
  }

  /// A rectangle, or a line of no length with round ends: a dot, however the plot is stretched.
  std::string outline(std::size_t q, std::size_t k) const {
    const double x0 = chart_.x.part(static_cast<double>(map_.keys.begin(k)));
    const double x1 = chart_.x.part(static_cast<double>(map_.keys.end(k)));
    const double y0 = chart_.y.part(static_cast<double>(map_.queries.begin(q)));
    const double y1 = chart_.y.part(static_cast<double>(map_.queries.end(q)));
    if (dots_) return fmt::format("M{} {}h.01", coordinate(0.5 * (x0 + x1)), coordinate(0.5 * (y0 + y1)));
    return fmt::format("M{} {}H{}V{}H{}z", coordinate(x0), coordinate(y0), coordinate(x1), coordinate(y1),
                       coordinate(x0));
  }

  void add_words() {
    const std::string entries =
        counted(report_.heads[view_.head].entries->keys.size(), kind_of_entries(report_) + " entry");
    chart_.description = fmt::format("{} of {} on {}.", entries, counted(map_.queries.count, "query"),
                                     counted(view_.heavy_keys, "key"));
    const std::string size =
        fmt::format("{} by {}", counted(map_.queries.width, "query"), counted(map_.keys.width, "row"));
    const bool single = map_.queries.width == 1 && map_.keys.width == 1;
    chart_.caption = fmt::format(
        "{}. Each {} {}.{}{}", entries, dots_ ? "dot stands for" : "cell is",
        single ? "one entry" : fmt::format("the greatest weight among {}", size),
        report_.causal ? " Causal: a query sees the keys up to its own position." : "",
        rows_.empty()
            ? " The cells' numbers are in the data at the end of the page."
            : numbers("<th>queries</th><th>rows</th><th>entries</th><th>greatest weight</th><th>at</th>",
                      rows_));
  }

  const Report& report_;
  const HeadView& view_;
  const EntryMap& map_;
  Chart chart_;
  std::vector<std::string> paths_;  // by class
  bool dots_;
  std::string rows_;  // of the table
};

}  // namespace

std::string map_chart(const Report& report, const HeadView& view) {
  return EntryMapChart(report, view).text();
}

}  // namespace heavykeys::tools
