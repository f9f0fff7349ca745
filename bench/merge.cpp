// How long does it take to merge two sketches, beside copying their bytes?
//
// The rival does what a merge of float64 Gram matrices would: d^2 adds. It is inexact, knows no candidates,
// and is given nothing to complete; the limit is a copy of all that both sketches hold.
#include <cblas.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "bench/blas.hpp"
#include "bench/engine.hpp"
#include "bench/machine.hpp"
#include "bench/peaks.hpp"
#include "bench/report.hpp"
#include "bench/timing.hpp"
#include "bench/workload.hpp"
#include "heavykeys/heavykeys.hpp"

namespace heavykeys::bench {
namespace {

struct Case {
  const char* name;
  std::size_t dim;
  bool between_blocks;
};

// Cut inside a block, the merge completes that block: 4,096 rows into a Gram matrix.
const Case cases[] = {{"d = 64, cut between blocks", 64, true},
                      {"d = 64, cut inside a block", 64, false},
                      {"d = 128, cut between blocks", 128, true},
                      {"d = 128, cut inside a block", 128, false}};

constexpr int calls = 10;  // in one measurement

struct Options {
  std::size_t rows = 1'000'000;
  double epsilon = 0.05;
  int repeats = 9;
  std::string isa, json;
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("Time to merge the sketches of two halves of the keys; one thread");
  app.add_option("--rows", options.rows, "keys of both together")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--epsilon", options.epsilon)->capture_default_str();
  app.add_option("--isa", options.isa, "kernels of heavykeys (default: the best here)");
  app.add_option("--repeats", options.repeats)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--json", options.json, "write the JSON to this file too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

Sketch sketch_of(const Options& options, const Rows& keys) {
  Sketch sketch({.dim = keys.dim, .epsilon = options.epsilon});
  Engine{"streaming"}.absorb(sketch, keys);
  return sketch;
}

struct Halves {
  Sketch first, second;
};

Halves halves_of(const Options& options, const Case& what, const Rows& keys) {
  const std::size_t cut = keys.count / 2 / 4096 * 4096 + (what.between_blocks ? 0 : 2048);
  Halves halves = {sketch_of(options, keys.slice(0, cut)),
                   sketch_of(options, keys.slice(cut, keys.count - cut))};
  Sketch merged = halves.first;
  merge(merged, halves.second);
  if (to_bytes(merged) != to_bytes(sketch_of(options, keys))) {
    throw std::runtime_error("merged halves and the whole give different bytes");
  }
  return halves;
}

/// Seconds of one merge, the mean of `calls`; the copies that they change are not in them.
double merge_seconds(const Halves& halves) {
  std::vector<Sketch> into(calls + 1, halves.first);
  std::size_t next = 0;
  return seconds_each(calls, [&] { merge(into[next++], halves.second); });
}

void measure(const Options& options, const Case& what, nlohmann::json& document) {
  const KeyShape shape = {.count = options.rows, .dim = what.dim, .family = Family::outliers};
  const Buffer storage(shape.count * shape.dim * sizeof(float));
  make_keys(storage.floats(), shape, 1);
  const Halves halves = halves_of(options, what, rows(storage.floats(), shape.count, shape.dim));

  const std::size_t bytes = halves.first.memory_bytes() + halves.second.memory_bytes();
  const Buffer from(bytes), to(bytes);
  std::vector<double> gram(what.dim * what.dim, 1.0), sum(what.dim * what.dim, 1.0);
  const std::vector<Measured> measured =
      interleave({{"copy of both sketches' bytes", options.repeats,
                   [&] { return seconds_each(calls, [&] { std::memcpy(to.data(), from.data(), bytes); }); }},
                  {"sum of two float64 Gram matrices", options.repeats,
                   [&] {
                     return seconds_of([&] {
                       cblas_daxpy(static_cast<blasint>(sum.size()), 1.0, gram.data(), 1, sum.data(), 1);
                     });
                   }},
                  {"heavykeys merge", options.repeats, [&] { return merge_seconds(halves); }}});
  nlohmann::json result = {{"case", what.name},
                           {"rows", shape.count},
                           {"dim", what.dim},
                           {"bytes", bytes},
                           {"candidates", halves.first.candidate_count() + halves.second.candidate_count()}};
  for (const Measured& line : measured) {
    result["results"].push_back(
        throughput(line, 0, line.name == measured[0].name ? static_cast<double>(bytes) : 0));
  }
  document["cases"].push_back(result);
  document["closing"].push_back(closing_row(fmt::format("merge, {}", what.name), measured[2], measured[1],
                                            {"copy of both sketches' bytes", measured[0].stats().median}));
  print_table(fmt::format("merge: {}, {} bytes, 1 thread", what.name, bytes), measured, 0, 0,
              {"check: merged halves have the bytes of the whole",
               ratio_line("merge / copy", speedup(measured[2], measured[0])),
               ratio_line("merge / sum of Gram matrices", speedup(measured[2], measured[1]))});
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  use_right_blas_kernels(1, argv);
  if (!options.isa.empty()) set_isa(options.isa);
  nlohmann::json document = {{"benchmark", "merge"},
                             {"machine", describe_machine()},
                             {"openblas", describe_openblas()},
                             {"heavykeys", {{"isa", active_isa()}, {"version", version()}}},
                             {"epsilon", options.epsilon},
                             {"peaks", measure_peaks(1)}};
  const OtherWork others;
  for (const Case& what : cases) measure(options, what, document);
  document["processors_busy_with_others"] = others.processors();
  std::fprintf(stderr, "  %s\n  %s\n", peaks_line(document["peaks"]).c_str(),
               other_work_line(document["processors_busy_with_others"]).c_str());
  write_json(document, options.json);
  return 0;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  return heavykeys::bench::run_program("merge", heavykeys::bench::run, argc, argv);
}
