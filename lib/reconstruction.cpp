#include "heavykeys/reconstruction.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/attention_rows.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/read_rows.hpp"
#include "lib/reconstruction.hpp"
#include "lib/reconstructor_state.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/text.hpp"

namespace heavykeys {
namespace detail {

bool all_finite(const double* x, std::size_t count) {
  bool finite = true;
  for (std::size_t i = 0; i < count; ++i) finite &= std::abs(x[i]) <= std::numeric_limits<double>::max();
  return finite;
}

void ReconstructorState::prepare() {
  rest.clear();
  rest_mean.clear();
  for (std::size_t e = 0, k = 0; e < dim; ++e) {
    if (k < computed.size() && computed[k] == e) {
      ++k;
      continue;
    }
    rest.push_back(e);
    rest_mean.push_back(mean[e]);
  }
  block = std::clamp(padded_columns(rest.size()), kLeastWidth, kMapBlock);
  if (factored) to.assign(computed.size() * padded_coefficients(), 0.0);
  from.assign((rest.size() + block - 1) / block * coefficients * block, 0.0);
}

std::size_t ReconstructorState::padded_coefficients() const { return padded_columns(coefficients); }

Strided Completion::coefficients(const ReconstructorState& s, const Strided& centred, std::size_t count) {
  if (!s.factored) return centred;
  const std::size_t ld = s.padded_coefficients();
  coefficients_.resize(count * ld);
  multiply<double>({centred.data, centred.row, centred.step, count, s.to.data(), ld, ld, s.computed.size()},
                   coefficients_.data(), ld);
  return {coefficients_.data(), static_cast<std::ptrdiff_t>(ld), 1};
}

namespace {

/// How many of an ascending list are below `element`.
std::size_t rank(const std::vector<std::size_t>& in, std::size_t element) {
  return static_cast<std::size_t>(std::lower_bound(in.begin(), in.end(), element) - in.begin());
}

}  // namespace

void Completion::complete(const ReconstructorState& s, const Strided& c, const Strided& exact,
                          std::size_t count, std::size_t first, std::size_t last, double* out,
                          std::size_t ld) {
  const std::size_t end = rank(s.rest, last), k_end = rank(s.computed, last);
  const std::size_t width = s.block;
  block_.resize(count * width);
  for (std::size_t r = rank(s.rest, first); r < end;) {
    const std::size_t b = r / width, stop = std::min(end, (b + 1) * width);
    multiply<double>({c.data, c.row, c.step, count, s.from.data() + b * s.coefficients * width, width, width,
                      s.coefficients},
                     block_.data(), width);
    for (std::size_t i = 0; i < count; ++i) {
      const double* estimate = &block_[i * width];
      double* to = out + i * ld;
      for (std::size_t j = r; j < stop; ++j) {
        to[s.rest[j] - first] = s.rest_mean[j] + estimate[j - b * width];
      }
    }
    r = stop;
  }
  for (std::size_t k = rank(s.computed, first); k < k_end; ++k) {
    const double* x = exact.data + static_cast<std::ptrdiff_t>(k) * exact.step;
    for (std::size_t i = 0; i < count; ++i) {
      out[i * ld + s.computed[k] - first] = x[static_cast<std::ptrdiff_t>(i) * exact.row];
    }
  }
}

const double* Completion::turned_coefficients(const ReconstructorState& s, const double* centred,
                                              std::size_t width) {
  if (!s.factored) return centred;
  coefficients_.resize(s.coefficients * width);
  const auto step = static_cast<std::ptrdiff_t>(s.padded_coefficients());
  multiply<double>({s.to.data(), 1, step, s.coefficients, centred, width, width, s.computed.size()},
                   coefficients_.data(), width);
  return coefficients_.data();
}

void Completion::complete_turned(const ReconstructorState& s, const double* c, const double* exact,
                                 std::size_t width, std::size_t first, std::size_t last, double* out) {
  const std::size_t end = rank(s.rest, last), k_end = rank(s.computed, last);
  block_.resize(s.block * width);
  for (std::size_t r = rank(s.rest, first); r < end;) {
    const std::size_t stop = std::min(end, (r / s.block + 1) * s.block);
    const double* map = s.from.data() + r / s.block * s.coefficients * s.block + r % s.block;
    multiply<double>(
        {map, 1, static_cast<std::ptrdiff_t>(s.block), stop - r, c, width, width, s.coefficients},
        block_.data(), width);
    for (const double* estimate = block_.data(); r < stop; ++r, estimate += width) {
      double* to = out + (s.rest[r] - first) * width;
      for (std::size_t u = 0; u < width; ++u) to[u] = s.rest_mean[r] + estimate[u];
    }
  }
  for (std::size_t k = rank(s.computed, first); k < k_end; ++k) {
    std::copy_n(exact + k * width, width, out + (s.computed[k] - first) * width);
  }
}

namespace {

constexpr std::size_t kTogether = 32;  // samples at a time: they share each read of the map

/// Samples first .. first + count - 1 of the argument `name` from `exact` [count, s] contiguous, to out
/// [count, p]. Throws InvalidInput for an estimate that is not finite.
void rebuild(const ReconstructorState& s, const char* name, std::size_t first, const double* exact,
             std::size_t count, Completion& completion, std::vector<double>& centred, double* out) {
  const std::size_t width = s.computed.size();
  const auto row = static_cast<std::ptrdiff_t>(width);
  centred.resize(count * width);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < width; ++k) {
      centred[i * width + k] = exact[i * width + k] - s.mean[s.computed[k]];
    }
  }
  const Strided c = completion.coefficients(s, {centred.data(), row, 1}, count);
  completion.complete(s, c, {exact, row, 1}, count, 0, s.dim, out, s.dim);
  if (all_finite(out, count * s.dim)) return;
  const double* bad = std::find_if_not(out, out + count * s.dim, [](double x) { return std::isfinite(x); });
  const auto at = static_cast<std::size_t>(bad - out);
  throw InvalidInput(std::string(name) + ": row " + std::to_string(first + at / s.dim) +
                     ": the estimate of element " + std::to_string(at % s.dim) + " passes float64");
}

void require_width(const char* name, const Rows& rows, std::size_t width, const ReconstructorState& s) {
  if (rows.dim == width) return;
  throw InvalidInput(std::string(name) + ": rows of " + std::to_string(rows.dim) +
                     " elements; the reconstructor computes " + std::to_string(s.computed.size()) + " of " +
                     std::to_string(s.dim));
}

void read_finite(const Rows& rows, std::size_t first, std::size_t count, double* out) {
  const Rows part = rows.slice(first, count);
  require_finite(part);
  for (std::size_t i = 0; i < count; ++i) read_row(part, i, out + i * rows.dim);
}

}  // namespace

