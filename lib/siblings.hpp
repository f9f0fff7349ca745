// What streaming/, parallel/, distributed/, cuda/, the command and the Python package may use of lib/.
#pragma once

/// Before a declaration: visible in the shared library to its siblings, under the version HEAVYKEYS_PRIVATE
/// (cmake/heavykeys.map). Not API: it may change with any release.
#if defined(__GNUC__)
#define HEAVYKEYS_SIBLINGS [[gnu::visibility("default")]]
#else
#define HEAVYKEYS_SIBLINGS
#endif
