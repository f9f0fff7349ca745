// heavykeys scan: the heavy entries of queries under any score, in one pass over the keys.
#include <memory>
#include <optional>

#include "tools/answer.hpp"
#include "tools/context.hpp"
#include "tools/key_ids.hpp"
#include "tools/key_source.hpp"
#include "tools/outputs.hpp"
#include "tools/pass.hpp"
#include "tools/results.hpp"
#include "tools/tokens.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {
namespace {

constexpr std::size_t kBlockRows = 4096;  // any number gives the same answer

class ScanRun {
 public:
  ScanRun(const ScanVerbOptions& options, Job& job)
      : options_(options),
        engine_(options.engine, job),
        keys_(open_keys(options.keys)),
        queries_(options.queries, keys_->shape().dim, keys_->shape().heads) {
    const KeyShape& shape = keys_->shape();
    if (!options.report.tokens.empty() && job.is_first()) check_tokens(options.report.tokens, shape.count);
    read_audited_sets();
    report_.verb = "scan";
    report_.input = options.keys;
    report_.queries = options.queries;
    report_.causal = options.causal;
    report_.entries.mode = mode_of(options.mode);
    report_.has_heads = shape.has_heads;
    report_.top = options.report.top;
    report_.scan = {Score::from_name(options.score),
                    options.epsilon,
                    shape.dim,
                    shape.count,
                    options.audit,
                    options.tolerance};
    report_.run = run_info(engine_);
  }

  Report run() {
    Job& job = engine_.job();
    {
      const Stopwatch watch(report_.run.absorb_seconds);
      const Work work = all_rows(keys_->shape(), kBlockRows);
      pass_over_heads(*keys_, share_of(work, job), engine_, options_.report.quiet,
                      [&](std::size_t head, const Rows& rows) { engine_.absorb(scan_of(head), rows); });
    }
    job.together([&] { scan_of(keys_->shape().heads - 1); });
    for (std::size_t h = 0; h < scans_.size(); ++h) report_.heads.push_back(finding(h));
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

  Finding finding(std::size_t head) {
    {
      const Stopwatch watch(report_.run.merge_seconds);
      in_file(place(*keys_, head), [&] { engine_.allmerge(scans_[head]); });
    }
    Finding found;
    engine_.job().together([&] {
      found.entries = scans_[head].finish();
      if (!audited_.empty()) found.audit = audit(*found.entries, audited_[head]);
    });
    return found;
  }

  /// Made as heads arrive: a header on stdin may promise any number of them.
  Scan& scan_of(std::size_t head) {
    while (scans_.size() <= head) {
      const std::size_t h = scans_.size();
      in_file(place(queries_.name(), keys_->shape().has_heads, h), [&] {
        scans_.emplace_back(report_.scan->score, options_.epsilon, queries_.head(h),
                            heavykeys::ScanOptions{.causal = options_.causal,
                                                   .key_count = keys_->shape().count,
                                                   .mode = mode_of(options_.mode),
                                                   .tolerance = options_.tolerance});
      });
    }
    return scans_[head];
  }

  const ScanVerbOptions& options_;
  Engine engine_;
  std::unique_ptr<KeySource> keys_;
  Queries queries_;
  std::vector<std::vector<KeyId>> audited_;  // by head
  std::vector<Scan> scans_;
  Report report_;
};

}  // namespace

void run(const ScanVerbOptions& options, Job& job) {
  job.alike([&] {
    check_stdin(options.keys, options.queries, options.engine);
    const Engine engine(options.engine, job);
    Scan(Score::from_name(options.score), options.epsilon, {.dim = 1},
         {.tolerance = options.tolerance});  // score and numbers, before any file
  });
  std::optional<ScanRun> scan;
  job.together([&] {
    if (job.is_first()) {
      check_outputs(options.report, {options.keys, options.queries, options.audit, options.report.tokens});
    }
    scan.emplace(options, job);
  });
  Report report = scan->run();
  deliver(report, options.report, job);
}

}  // namespace heavykeys::tools
