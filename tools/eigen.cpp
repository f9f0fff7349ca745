// heavykeys eigen: the principal components of score matrices, or of their rows, in one pass.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "tools/component_files.hpp"
#include "tools/context.hpp"
#include "tools/engine.hpp"
#include "tools/score_samples.hpp"
#include "tools/summary.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {
namespace {

constexpr std::size_t kBatch = std::size_t{1} << 22;  // elements absorbed at once, at least
constexpr double kShares[] = {0.5, 0.9, 0.95, 0.99};

/// What the components are of: all heads together, or one.
struct Group {
  std::size_t first_head, heads;
  PrincipalComponents components;
};

class EigenRun {
 public:
  EigenRun(const EigenOptions& options, Job& job)
      : options_(options), engine_(options.engine, job), samples_(options), whole_(options.of == "matrices") {
    const std::size_t n = samples_.size();
    spec_ = {.dim = whole_ ? n * n : n, .sketch_columns = 0, .seed = options.seed};
    spec_.sketch_columns = options.sketch_columns.value_or(0);
    // Whole matrices of more than 32 x 32: a sketch, unless it is told otherwise.
    if (!options.sketch_columns && whole_ && spec_.dim > 1024) spec_.sketch_columns = 256;
    in_file(samples_.name(), [&] { Covariance{spec_}; });
  }

  void run() {
    const bool apart = options_.each_head && samples_.has_heads();
    const std::size_t groups = apart ? samples_.heads() : 1;
    for (std::size_t g = 0; g < groups; ++g) {
      Group group{apart ? g : 0, apart ? 1 : samples_.heads(), {}};
      Covariance covariance = pass(group);
      engine_.allmerge(covariance);
      engine_.job().first([&] {
        group.components = in_file(samples_.name(), [&] { return principal_components(covariance, most()); });
      });
      groups_.push_back(std::move(group));
    }
    engine_.job().first([&] { deliver(apart); });
  }

 private:
  std::size_t most() const { return options_.components.value_or(0); }

  /// This rank's share of the matrices of a group, in order.
  Covariance pass(const Group& group) const {
    std::optional<Covariance> covariance;
    engine_.job().together([&] {
      covariance.emplace(spec_);
      const std::size_t all = group.heads * samples_.per_head();
      const auto ranks = static_cast<std::size_t>(engine_.job().ranks());
      const auto rank = static_cast<std::size_t>(engine_.job().rank());
      std::vector<double> batch;
      const auto flush = [&] {
        engine_.absorb(*covariance, rows(batch.data(), batch.size() / spec_.dim, spec_.dim));
        batch.clear();
      };
      for (std::size_t i = all * rank / ranks; i < all * (rank + 1) / ranks; ++i) {
        samples_.append(group.first_head + i / samples_.per_head(), i % samples_.per_head(), batch);
        if (batch.size() >= kBatch) flush();
      }
      flush();
    });
    return std::move(*covariance);
  }

  Json asked() const {
    Json json{{"heavykeys", version()}, {"verb", "eigen"}};
    if (options_.scores.empty()) {
      json["queries"] = options_.queries;
      json["keys"] = options_.keys;
      json["normalisation"] = options_.normalisation;
      if (options_.normalisation == "softmax") json["causal"] = options_.causal;
    } else {
      json["scores"] = options_.scores;
    }
    json["of"] = options_.of;
    json["matrices"] = {samples_.size(), samples_.size()};
    if (samples_.left_out() > 0) json["rows_left_out"] = samples_.left_out();
    if (spec_.sketch_columns > 0) json["sketch_columns"] = spec_.sketch_columns;
    return json;
  }

  Json found(const Group& group) const {
    const PrincipalComponents& c = group.components;
    Json json{{"samples", c.samples},
              {"dim", c.dim},
              {"components", c.size()},
              {"total_variance", c.total_variance}};
    Json needed;
    for (const double share : kShares) {
      const std::size_t count = components_for(c, share);
      needed[fmt::format("{}", share)] = count == 0 ? Json() : Json(count);
    }
    json["components_for"] = std::move(needed);
    return json;
  }

  Json summary_of(const Group& group) const {
    Json json = asked();
    if (options_.each_head && samples_.has_heads()) json["head"] = group.first_head;
    json.update(found(group));
    return json;
  }

  Json summary() const {
    if (!options_.each_head || !samples_.has_heads()) return summary_of(groups_.front());
    Json json = asked();
    json["heads"] = Json::array();
    for (const Group& group : groups_) json["heads"].push_back(found(group));
    return json;
  }

  void deliver(bool apart) const {
    const std::string text = to_text(summary());
    if (!options_.out.empty()) {
      write_folder(options_.out, kComponentFiles, [&](const std::filesystem::path& folder) {
        if (!apart) return write_components(folder, groups_.front().components, whole_, text);
        for (const Group& group : groups_) {
          const auto head = folder / fmt::format("head-{:03}", group.first_head);
          std::filesystem::create_directory(head);
          write_components(head, group.components, whole_, to_text(summary_of(group)));
        }
        write_text(folder / "summary.json", text);
      });
    }
    if (options_.json) return write_stdout(text);
    if (!options_.quiet) write_stdout(table());
  }

  std::string table() const {
    std::string text =
        fmt::format("  {:<15} {}\n  {:<15} {} of {} x {}{}\n", "scores", samples_.name(), "samples",
                    whole_ ? "matrices" : "rows of matrices", samples_.size(), samples_.size(),
                    options_.normalisation == "softmax" ? ", after softmax" : "");
    text += fmt::format("\n  {:<8}{:>10}{:>10}   components for a share of the variance\n  {:<8}{:>10}{:>10}",
                        "", "samples", "kept", "", "", "");
    for (const double share : kShares) text += fmt::format("{:>8.0f}%", 100 * share);
    text += "\n";
    for (const Group& group : groups_) {
      const PrincipalComponents& c = group.components;
      const std::string head = groups_.size() > 1 ? fmt::format("head {}", group.first_head) : "all";
      text += fmt::format("  {:<8}{:>10}{:>10}", head, c.samples, c.size());
      for (const double share : kShares) {
        const std::size_t count = components_for(c, share);
        text += fmt::format("{:>9}", count == 0 ? "more" : std::to_string(count));
      }
      text += "\n";
    }
    return text;
  }

  const EigenOptions& options_;
  Engine engine_;
  ScoreSamples samples_;
  bool whole_;
  CovarianceSpec spec_;
  std::vector<Group> groups_;
};

}  // namespace

void run(const EigenOptions& options, Job& job) {
  job.alike([&] {
    const Engine engine(options.engine, job);
    if (options.scores.empty() == (options.queries.empty() || options.keys.empty())) {
      throw InvalidInput("give --queries and --keys, or --scores");
    }
  });
  std::optional<EigenRun> eigen;
  job.together([&] {
    if (!options.out.empty() && job.is_first()) check_result_folder(options.out, kComponentFiles);
    eigen.emplace(options, job);
  });
  eigen->run();
}

}  // namespace heavykeys::tools
