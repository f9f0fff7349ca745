#include "bench/distributed_options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace heavykeys::bench {

DistributedOptions parse_distributed_options(int argc, char** argv) {
  DistributedOptions options;
  CLI::App app("Traffic and work of each rank: absorb, allmerge, finalize. To be run by mpirun");
  app.add_option("--rows", options.rows,
                 "keys of all ranks together; several sizes, equal modulo 4,096, are run in turn and their "
                 "traffic compared")
      ->capture_default_str();
  app.add_option("--dim", options.dim)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--epsilon", options.epsilon)->capture_default_str();
  app.add_option("--score", options.score)->capture_default_str();
  app.add_option("--dtype", options.dtype)
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->capture_default_str();
  app.add_option("--planted", options.planted, "long keys, the same for every size")->capture_default_str();
  app.add_option("--merges", options.merges, "times the same sketches are merged; medians are reported")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--most-bytes", options.most_bytes, "the greatest piece handed to MPI")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--check", options.check, "compare the bytes with those of one rank that absorbs everything");
  app.add_flag("--large", options.large,
               "instead: messages of more than 2^31 bytes, and of many pieces, between the first two ranks "
               "(takes 10 GiB)");
  app.add_option("--crowd", options.crowd, "instead, on one rank: the directory of rows of so many ranks");
  app.add_option("--json", options.json, "write the JSON to this file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

}  // namespace heavykeys::bench
