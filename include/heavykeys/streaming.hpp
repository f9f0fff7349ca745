// The single pass on one core, and checkpoints of it.
#pragma once

#include <filesystem>
#include <vector>

#include "heavykeys/covariance.hpp"
#include "heavykeys/rows.hpp"
#include "heavykeys/sketch.hpp"

namespace heavykeys::streaming {
#pragma GCC visibility push(default)

/// Adds rows to the sketch; any number at a time, any order of ids, each id once.
/// Cost: O(d^2) multiply-adds and one read per row.
/// Throws InvalidInput (NaN/Inf: row and column are named; other dim; ids past 2^62) or Incompatible
/// (a row was absorbed before); the sketch is then exactly as it was before the call.
void absorb(Sketch& sketch, const Rows& rows);

/// Adds samples to the covariance: row r of the view is one, ids do not matter. Cost: O(p^2) multiply-adds
/// for each sample of p elements, with a sketch of r columns O(p r), four exact products each. Throws
/// InvalidInput (NaN/Inf: row and column are named; another number of elements; more than 2^30 samples);
/// nothing has been added then.
void absorb(Covariance& covariance, const Rows& samples);

/// Writes to_bytes(sketch) to `path`: a temporary file beside it, synced, renamed over it, the folder synced.
/// A process killed at any moment, or a power cut, leaves at `path` the older file or the new one, whole; at
/// worst `path`.tmp-PID-N lies beside it, which nothing reads. To checkpoint a long stream, call it now and
/// then, and start with load and sketch.next_row() (docs/guide.md). Throws BackendError with the system's
/// reason; at `path` is then the older file, or the new one where only its folder could not be synced.
void save(const Sketch& sketch, const std::filesystem::path& path);

/// Reads a file written by save. Throws BackendError when it cannot be read, Corrupt when it is not intact.
/// `custom` as for from_bytes.
Sketch load(const std::filesystem::path& path, const std::vector<Score>& custom = {});

/// The same for covariances.
void save(const Covariance& covariance, const std::filesystem::path& path);
/// Likewise.
Covariance load_covariance(const std::filesystem::path& path);

#pragma GCC visibility pop

}  // namespace heavykeys::streaming
