// How fast are all heads of a layer absorbed in one call, beside reading their keys and ssyrk of each head?
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
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

struct Options {
  std::size_t heads = 32, tokens = 131'072, dim = 128;
  std::string dtype = "bf16";
  double epsilon = 0.05;
  Engine engine = {"tbb", 2};
  std::string isa, json;
  int repeats = 7;
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("Speed of absorbing all heads in one call, of ssyrk of each, and of reading the same keys");
  app.add_option("--heads", options.heads)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--tokens", options.tokens, "keys of a head")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--dim", options.dim, "d of a head")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--dtype", options.dtype)->check(CLI::IsMember({"f16", "bf16"}))->capture_default_str();
  app.add_option("--epsilon", options.epsilon)->capture_default_str();
  app.add_option("--engine", options.engine.name)
      ->check(CLI::IsMember({"streaming", "tbb", "openmp"}))
      ->capture_default_str();
  app.add_option("--threads", options.engine.threads, "of every contender; with --engine streaming 1")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
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

/// Keys [heads, tokens, d], 16 bits each; every head has 40 planted keys and a seed of its own.
class Heads {
 public:
  explicit Heads(const Options& options)
      : storage_(options.heads * options.tokens * options.dim * sizeof(std::uint16_t)) {
    const std::size_t size = options.tokens * options.dim;
    const Buffer wide(size * sizeof(float));
    const Dtype dtype = dtype_of(options.dtype);
    for (std::size_t h = 0; h < options.heads; ++h) {
      const KeyShape shape = {options.tokens, options.dim, Family::outliers, 40, h + 1};
      make_keys(wide.floats(), shape, options.engine.threads);
      std::uint16_t* const head = storage_.halves() + h * size;
      narrow(wide.floats(), head, size, dtype, options.engine.threads);
      views_.push_back(rows(head, dtype, options.tokens, options.dim));
    }
  }

  const std::vector<Rows>& views() const { return views_; }
  const Buffer& storage() const { return storage_; }

 private:
  Buffer storage_;
  std::vector<Rows> views_;
};

std::vector<Sketch> absorb(const Options& options, const Heads& heads) {
  const Spec spec = {.dim = options.dim,
                     .epsilon = options.epsilon,
                     .grid_bits = default_grid_bits(dtype_of(options.dtype))};
  std::vector<Sketch> sketches(options.heads, Sketch(spec));
  options.engine.absorb(sketches, heads.views());
  return sketches;
}

/// Every head's sketch must have the bytes that one core gives that head alone. Returns the sizes of U.
nlohmann::json check(const Options& options, const Heads& heads) {
  check_small_problem(options.engine, dtype_of(options.dtype));
  const std::vector<Sketch> sketches = absorb(options, heads);
  std::size_t members = 0;
  for (std::size_t h = 0; h < options.heads; ++h) {
    Sketch alone(sketches[h].spec());
    Engine{"streaming"}.absorb(alone, heads.views()[h]);
    if (to_bytes(alone) != to_bytes(sketches[h])) {
      throw std::runtime_error(fmt::format("head {}: in the batch and alone, its bytes differ", h));
    }
    members += finalize(alone).size();
  }
  return {{"bytes_equal_streaming_on_heads", options.heads}, {"keys_in_universal_sets", members}};
}

/// Head after head, by OpenBLAS's own threads; or every thread its own heads, each by a one-thread ssyrk.
void gram_of_each(const Heads& heads, const GramPlan& plan, int threads) {
  const std::vector<Rows>& views = heads.views();
  if (plan.sharing == Sharing::library) {
    for (const Rows& head : views) gram_by_ssyrk(head, plan, threads);
    return;
  }
  const GramPlan alone = {plan.chunk_rows, Sharing::library};
  run_on_threads(threads, [&](int thread) {
    for (auto h = static_cast<std::size_t>(thread); h < views.size();
         h += static_cast<std::size_t>(threads)) {
      gram_by_ssyrk(views[h], alone, 1);
    }
  });
}

void report(const Options& options, const Heads& heads, const std::vector<Measured>& measured,
            nlohmann::json& document) {
  const auto bytes = static_cast<double>(heads.storage().bytes());
  const auto count = static_cast<double>(options.heads * options.tokens);
  for (const Measured& line : measured) document["results"].push_back(throughput(line, count, bytes));
  document["openblas"] = describe_openblas();
  document["heavykeys"] = {{"isa", active_isa()}, {"version", version()}};
  document["case"] = {
      {"heads", options.heads}, {"tokens", options.tokens},     {"dim", options.dim},
      {"dtype", options.dtype}, {"epsilon", options.epsilon},   {"threads", options.engine.threads},
      {"bytes", bytes},         {"engine", options.engine.name}};
  const std::size_t rival = measured[1].stats().median < measured[2].stats().median ? 1 : 2;
  const std::string what =
      fmt::format("{} heads x {} x {} {}", options.heads, options.tokens, options.dim, options.dtype);
  document["closing"].push_back(closing_row("absorb, " + what, measured[3], measured[rival],
                                            {"reading the keys", measured[0].stats().median}));
  document["ratios"] = {{"absorb / bandwidth", to_json(speedup(measured[3], measured[0]))},
                        {"absorb / best ssyrk", to_json(speedup(measured[3], measured[rival]))}};
  print_table(fmt::format("heads: {}, {} threads", what, options.engine.threads), measured, count, bytes,
              {"check: " + document["check"].dump(),
               ratio_line("absorb / best ssyrk", speedup(measured[3], measured[rival])),
               ratio_line("absorb / bandwidth", speedup(measured[3], measured[0])),
               peaks_line(document["peaks"]), other_work_line(document["processors_busy_with_others"])});
  write_json(document, options.json);
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const int threads = options.engine.threads;
  use_right_blas_kernels(threads, argv);
  if (!options.isa.empty()) set_isa(options.isa);
  const Heads heads(options);
  nlohmann::json document = {{"benchmark", "heads"}, {"machine", describe_machine()}};
  document["check"] = check(options, heads);
  document["peaks"] = measure_peaks(threads);

  const Buffer& keys = heads.storage();
  const int pattern = best_read_pattern(keys.data(), keys.bytes(), threads);
  const GramPlan plain =
      best_gram_plan(heads.views()[0], Sharing::library, threads, document["ssyrk_trials"]);
  GramPlan shared = best_gram_plan(heads.views()[0], Sharing::library, 1, document["ssyrk_trials"]);
  shared.sharing = Sharing::caller;
  std::uint64_t sum = 0;
  const auto timed = [&](auto work) { return [work] { return seconds_of(work); }; };
  const OtherWork others;
  const std::vector<Measured> measured = interleave(
      {{fmt::format("read, {}", read_pattern_name(pattern)), options.repeats,
        timed([&] { sum += read_all(keys.data(), keys.bytes(), threads, pattern); })},
       {"ssyrk, its own threads", options.repeats, timed([&] { gram_of_each(heads, plain, threads); })},
       {"ssyrk, heads shared by us", options.repeats, timed([&] { gram_of_each(heads, shared, threads); })},
       {"heavykeys absorb, " + options.engine.name, options.repeats,
        timed([&] { absorb(options, heads); })}});
  document["processors_busy_with_others"] = others.processors();
  document["read_sum"] = sum;
  report(options, heads, measured, document);
  return 0;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  return heavykeys::bench::run_program("heads", heavykeys::bench::run, argc, argv);
}
