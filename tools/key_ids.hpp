// Sets of keys that an earlier run found: universal_set.npy and the like.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys::tools {

/// The file of head `head`: `name` itself, or universal_set.npy of the folder that a find wrote.
/// Throws InvalidInput for one file for several heads.
std::string key_id_file(const std::string& name, bool has_heads, std::size_t heads, std::size_t head);

/// Row ids from an .npy of int64 [count]. Throws InvalidInput when it is no such file, or an id is not below
/// `row_count`, naming it and where it stands.
std::vector<KeyId> read_key_ids(const std::string& file, std::uint64_t row_count);

}  // namespace heavykeys::tools
