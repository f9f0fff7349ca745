// How long from a sketch to its universal set, beside LAPACK on the same numbers?
//
// The rival is given for nothing what the sketch has gathered: the Gram matrix of the complete blocks, in
// float64, and which keys are in U. It adds the rows that wait (dsyrk), factors (dpotrf), and takes the
// leverage of those rows and of the keys of U (dtrsm). What it finds is not certified.
#include <cblas.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <stdexcept>

#include "bench/blas.hpp"
#include "bench/cholesky.hpp"
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
  const char* name = "";
  KeyShape shape;
  double epsilon = 0;
};

// The last has about half of its keys in U: leverage has mean d/n = 0.0039.
const Case cases[] = {{"40 outliers", {.count = 1'000'000, .dim = 64, .family = Family::outliers}, 0.05},
                      {"40 outliers", {.count = 1'000'000, .dim = 128, .family = Family::outliers}, 0.05},
                      {"half in U", {.count = 16'384, .dim = 64, .family = Family::gaussian}, 0.0039}};

constexpr int calls = 10;  // in one measurement

struct Options {
  double share = 1;
  int repeats = 9;
  std::string isa, json;
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("Time from a sketch to its universal set: heavykeys, and LAPACK in float64; one thread");
  app.add_option("--share", options.share, "of the million keys")->check(CLI::Range(0.01, 1.0));
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

/// U holds every key with leverage past epsilon, no other, and with the leverage that LAPACK gives all n.
void check(const UniversalSet& set, const Rows& keys, double epsilon) {
  constexpr double slack = 1e-4;  // LAPACK sees the keys before the grid rounds them
  const std::vector<double> all = leverage_by(cholesky(gram_by_dsyrk(keys, 1), keys.dim), keys);
  std::size_t next = 0;
  for (std::size_t row = 0; row < keys.count; ++row) {
    const bool member = next < set.size() && set.ids()[next].row == row;
    const double tau = all[row];
    const bool wrong =
        member ? tau < epsilon * (1 - slack) || std::fabs(set.leverage()[next] - tau) > slack * tau
               : tau > epsilon * (1 + slack);
    if (wrong) throw std::runtime_error(fmt::format("key {}: U and LAPACK differ", row));
    next += member ? 1 : 0;
  }
}

/// What the rival starts from.
struct Gathered {
  std::vector<double> gram;  // of the complete blocks
  Rows waiting;
  std::vector<float> members;  // keys of U

  Gathered(const Rows& keys, const UniversalSet& set)
      : gram(gram_by_dsyrk(keys.slice(0, keys.count / 4096 * 4096), 1)),
        waiting(keys.slice(keys.count / 4096 * 4096, keys.count % 4096)) {
    const auto* values = static_cast<const float*>(keys.data);
    for (const KeyId& id : set.ids()) {
      const float* row = values + id.row * keys.dim;
      members.insert(members.end(), row, row + keys.dim);
    }
  }
};

double solve(const Gathered& gathered, std::size_t d) {
  std::vector<double> gram = gathered.gram;
  if (gathered.waiting.count > 0) {
    const std::vector<double> more = gram_by_dsyrk(gathered.waiting, 1);
    cblas_daxpy(static_cast<blasint>(d * d), 1.0, more.data(), 1, gram.data(), 1);
  }
  const std::vector<double> factor = cholesky(std::move(gram), d);
  double sum = 0;
  for (const Rows& some : {gathered.waiting, rows(gathered.members.data(), gathered.members.size() / d, d)}) {
    const std::vector<double> leverage = leverage_by(factor, some);
    sum = std::accumulate(leverage.begin(), leverage.end(), sum);
  }
  return sum;
}

/// Multiply-adds that nobody is spared: the rows that wait, the factor, one triangular solve a candidate.
double multiply_adds(double d, double waiting, double candidates) {
  return waiting * d * (d + 1) / 2 + d * d * d / 6 + (waiting + candidates) * d * (d + 1) / 2;
}

void measure(const Options& options, const Case& what, nlohmann::json& document) {
  KeyShape shape = what.shape;
  if (shape.count > 100'000) shape.count = static_cast<std::size_t>(options.share * 1e6);
  const Buffer storage(shape.count * shape.dim * sizeof(float));
  make_keys(storage.floats(), shape, 1);
  const Rows keys = rows(storage.floats(), shape.count, shape.dim);
  Sketch sketch({.dim = shape.dim, .epsilon = what.epsilon});
  Engine{"streaming"}.absorb(sketch, keys);
  const UniversalSet set = finalize(sketch);
  check(set, keys, what.epsilon);

  const Gathered gathered(keys, set);
  double sum = 0;
  const std::vector<Measured> measured =
      interleave({{"dsyrk, dpotrf, dtrsm, float64", options.repeats,
                   [&] { return seconds_each(calls, [&] { sum += solve(gathered, shape.dim); }); }},
                  {"heavykeys finalize", options.repeats, [&] {
                     return seconds_each(calls, [&] { sum += static_cast<double>(finalize(sketch).size()); });
                   }}});
  const double work =
      multiply_adds(static_cast<double>(shape.dim), static_cast<double>(gathered.waiting.count),
                    static_cast<double>(sketch.candidate_count()));
  const Limit limit = {"multiply-adds, float64", work / peak_rate(document["peaks"], "float64")};
  const std::string name = fmt::format("{} x {}, {}", shape.count, shape.dim, what.name);
  nlohmann::json result = {{"case", name},
                           {"keys", shape.count},
                           {"dim", shape.dim},
                           {"epsilon", what.epsilon},
                           {"universal_set", set.size()},
                           {"candidates", sketch.candidate_count()},
                           {"waiting", gathered.waiting.count},
                           {"multiply_adds", work},
                           {"sum", sum}};
  for (const Measured& line : measured) result["results"].push_back(throughput(line, 0, 0));
  document["cases"].push_back(result);
  document["closing"].push_back(closing_row("finalize, " + name, measured[1], measured[0], limit));
  print_table(fmt::format("finalize: {}, |U| = {}, candidates {}, 1 thread", name, set.size(),
                          sketch.candidate_count()),
              measured, 0, 0,
              {"check: U and its leverage equal LAPACK's over all keys",
               ratio_line("finalize / LAPACK", speedup(measured[1], measured[0])),
               fmt::format("least time for {:.3g} million multiply-adds: {:.3g} us", work * 1e-6,
                           limit.seconds * 1e6)});
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  use_right_blas_kernels(1, argv);
  if (!options.isa.empty()) set_isa(options.isa);
  check_small_problem({"streaming"}, Dtype::f32);
  nlohmann::json document = {{"benchmark", "finalize"},
                             {"machine", describe_machine()},
                             {"openblas", describe_openblas()},
                             {"heavykeys", {{"isa", active_isa()}, {"version", version()}}},
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
  return heavykeys::bench::run_program("finalize", heavykeys::bench::run, argc, argv);
}
