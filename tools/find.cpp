// heavykeys find: one pass over the keys, then the universal set and the heavy entries of queries.
#include <memory>
#include <numeric>

#include "tools/answer.hpp"
#include "tools/context.hpp"
#include "tools/key_source.hpp"
#include "tools/pass.hpp"
#include "tools/results.hpp"
#include "tools/tokens.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {
namespace {

Spec spec_for(const FindOptions& options, const KeySource& keys) {
  const Spec spec{.dim = keys.shape().dim,
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
  Find(const FindOptions& options, const Engine& engine)
      : options_(options), engine_(engine), keys_(open_keys(options.keys)), spec_(spec_for(options, *keys_)) {
    const KeyShape& shape = keys_->shape();
    if (!options.report.tokens.empty()) check_tokens(options.report.tokens, shape.count);
    if (!options.queries.empty()) {
      queries_ = std::make_unique<Queries>(options.queries, spec_.dim, shape.heads);
    }
    report_.verb = "find";
    report_.input = options.keys;
    report_.queries = options.queries;
    report_.causal = options.causal;
    report_.entries = entry_options(options.entries);
    report_.has_heads = shape.has_heads;
    report_.top = options.report.top;
    report_.run.engine = engine.name();
    report_.run.threads = engine.threads();
  }

  Report run() {
    if (options_.causal) {
      find_causal();
    } else {
      find_all();
    }
    if (options_.verify) verify();
    return std::move(report_);
  }

 private:
  /// Hands every chunk of keys to `absorb`, and keeps time.
  template <typename Absorb>
  void pass_over_keys(const Absorb& absorb) {
    const Stopwatch watch(report_.run.absorb_seconds);
    tools::pass_over_keys(*keys_, spec_.block_rows, engine_.threads(), options_.report.quiet, absorb);
  }

  UniversalSet decide(const Sketch& sketch) {
    const Stopwatch watch(report_.run.finalize_seconds);
    return in_file(keys_->name(), [&] { return finalize(sketch); });
  }

  void find_all() {
    std::vector<Sketch> sketches;
    pass_over_keys([&](const KeyChunk& chunk) {
      // As heads arrive: a header on stdin may promise any number of them.
      while (sketches.size() < chunk.first_head + chunk.rows.size()) sketches.emplace_back(spec_);
      const auto into = std::span(sketches).subspan(chunk.first_head, chunk.rows.size());
      // With several heads in the chunk the engine knows which one it was.
      const bool one = keys_->shape().has_heads && chunk.rows.size() == 1;
      in_file(place(keys_->name(), one, chunk.first_head), [&] { engine_.absorb(into, chunk.rows); });
    });
    for (std::size_t h = 0; h < sketches.size(); ++h) {
      Finding finding{decide(sketches[h]), std::nullopt};
      if (queries_) finding.entries = entries_of(finding.set, h);
      report_.heads.push_back(std::move(finding));
    }
  }

  HeavyEntries entries_of(const UniversalSet& set, std::size_t head) {
    const Stopwatch watch(report_.run.entries_seconds);
    return in_file(place(queries_->name(), report_.has_heads, head),
                   [&] { return engine_.heavy_entries(set, queries_->head(head), what_to_list()); });
  }

  void find_causal() {
    std::vector<CausalHeavy> passes;
    for (std::size_t h = 0; h < keys_->shape().heads; ++h) {
      in_file(place(queries_->name(), report_.has_heads, h),
              [&] { passes.emplace_back(spec_, queries_->head(h), keys_->shape().count, what_to_list()); });
    }
    pass_over_keys([&](const KeyChunk& chunk) {
      for (std::size_t i = 0; i < chunk.rows.size(); ++i) {
        const std::size_t h = chunk.first_head + i;
        in_file(place(keys_->name(), report_.has_heads, h),
                [&] { engine_.absorb(passes[h], chunk.rows[i]); });
      }
    });
    for (CausalHeavy& pass : passes) {
      UniversalSet set = decide(pass.sketch());
      const Stopwatch watch(report_.run.entries_seconds);
      report_.heads.push_back({std::move(set), pass.finish()});
    }
  }

  /// Every key that may be heavy, where a second pass will say which are.
  HeavyOptions what_to_list() const { return options_.verify ? HeavyOptions{} : report_.entries; }

  void verify() {
    const Stopwatch watch(report_.run.verify_seconds);
    std::vector<Verification> passes;
    bool needed = false;
    for (std::size_t h = 0; h < report_.heads.size(); ++h) {
      Finding& finding = report_.heads[h];
      in_file(place(queries_->name(), report_.has_heads, h), [&] {
        const heavykeys::ScanOptions scan{
            .causal = options_.causal, .key_count = finding.set.row_count(), .mode = report_.entries.mode};
        passes.emplace_back(spec_, std::move(*finding.entries), queries_->head(h), scan);
      });
      finding.verified = passes[h].undecided_count();
      needed = needed || passes[h].needed();
    }
    if (needed) read_again(passes);
    for (std::size_t h = 0; h < passes.size(); ++h) report_.heads[h].entries = passes[h].finish();
  }

  void read_again(std::vector<Verification>& passes) {
    const auto keys = open_keys(options_.keys);
    const KeyShape &was = keys_->shape(), &is = keys->shape();
    if (is.heads != was.heads || is.count != was.count || is.dim != was.dim || is.dtype != was.dtype) {
      throw InvalidInput(keys->name() + ": is not what it was in the first pass");
    }
    tools::pass_over_keys(*keys, spec_.block_rows, engine_.threads(), options_.report.quiet,
                          [&](const KeyChunk& chunk) {
                            for (std::size_t i = 0; i < chunk.rows.size(); ++i) {
                              const std::size_t h = chunk.first_head + i;
                              if (!passes[h].needed()) continue;
                              in_file(place(keys->name(), report_.has_heads, h),
                                      [&] { engine_.absorb(passes[h], chunk.rows[i]); });
                            }
                          });
  }

  const FindOptions& options_;
  const Engine& engine_;
  std::unique_ptr<KeySource> keys_;
  Spec spec_;
  std::unique_ptr<Queries> queries_;
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

}  // namespace

void run(const FindOptions& options) {
  if (options.causal && options.queries.empty()) throw InvalidInput("--causal needs --queries");
  if (options.keys == "-" && options.queries == "-") {
    throw InvalidInput("--keys and --queries cannot both come from stdin");
  }
  check_entries(options);
  const Engine engine(options.engine);
  validate({.dim = 1,
            .epsilon = options.epsilon,
            .score = Score::from_name(options.score),
            .sample_rows = options.sample_rows});
  if (!options.report.out.empty()) check_result_folder(options.report.out);
  Report report = Find(options, engine).run();
  deliver(report, options.report);
}

}  // namespace heavykeys::tools
