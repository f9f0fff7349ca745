#include "bench/heavy_entries_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

namespace heavykeys::bench {

HeavyEntriesOptions parse_heavy_entries_options(int argc, char** argv) {
  HeavyEntriesOptions options;
  CLI::App app(
      "Time to all heavy entries: heavykeys, FAISS range_search and sgemm with a scan, measured in turn");
  app.add_option("--keys", options.shape.count, "n")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--queries", options.queries, "m")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--dim", options.shape.dim, "d")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--outliers", options.shape.outliers, "planted keys")->capture_default_str();
  app.add_option("--seed", options.shape.seed)->capture_default_str();
  app.add_option("--epsilon", options.epsilon)->capture_default_str();
  app.add_option("--engine", options.engine.name)
      ->check(CLI::IsMember({"streaming", "tbb", "openmp"}))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "of every contender; with --engine streaming 1")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--isa", options.isa,
                 "kernels of heavykeys: portable, avx2, avx512, amx (default: the best here)");
  app.add_option("--repeats", options.repeats)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--faiss-repeats", options.faiss_repeats)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--rival-queries", options.rival_queries,
                 "time the rivals on only this many and scale their search times to m");
  app.add_option("--json", options.json, "write the JSON to this file too");
  app.add_flag("--rivals-only", options.rivals_only, "leave heavykeys out");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  if (options.rival_queries == 0) options.rival_queries = options.queries;
  options.rival_queries = std::min(options.rival_queries, options.queries);
  if (options.engine.name == "streaming") options.threads = 1;
  options.engine.threads = options.threads;
  return options;
}

}  // namespace heavykeys::bench
