#include "lib/leverage.hpp"

#include <algorithm>
#include <map>

#include "lib/certified_factor.hpp"
#include "lib/exact_leverage.hpp"
#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

namespace {

enum class Verdict : unsigned char { open, heavy, light };

/// A leverage is printed from an interval only when it is at least this narrow, relatively.
constexpr double kPrintable = 1e-10;

class Decider {
 public:
  Decider(const ExactGram& gram, const RowStore& rows, double epsilon, Effort effort)
      : gram_(gram),
        rows_(rows),
        epsilon_(epsilon),
        effort_(effort),
        scale_(equilibration(gram)),
        verdict_(rows.count(), Verdict::open),
        tau_(rows.count(), 0.0) {}

  Leverages run() {
    std::vector<std::size_t> columns = nonzero_columns(gram_);
    // Fewer rows than columns cannot have full rank: no float attempt can certify what is false.
    bool full_rank = columns.empty();
    if (!full_rank && gram_.rows() >= columns.size()) full_rank = climb(columns);
    if (!full_rank) {
      columns = exact_column_basis(gram_, columns);
      climb(columns);
    }
    if (effort_ == Effort::thorough) settle(columns);
    return result(columns.size());
  }

 private:
  /// Both float precisions on these columns. True when one of them certified that G is nonsingular there.
  bool climb(const std::vector<std::size_t>& columns) {
    const bool in_double = attempt<double>(columns);
    if (in_double && !any_open()) return true;
    return attempt<DoubleDouble>(columns) || in_double;
  }

  bool any_open() const {
    return std::find(verdict_.begin(), verdict_.end(), Verdict::open) != verdict_.end();
  }

  template <class Real>
  bool attempt(const std::vector<std::size_t>& columns) {
    const CertifiedFactor<Real> factor(gram_, scale_, columns);
    if (!factor.certified()) return false;
    std::vector<double> row(gram_.dim());
    for (std::size_t r = 0; r < rows_.count(); ++r) {
      if (verdict_[r] != Verdict::open) continue;
      rows_.read(r, row.data());
      scale_row(row.data(), scale_, row.data());
      const Interval tau = factor.leverage(row.data());
      tau_[r] = tau.value;
      if (tau.upper < epsilon_) {
        verdict_[r] = Verdict::light;
      } else if (tau.lower >= epsilon_ &&
                 (effort_ == Effort::loose || tau.upper - tau.lower <= kPrintable * tau.value)) {
        verdict_[r] = Verdict::heavy;
      }
    }
    return true;
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
    std::vector<double> row(gram_.dim());
    for (std::size_t r : open) {
      rows_.read(r, row.data());
      const auto [it, is_new] = first_of.try_emplace(row, distinct.size());
      if (is_new) distinct.push_back(r);
      decision_of.push_back(it->second);
    }
    const auto decisions = exact_leverages(gram_, basis, rows_, distinct, epsilon_);
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
      out.tau.push_back(std::min(tau_[r], 1.0));
    }
    return out;
  }

  const ExactGram& gram_;
  const RowStore& rows_;
  double epsilon_;
  Effort effort_;
  std::vector<int> scale_;
  std::vector<Verdict> verdict_;
  std::vector<double> tau_;
};

}  // namespace

Leverages decide_leverages(const ExactGram& gram, const RowStore& rows, double epsilon, Effort effort) {
  return Decider(gram, rows, epsilon, effort).run();
}

}  // namespace heavykeys::detail
