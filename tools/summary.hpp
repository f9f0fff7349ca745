// summary.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/report.hpp"

namespace heavykeys::tools {

using Json = nlohmann::ordered_json;

/// What was asked, and how it was done: parts of every summary. Whatever may differ from run to run is in the
/// second.
Json question_summary(const Report& report);
Json run_summary(const Report& report);

/// The summary of one head.
Json head_summary(const Report& report, std::size_t head);

/// The summary of the whole: that of the only head, or "heads" with one for each.
Json summary(const Report& report);

/// Indented, ending in a newline. Bytes that are not UTF-8 (tokens may hold anything) become U+FFFD.
std::string to_text(const Json& json);

}  // namespace heavykeys::tools
