// How a page looks: light and dark as the reader's screen is, from 320 pixels of width on.
#pragma once

namespace heavykeys::tools {

extern const char* const kPageStyle;

}  // namespace heavykeys::tools
