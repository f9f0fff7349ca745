#include "tools/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tools/html.hpp"
#include "tools/page_data.hpp"

namespace heavykeys::tools {
namespace {

constexpr double kMostPlainCount = 10000.0;
constexpr std::uint64_t kFewPositions = 64;
constexpr std::size_t kMostTicks = 20;

/// "2.5M": exact, for round numbers.
std::string short_count(double value) {
  struct Unit {
    double size;
    const char* letter;
  };
  constexpr std::array<Unit, 4> kUnits = {{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const Unit& unit : kUnits) {
    if (value >= unit.size) return fmt::format("{:.6g}{}", value / unit.size, unit.letter);
  }
  return fmt::format("{:.6g}", value);
}

template <typename Text>
Axis with_ticks(std::string name, double low, double high, double step, const Text& text) {
  Axis made{std::move(name), low, high, {}};
  if (!(high > low)) made.high = low + 1.0;
  // + 0.0: no "-0".
  for (double i = std::ceil(low / step - 1e-9) + 0.0;
       i * step <= made.high * (1.0 + 1e-9) && made.ticks.size() < kMostTicks; i += 1.0) {
    made.ticks.push_back({i * step, text(i * step)});
  }
  return made;
}

std::string grid_lines(const Chart& chart) {
  std::string lines;
  for (const Tick& tick : chart.y.ticks) {
    const double part = chart.y_down ? chart.y.part(tick.at) : 1.0 - chart.y.part(tick.at);
    lines += fmt::format("<path class=\"grid\" d=\"M0 {}H{:g}\"/>", coordinate(part), kPlotSide);
  }
  return lines;
}

std::string tick_labels(const Axis& axis, const char* side, bool reversed) {
  std::string labels;
  for (const Tick& tick : axis.ticks) {
    const double part = reversed ? 1.0 - axis.part(tick.at) : axis.part(tick.at);
    // The first and the last stay within the plot.
    const char* end = part < 0.02 ? " class=\"first\"" : part > 0.96 ? " class=\"last\"" : "";
    labels += fmt::format("<span{} style=\"{}:{:.2f}%\">{}</span>", end, side, 100.0 * part, html(tick.text));
  }
  return labels;
}

}  // namespace

std::string coordinate(double part) {
  std::string text = fmt::format("{:.1f}", kPlotSide * std::clamp(part, 0.0, 1.0));
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

Axis axis(std::string name, double low, double high, std::size_t most) {
  return with_ticks(std::move(name), low, high, nice_step(low, high, most),
                    [](double value) { return fmt::format("{:.6g}", value); });
}

Axis count_axis(std::string name, double low, double high, std::size_t most) {
  const double step = std::max(1.0, nice_step(low, high, most));
  return with_ticks(std::move(name), low, high, step, [&](double value) {
    return high >= kMostPlainCount ? short_count(value) : fmt::format("{:.6g}", value);
  });
}

Axis position_axis(std::string name, std::uint64_t count, std::size_t most) {
  Axis made = count_axis(std::move(name), 0.0, static_cast<double>(count), most);
  if (count > kFewPositions) return made;
  std::erase_if(made.ticks, [&](const Tick& tick) { return tick.at >= static_cast<double>(count); });
  for (Tick& tick : made.ticks) tick.at += 0.5;
  return made;
}

std::string box(const Chart& chart, double x0, double x1, double y0, double y1, const char* colour,
                const std::string& tooltip) {
  const auto down = [&](double y) { return chart.y_down ? chart.y.part(y) : 1.0 - chart.y.part(y); };
  const double top = std::min(down(y0), down(y1)), bottom = std::max(down(y0), down(y1));
  const std::string title = tooltip.empty() ? "/>" : "><title>" + html(tooltip) + "</title></path>";
  return fmt::format("<path class=\"{}\" d=\"M{} {}H{}V{}H{}z\"{}", colour, coordinate(chart.x.part(x0)),
                     coordinate(bottom), coordinate(chart.x.part(x1)), coordinate(top),
                     coordinate(chart.x.part(x0)), title);
}

void add_line(Chart& chart, double y, const std::string& label) {
  const double part = 1.0 - chart.y.part(y);
  chart.marks +=
      fmt::format("<path class=\"halo\" d=\"M0 {0}H{1:g}\"/><path class=\"line\" d=\"M0 {0}H{1:g}\"/>",
                  coordinate(part), kPlotSide);
  chart.overlay +=
      fmt::format("<span class=\"linelabel\" style=\"top:{:.2f}%\">{}</span>", 100.0 * part, html(label));
}

std::string draw(const Chart& chart) {
  return fmt::format(
      "<figure class=\"chart\" id=\"{}\">\n<h4>{}</h4>\n{}<div class=\"frame{}\">"
      "<div class=\"yname\"><span>{}</span></div><div class=\"y\" aria-hidden=\"true\">{}</div>"
      "<div class=\"plot\"><svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {:g} {:g}\" "
      "preserveAspectRatio=\"none\">{}{}</svg>{}</div>"
      "<div class=\"x\" aria-hidden=\"true\">{}</div><div class=\"xname\">{}</div></div>\n"
      "<figcaption>{}</figcaption>\n</figure>\n",
      chart.id, html(chart.title), chart.legend, chart.tall ? " tall" : "", html(chart.y.name),
      tick_labels(chart.y, "top", !chart.y_down), html(chart.title + ". " + chart.description), kPlotSide,
      kPlotSide, grid_lines(chart), chart.marks, chart.overlay, tick_labels(chart.x, "left", false),
      html(chart.x.name), chart.caption);
}

}  // namespace heavykeys::tools
