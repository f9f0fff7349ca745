// The report for a reader at a terminal.
#pragma once

#include <string>

#include "tools/report.hpp"

namespace heavykeys::tools {

struct TableStyle {
  bool colour = false;
  bool utf8 = false;
};

/// What was asked, what was found, the heaviest of it, and how long it took.
std::string table(const Report& report, const TableStyle& style);

/// "1.5 MiB".
std::string bytes_text(double bytes);

}  // namespace heavykeys::tools
