// What all ranks must agree on before anything changes.
#pragma once

#include <string>

#include "heavykeys/communicator.hpp"

namespace heavykeys::distributed {

/// Throws Incompatible on every rank, naming the first rank that says something else than rank 0 and both
/// texts, unless all ranks say the same. `what` tells what the texts are. Traffic: two words when they agree.
void agree(Communicator& comm, const std::string& what, const std::string& mine);

}  // namespace heavykeys::distributed
