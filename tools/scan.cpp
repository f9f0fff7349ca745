// heavykeys scan: the heavy entries of queries under any score, in one pass over the keys.
#include <memory>

#include "tools/answer.hpp"
#include "tools/context.hpp"
#include "tools/key_ids.hpp"
#include "tools/key_source.hpp"
#include "tools/pass.hpp"
#include "tools/results.hpp"
#include "tools/tokens.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {
namespace {

constexpr std::size_t kChunkRows = 4096;  // any number gives the same answer

class ScanRun {
 public:
  ScanRun(const ScanVerbOptions& options, const Engine& engine)
      : options_(options),
        engine_(engine),
        keys_(open_keys(options.keys)),
        queries_(options.queries, keys_->shape().dim, keys_->shape().heads) {
    const KeyShape& shape = keys_->shape();
    if (!options.report.tokens.empty()) check_tokens(options.report.tokens, shape.count);
    read_audited_sets();
    report_.verb = "scan";
    report_.input = options.keys;
    report_.queries = options.queries;
    report_.causal = options.causal;
    report_.entries.mode = mode_of(options.mode);
    report_.has_heads = shape.has_heads;
    report_.top = options.report.top;
    report_.scan = {Score::from_name(options.score), options.epsilon, shape.dim, shape.count, options.audit};
    report_.run.engine = engine.name();
    report_.run.threads = engine.threads();
  }

  Report run() {
    const bool has_heads = keys_->shape().has_heads;
    {
      const Stopwatch watch(report_.run.absorb_seconds);
      pass_over_keys(
          *keys_, kChunkRows, engine_.threads(), options_.report.quiet, [&](const KeyChunk& chunk) {
            for (std::size_t i = 0; i < chunk.rows.size(); ++i) {
              const std::size_t head = chunk.first_head + i;
              Scan& scan = scan_of(head);
              in_file(place(keys_->name(), has_heads, head), [&] { engine_.absorb(scan, chunk.rows[i]); });
            }
          });
    }
    for (std::size_t h = 0; h < scans_.size(); ++h) {
      Finding finding{{}, scans_[h].finish()};
      if (!audited_.empty()) finding.audit = audit(*finding.entries, audited_[h]);
      report_.heads.push_back(std::move(finding));
    }
    return std::move(report_);
  }

 private:
  /// Before the pass, which may take long.
  void read_audited_sets() {
    if (options_.audit.empty()) return;
    const KeyShape& shape = keys_->shape();
    for (std::size_t h = 0; h < shape.heads; ++h) {
      audited_.push_back(
          read_key_ids(key_id_file(options_.audit, shape.has_heads, shape.heads, h), shape.count));
    }
  }

  /// Made as heads arrive: a header on stdin may promise any number of them.
  Scan& scan_of(std::size_t head) {
    while (scans_.size() <= head) {
      const std::size_t h = scans_.size();
      in_file(place(queries_.name(), keys_->shape().has_heads, h), [&] {
        scans_.emplace_back(report_.scan->score, options_.epsilon, queries_.head(h),
                            heavykeys::ScanOptions{.causal = options_.causal,
                                                   .key_count = keys_->shape().count,
                                                   .mode = mode_of(options_.mode)});
      });
    }
    return scans_[head];
  }

  const ScanVerbOptions& options_;
  const Engine& engine_;
  std::unique_ptr<KeySource> keys_;
  Queries queries_;
  std::vector<std::vector<KeyId>> audited_;  // by head
  std::vector<Scan> scans_;
  Report report_;
};

}  // namespace

void run(const ScanVerbOptions& options) {
  if (options.keys == "-" && options.queries == "-") {
    throw InvalidInput("--keys and --queries cannot both come from stdin");
  }
  const Engine engine(options.engine);
  Scan(Score::from_name(options.score), options.epsilon, {.dim = 1});  // score and epsilon, before any file
  if (!options.report.out.empty()) check_result_folder(options.report.out);
  Report report = ScanRun(options, engine).run();
  deliver(report, options.report);
}

}  // namespace heavykeys::tools
