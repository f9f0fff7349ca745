#include "bench/distributed_traffic.hpp"

#include <stdexcept>

#include "lib/sketch_state.hpp"

namespace heavykeys::bench {

namespace {

/// Only a gather's place among the gathers tells what it was for.
struct Calls {
  std::vector<const Call*> max, sums, gathers, exchanges;

  explicit Calls(const std::vector<Call>& calls) {
    for (const Call& call : calls) {
      (call.what == Operation::all_max   ? max
       : call.what == Operation::all_sum ? sums
       : call.what == Operation::gather  ? gathers
                                         : exchanges)
          .push_back(&call);
    }
  }
};

Term term(const std::string& name, std::uint64_t bound, const std::vector<const Call*>& calls) {
  Term t{name, 0, 0, bound};
  for (const Call* call : calls) {
    t.out += call->words_out;
    t.in += call->words_in;
  }
  return t;
}

/// calls[begin, end).
std::vector<const Call*> part(const std::vector<const Call*>& calls, std::size_t begin, std::size_t end) {
  if (begin > end || end > calls.size()) throw std::runtime_error("these calls are not those of an allmerge");
  return {calls.begin() + static_cast<std::ptrdiff_t>(begin),
          calls.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace

std::vector<Term> terms_of(const std::vector<Call>& log, int ranks, const Sketch& merged,
                           std::size_t universal) {
  const detail::SketchState& state = detail::SketchAccess::state(merged);
  if (state.plan->rule.weighted) throw std::runtime_error("no bounds are kept here for weights on arrival");
  const Calls calls(log);
  const std::uint64_t p = static_cast<std::uint64_t>(ranks), d = state.spec.dim, b = state.spec.block_rows;
  const std::uint64_t lifted = state.plan->lift.size(), k = state.plan->sample_capacity();
  const std::size_t sampled = k > 0 ? 1 : 0, gathers = calls.gathers.size();
  const std::size_t layers = gathers - 2 - sampled;  // a gather each; the others are directory, sample, open
  const auto limbs = static_cast<std::uint64_t>(state.metric.gram.limbs());

  std::vector<Term> terms;
  // Exponents, and a word for each step that could fail.
  terms.push_back(term("agreement", 2 * lifted + layers + 20, calls.max));
  terms.push_back(term("gram", limbs * lifted * (lifted + 1) / 2 + 1, part(calls.sums, 0, 2)));
  // A rank's size, its number of ranges, one range, and the two ends of its share that may wait.
  terms.push_back(term("directory", p * (1 + 1 + 3 + 2 * 4), part(calls.gathers, 0, 1)));
  // What goes is the smaller part of a block, at each end of the share.
  terms.push_back(term("borders", 2 * (b / 2 * d + 2), calls.exchanges));
  terms.push_back(
      term("candidates", universal * (d + 2) + 4 * p * layers, part(calls.gathers, 1, 1 + layers)));
  if (sampled != 0) {
    std::vector<const Call*> both = part(calls.sums, 2, calls.sums.size());
    both.push_back(calls.gathers[1 + layers]);
    terms.push_back(term("sample", k * (d + 2) + 4 * p + 1 + 8 * 256, both));
  }
  terms.push_back(term("open", b * d + 3 * p, part(calls.gathers, gathers - 1, gathers)));
  return terms;
}

Term total_of(const std::vector<Term>& terms) {
  Term all{"all", 0, 0, 0};
  for (const Term& t : terms) {
    all.out += t.out;
    all.in += t.in;
    all.bound += t.bound;
  }
  return all;
}

nlohmann::json to_json(const Term& t) {
  return {{"name", t.name}, {"out", t.out}, {"in", t.in}, {"bound", t.bound}};
}

}  // namespace heavykeys::bench
