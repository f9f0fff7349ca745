// Fresh covariances and reconstructors, and where their fields lie.
#include <cmath>
#include <sstream>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "support/random.hpp"
#include "wire/walk.hpp"

namespace wire {

namespace {

using namespace heavykeys;

/// 12 samples, whose sizes differ by up to 2^range.
Covariance covariance(const CovarianceSpec& spec, std::size_t samples, int range) {
  support::Random random(spec.dim + samples);
  std::vector<double> values(samples * spec.dim);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int scale = static_cast<int>(i / spec.dim % 4) * range / 3;
    values[i] = std::ldexp(random.integer(-999, 999), scale - range / 2);
  }
  Covariance out(spec);
  streaming::absorb(out, rows(values.data(), samples, spec.dim));
  return out;
}

State reconstructor(std::size_t dim, std::size_t kept, const ReconstructorOptions& options) {
  const PrincipalComponents components = principal_components(covariance({.dim = dim}, 40, 3), kept);
  const Bytes bytes = to_bytes(fit_reconstructor(components, options));
  std::ostringstream name;
  name << "reconstructor of " << dim << " by " << options.computed;
  return {name.str(), bytes, Stored::reconstructor};
}

void element_groups(Walk& walk, std::size_t integers) {
  for (std::uint64_t groups = walk.field(8, Kind::count); groups > 0; --groups) {
    walk.field(8, Kind::exponent);
    walk.field(8, Kind::count);
    walk.integers128(integers);
  }
}

}  // namespace

std::vector<State> fresh_covariances() {
  std::vector<State> out;
  const auto add = [&](const CovarianceSpec& spec, std::size_t samples, int range) {
    std::ostringstream name;
    name << samples << " samples of " << spec.dim << " over " << range << " bits, " << spec.sketch_columns
         << " columns";
    out.push_back({name.str(), to_bytes(covariance(spec, samples, range)), Stored::covariance});
  };
  for (const std::size_t columns : {0, 2}) {
    add({.dim = 4, .sketch_columns = columns, .seed = 5}, 12, 3);
    add({.dim = 3, .sketch_columns = columns, .seed = 5}, 12, 400);
    add({.dim = 7, .sketch_columns = columns, .seed = 5}, 1, 0);
    add({.dim = 3, .sketch_columns = columns, .seed = 5}, 0, 0);
  }
  return out;
}

std::vector<State> fresh_reconstructors() {
  std::vector<State> out;
  for (const auto estimator : {Estimator::lmmse, Estimator::least_squares}) {
    out.push_back(reconstructor(9, 3, {.computed = 1, .estimator = estimator, .sample_queries = 3}));
    out.push_back(reconstructor(9, 3, {.computed = 4, .estimator = estimator, .seed = 7}));
    out.push_back(reconstructor(9, 9, {.computed = 8, .choice = Choice::random, .estimator = estimator}));
    out.push_back(reconstructor(5, 2, {.computed = 5, .choice = Choice::strided, .estimator = estimator}));
    out.push_back(reconstructor(24, 1, {.computed = 6, .estimator = estimator}));  // factored
  }
  return out;
}

std::vector<Field> fields_of_covariance(const Bytes& state) {
  Walk walk(state);
  walk.header();
  const std::uint64_t dim = walk.field(8, Kind::count), columns = walk.field(8, Kind::count);
  walk.field(8, Kind::word);   // seed
  walk.field(8, Kind::count);  // samples
  element_groups(walk, columns > 0 ? 2 * dim : dim);
  if (columns > 0) element_groups(walk, columns);
  for (std::uint64_t groups = walk.field(8, Kind::count); groups > 0; --groups) {
    walk.array(2, 8, Kind::exponent);
    walk.field(8, Kind::count);
    walk.integers128(columns > 0 ? dim * columns : dim * (dim + 1) / 2);
  }
  return walk.fields;
}

std::vector<Field> fields_of_reconstructor(const Bytes& state) {
  Walk walk(state);
  walk.header();
  const std::uint64_t dim = walk.field(8, Kind::count), computed = walk.field(8, Kind::count);
  walk.array(2, 4, Kind::small);  // choice, estimator
  walk.field(8, Kind::count);     // components
  walk.field(8, Kind::number);    // ridge
  walk.field(8, Kind::word);      // seed
  walk.field(8, Kind::count);     // sample_queries
  walk.field(8, Kind::number);    // predicted error
  const std::uint64_t coefficients = walk.field(8, Kind::count);
  const bool factored = walk.field(4, Kind::small) == 1;
  walk.field(4, Kind::small);
  walk.array(computed, 8, Kind::id);
  walk.array(dim, 8, Kind::number);
  if (factored) walk.array(computed * coefficients, 8, Kind::number);
  walk.array(coefficients * (dim - computed), 8, Kind::number);
  return walk.fields;
}

}  // namespace wire
