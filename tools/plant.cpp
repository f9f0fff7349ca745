// heavykeys plant: queries and keys whose softmax attention is a given sparse matrix.
#include <array>

#include "tools/answer.hpp"
#include "tools/context.hpp"
#include "tools/input_files.hpp"
#include "tools/pattern_files.hpp"
#include "tools/plant_summary.hpp"
#include "tools/results.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kNames = {"queries.npy",
                                                    "keys.npy",
                                                    "x.npy",
                                                    "w_q.npy",
                                                    "w_k.npy",
                                                    "planted_indptr.npy",
                                                    "planted_keys.npy",
                                                    "planted_weights.npy",
                                                    "summary.json"};
const ResultKind kPlanted = {"heavykeys plant", kNames, false};

/// Values as they are written, and a view of them.
class Written {
 public:
  Written(const std::vector<double>& values, bool single) : single_(single), wide_(values) {
    if (single) narrow_.assign(values.begin(), values.end());
  }
  Rows rows(std::size_t count, std::size_t dim) const {
    return single_ ? heavykeys::rows(narrow_.data(), count, dim) : heavykeys::rows(wide_.data(), count, dim);
  }
  void save(const fs::path& path, std::size_t count, std::size_t dim) const {
    write_npy(path, single_ ? "<f4" : "<f8", {count, dim}, rows(count, dim).data);
  }

 private:
  bool single_;
  const std::vector<double>& wide_;
  std::vector<float> narrow_;
};

SparsePattern pattern_for(const PlantVerbOptions& options) {
  if (options.random) {
    return random_pattern(*options.random, options.nonzeros.value_or(1), options.ratio.value_or(1.0),
                          options.plant.seed);
  }
  SparsePattern pattern = read_pattern(options.pattern);
  in_file(options.pattern, [&] {
    shape_of(pattern, {options.nonzeros.value_or(0), options.ratio.value_or(0.0)});
  });
  return pattern;
}

void write_arrays(const fs::path& folder, const SparsePattern& pattern, const Planted& planted, bool single) {
  const std::size_t r = planted.options.dim;
  Written(planted.queries, single).save(folder / "queries.npy", planted.rows, r);
  Written(planted.keys, single).save(folder / "keys.npy", planted.columns, r);
  const std::vector<double> x = planted_inputs(planted), w_q = query_projection(r), w_k = key_projection(r);
  Written(x, single).save(folder / "x.npy", std::max(planted.rows, planted.columns), 2 * r);
  Written(w_q, single).save(folder / "w_q.npy", 2 * r, r);
  Written(w_k, single).save(folder / "w_k.npy", 2 * r, r);
  const std::vector<double> weights = normalised_weights(pattern);
  write_npy(folder / "planted_indptr.npy", "<i8", {pattern.indptr.size()}, pattern.indptr.data());
  write_npy(folder / "planted_keys.npy", "<i8", {pattern.indices.size()}, pattern.indices.data());
  write_npy(folder / "planted_weights.npy", "<f8", {weights.size()}, weights.data());
}

/// Searches where asked, plants, and verifies the values that will be written.
Planted plant_and_verify(const PlantVerbOptions& options, const SparsePattern& pattern, const Engine& engine,
                         PlantReport& report) {
  PlantOptions what = options.plant;
  what.construction = options.construction == "svd" ? Construction::svd : Construction::interpolating;
  if (options.smallest_dim) {
    const Stopwatch watch(report.search_seconds);
    report.search = engine.smallest_dim(pattern, what, options.trials);
    report.trials = options.trials;
    what.dim = report.search->dim;
  }
  Planted planted;
  {
    const Stopwatch watch(report.plant_seconds);
    planted = plant(pattern, what);
  }
  const bool single = options.dtype == "float32";
  const Stopwatch watch(report.verify_seconds);
  report.found =
      engine.verify(pattern, Written(planted.queries, single).rows(planted.rows, planted.options.dim),
                    Written(planted.keys, single).rows(planted.columns, planted.options.dim));
  return planted;
}

PlantReport report_of(const PlantVerbOptions& options, const SparsePattern& pattern, const Engine& engine) {
  PlantReport report;
  report.input = options.pattern;
  report.shape = shape_of(pattern);
  report.nonzeros = pattern.values.size();
  report.construction = options.construction;
  report.dtype = options.dtype;
  report.engine = engine.name();
  report.threads = engine.threads();
  return report;
}

}  // namespace

void run(const PlantVerbOptions& options, Job& job) {
  job.alike([&] {
    if (job.is_mpi()) throw InvalidInput("plant runs in one process; choose another engine than mpi");
    if (options.pattern.empty() && !options.random) throw InvalidInput("plant needs --pattern or --random");
  });
  const Engine engine(options.engine, job);
  if (!options.out.empty()) {
    check_result_folder(options.out, kPlanted);
    check_folder_keeps_inputs("--out", options.out, {options.pattern});
  }
  const SparsePattern pattern = pattern_for(options);
  PlantReport report = report_of(options, pattern, engine);
  const Planted planted = plant_and_verify(options, pattern, engine, report);
  report.options = planted.options;
  report.bound = planted.bound;
  report.exact = planted.exact;

  const std::string json = to_text(summary(report));
  if (!options.out.empty()) {
    write_folder(options.out, kPlanted, [&](const fs::path& folder) {
      write_arrays(folder, pattern, planted, options.dtype == "float32");
      write_text(folder / "summary.json", json);
    });
  }
  if (options.json) {
    write_stdout(json);
  } else if (!options.quiet) {
    write_stdout(table(report));
  }
}

}  // namespace heavykeys::tools
