// How fast are keys absorbed, beside what the machine can read and what OpenBLAS needs for the Gram matrix
// alone?
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "bench/absorb_options.hpp"
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

using Options = AbsorbOptions;

// The keys in the dtype asked for; float32 is generated first and narrowed.
class Keys {
 public:
  explicit Keys(const Options& options) : storage_(options.rows * options.dim * element_bytes(options)) {
    const KeyShape shape = {options.rows, options.dim, family_of(options.family), options.outliers};
    view_ = {.data = storage_.data(),
             .dtype = dtype_of(options.dtype),
             .count = options.rows,
             .dim = options.dim,
             .row_stride = static_cast<std::ptrdiff_t>(options.dim)};
    if (view_.dtype == Dtype::f32) {
      make_keys(storage_.floats(), shape, options.threads);
      return;
    }
    const Buffer wide(options.rows * options.dim * sizeof(float));
    make_keys(wide.floats(), shape, options.threads);
    narrow(wide.floats(), storage_.halves(), options.rows * options.dim, view_.dtype, options.threads);
  }

  const Rows& view() const { return view_; }
  std::size_t bytes() const { return storage_.bytes(); }

 private:
  Buffer storage_;
  Rows view_;
};

Spec spec_for(const Options& options) {
  return {.dim = options.dim,
          .epsilon = options.epsilon,
          .grid_bits = default_grid_bits(dtype_of(options.dtype))};
}

Engine engine_for(const Options& options) { return {options.engine, options.threads}; }

nlohmann::json check(const Options& options, const Rows& keys) {
  if (!options.isa.empty()) set_isa(options.isa);
  const std::size_t prefix = std::min<std::size_t>(keys.count, 150001);  // ends inside a block
  check_small_problem(engine_for(options), keys.dtype);
  check_same_bytes(engine_for(options), spec_for(options), keys.slice(0, prefix));
  return {{"bytes_equal_streaming_on_rows", prefix}, {"small_problem", "equal to float64 Cholesky"}};
}

std::string title_of(const Options& options) {
  return fmt::format("absorb, {} x {} {} {}", options.rows, options.dim, options.dtype, options.family);
}

// measured: read, ssyrk, ssyrk with shared rows, and heavykeys where there is a sketch (that of the last
// round).
void report(const Options& options, const Keys& keys, const std::vector<Measured>& measured,
            const Sketch* sketch, nlohmann::json& document) {
  const Rows& view = keys.view();
  const auto rows = static_cast<double>(view.count);
  const auto bytes = static_cast<double>(keys.bytes());
  for (const Measured& line : measured) document["results"].push_back(throughput(line, rows, bytes));
  document["openblas"] = describe_openblas();
  document["case"] = {{"rows", view.count},         {"dim", view.dim},          {"dtype", options.dtype},
                      {"bytes", keys.bytes()},      {"family", options.family}, {"epsilon", options.epsilon},
                      {"threads", options.threads}, {"engine", options.engine}, {"repeats", options.repeats}};
  std::vector<std::string> notes = {"OpenBLAS kernels " + document["openblas"]["corename"].get<std::string>(),
                                    other_work_line(document["processors_busy_with_others"])};
  const auto note_ratio = [&](const char* name, const Stats& ratio) {
    document["ratios"][name] = to_json(ratio);
    notes.push_back(ratio_line(name, ratio));
  };
  const std::size_t rival = measured[1].stats().median < measured[2].stats().median ? 1 : 2;
  document["best_ssyrk"] = measured[rival].name;
  note_ratio("best ssyrk/bandwidth", speedup(measured[rival], measured[0]));
  if (sketch != nullptr) {
    note_ratio("absorb/bandwidth", speedup(measured[3], measured[0]));
    note_ratio("absorb/best ssyrk", speedup(measured[3], measured[rival]));
    note_ratio("absorb/plain ssyrk", speedup(measured[3], measured[1]));
    document["closing"].push_back(closing_row(title_of(options), measured[3], measured[rival],
                                              {"reading the keys", measured[0].stats().median}));
    document["heavykeys"] = {{"isa", active_isa()},
                             {"version", version()},
                             {"universal_set", finalize(*sketch).size()},
                             {"sketch_bytes", sketch->memory_bytes()}};
    notes.push_back("heavykeys isa " + active_isa() +
                    ", |U| = " + document["heavykeys"]["universal_set"].dump());
  }
  notes.push_back(peaks_line(document["peaks"]));
  print_table(fmt::format("{}, epsilon {}, {} threads, {} rounds", title_of(options), options.epsilon,
                          options.threads, options.repeats),
              measured, rows, bytes, notes);
  write_json(document, options.json);
}

int run(int argc, char** argv) {
  const Options options = parse_absorb_options(argc, argv);
  use_right_blas_kernels(options.threads, argv);
  nlohmann::json document = {{"benchmark", "absorb"}, {"machine", describe_machine()}};
  const Keys keys(options);
  const Rows& view = keys.view();
  if (!options.rivals_only) document["check"] = check(options, view);

  document["peaks"] = measure_peaks(options.threads);
  const int pattern = best_read_pattern(view.data, keys.bytes(), options.threads);
  const GramPlan plain = best_gram_plan(view, Sharing::library, options.threads, document["ssyrk_trials"]);
  const GramPlan best = best_gram_plan(view, Sharing::caller, options.threads, document["ssyrk_trials"]);
  std::uint64_t sum = 0;
  const auto ssyrk = [&](const GramPlan& plan) {
    return [&, plan] { return seconds_of([&] { gram_by_ssyrk(view, plan, options.threads); }); };
  };
  std::vector<Contender> contenders = {
      {"read, " + std::string(read_pattern_name(pattern)), options.repeats,
       [&] {
         return seconds_of([&] { sum += read_all(view.data, keys.bytes(), options.threads, pattern); });
       }},
      {"ssyrk, its own threads, chunk " + std::to_string(plain.chunk_rows), options.repeats, ssyrk(plain)},
      {"ssyrk, rows shared by us, chunk " + std::to_string(best.chunk_rows), options.repeats, ssyrk(best)}};
  std::optional<Sketch> sketch;
  if (!options.rivals_only) {
    contenders.push_back({"heavykeys absorb, " + options.engine, options.repeats, [&] {
                            sketch.reset();
                            return seconds_of([&] {
                              sketch.emplace(spec_for(options));
                              engine_for(options).absorb(*sketch, view);
                            });
                          }});
  }
  const OtherWork others;
  const std::vector<Measured> measured = interleave(contenders);
  document["processors_busy_with_others"] = others.processors();
  document["read_sum"] = sum;

  report(options, keys, measured, sketch ? &*sketch : nullptr, document);
  return 0;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  return heavykeys::bench::run_program("absorb", heavykeys::bench::run, argc, argv);
}