std::vector<double> reconstruct_with(const Reconstructor& reconstructor, const Rows& partial,
                                     const Workers& workers) {
  const FloatEnvironment ieee;
  current_isa();
  const ReconstructorState& s = ReconstructorAccess::state(reconstructor);
  require_width("partial", partial, s.computed.size(), s);
  std::vector<double> out(partial.count * s.dim);
  share_tasks(
      "reconstruct", workers, (partial.count + kTogether - 1) / kTogether, [&](int, std::size_t task) {
        const std::size_t first = task * kTogether, count = std::min(kTogether, partial.count - first);
        std::vector<double> exact(count * s.computed.size()), centred;
        read_finite(partial, first, count, exact.data());
        Completion completion;
        rebuild(s, "partial", first, exact.data(), count, completion, centred, out.data() + first * s.dim);
      });
  return out;
}

}  // namespace detail

using detail::ReconstructorAccess;

std::size_t Reconstructor::dim() const { return state_->dim; }
std::span<const std::size_t> Reconstructor::elements() const { return state_->computed; }
std::span<const double> Reconstructor::mean() const { return state_->mean; }
const ReconstructorOptions& Reconstructor::options() const { return state_->options; }
double Reconstructor::predicted_error() const { return state_->predicted_error; }

std::size_t Reconstructor::memory_bytes() const {
  const detail::ReconstructorState& s = *state_;
  return sizeof s + 8 * (s.computed.size() + s.mean.size() + s.to.size() + s.from.size() + s.rest.size() +
                         s.rest_mean.size());
}

// The header's pragma does not reach the declaration of a friend.
[[gnu::visibility("default")]] bool operator==(const Reconstructor& a, const Reconstructor& b) {
  return a.state_ == b.state_ || *a.state_ == *b.state_;
}

std::vector<double> reconstruct(const Reconstructor& reconstructor, const Rows& partial) {
  return detail::reconstruct_with(reconstructor, partial, detail::serial_workers());
}

ReconstructionError reconstruction_error(const Reconstructor& reconstructor, const Rows& samples) {
  const detail::FloatEnvironment ieee;
  detail::current_isa();
  const detail::ReconstructorState& s = ReconstructorAccess::state(reconstructor);
  detail::require_width("samples", samples, s.dim, s);
  if (samples.count == 0) throw InvalidInput("samples: there is none");
  const std::size_t most = detail::kTogether;
  std::vector<double> whole(most * s.dim), exact(most * s.computed.size()), centred, rebuilt(most * s.dim);
  detail::Completion completion;
  double lost = 0.0, total = 0.0;
  for (std::size_t first = 0; first < samples.count; first += most) {
    const std::size_t count = std::min(most, samples.count - first);
    detail::read_finite(samples, first, count, whole.data());
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < s.computed.size(); ++k) {
        exact[i * s.computed.size() + k] = whole[i * s.dim + s.computed[k]];
      }
    }
    detail::rebuild(s, "samples", first, exact.data(), count, completion, centred, rebuilt.data());
    for (std::size_t i = 0; i < count; ++i) {
      double sample_lost = 0.0, sample_total = 0.0;
      for (std::size_t e = 0; e < s.dim; ++e) {
        const double x = whole[i * s.dim + e], error = x - rebuilt[i * s.dim + e], off = x - s.mean[e];
        sample_lost += error * error;
        sample_total += off * off;
      }
      lost += sample_lost;
      total += sample_total;
      if (!std::isfinite(lost) || !std::isfinite(total)) {
        throw InvalidInput("samples: row " + std::to_string(first + i) +
                           ": with it the squares add up to more than float64 holds (" +
                           detail::shortest(lost) + " of errors, " + detail::shortest(total) +
                           " of distances from the mean)");
      }
    }
  }
  const double elements = static_cast<double>(samples.count) * static_cast<double>(s.dim);
  return {lost / elements, total / elements, total > 0.0 ? lost / total : 0.0};
}

}  // namespace heavykeys
