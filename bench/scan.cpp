// How long from keys and queries to the heavy entries of softmax, beside blocks of sgemm or dgemm with exp?
//
// The rivals keep running sums as FlashAttention does, and list what reaches epsilon; their weights come
// without bounds. Work is the same for all: m n d multiplications and m n exponentials.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "bench/blas.hpp"
#include "bench/engine.hpp"
#include "bench/machine.hpp"
#include "bench/report.hpp"
#include "bench/rivals_of_scan.hpp"
#include "bench/timing.hpp"
#include "bench/workload.hpp"
#include "heavykeys/heavykeys.hpp"

namespace heavykeys::bench {
namespace {

struct Options {
  KeyShape shape = {.count = 200'000, .dim = 64, .family = Family::gaussian};
  std::size_t queries = 1024;
  double epsilon = 0.01;
  double tolerance = 0.01;
  double sharpness = 4.0;  ///< standard deviation of the logits of a gaussian key
  Engine engine = {"tbb", 2};
  std::string isa, json;
  int repeats = 7;
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("Time to the heavy entries of softmax: heavykeys scan, sgemm and dgemm, measured in turn");
  app.add_option("--keys", options.shape.count, "n")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--queries", options.queries, "m")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--dim", options.shape.dim, "d")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--seed", options.shape.seed)->capture_default_str();
  app.add_option("--epsilon", options.epsilon)->capture_default_str();
  app.add_option("--tolerance", options.tolerance, "of the scan that may look at integers first")
      ->capture_default_str();
  app.add_option("--sharpness", options.sharpness, "spread of the logits")->capture_default_str();
  app.add_option("--engine", options.engine.name)
      ->check(CLI::IsMember({"streaming", "tbb", "openmp"}))
      ->capture_default_str();
  app.add_option("--threads", options.engine.threads)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--isa", options.isa, "kernels of heavykeys (default: the best here)");
  app.add_option("--repeats", options.repeats)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--json", options.json, "write the JSON to this file too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  if (options.engine.name == "streaming") options.engine.threads = 1;
  return options;
}

HeavyEntries scan_ours(const Options& options, const SoftmaxSearch& search, double tolerance) {
  Scan scan(Score::softmax(search.scale), search.epsilon, rows(search.queries, search.m, search.dim),
            {.key_count = search.n, .tolerance = tolerance});
  options.engine.absorb(scan, rows(search.keys, search.n, search.dim));
  return scan.finish();
}

// The pairs of one that the other has not must be within `tolerance` of epsilon. Returns how many such.
std::size_t near_ties(const SoftmaxEntries& a, const SoftmaxEntries& b, double epsilon, double tolerance,
                      const std::string& who) {
  std::size_t ties = 0;
  for (std::size_t i = 0; i < a.pairs.size(); ++i) {
    if (std::binary_search(b.pairs.begin(), b.pairs.end(), a.pairs[i])) continue;
    if (std::fabs(a.weights[i] / epsilon - 1.0) > tolerance)
      throw std::runtime_error(who + ": pair " + std::to_string(a.pairs[i]) + " of weight " +
                               std::to_string(a.weights[i]) + " is in one answer only");
    ++ties;
  }
  return ties;
}

nlohmann::json check(const Options& options, const SoftmaxSearch& search) {
  const HeavyEntries entries = scan_ours(options, search, 1e-10);
  const SoftmaxEntries ours = {pairs_of(entries, search.n), entries.weights};
  nlohmann::json checked = {{"pairs_heavykeys", ours.pairs.size()}};
  const auto compare = [&](const SoftmaxEntries& rival, double tolerance, const std::string& who) {
    checked["near_ties_" + who] = near_ties(ours, rival, search.epsilon, tolerance, who) +
                                  near_ties(rival, ours, search.epsilon, tolerance, who);
  };
  compare(softmax_by_sgemm(search), 1e-3, "sgemm");
  compare(softmax_by_dgemm(search), 1e-9, "dgemm");
  return checked;
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  use_right_blas_kernels(options.engine.threads, argv);
  if (!options.isa.empty()) set_isa(options.isa);
  const KeyShape& shape = options.shape;
  const Buffer storage(shape.count * shape.dim * sizeof(float));
  make_keys(storage.floats(), shape, options.engine.threads);
  KeyShape other = shape;
  other.seed += 1000;
  other.count = options.queries;
  std::vector<float> queries(options.queries * shape.dim);
  make_keys(queries.data(), other, options.engine.threads);
  const SoftmaxSearch search = {
      storage.floats(), shape.count,
      queries.data(),   options.queries,
      shape.dim,        options.sharpness / std::sqrt(static_cast<double>(shape.dim)),
      options.epsilon,  options.engine.threads};

  nlohmann::json document = {{"benchmark", "scan"}, {"machine", describe_machine()}};
  document["check"] = check(options, search);
  const OtherWork others;
  const std::vector<Measured> measured =
      interleave({{"sgemm + expf, float32", options.repeats,
                   [&] { return seconds_of([&] { softmax_by_sgemm(search); }); }},
                  {"dgemm + exp, float64", options.repeats,
                   [&] { return seconds_of([&] { softmax_by_dgemm(search); }); }},
                  {"heavykeys scan to 1e-10, " + options.engine.name, options.repeats,
                   [&] { return seconds_of([&] { scan_ours(options, search, 1e-10); }); }},
                  {"heavykeys scan to a tolerance, " + options.engine.name, options.repeats,
                   [&] { return seconds_of([&] { scan_ours(options, search, options.tolerance); }); }}});
  document["processors_busy_with_others"] = others.processors();
  document["openblas"] = describe_openblas();
  document["heavykeys"] = {{"isa", active_isa()}, {"version", version()}};
  document["case"] = {{"keys", shape.count},
                      {"queries", options.queries},
                      {"dim", shape.dim},
                      {"epsilon", options.epsilon},
                      {"sharpness", options.sharpness},
                      {"seed", shape.seed},
                      {"threads", options.engine.threads},
                      {"engine", options.engine.name},
                      {"repeats", options.repeats}};
  for (const Measured& line : measured) document["results"].push_back(throughput(line, 0, 0));
  std::vector<std::string> notes = {"check: " + document["check"].dump(),
                                    "OpenBLAS " + document["openblas"]["corename"].get<std::string>(),
                                    other_work_line(document["processors_busy_with_others"])};
  for (const std::size_t rival : {std::size_t{0}, std::size_t{1}}) {
    const Stats ratio = speedup(measured[2], measured[rival]);
    document["ratios"]["heavykeys / " + measured[rival].name] = to_json(ratio);
    notes.push_back(ratio_line("heavykeys / " + measured[rival].name, ratio));
  }
  print_table("scan, softmax: " + std::to_string(options.queries) + " queries, " +
                  std::to_string(shape.count) + " x " + std::to_string(shape.dim) + " keys, epsilon " +
                  std::to_string(options.epsilon) + ", " + std::to_string(options.engine.threads) +
                  " threads",
              measured, 0, 0, notes);
  write_json(document, options.json);
  return 0;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  return heavykeys::bench::run_program("scan", heavykeys::bench::run, argc, argv);
}
