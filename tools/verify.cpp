#include "tools/verify.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "tools/context.hpp"
#include "tools/pass.hpp"

namespace heavykeys::tools {
namespace {

std::vector<Verification> make_passes(const VerifyQuestion& asked, Report& report) {
  std::vector<Verification> passes;
  for (std::size_t h = 0; h < report.heads.size(); ++h) {
    Finding& finding = report.heads[h];
    in_file(place(asked.queries.name(), report.has_heads, h), [&] {
      const heavykeys::ScanOptions scan{
          .causal = asked.causal, .key_count = finding.set.row_count(), .mode = asked.mode};
      passes.emplace_back(asked.spec, std::move(*finding.entries), asked.queries.head(h), scan);
    });
    finding.verified = passes[h].undecided_count();
  }
  return passes;
}

std::unique_ptr<KeySource> open_again(const VerifyQuestion& asked) {
  auto keys = open_keys(asked.keys);
  const KeyShape &was = asked.shape, &is = keys->shape();
  if (is.heads != was.heads || is.count != was.count || is.dim != was.dim || is.dtype != was.dtype) {
    throw InvalidInput(keys->name() + ": is not what it was in the first pass");
  }
  return keys;
}

void read_again(const VerifyQuestion& asked, const Engine& engine, std::vector<Verification>& passes) {
  std::unique_ptr<KeySource> keys;
  engine.job().together([&] { keys = open_again(asked); });
  const Work work = all_rows(keys->shape(), asked.spec.block_rows);
  pass_over_heads(*keys, share_of(work, engine.job()), engine, asked.quiet,
                  [&](std::size_t head, const Rows& rows) {
                    if (passes[head].needed()) engine.absorb(passes[head], rows);
                  });
  for (Verification& pass : passes) {
    if (pass.needed()) engine.allmerge(pass);
  }
}

}  // namespace

void verify(const VerifyQuestion& asked, const Engine& engine, Report& report) {
  const Stopwatch watch(report.run.verify_seconds);
  std::vector<Verification> passes;
  engine.job().together([&] { passes = make_passes(asked, report); });
  // All ranks have the same entries, and so the same doubts.
  if (std::ranges::any_of(passes, &Verification::needed)) read_again(asked, engine, passes);
  engine.job().together([&] {
    for (std::size_t h = 0; h < passes.size(); ++h) report.heads[h].entries = passes[h].finish();
  });
}

}  // namespace heavykeys::tools
