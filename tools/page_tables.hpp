// The tables of a page.
#pragma once

#include <string>

#include "tools/page_view.hpp"

namespace heavykeys::tools {

/// What was asked, in a sentence and as a table.
std::string question_section(const Report& report);

/// |U| beside its bound and n, as bars.
std::string size_bars(const Report& report, const HeadView& view);

/// The keys of greatest leverage, and those that most queries attend to.
std::string key_tables(const Report& report, const HeadView& view);

/// All heads beside one another.
std::string overview_section(const Report& report, const PageView& view);

/// Engine, times, memory: all of a page that may differ from run to run.
std::string run_section(const Report& report);

}  // namespace heavykeys::tools
