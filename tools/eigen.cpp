// heavykeys eigen: the principal components of score matrices, or of their rows, in one pass.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "heavykeys/streaming.hpp"
#include "tools/component_files.hpp"
#include "tools/context.hpp"
#include "tools/eigen_report.hpp"
#include "tools/engine.hpp"
#include "tools/input_files.hpp"
#include "tools/score_samples.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {
namespace {

constexpr std::size_t kBatch = std::size_t{1} << 22;  // elements absorbed at once, at least

class EigenRun {
 public:
  EigenRun(const EigenOptions& options, Job& job) : options_(options), engine_(options.engine, job) {
    report_.options = &options;
    if (ScoreSamples::are_given(options)) samples_.emplace(options);
    report_.name = samples_ ? samples_->name() : options.from.front();
    load_states();
    report_.spec = before_ ? before_->spec() : asked_for();
    check_square();
    if (!samples_) return;
    report_.size = samples_->size();
    report_.left_out = samples_->left_out();
    report_.scale = samples_->scale();
    report_.apart = options.each_head && samples_->has_heads();
    in_file(samples_->name(), [&] { Covariance{report_.spec}; });
    if (report_.spec.dim != samples_dim()) {
      throw Incompatible(fmt::format("{}: samples of {} elements; those of {} have {}", samples_->name(),
                                     samples_dim(), options.from.front(), report_.spec.dim));
    }
  }

  void run() {
    const std::size_t heads = samples_ ? samples_->heads() : 1;
    for (std::size_t g = 0; g < (report_.apart ? heads : 1); ++g) {
      EigenGroup group{report_.apart ? g : 0, report_.apart ? 1 : heads, {}};
      Covariance covariance = pass(group);
      engine_.allmerge(covariance);
      engine_.job().first([&] {
        if (!options_.save.empty()) streaming::save(covariance, options_.save);
        group.components = in_file(
            report_.name, [&] { return principal_components(covariance, options_.components.value_or(0)); });
      });
      report_.groups.push_back(std::move(group));
    }
    engine_.job().first([&] { deliver(report_); });
  }

 private:
  std::size_t samples_dim() const {
    const std::size_t n = samples_->size();
    return options_.of == "matrices" ? n * n : n;
  }

  void check_square() const {
    const auto n = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(report_.spec.dim))));
    if (options_.of != "matrices" || n * n == report_.spec.dim) return;
    throw InvalidInput(fmt::format("{}: samples of {} elements are no square matrices", options_.from.front(),
                                   report_.spec.dim));
  }

  /// Of samples alone. Whole matrices of more than 32 x 32 as a sketch, unless it is told otherwise.
  CovarianceSpec asked_for() const {
    const bool sketch = options_.of == "matrices" && samples_dim() > 1024;
    return {.dim = samples_dim(),
            .sketch_columns = options_.sketch_columns.value_or(sketch ? 256 : 0),
            .seed = options_.seed.value_or(0)};
  }

  /// The covariances to go on from, added up.
  void load_states() {
    for (const std::string& file : options_.from) {
      in_file(file, [&] {
        Covariance state = streaming::load_covariance(file);
        const CovarianceSpec& spec = state.spec();
        if (options_.sketch_columns.value_or(spec.sketch_columns) != spec.sketch_columns ||
            options_.seed.value_or(spec.seed) != spec.seed) {
          throw Incompatible(fmt::format("has sketch_columns {} and seed {}, not what was asked for",
                                         spec.sketch_columns, spec.seed));
        }
        if (before_) {
          merge(*before_, state);
        } else {
          before_ = std::move(state);
        }
      });
    }
  }

  /// This rank's share of the matrices of a group, in order. What was before is the first rank's.
  Covariance pass(const EigenGroup& group) {
    std::optional<Covariance> covariance;
    engine_.job().together([&] {
      if (before_ && engine_.job().is_first()) covariance = std::move(before_);
      if (!covariance) covariance.emplace(report_.spec);
      if (samples_) absorb_share(group, *covariance);
    });
    return std::move(*covariance);
  }

  void absorb_share(const EigenGroup& group, Covariance& covariance) const {
    const std::size_t all = group.heads * samples_->per_head(), dim = report_.spec.dim;
    const auto ranks = static_cast<std::size_t>(engine_.job().ranks());
    const auto rank = static_cast<std::size_t>(engine_.job().rank());
    std::vector<double> batch;
    const auto flush = [&] {
      engine_.absorb(covariance, rows(batch.data(), batch.size() / dim, dim));
      batch.clear();
    };
    for (std::size_t i = all * rank / ranks; i < all * (rank + 1) / ranks; ++i) {
      samples_->append(group.first_head + i / samples_->per_head(), i % samples_->per_head(), batch);
      if (batch.size() >= kBatch) flush();
    }
    flush();
  }

  const EigenOptions& options_;
  Engine engine_;
  std::optional<ScoreSamples> samples_;
  std::optional<Covariance> before_;
  EigenReport report_;
};

void check_sources(const EigenOptions& options) {
  ScoreSamples::check_sources(options);
  if (!ScoreSamples::are_given(options) && options.from.empty()) {
    throw InvalidInput("give --queries and --keys, or --scores, or --from");
  }
  const bool made = options.window || options.scale || options.causal || options.each_head ||
                    options.normalisation != "none";
  if (options.keys.empty() && made) {
    throw InvalidInput(
        "--window, --scale, --causal, --each-head and --normalisation are for scores made of --queries "
        "and --keys");
  }
  if (options.scale && !(std::abs(*options.scale) > 0.0)) throw InvalidInput("--scale must not be 0");
}

void check_outputs(const EigenOptions& options) {
  std::vector<std::string> inputs = {options.queries, options.keys, options.scores};
  if (!options.save.empty()) {  // which may take the place of what it went on from
    check_parent_folder(options.save);
    check_keeps_inputs("--save", options.save, inputs);
  }
  if (options.out.empty()) return;
  check_result_folder(options.out, kComponentFiles);
  inputs.insert(inputs.end(), options.from.begin(), options.from.end());
  check_folder_keeps_inputs("--out", options.out, inputs);
}

}  // namespace

void run(const EigenOptions& options, Job& job) {
  job.alike([&] {
    const Engine engine(options.engine, job);
    check_sources(options);
  });
  std::optional<EigenRun> eigen;
  job.together([&] {
    if (job.is_first()) check_outputs(options);
    eigen.emplace(options, job);
  });
  eigen->run();
}

}  // namespace heavykeys::tools
