// Semantic version of the library; the state files have a version of their own (docs/format.md).
#pragma once

namespace heavykeys {

/// "MAJOR.MINOR.PATCH".
const char* version();

}  // namespace heavykeys
