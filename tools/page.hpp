// The report as one HTML page: no script runs in it and nothing is loaded, so it can be sent to anybody.
#pragma once

#include <string>

#include "tools/page_view.hpp"
#include "tools/summary.hpp"

namespace heavykeys::tools {

/// The whole page, below 2 MB whatever was found. Equal findings give equal bytes, but for the section `run`.
std::string page(const Report& report, const PageView& view);

/// Its numbers, for programs: what is in <script type="application/json" id="data">.
Json page_data(const Report& report, const PageView& view);

}  // namespace heavykeys::tools
