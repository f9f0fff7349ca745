// No exception leaves the library: calls run inside guarded(), which turns what they throw into a status and
// a text.
#pragma once

#include "heavykeys/heavykeys.h"

namespace heavykeys::c {

/// The status that stands for the exception being handled; its text becomes that of heavykeys_last_error.
/// To be called inside a catch block. Needs no memory.
heavykeys_status status_of_exception() noexcept;

template <class Call>
heavykeys_status guarded(const Call& call) noexcept {
  try {
    call();
    return HEAVYKEYS_OK;
  } catch (...) {
    return status_of_exception();
  }
}

/// Throws InvalidInput, naming the argument, when it is NULL.
void require(const void* argument, const char* name);

}  // namespace heavykeys::c
