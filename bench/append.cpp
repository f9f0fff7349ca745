// What does a decoder pay a token? One sketch a head, one row a head in turn.
//
// Beside it what keeping a key costs at least, a copy of the row, and the rank-one update of a float32 Gram
// matrix (OpenBLAS ssyr), which is what a decoder without blocks would do, inexactly and without pruning.
#include <cblas.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "bench/blas.hpp"
#include "bench/machine.hpp"
#include "bench/peaks.hpp"
#include "bench/report.hpp"
#include "bench/timing.hpp"
#include "bench/workload.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"

namespace heavykeys::bench {
namespace {

struct Options {
  std::size_t heads = 256, tokens = 4352, dim = 128;  ///< tokens: one block of 4,096, and some of the next
  double epsilon = 0.05;
  std::string isa, json;
  int repeats = 5;
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("Time to append one token to the sketch of every head, one thread");
  app.add_option("--heads", options.heads)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--tokens", options.tokens)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--dim", options.dim, "d of a head")->check(CLI::PositiveNumber)->capture_default_str();
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

/// Keys [tokens, heads, d], as a decoder yields them.
class Tokens {
 public:
  explicit Tokens(const Options& options)
      : options_(options), storage_(options.tokens * options.heads * options.dim * sizeof(float)) {
    make_keys(storage_.floats(), {.count = options.tokens * options.heads, .dim = options.dim}, 1);
  }

  const float* row(std::size_t token, std::size_t head) const {
    return storage_.floats() + (token * options_.heads + head) * options_.dim;
  }
  Rows one(std::size_t token, std::size_t head) const { return view(token, head, 1); }
  Rows all(std::size_t head) const { return view(0, head, options_.tokens); }

  template <class Work>
  void in_turn(Work&& work) const {
    for (std::size_t t = 0; t < options_.tokens; ++t) {
      for (std::size_t h = 0; h < options_.heads; ++h) work(t, h);
    }
  }

 private:
  Rows view(std::size_t token, std::size_t head, std::size_t count) const {
    return {.data = row(token, head),
            .count = count,
            .dim = options_.dim,
            .row_stride = static_cast<std::ptrdiff_t>(options_.heads * options_.dim),
            .first_id = token};
  }

  Options options_;
  Buffer storage_;
};

std::vector<Sketch> append(const Options& options, const Tokens& keys) {
  std::vector<Sketch> sketches(options.heads, Sketch({.dim = options.dim, .epsilon = options.epsilon}));
  keys.in_turn([&](std::size_t t, std::size_t h) { streaming::absorb(sketches[h], keys.one(t, h)); });
  return sketches;
}

/// Every head's sketch must have the bytes of the one that took all its keys at once.
void check(const Options& options, const Tokens& keys) {
  const std::vector<Sketch> sketches = append(options, keys);
  for (std::size_t h = 0; h < options.heads; ++h) {
    Sketch whole({.dim = options.dim, .epsilon = options.epsilon});
    streaming::absorb(whole, keys.all(h));
    if (to_bytes(whole) != to_bytes(sketches[h])) {
      throw std::runtime_error("head " + std::to_string(h) + ": appended and absorbed sketches differ");
    }
  }
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  use_right_blas_kernels(1, argv);
  if (!options.isa.empty()) set_isa(options.isa);
  const Tokens keys(options);
  check(options, keys);

  const std::size_t d = options.dim;
  const Buffer cache(options.tokens * options.heads * d * sizeof(float));
  const auto copy = [&] {
    keys.in_turn([&](std::size_t t, std::size_t h) {
      std::memcpy(cache.floats() + (h * options.tokens + t) * d, keys.row(t, h), d * sizeof(float));
    });
  };
  const auto update = [&] {
    std::vector<float> grams(options.heads * d * d);
    keys.in_turn([&](std::size_t t, std::size_t h) {
      cblas_ssyr(CblasRowMajor, CblasUpper, static_cast<int>(d), 1.0f, keys.row(t, h), 1,
                 grams.data() + h * d * d, static_cast<int>(d));
    });
  };
  const auto timed = [&](auto work) { return [work] { return seconds_of(work); }; };
  const OtherWork others;
  const std::vector<Measured> measured =
      interleave({{"copy of the row", options.repeats, timed(copy)},
                  {"ssyr, float32", options.repeats, timed(update)},
                  {"heavykeys absorb, one row", options.repeats, timed([&] { append(options, keys); })}});
  const auto rows = static_cast<double>(options.tokens * options.heads);
  nlohmann::json document = {{"benchmark", "append"},
                             {"machine", describe_machine()},
                             {"processors_busy_with_others", others.processors()},
                             {"openblas", describe_openblas()},
                             {"heavykeys", {{"isa", active_isa()}, {"version", version()}}},
                             {"case", {{"heads", options.heads}, {"tokens", options.tokens}, {"dim", d}}}};
  for (const Measured& line : measured) document["results"].push_back(throughput(line, rows, 0));
  const Stats ratio = speedup(measured[2], measured[1]);
  document["peaks"] = measure_peaks(1);
  document["closing"].push_back(
      closing_row(fmt::format("append, {} heads x {} x {}, 1 thread", options.heads, options.tokens, d),
                  measured[2], measured[1], {"copy of the row", measured[0].stats().median}));
  document["ratios"]["append / ssyr"] = to_json(ratio);
  document["ns_a_row"] = measured[2].stats().median / rows * 1e9;
  print_table("append: " + std::to_string(options.tokens) + " tokens, one at a time, to " +
                  std::to_string(options.heads) + " heads of d = " + std::to_string(d) + ", 1 thread",
              measured, rows, 0,
              {"check: bytes of every head equal those of its keys absorbed at once",
               ratio_line("append / ssyr", ratio), document["ns_a_row"].dump() + " ns a row",
               peaks_line(document["peaks"]), other_work_line(document["processors_busy_with_others"])});
  write_json(document, options.json);
  return 0;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  return heavykeys::bench::run_program("append", heavykeys::bench::run, argc, argv);
}
