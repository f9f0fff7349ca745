#include "tools/causal.hpp"

#include <optional>

#include "heavykeys/distributed.hpp"
#include "tools/context.hpp"
#include "tools/pass.hpp"

namespace heavykeys::tools {
namespace {

class CausalRun {
 public:
  CausalRun(const CausalQuestion& asked, const Engine& engine, RunInfo& run)
      : asked_(asked),
        engine_(engine),
        job_(engine.job()),
        run_(run),
        work_(all_rows(asked.keys.shape(), asked.spec.block_rows)),
        share_(share_of(work_, job_)) {}

  std::vector<Finding> findings() {
    make_parts();
    {
      const Stopwatch watch(run_.absorb_seconds);
      pass_over_heads(asked_.keys, share_, engine_, asked_.quiet,
                      [&](std::size_t head, const Rows& rows) { engine_.absorb(*parts_[head], rows); });
    }
    std::vector<Finding> findings;
    for (std::size_t h = 0; h < parts_.size(); ++h) findings.push_back(finding(h));
    return findings;
  }

 private:
  /// What is ahead of this rank's rows of each head, and the passes that go on from there.
  void make_parts() {
    const std::size_t heads = asked_.keys.shape().heads;
    std::vector<Sketch> before;
    job_.together([&] { before.assign(heads, Sketch(asked_.spec)); });
    if (job_.ranks() > 1) sketch_what_is_ahead(before);
    parts_.resize(heads);
    job_.together([&] {
      for (std::size_t h = share_.begin_head(); h < share_.end_head(); ++h) {
        const std::string name = place(asked_.queries.name(), asked_.keys.shape().has_heads, h);
        in_file(name, [&] {
          parts_[h].emplace(before[h], share_.rows(h).back().end, asked_.queries.head(h),
                            asked_.keys.shape().count, asked_.what);
        });
      }
    });
  }

  void sketch_what_is_ahead(std::vector<Sketch>& sketches) {
    const Stopwatch watch(run_.absorb_seconds);
    // Only the last head of a share can go on behind it.
    Work mine{.first_head = share_.end_head() - std::min<std::size_t>(1, share_.end_head()),
              .rows = {},
              .block_rows = work_.block_rows};
    const bool goes_on = share_.begin_head() != share_.end_head() &&
                         holders(work_, job_.ranks(), mine.first_head).last > job_.rank();
    if (goes_on) mine.rows = share_.rows(mine.first_head);
    pass_over_heads(asked_.keys, Share(mine), engine_, asked_.quiet,
                    [&](std::size_t head, const Rows& rows) { engine_.absorb(sketches[head], rows); });
    for (std::size_t h = 0; h < sketches.size(); ++h) {
      const Holders held = holders(work_, job_.ranks(), h);
      if (held.first == held.last) continue;
      job_.alike([&] { sketches[h] = distributed::prefix(job_.communicator(), sketches[h]); });
    }
  }

  Finding finding(std::size_t head) {
    // The part with the last rows has a sketch of all; the others of this head add nothing to it.
    std::optional<Sketch> whole;
    job_.together([&] {
      const bool last = holders(work_, job_.ranks(), head).last == job_.rank();
      whole.emplace(last ? parts_[head]->sketch() : Sketch(asked_.spec));
    });
    UniversalSet set = decide(*whole, asked_.keys, head, engine_, run_);
    const Stopwatch watch(run_.entries_seconds);
    HeavyEntries mine{.indptr = {0}, .keys = {}, .weights = {}, .lower = {}, .upper = {}};
    job_.together([&] {
      if (parts_[head]) mine = parts_[head]->finish();
      parts_[head].reset();
    });
    return {std::move(set), engine_.concatenate(std::move(mine))};
  }

  const CausalQuestion& asked_;
  const Engine& engine_;
  Job& job_;
  RunInfo& run_;
  Work work_;
  Share share_;
  std::vector<std::optional<CausalHeavy>> parts_;  // by head; of those in the share
};

}  // namespace

std::vector<Finding> find_causal(const CausalQuestion& asked, const Engine& engine, RunInfo& run) {
  return CausalRun(asked, engine, run).findings();
}

}  // namespace heavykeys::tools
