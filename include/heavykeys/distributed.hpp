// The same verbs over many machines: every rank absorbs rows of its own, then all of them merge.
#pragma once

#include <concepts>
#include <cstdint>

#include "heavykeys/communicator.hpp"
#include "heavykeys/covariance.hpp"
#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/rows.hpp"
#include "heavykeys/scan.hpp"
#include "heavykeys/sketch.hpp"
#include "heavykeys/universal_set.hpp"
#include "heavykeys/verification.hpp"

/// Every function here is collective: all ranks of the communicator call it, in the same order.
///
/// Ranks absorb with streaming:: or parallel::, any rows, each row on one rank: how they are split decides
/// nothing. Blocks that are open on several ranks are put together on the way. Nothing depends on which rank
/// has what, on the number of ranks, or on the order in which messages arrive.
namespace heavykeys::distributed {
#pragma GCC visibility push(default)

/// Something to run: refers to a callable that outlives the call, so that making one takes no memory.
class Step {
 public:
  /// Of a callable that takes nothing.
  template <std::invocable F>
  Step(const F& f) : f_(&f), call_([](const void* g) { (*static_cast<const F*>(g))(); }) {}
  /// Runs it.
  void operator()() const { call_(f_); }

 private:
  const void* f_;
  void (*call_)(const void*);
};

/// Runs `step` on every rank. When it throws on any of them, all ranks throw the error of the lowest such
/// rank, with "rank R: " before its text; so no rank is left waiting for one that has failed. Of errors that
/// are not heavykeys', std::bad_alloc stays what it is, and others become BackendError.
/// Traffic: one word a rank when all goes well.
void collectively(Communicator& comm, Step step);

/// Merges the sketches of all ranks; every rank then holds the merged one, as if it had absorbed all rows
/// itself: the same bytes as from one machine.
///
/// Traffic, in words of 8 bytes a rank: w D (D + 1) / 2 for the Gram matrix (w: 2 to 3 words an integer, more
/// for keys of wide range; D: coordinates of the lift, d where there is none), |U| (d + 2) for the candidates
/// that are heavy in the whole, sample_rows (d + 2) where the score needs a sample, block_rows d for each
/// block that stays open or that this rank shares with another, and a few words for each rank and each run of
/// rows; nothing in n (docs/distributed.md). Time: O(layers (D^3 + |C| D^2)) on each rank, |C| its own
/// candidates; with P ranks O(P log P) for their directory.
///
/// Throws on all ranks alike, no sketch changed: Incompatible when Specs differ (both are in the text, and
/// the ranks) or when a row is on two ranks. When memory runs out on one rank, all throw std::bad_alloc,
/// unless it runs out inside the communicator.
void allmerge(Communicator& comm, Sketch& sketch);

/// The same, onto `root` alone: the sketches of the others stay as they are. Spares them the candidates.
void merge(Communicator& comm, Sketch& sketch, int root);

/// The merged sketch of the ranks before this one, without its own: empty on rank 0. What a causal pass over
/// rows that are split in order by rank starts from.
/// Traffic: log2(size) sketches a rank. Throws as allmerge.
Sketch prefix(Communicator& comm, const Sketch& sketch);

/// Merges scans of the same queries, each over keys of its own; every rank then holds the merged one:
/// finish() has the bytes of one machine. Traffic: 18 words for each of the m queries' two sums, rows as for
/// a sketch, and 4 words for each entry that is heavy in the whole, O(m / epsilon); nothing in n. Throws on
/// all ranks alike, no scan changed: Incompatible when scores, epsilons, options or the values of queries
/// differ, or a row is on two ranks; InvalidInput when entries were taken already. When memory runs out on
/// one rank, all throw std::bad_alloc, and the scans are of no more use.
void allmerge(Communicator& comm, Scan& scan);

/// Merges second passes, each over keys of its own. As for scans.
void allmerge(Communicator& comm, Verification& pass);

/// Merges covariances, each of samples of its own; every rank then holds the merged one: the bytes of one
/// machine. Traffic: the state, 2 words for each sum. Throws on all ranks alike, no covariance changed:
/// Incompatible when specs differ, or when there are more than 2^30 samples together. When memory
/// runs out on one rank, all throw std::bad_alloc.
void allmerge(Communicator& comm, Covariance& covariance);

/// The share of `all` that is this rank's when its rows are dealt out evenly, in order, cut at row ids that
/// are multiples of `multiple`, at least 1. Keys are best cut at multiples of Spec::block_rows: a block that
/// lies on two ranks has to travel.
Rows share(const Communicator& comm, const Rows& all, std::uint64_t multiple = 1);

/// Entries of consecutive queries, put together by rank: what each rank found for its share of the queries
/// becomes, on every rank, what one rank would have found for all of them. Traffic: the entries.
HeavyEntries concatenate(Communicator& comm, const HeavyEntries& mine);

/// heavykeys::heavy_entries with the queries shared out over the ranks; every rank holds the same set and
/// the same queries, and gets all entries. With threads inside each rank:
/// `concatenate(comm, parallel::heavy_entries(set, share(comm, queries)))`.
HeavyEntries heavy_entries(Communicator& comm, const UniversalSet& set, const Rows& queries,
                           const HeavyOptions& options = {});

#pragma GCC visibility pop

}  // namespace heavykeys::distributed
