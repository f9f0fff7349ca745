// Charts of a page: axes with round ticks, and marks that stretch with the reader's screen while text does
// not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace heavykeys::tools {

struct Tick {
  double at;
  std::string text = {};
};

struct Axis {
  std::string name = {};  ///< with its unit
  double low = 0.0, high = 1.0;
  std::vector<Tick> ticks = {};

  /// 0 .. 1 along it.
  double part(double value) const { return (value - low) / (high - low); }
};

/// Ticks at multiples of 1, 2 or 5 x 10^k, at most about `most`.
Axis axis(std::string name, double low, double high, std::size_t most);
/// The same for counts and row numbers: no fractions; "10k", "2.5M" where digits would not fit.
Axis count_axis(std::string name, double low, double high, std::size_t most);

/// Of positions 0 .. count - 1, each one wide: where they are few, a tick is at the middle of its own.
Axis position_axis(std::string name, std::uint64_t count, std::size_t most);

/// Marks are drawn on a square of this side, y downwards, which is then stretched over the plot.
inline constexpr double kPlotSide = 1000.0;

struct Chart {
  std::string id = {};  ///< of the figure; in an address it leads there
  std::string title = {};
  std::string description = {};  ///< for readers who do not see the chart
  Axis x = {}, y = {};
  bool y_down = false;  ///< low values at the top
  bool tall = false;
  std::string marks = {};    ///< SVG elements
  std::string overlay = {};  ///< HTML over the plot: labels of lines
  std::string legend = {};   ///< HTML
  std::string caption = {};  ///< HTML
};

/// The figure.
std::string draw(const Chart& chart);

/// A rectangle between two points of the axes, with a tooltip that is text, not HTML. `colour` is a CSS
/// class.
std::string box(const Chart& chart, double x0, double x1, double y0, double y1, const char* colour,
                const std::string& tooltip);

/// A dashed line across the plot at y, and its label.
void add_line(Chart& chart, double y, const std::string& label);

/// A coordinate on the plot with no more digits than can be seen.
std::string coordinate(double part);

}  // namespace heavykeys::tools
