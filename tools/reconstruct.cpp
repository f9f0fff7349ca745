// heavykeys reconstruct: how well scores are estimated from some of them, and the reconstructor as a file.
#include <fmt/format.h>

#include <optional>

#include "heavykeys/error.hpp"
#include "heavykeys/reconstruction.hpp"
#include "tools/component_files.hpp"
#include "tools/context.hpp"
#include "tools/input_files.hpp"
#include "tools/results.hpp"
#include "tools/score_samples.hpp"
#include "tools/summary.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {

namespace {

ReconstructorOptions asked(const ReconstructOptions& o, std::size_t computed, std::size_t sample_queries) {
  ReconstructorOptions out;
  out.computed = computed;
  out.choice = o.choice == "pivoted"  ? Choice::pivoted
               : o.choice == "random" ? Choice::random
                                      : Choice::strided;
  out.estimator = o.estimator == "lmmse" ? Estimator::lmmse : Estimator::least_squares;
  out.components = o.components;
  out.ridge = o.ridge.value_or(out.ridge);
  out.seed = o.seed;
  out.sample_queries = sample_queries;
  return out;
}

/// The relative error over all samples.
double measured(const Reconstructor& r, const ScoreSamples& samples) {
  double lost = 0.0, variance = 0.0;
  std::vector<double> matrix;
  for (std::size_t h = 0; h < samples.heads(); ++h) {
    for (std::size_t w = 0; w < samples.per_head(); ++w) {
      matrix.clear();
      samples.append(h, w, matrix);
      const auto error = reconstruction_error(r, rows(matrix.data(), matrix.size() / r.dim(), r.dim()));
      lost += error.mean_squared;
      variance += error.variance;
    }
  }
  return variance > 0.0 ? lost / variance : 0.0;
}

struct Line {
  std::size_t computed = 0, components = 0;
  double share = 0.0, predicted = 0.0;
  std::optional<double> measured;
};

Json json_of(const ReconstructOptions& o, std::size_t dim, std::size_t sample_queries,
             const std::vector<Line>& lines) {
  Json json{{"heavykeys", version()}, {"verb", "reconstruct"}, {"components", o.folder}, {"dim", dim}};
  json["of"] = sample_queries == 1 ? "rows" : "matrices";
  json["choice"] = o.choice;
  json["estimator"] = o.estimator;
  json["reconstructors"] = Json::array();
  for (const Line& line : lines) {
    Json one{{"computed", line.computed},
             {"share", line.share},
             {"components", line.components},
             {"predicted_error", line.predicted}};
    if (line.measured) one["measured_error"] = *line.measured;
    json["reconstructors"].push_back(std::move(one));
  }
  return json;
}

std::string table_of(const std::vector<Line>& lines, bool measured) {
  std::string text = fmt::format("  {:>9}{:>9}{:>13}{:>18}{}\n", "computed", "share", "components",
                                 "predicted error", measured ? "  measured error" : "");
  for (const Line& line : lines) {
    text += fmt::format("  {:>9}{:>8.1f}%{:>13}{:>18.6f}", line.computed, 100 * line.share, line.components,
                        line.predicted);
    text += line.measured ? fmt::format("{:>16.6f}\n", *line.measured) : "\n";
  }
  return text;
}

void check_size(const ScoreSamples& samples, std::size_t dim, std::size_t sample_queries) {
  if (samples.size() * (sample_queries == 1 ? 1 : samples.size()) == dim) return;
  throw Incompatible(fmt::format("{}: matrices of {} x {}; the components are of {} elements", samples.name(),
                                 samples.size(), samples.size(), dim));
}

/// The samples to measure on. Made of queries and keys, they are scores as those the components are of.
EigenOptions like_those_of(const ReconstructOptions& o) {
  EigenOptions samples = o.samples;
  if (samples.keys.empty()) return samples;
  const ScoreKind kind = read_score_kind(o.folder);
  if (kind.normalisation != "none") {
    throw Incompatible(
        fmt::format("{}: components of scores after {}; those of --queries and --keys are raw. Give --scores",
                    o.folder, kind.normalisation));
  }
  if (kind.scale && samples.scale.value_or(*kind.scale) != *kind.scale) {
    throw Incompatible(fmt::format("{}: components of scores with the scale {}; --scale is {}", o.folder,
                                   *kind.scale, *samples.scale));
  }
  if (kind.scale) samples.scale = kind.scale;
  return samples;
}

}  // namespace

void run(const ReconstructOptions& o) {
  ScoreSamples::check_sources(o.samples);
  const bool measures = ScoreSamples::are_given(o.samples);
  if (!o.out.empty() && o.computed.size() != 1) {
    throw InvalidInput(fmt::format("--out: {} reconstructors; give one --computed", o.computed.size()));
  }
  if (!o.out.empty()) {
    check_parent_folder(o.out);
    check_keeps_inputs("--out", o.out, {o.folder, o.samples.queries, o.samples.keys, o.samples.scores});
  }
  const PrincipalComponents components = read_components(o.folder);
  const std::size_t sample_queries = read_sample_queries(o.folder);
  std::optional<ScoreSamples> samples;
  if (measures) {
    samples.emplace(like_those_of(o));
    check_size(*samples, components.dim, sample_queries);
  }
  std::vector<Line> lines;
  for (const std::size_t computed : o.computed) {
    const Reconstructor r =
        in_file(o.folder, [&] { return fit_reconstructor(components, asked(o, computed, sample_queries)); });
    lines.push_back({computed,
                     r.options().components,
                     static_cast<double>(computed) / static_cast<double>(r.dim()),
                     r.predicted_error(),
                     {}});
    if (samples) lines.back().measured = measured(r, *samples);
    if (!o.out.empty()) save(r, o.out);
  }
  if (o.json) return write_stdout(to_text(json_of(o, components.dim, sample_queries, lines)));
  write_stdout(table_of(lines, measures));
}

}  // namespace heavykeys::tools
