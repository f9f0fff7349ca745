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
                  .grid_bits = default_grid_bits(keys.shape().dtype)};
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
                   [&] { return engine_.heavy_entries(set, queries_->head(head)); });
  }

  void find_causal() {
    std::vector<CausalHeavy> passes;
    for (std::size_t h = 0; h < keys_->shape().heads; ++h) {
      in_file(place(queries_->name(), report_.has_heads, h),
              [&] { passes.emplace_back(spec_, queries_->head(h), keys_->shape().count); });
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

  const FindOptions& options_;
  const Engine& engine_;
  std::unique_ptr<KeySource> keys_;
  Spec spec_;
  std::unique_ptr<Queries> queries_;
  Report report_;
};

}  // namespace

void run(const FindOptions& options) {
  if (options.causal && options.queries.empty()) throw InvalidInput("--causal needs --queries");
  if (options.keys == "-" && options.queries == "-") {
    throw InvalidInput("--keys and --queries cannot both come from stdin");
  }
  const Engine engine(options.engine);
  validate({.dim = 1, .epsilon = options.epsilon, .score = Score::from_name(options.score)});
  if (!options.report.out.empty()) check_result_folder(options.report.out);
  Report report = Find(options, engine).run();
  deliver(report, options.report);
}

}  // namespace heavykeys::tools
