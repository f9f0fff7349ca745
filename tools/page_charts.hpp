// The charts of a page, each with its numbers as a table below it. Ids begin with the head's: "h3-leverage".
#pragma once

#include <string>

#include "tools/page_view.hpp"

namespace heavykeys::tools {

std::string leverage_chart(const Report& report, const HeadView& view);
std::string map_chart(const Report& report, const HeadView& view);
std::string weight_chart(const Report& report, const HeadView& view);
/// How much of their attention queries give to their heavy entries and, where it is known, to all of U.
std::string share_chart(const Report& report, const HeadView& view);
/// Of a scan with --audit.
std::string audit_chart(const Report& report, const HeadView& view);

}  // namespace heavykeys::tools
