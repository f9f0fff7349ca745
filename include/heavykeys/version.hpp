// Semantic version of the library; the state files have a version of their own (docs/format.md).
#pragma once

namespace heavykeys {
#pragma GCC visibility push(default)

/// "MAJOR.MINOR.PATCH".
const char* version();

#pragma GCC visibility pop

}  // namespace heavykeys
