// How long from keys and queries to the heavy entries of softmax, beside blocks of sgemm or dgemm with exp?
//
// The rivals keep running sums as FlashAttention does, and list what reaches epsilon; their weights come
// without bounds. Work is the same for all: m n d multiplications and m n exponentials. We scan to 1e-10, to
// a tolerance, and to a tolerance with what that leaves open decided to 1e-10.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "bench/blas.hpp"
#include "bench/engine.hpp"
#include "bench/machine.hpp"
#include "bench/report.hpp"
#include "bench/rivals_of_scan.hpp"
#include "bench/scan_check.hpp"
#include "bench/timing.hpp"
#include "bench/workload.hpp"
#include "heavykeys/heavykeys.hpp"

namespace heavykeys::bench {
namespace {

ScanBench parse(int argc, char** argv) {
  ScanBench options;
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

// Beside sgemm, and at the machine's limit for a product a pair and coordinate: bench_limits knows the rates.
nlohmann::json closing_rows(const ScanBench& options, const std::vector<Measured>& measured) {
  const std::vector<std::pair<std::size_t, std::string>> ours = {{2, "float64"}, {3, "int16"}, {4, "int16"}};
  const auto count = static_cast<double>(options.shape.count * options.queries * options.shape.dim);
  nlohmann::json rows;
  for (const auto& [line, kind] : ours) {
    nlohmann::json row = closing_row(fmt::format("{}, {} queries, {} x {}", measured[line].name.substr(10),
                                                 options.queries, options.shape.count, options.shape.dim),
                                     measured[line], measured[0], {"multiply-adds", 0.0});
    for (const char* unknown : {"limit", "limit_seconds", "of_limit"}) row.erase(unknown);
    row["limit_multiply_adds"] = {{"kind", kind}, {"threads", options.engine.threads}, {"count", count}};
    rows.push_back(row);
  }
  return rows;
}

int run(int argc, char** argv) {
  const ScanBench options = parse(argc, argv);
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
  document["check"] = check_scans(options, search);
  const OtherWork others;
  const std::vector<Measured> measured =
      interleave({{"sgemm + expf, float32", options.repeats,
                   [&] { return seconds_of([&] { softmax_by_sgemm(search); }); }},
                  {"dgemm + exp, float64", options.repeats,
                   [&] { return seconds_of([&] { softmax_by_dgemm(search); }); }},
                  {"heavykeys scan to 1e-10, " + options.engine.name, options.repeats,
                   [&] { return seconds_of([&] { scan_ours(options, search, 1e-10); }); }},
                  {"heavykeys scan to a tolerance, " + options.engine.name, options.repeats,
                   [&] { return seconds_of([&] { scan_ours(options, search, options.tolerance); }); }},
                  {"heavykeys scan to a tolerance, decided, " + options.engine.name, options.repeats,
                   [&] { return seconds_of([&] { scan_decided(options, search); }); }}});
  document["processors_busy_with_others"] = others.processors();
  document["openblas"] = describe_openblas();
  document["heavykeys"] = {{"isa", active_isa()}, {"version", version()}};
  document["case"] = {
      {"keys", shape.count},        {"queries", options.queries},        {"dim", shape.dim},
      {"epsilon", options.epsilon}, {"tolerance", options.tolerance},    {"sharpness", options.sharpness},
      {"seed", shape.seed},         {"threads", options.engine.threads}, {"engine", options.engine.name},
      {"repeats", options.repeats}};
  for (const Measured& line : measured) document["results"].push_back(throughput(line, 0, 0));
  std::vector<std::string> notes = {"check: " + document["check"].dump(),
                                    "OpenBLAS " + document["openblas"]["corename"].get<std::string>(),
                                    other_work_line(document["processors_busy_with_others"])};
  for (const std::size_t ours : {2, 3, 4}) {
    for (const std::size_t rival : {0, 1}) {
      const Stats ratio = speedup(measured[ours], measured[rival]);
      const std::string name = measured[ours].name + " / " + measured[rival].name;
      document["ratios"][name] = to_json(ratio);
      notes.push_back(ratio_line(name, ratio));
    }
  }
  document["closing"] = closing_rows(options, measured);
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
