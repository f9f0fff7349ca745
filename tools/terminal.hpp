// The standard streams of the command, and what may be shown on them.
#pragma once

#include <string>
#include <string_view>

namespace heavykeys::tools {

/// Opens /dev/null for each of descriptors 0, 1, 2 that is closed: a key or result file must not get the
/// number of a standard stream and then be written to as one.
void keep_standard_descriptors_open();

/// Writes all of it. A reader that has gone away (head, less) is no error.
/// Throws BackendError with the system's reason for anything else.
void write_stdout(std::string_view text);

/// Writes what can be written; there is nowhere left to complain.
void write_stderr(std::string_view text);

bool stdout_is_terminal();
bool stderr_is_terminal();

/// True where stdout is a terminal and NO_COLOR is unset or empty (https://no-color.org).
bool stdout_has_colour();

/// True where the locale in the environment is a UTF-8 one.
bool locale_is_utf8();

/// The text with every control character replaced, so that it stays on its line and cannot steer a terminal.
std::string printable(std::string_view text);

}  // namespace heavykeys::tools
