#include "lib/leverage.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "lib/certified_factor.hpp"
#include "lib/dense_kernels.hpp"
#include "lib/exact_leverage.hpp"
#include "lib/refined_leverage.hpp"
#include "lib/scaled_gram.hpp"
#include "lib/stage.hpp"

namespace heavykeys::detail {

namespace {

enum class Verdict : unsigned char { open, heavy, light };

/// A leverage is printed from an interval only when it is at least this narrow, relatively. Of lifted
/// and weighted rows it is printed as float64 gives it, certified within a factor of 4: each of the many
/// would cost more.
constexpr double kPrintable = 1e-10;

/// Up to this many lifted columns, the proof of their rank is affordable.
constexpr std::size_t kProvable = 128;

/// How far below the threshold lifted rows are decided, relatively. There a row is only by accident; at the
/// threshold itself ties come in crowds, and would all need exact arithmetic of many columns.
constexpr double kBelow = 0x1p-41, kLooselyBelow = 0x1p-40;

class Decider {
 public:
  Decider(const ExactGram& gram, const LiftedRows& rows, double threshold, Effort effort, int tau_bits)
      : gram_(gram),
        rows_(rows),
        lifted_(!rows.lift().is_trivial()),
        effort_(effort),
        tau_bits_(tau_bits),
        threshold_(lifted_ ? threshold * (1.0 - kBelow) : threshold),
        light_below_(lifted_ && effort == Effort::loose ? threshold * (1.0 - kLooselyBelow) : threshold_),
        scale_(equilibration(gram)),
        verdict_(rows.count(), Verdict::open),
        tau_(rows.count(), 0.0) {}

  Leverages run() {
    Stage stage("leverage", 3);  // float arithmetic, perhaps on a basis again; exact
    std::vector<std::size_t> columns = nonzero_columns(gram_);
    // Fewer rows than columns cannot have full rank: no float attempt can certify what is false.
    bool full_rank = columns.empty();
    const bool large = lifted_ && columns.size() > kProvable;
    const bool tried = !full_rank && gram_.rows() >= columns.size();
    if (tried) full_rank = climb(columns, true, !large);
    stage.step();
    if (!full_rank) {
      const std::size_t all = columns.size();
      columns = large ? likely_column_basis(gram_, columns) : exact_column_basis(gram_, columns);
      climb(columns, !tried || columns.size() < all, true);
    }
    stage.step();
    if (effort_ == Effort::thorough) settle(columns);
    stage.step();
    return result(columns.size());
  }

 private:
  /// Float arithmetic on these columns. True when it certified that G is nonsingular there.
  bool climb(const std::vector<std::size_t>& columns, bool with_double, bool with_double_double) {
    bool certified = false;
    if (with_double) {
      const CertifiedFactor<double> factor(gram_, scale_, columns);
      certified = factor.certified();
      if (certified) attempt(factor);
      if (certified && lifted_ && effort_ == Effort::thorough && any_open()) refine(factor);
    }
    // A double-double factor of thousands of columns is for those that float64 cannot certify at all.
    if (certified && (!any_open() || (lifted_ && effort_ == Effort::loose))) return true;
    if (!with_double_double) return certified;
    const CertifiedFactor<DoubleDouble> factor(gram_, scale_, columns);
    if (factor.certified()) attempt(factor);
    return certified || factor.certified();
  }

  bool any_open() const {
    return std::find(verdict_.begin(), verdict_.end(), Verdict::open) != verdict_.end();
  }

  void judge(std::size_t r, const Interval& tau) {
    tau_[r] = tau.value;
    if (tau.upper < light_below_) {
      verdict_[r] = Verdict::light;
    } else if (tau.lower >= threshold_ && (lifted_ || tau_bits_ > 0 || effort_ == Effort::loose ||
                                           tau.upper - tau.lower <= kPrintable * tau.value)) {
      verdict_[r] = Verdict::heavy;
    }
  }

  template <class Real>
  void attempt(const CertifiedFactor<Real>& factor) {
    const std::size_t dim = gram_.dim();
    std::vector<std::size_t> group;
    std::vector<Real> batch(kSolved * dim);
    std::vector<Interval> tau(kSolved);
    Stage stage("leverage", rows_.count() / kSolved + 1);
    const auto flush = [&] {
      factor.leverages(batch.data(), group.size(), dim, rows_.rounding<Real>(), tau.data());
      for (std::size_t i = 0; i < group.size(); ++i) judge(group[i], tau[i]);
      group.clear();
      stage.step();
    };
    for (std::size_t r = 0; r < rows_.count(); ++r) {
      if (verdict_[r] != Verdict::open) continue;
      rows_.read(r, scale_, batch.data() + group.size() * dim);
      group.push_back(r);
      if (group.size() == kSolved) flush();
    }
    if (!group.empty()) flush();
  }

  void refine(const CertifiedFactor<double>& factor) {
    const RefinedLeverage refined(gram_, scale_, factor);
    std::vector<DoubleDouble> row(gram_.dim());
    Stage stage("leverage", rows_.count());
    for (std::size_t r = 0; r < rows_.count(); ++r) {
      stage.step();
      if (verdict_[r] != Verdict::open) continue;
      rows_.read(r, scale_, row.data());
      judge(r, refined(row.data(), rows_.rounding<DoubleDouble>()));
    }
  }

  void settle(const std::vector<std::size_t>& basis) {
    std::vector<std::size_t> open;
    for (std::size_t r = 0; r < rows_.count(); ++r) {
      if (verdict_[r] == Verdict::open) open.push_back(r);
    }
    if (open.empty()) return;
    // Ties come in crowds of equal rows: each distinct row is decided once.
    std::map<std::vector<double>, std::size_t> first_of;
    std::vector<std::size_t> distinct, decision_of;
    std::vector<double> row(rows_.base().dim());
    for (std::size_t r : open) {
      rows_.base().read(r, row.data());
      const auto [it, is_new] = first_of.try_emplace(row, distinct.size());
      if (is_new) distinct.push_back(r);
      decision_of.push_back(it->second);
    }
    const auto decisions = exact_leverages(gram_, basis, rows_, distinct, threshold_, tau_bits_);
    for (std::size_t i = 0; i < open.size(); ++i) {
      const ExactDecision& decision = decisions[decision_of[i]];
      verdict_[open[i]] = decision.heavy ? Verdict::heavy : Verdict::light;
      tau_[open[i]] = decision.tau;
    }
  }

  Leverages result(std::size_t rank) const {
    Leverages out;
    out.rank = rank;
    for (std::size_t r = 0; r < rows_.count(); ++r) {
      if (verdict_[r] == Verdict::light) continue;
      out.kept.push_back(r);
      out.tau.push_back(tau_[r]);
    }
    return out;
  }

  const ExactGram& gram_;
  const LiftedRows& rows_;
  bool lifted_;
  Effort effort_;
  int tau_bits_;
  double threshold_, light_below_;
  std::vector<int> scale_;
  std::vector<Verdict> verdict_;
  std::vector<double> tau_;
};

}  // namespace

Leverages decide_leverages(const ExactGram& gram, const LiftedRows& rows, double threshold, Effort effort,
                           int tau_bits) {
  return Decider(gram, rows, threshold, effort, tau_bits).run();
}

}  // namespace heavykeys::detail
