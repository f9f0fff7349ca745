// The command line as values: one struct for each verb.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "heavykeys/sparse_pattern.hpp"
#include "heavykeys/spec.hpp"

namespace heavykeys::tools {

struct EngineOptions {
  std::string name = "auto";
  std::optional<int> threads;
};

struct ReportOptions {
  std::string out;     ///< folder; empty: none
  std::string page;    ///< file for the HTML page; empty: none
  std::string tokens;  ///< file, line i names row i; empty: none
  std::size_t top = 10;
  bool json = false;
  bool quiet = false;
};

/// Which entries to list, and how to bound their weights, where the score has no closed form.
struct EntryOptions {
  std::string mode = "no-false-negatives";
  std::optional<double> confidence;  ///< none: certified bounds
};

struct FindOptions {
  std::string keys;
  std::string queries;
  double epsilon = 0.0;
  std::string score = "power:2";
  std::size_t sample_rows = Spec().sample_rows;
  std::uint64_t seed = 0;
  bool causal = false;
  EntryOptions entries;
  bool verify = false;
  EngineOptions engine;
  ReportOptions report;
};

struct ScanVerbOptions {
  std::string keys;
  std::string queries;
  double epsilon = 0.0;
  std::string score;
  std::string audit;  ///< file of key ids, or folder of a find; empty: none
  bool causal = false;
  std::string mode = "no-false-negatives";
  double tolerance = 1e-10;
  EngineOptions engine;
  ReportOptions report;
};

struct SketchOptions {
  std::string keys;
  // With --resume these are the state's, and may be left out.
  std::optional<double> epsilon;
  std::optional<std::string> score;  ///< none: power:2
  std::optional<std::size_t> sample_rows;
  std::optional<std::uint64_t> seed;
  std::string out;
  std::string resume;
  std::string rows;  ///< "A:B", half-open
  std::uint64_t first_row = 0;
  std::uint64_t stream = 0;
  std::optional<std::size_t> head;
  std::string checkpoint;                                  ///< folder; empty: none
  std::uint64_t checkpoint_rows = std::uint64_t{1} << 24;  ///< of each rank
  EngineOptions engine;
  bool quiet = false;
};

struct MergeOptions {
  std::vector<std::string> inputs;
  std::string out;
};

struct FinalizeOptions {
  std::string sketch;
  std::string queries;
  EntryOptions entries;
  EngineOptions engine;
  ReportOptions report;
};

struct ShowOptions {
  std::string sketch;
  bool json = false;
};

struct EigenOptions {
  std::string queries, keys;  ///< or
  std::string scores;         ///< score matrices as they are
  std::optional<std::size_t> window;
  std::string of = "rows";  ///< or matrices
  std::string normalisation = "none";
  bool causal = false;
  std::optional<double> scale;
  bool each_head = false;
  std::optional<std::size_t> components;
  std::optional<std::size_t> sketch_columns;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> from;  ///< covariances to go on from
  std::string save;               ///< file for the covariance; empty: none
  std::string out;
  bool json = false;
  bool quiet = false;
  EngineOptions engine;
};

struct OverlapOptions {
  std::string a, b;  ///< folders that heavykeys eigen wrote
  std::optional<std::size_t> components;
  bool json = false;
};

struct ReconstructOptions {
  std::string folder;  ///< that heavykeys eigen wrote
  std::vector<std::size_t> computed;
  std::string choice = "pivoted";
  std::string estimator = "lmmse";
  std::size_t components = 0;
  std::optional<double> ridge;
  std::uint64_t seed = 0;
  EigenOptions samples;  ///< to measure on: queries, keys, scores, window, scale
  std::string out;       ///< file; empty: none
  bool json = false;
};

struct PlantVerbOptions {
  std::string pattern;                ///< .npy [L, L'], or a folder of CSR arrays; empty: a random one
  std::optional<std::size_t> random;  ///< L of the random one
  // Of the random pattern; limits of a given one.
  std::optional<std::size_t> nonzeros;
  std::optional<double> ratio;
  PlantOptions plant;
  std::string construction = "interpolating";
  std::string dtype = "float64";
  bool smallest_dim = false;
  std::size_t trials = 3;
  std::string out;
  bool json = false;
  bool quiet = false;
  EngineOptions engine;
};

struct EnginesOptions {
  bool json = false;
};

using Options =
    std::variant<FindOptions, ScanVerbOptions, SketchOptions, MergeOptions, FinalizeOptions, ShowOptions,
                 EigenOptions, OverlapOptions, ReconstructOptions, PlantVerbOptions, EnginesOptions>;

/// Declares the verbs on `app`. After parsing, `options` holds those of the verb that was given.
void declare_verbs(CLI::App& app, Options& options);

}  // namespace heavykeys::tools
