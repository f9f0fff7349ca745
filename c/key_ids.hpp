// Ids as C reads them: KeyId and heavykeys_key_id have one layout, so arrays are lent and not copied.
#pragma once

#include <cstddef>

#include "heavykeys/heavykeys.h"
#include "heavykeys/rows.hpp"

namespace heavykeys::c {

static_assert(sizeof(KeyId) == 16 && sizeof(heavykeys_key_id) == 16 && alignof(KeyId) == 8);
static_assert(offsetof(KeyId, stream) == offsetof(heavykeys_key_id, stream));
static_assert(offsetof(KeyId, row) == offsetof(heavykeys_key_id, row));

inline const heavykeys_key_id* lent(const KeyId* ids) {
  return reinterpret_cast<const heavykeys_key_id*>(ids);
}

}  // namespace heavykeys::c
