#include "heavykeys/version.hpp"

#include "heavykeys/heavykeys.h"

const char* heavykeys_version(void) { return heavykeys::version(); }

int32_t heavykeys_c_revision(void) { return HEAVYKEYS_C_REVISION; }
