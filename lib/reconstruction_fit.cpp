// Fitting: the elements, the linear map, and the error it is expected to leave.
#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/element_choice.hpp"
#include "lib/float_environment.hpp"
#include "lib/reconstructor_state.hpp"
#include "lib/text.hpp"
#include "lib/variance_model.hpp"

namespace heavykeys {
namespace detail {

namespace {

/// x^_R - mean_R = from^T to (x_S - mean_S). `to` has no rows when it is the identity.
struct Map {
  DenseMatrix to;    // [t, s]
  DenseMatrix from;  // [t, p - s]
  bool factored = true;
};

struct Split {
  std::vector<std::size_t> computed, rest;
};

/// |weights (x_S - basis^T a)|^2 + |prior a|^2 is least for a = to (x_S - mean_S); basis [t, s]. By QR of the
/// stacked system: normal equations would square its condition.
DenseMatrix regression(const DenseMatrix& basis, const Eigen::VectorXd& weights, double prior) {
  const Eigen::Index t = basis.rows(), s = basis.cols();
  if (t == 0) return basis;
  Eigen::MatrixXd stacked = Eigen::MatrixXd::Zero(s + t, t);
  stacked.topRows(s) = weights.asDiagonal() * basis.transpose();
  stacked.bottomRows(t).diagonal().setConstant(prior);
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(stacked);
  const Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(s + t, t);
  const Eigen::MatrixXd r = qr.matrixQR().topRows(t);
  const Eigen::MatrixXd thin = q.topRows(s).transpose();
  return r.triangularView<Eigen::Upper>().solve(thin) * weights.asDiagonal();
}

/// What rounding needs: Cholesky of an s x s matrix goes through when its least eigenvalue is above it
/// (Higham, Accuracy and Stability of Numerical Algorithms, theorem 10.7).
double rounding_of(const VarianceModel& m, const std::vector<std::size_t>& computed) {
  double sum = 0.0;
  for (const std::size_t e : computed) sum += m.variance[index(e)];
  return static_cast<double>(computed.size()) * 0x1p-53 * sum;
}

/// C_RS (C_SS + ridge)^-1 = F_R^T F_S (F_S^T F_S + N)^-1, N = D_S + ridge, R and S being disjoint. Where
/// there are fewer components than elements, F_S (F_S^T F_S + N)^-1 is the regression on F_S with weights
/// N^-1/2 and prior 1 (Woodbury's identity).
Map lmmse(const VarianceModel& m, const Split& split, double ridge) {
  const double added =
      std::max(ridge * m.variance.sum() / static_cast<double>(m.dim()), rounding_of(m, split.computed));
  Map map{{}, m.factor(split.rest)};
  const DenseMatrix f = m.factor(split.computed);
  if (!(added > 0.0)) {  // nothing computed varies
    map.to = DenseMatrix::Zero(f.rows(), f.cols());
    return map;
  }
  Eigen::VectorXd noise(f.cols());
  for (Eigen::Index k = 0; k < noise.size(); ++k) {
    noise[k] = m.noise_of(split.computed[static_cast<std::size_t>(k)]) + added;
  }
  if (f.rows() < f.cols()) {
    map.to = regression(f, noise.cwiseSqrt().cwiseInverse(), 1.0);
    return map;
  }
  Eigen::MatrixXd covariance = f.transpose() * f;
  for (;; noise.array() += added) {
    Eigen::MatrixXd damped = covariance;
    damped.diagonal() += noise;
    const Eigen::LLT<Eigen::MatrixXd> factor(damped);
    if (factor.info() != Eigen::Success) continue;
    map.to = factor.solve(f.transpose()).transpose();
    return map;
  }
}

Map least_squares(const VarianceModel& m, const Split& split, double ridge) {
  const auto rows_of = [&](const std::vector<std::size_t>& elements) {
    DenseMatrix out(m.components.rows(), index(elements.size()));
    for (Eigen::Index k = 0; k < out.cols(); ++k) {
      out.col(k) = m.components.col(index(elements[static_cast<std::size_t>(k)]));
    }
    return out;
  };
  const DenseMatrix e = rows_of(split.computed);
  const double s = static_cast<double>(split.computed.size());
  const double share = s / static_cast<double>(m.dim());
  const double prior = std::sqrt(std::max(ridge, s * 0x1p-53) * share);
  return {regression(e, Eigen::VectorXd::Ones(e.cols()), prior), rows_of(split.rest)};
}

/// One matrix [s, p - s] in place of the two, where that costs less.
void fold(Map& map) {
  const Eigen::Index t = map.from.rows(), s = map.to.cols(), rest = map.from.cols();
  if (s * rest > t * (s + rest)) return;
  map.from = DenseMatrix(map.to.transpose() * map.from);
  map.to.resize(0, s);
  map.factored = false;
}

/// E |x - x^|^2 / E |x - mean|^2 under the model: with G = from^T to, tr C_RR - 2 tr G C_SR + tr G C_SS G^T.
double predicted_error(const VarianceModel& m, const Split& split, const Map& map) {
  const double total = m.variance.sum();
  if (!(total > 0.0)) return 0.0;
  double rest = 0.0;
  for (const std::size_t e : split.rest) rest += m.variance[index(e)];
  const DenseMatrix f_s = m.factor(split.computed).transpose();          // [s, r]
  const DenseMatrix p = map.factored ? DenseMatrix(map.to * f_s) : f_s;  // [t, r]
  const DenseMatrix q = map.from * m.factor(split.rest).transpose();     // [t, r]
  Eigen::VectorXd noise(index(split.computed.size()));
  for (Eigen::Index k = 0; k < noise.size(); ++k) {
    noise[k] = m.noise_of(split.computed[static_cast<std::size_t>(k)]);
  }
  DenseMatrix own = p * p.transpose();  // to C_SS to^T
  if (map.factored) {
    own += map.to * noise.asDiagonal() * map.to.transpose();
  } else {
    own.diagonal() += noise;
  }
  const DenseMatrix gram = map.from * map.from.transpose();
  const double error = rest - 2 * p.cwiseProduct(q).sum() + own.cwiseProduct(gram).sum();
  return std::max(0.0, error) / total;
}

/// Components that vary this little beside the first are rounding.
constexpr double kRounding = 1e-12;

struct Fit {
  Map map;
  std::size_t components = 0;
  double error = 0.0;
};

Fit fit_once(const PrincipalComponents& from, const VarianceModel& whole, const Split& split,
             const ReconstructorOptions& o, std::size_t used) {
  const VarianceModel model(from, used);
  Fit fit{
      o.estimator == Estimator::lmmse ? lmmse(model, split, o.ridge) : least_squares(model, split, o.ridge),
      used};
  fold(fit.map);
  fit.error = predicted_error(whole, split, fit.map);
  return fit;
}

Fit fit_map(const PrincipalComponents& from, const VarianceModel& whole, const Split& split,
            const ReconstructorOptions& o) {
  if (o.estimator == Estimator::lmmse || o.components > 0) {
    return fit_once(from, whole, split, o, o.components == 0 ? whole.size() : o.components);
  }
  const auto varies = [&](double v) { return v > kRounding * from.variances.front(); };
  const auto rank = std::count_if(from.variances.begin(), from.variances.end(), varies);
  std::size_t used = std::min(static_cast<std::size_t>(rank), o.computed);
  Fit best = fit_once(from, whole, split, o, used);
  while (used > 1) {
    used /= 2;
    Fit other = fit_once(from, whole, split, o, used);
    if (other.error < best.error) best = std::move(other);
  }
  return best;
}

void check(const ReconstructorOptions& o, const PrincipalComponents& from) {
  if (!(o.ridge >= 0.0 && o.ridge <= 1.0)) {
    throw InvalidInput("ridge " + shortest(o.ridge) + "; it must be in 0 .. 1");
  }
  if (o.estimator != Estimator::lmmse && o.estimator != Estimator::least_squares) {
    throw InvalidInput("estimator " + std::to_string(static_cast<std::uint32_t>(o.estimator)) +
                       ": there are lmmse and least_squares");
  }
  if (o.components > from.size()) {
    throw InvalidInput("components: " + std::to_string(o.components) + " are asked for and " +
                       std::to_string(from.size()) + " given");
  }
  if (o.estimator == Estimator::least_squares && o.components > o.computed) {
    throw InvalidInput("components: " + std::to_string(o.components) + " cannot be fitted to " +
                       std::to_string(o.computed) + " computed elements");
  }
  if (o.sample_queries < 1 || from.dim % o.sample_queries != 0) {
    throw InvalidInput("sample_queries: " + std::to_string(from.dim) + " elements are not " +
                       std::to_string(o.sample_queries) + " rows of scores");
  }
}

Split split_of(const VarianceModel& m, const ReconstructorOptions& o) {
  Split split{choose(m, o.computed, o.choice, o.seed), {}};
  std::sort(split.computed.begin(), split.computed.end());
  for (std::size_t e = 0, k = 0; e < m.dim(); ++e) {
    if (k < split.computed.size() && split.computed[k] == e) {
      ++k;
    } else {
      split.rest.push_back(e);
    }
  }
  return split;
}

void store(const Map& map, ReconstructorState& s) {
  s.factored = map.factored;
  s.coefficients = static_cast<std::size_t>(map.from.rows());
  s.prepare();
  for (std::size_t c = 0; c < s.coefficients; ++c) {
    for (std::size_t r = 0; r < s.rest.size(); ++r) s.from_at(c, r) = map.from(index(c), index(r));
    if (!s.factored) continue;
    for (std::size_t k = 0; k < s.computed.size(); ++k) {
      s.to[k * s.padded_coefficients() + c] = map.to(index(c), index(k));
    }
  }
}

}  // namespace

}  // namespace detail

Reconstructor fit_reconstructor(const PrincipalComponents& components, const ReconstructorOptions& options) {
  const detail::FloatEnvironment ieee;
  const detail::VarianceModel whole(components, components.size());
  detail::check(options, components);
  const detail::Split split = detail::split_of(whole, options);
  const detail::Fit fit = detail::fit_map(components, whole, split, options);
  detail::ReconstructorState state;
  state.dim = components.dim;
  state.options = options;
  state.options.components = fit.components;
  state.predicted_error = fit.error;
  state.computed = split.computed;
  state.mean = components.mean;
  detail::store(fit.map, state);
  const auto finite = [](const auto& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  };
  if (!std::isfinite(fit.error) || !finite(state.to) || !finite(state.from)) {
    throw InvalidInput("components: their products pass float64 (variances up to " +
                       detail::shortest(whole.unscaled(whole.variance.maxCoeff())) + ")");
  }
  return detail::ReconstructorAccess::make(std::move(state));
}

}  // namespace heavykeys
