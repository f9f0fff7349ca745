#include "bench/absorb_options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace heavykeys::bench {

std::size_t element_bytes(const AbsorbOptions& options) { return options.dtype == "f32" ? 4 : 2; }

AbsorbOptions parse_absorb_options(int argc, char** argv) {
  AbsorbOptions options;
  CLI::App app("Speed of absorb, of ssyrk and of reading the same keys, measured in turn");
  app.add_option("--dim", options.dim, "columns d of the keys")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--rows", options.rows, "keys (default: as many as make 1 GiB)");
  app.add_option("--dtype", options.dtype)
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->capture_default_str();
  app.add_option("--family", options.family)
      ->check(CLI::IsMember({"gaussian", "anisotropic", "outliers"}))
      ->capture_default_str();
  app.add_option("--outliers", options.outliers, "planted keys of --family outliers")->capture_default_str();
  app.add_option("--epsilon", options.epsilon)->capture_default_str();
  app.add_option("--engine", options.engine)
      ->check(CLI::IsMember({"streaming", "tbb", "openmp"}))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "of every contender; with --engine streaming 1")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--isa", options.isa,
                 "kernels of heavykeys: portable, avx2, avx512, amx (default: the best here)");
  app.add_option("--repeats", options.repeats)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--json", options.json, "write the JSON to this file too");
  app.add_flag("--rivals-only", options.rivals_only, "leave heavykeys out");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  if (options.engine == "streaming") options.threads = 1;
  if (options.rows == 0) options.rows = (std::size_t{1} << 30) / (options.dim * element_bytes(options));
  return options;
}

}  // namespace heavykeys::bench
