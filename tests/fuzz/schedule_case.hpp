// A problem and a schedule from bytes: few small rows, with ties, zeros, subnormals and huge ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engines/engine.hpp"
#include "fuzz/input.hpp"
#include "support/convert.hpp"

namespace fuzz {

/// Rows that are pushed at once, in this order.
struct Push {
  std::uint64_t stream = 0;
  support::Piece piece;
  std::size_t sketch = 0;  ///< which of the partial sketches absorbs it
};

/// How rows are absorbed: it may change no byte.
struct Schedule {
  engines::Engine engine;
  std::string isa;
  std::vector<Push> pushes;
  std::size_t sketches = 1;
  bool stored = false;     ///< partial sketches go through to_bytes and from_bytes
  bool finalized = false;  ///< the universal set is asked for on the way
  support::Layout layout;  ///< of the buffers
};

struct Case {
  heavykeys::Spec spec;
  heavykeys::Score scan_score;
  heavykeys::HeavyOptions what;
  enum class Question { set, entries, causal, scan } question = Question::set;  ///< beside the sketch
  bool causal = false;                                                          ///< the scan
  double tolerance = 1e-10;                                                     ///< likewise
  bool round_trip = false;  ///< the sketch is read back: costs two finalizes, and has a target of its own
  heavykeys::Dtype dtype = heavykeys::Dtype::f64;
  std::vector<support::Matrix> streams;  ///< keys [n, d] of each stream
  support::Matrix queries;               ///< [m, d]
  Schedule schedule;
};

/// Input: 13 bytes of spec and schedule; bytes of pushes; a byte a value. Every input is a case.
Case read_case(Input& input);

}  // namespace fuzz
