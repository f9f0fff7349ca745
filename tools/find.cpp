// heavykeys find: one pass over the keys, then the universal set and the heavy entries of queries.
#include <memory>
#include <optional>

#include "tools/answer.hpp"
#include "tools/causal.hpp"
#include "tools/context.hpp"
#include "tools/key_source.hpp"
#include "tools/mass.hpp"
#include "tools/outputs.hpp"
#include "tools/pass.hpp"
#include "tools/results.hpp"
#include "tools/tokens.hpp"
#include "tools/verbs.hpp"
#include "tools/verify.hpp"

namespace heavykeys::tools {
namespace {

Spec spec_for(const FindOptions& options, const KeySource& keys) {
  Spec spec{.dim = keys.shape().dim,
            .epsilon = options.epsilon,
            .score = Score::from_name(options.score),
            .grid_bits = default_grid_bits(keys.shape().dtype),
            .sample_rows = options.sample_rows,
            .seed = options.seed};
  in_file(keys.name(), [&] { validate(spec); });
  return spec;
}

class Find {
 public:
  Find(const FindOptions& options, Job& job)
      : options_(options),
        engine_(options.engine, job),
        keys_(open_keys(options.keys)),
        spec_(spec_for(options, *keys_)) {
    const KeyShape& shape = keys_->shape();
    if (!options.report.tokens.empty() && job.is_first()) check_tokens(options.report.tokens, shape.count);
    if (!options.queries.empty()) queries_.emplace(options.queries, spec_.dim, shape.heads);
    report_.verb = "find";
    report_.input = options.keys;
    report_.queries = options.queries;
    report_.causal = options.causal;
    report_.entries = entry_options(options.entries);
    report_.has_heads = shape.has_heads;
    report_.top = options.report.top;
    report_.run = run_info(engine_);
  }

  Report run() {
    const bool quiet = options_.report.quiet;
    // Every key that may be heavy, where a second pass will say which are.
    const HeavyOptions what = options_.verify ? HeavyOptions{} : report_.entries;
    if (options_.causal) {
      report_.heads = find_causal({*keys_, spec_, *queries_, what, quiet}, engine_, report_.run);
    } else {
      find_all(what);
    }
    if (options_.verify) {
      verify({options_.keys, keys_->shape(), spec_, *queries_, report_.entries.mode, options_.causal, quiet},
             engine_, report_);
    }
    return std::move(report_);
  }

 private:
  void find_all(const HeavyOptions& what) {
    std::vector<Sketch> sketches;
    {
      const Stopwatch watch(report_.run.absorb_seconds);
      const Work work = all_rows(keys_->shape(), spec_.block_rows);
      pass_over_keys(*keys_, share_of(work, engine_.job()), engine_, options_.report.quiet,
                     [&](const KeyChunk& chunk) {
                       // As heads arrive: a header on stdin may promise any number of them.
                       make_sketches(sketches, chunk.first_head + chunk.rows.size());
                       absorb(std::span(sketches).subspan(chunk.first_head, chunk.rows.size()), chunk);
                     });
    }
    engine_.job().together([&] { make_sketches(sketches, keys_->shape().heads); });
    for (std::size_t h = 0; h < sketches.size(); ++h) {
      Finding finding{decide(sketches[h], *keys_, h, engine_, report_.run), std::nullopt};
      if (queries_) {
        const Stopwatch watch(report_.run.entries_seconds);
        finding.entries = engine_.heavy_entries(finding.set, queries_->head(h), what,
                                                place(queries_->name(), report_.has_heads, h));
      }
      weigh_set(finding, h);
      report_.heads.push_back(std::move(finding));
    }
  }

  /// For the page, where there is to be one: the attention on all of U.
  void weigh_set(Finding& finding, std::size_t head) {
    if (!queries_ || options_.report.page.empty()) return;
    engine_.job().first([&] {
      finding.mass = mass_on_set(finding.set, queries_->head(head), kMassWork / keys_->shape().heads);
    });
  }

  void make_sketches(std::vector<Sketch>& sketches, std::size_t count) const {
    while (sketches.size() < count) sketches.emplace_back(spec_);
  }

  void absorb(std::span<Sketch> into, const KeyChunk& chunk) const {
    if (chunk.rows.size() > 1 && engine_.absorbs_heads_at_once()) {
      try {
        return engine_.absorb(into, chunk.rows);
      } catch (const Error&) {
        // Nothing was absorbed. One by one they say which head it was, counted from the first of the file.
      }
    }
    for (std::size_t i = 0; i < chunk.rows.size(); ++i) {
      in_file(place(*keys_, chunk.first_head + i), [&] { engine_.absorb(into[i], chunk.rows[i]); });
    }
  }

  const FindOptions& options_;
  Engine engine_;
  std::unique_ptr<KeySource> keys_;
  Spec spec_;
  std::optional<Queries> queries_;
  Report report_;
};

/// Before the pass, which may take long.
void check_entries(const FindOptions& options) {
  entry_options(options.entries);
  if (options.entries.confidence) {
    if (options.queries.empty()) throw InvalidInput("--confidence needs --queries");
    if (options.sample_rows == 0) throw InvalidInput("--confidence needs a sample; --sample-rows is 0");
    if (options.verify)
      throw InvalidInput("--verify makes weights exact and --confidence does not: give one");
  }
  if (!options.verify) return;
  if (options.queries.empty()) throw InvalidInput("--verify needs --queries");
  if (options.keys == "-") throw InvalidInput("--verify reads the keys twice; stdin can be read only once");
}

void check(const FindOptions& options) {
  if (options.causal && options.queries.empty()) throw InvalidInput("--causal needs --queries");
  check_stdin(options.keys, options.queries, options.engine);
  check_entries(options);
  validate({.dim = 1,
            .epsilon = options.epsilon,
            .score = Score::from_name(options.score),
            .sample_rows = options.sample_rows});
}

}  // namespace

void run(const FindOptions& options, Job& job) {
  job.alike([&] {
    const Engine engine(options.engine, job);
    check(options);
  });
  std::optional<Find> find;
  job.together([&] {
    if (job.is_first()) check_outputs(options.report, {options.keys, options.queries, options.report.tokens});
    find.emplace(options, job);
  });
  Report report = find->run();
  deliver(report, options.report, job);
}

}  // namespace heavykeys::tools
