// Blocks that no rank has whole.
#pragma once

#include <functional>
#include <optional>

#include "distributed/row_directory.hpp"

namespace heavykeys::distributed {

/// Puts together the blocks that the ranks have whole between them: each goes to its owner, which absorbs it
/// (a run at a time), and is forgotten by the others. Collective. Traffic: the rows of these blocks, once.
void complete_blocks(Communicator& comm, const RowDirectory& directory, const RowsHere& here,
                     const std::function<void(const Rows&)>& absorb);

/// The rows of the blocks that stay open, from all ranks, on all ranks or on `root`. Collective.
/// Traffic: these rows.
detail::Fragments gather_open_blocks(Communicator& comm, const RowDirectory& directory, const RowsHere& here,
                                     std::optional<int> root);

}  // namespace heavykeys::distributed
