#include "heavykeys/covariance.hpp"

#include <string>

#include "heavykeys/error.hpp"
#include "lib/counter_random.hpp"
#include "lib/covariance_state.hpp"

namespace heavykeys {

namespace detail {

namespace {

constexpr std::size_t kMostElements = std::size_t{1} << 24;
constexpr std::size_t kMostWhole = 16384;  // the covariance is then 2 GiB

ElementSums& group_of(std::map<int, ElementSums>& groups, int exponent, std::size_t size, bool squares) {
  const auto found = groups.find(exponent);
  if (found != groups.end()) return found->second;
  ElementSums group{0, std::vector<Int128>(size), std::vector<Int128>(squares ? size : 0)};
  return groups.emplace(exponent, std::move(group)).first->second;
}

void add(std::vector<Int128>& into, const std::vector<Int128>& from) {
  for (std::size_t i = 0; i < into.size(); ++i) into[i] += from[i];
}

void add(ElementSums& into, const ElementSums& from) {
  into.samples += from.samples;
  add(into.sums, from.sums);
  add(into.squares, from.squares);
}

std::string text_of(const CovarianceSpec& spec) {
  return "dim " + std::to_string(spec.dim) + ", sketch_columns " + std::to_string(spec.sketch_columns) +
         ", seed " + std::to_string(spec.seed);
}

}  // namespace

void validate(const CovarianceSpec& spec) {
  if (spec.dim < 1 || spec.dim > kMostElements) {
    throw InvalidInput("dim is " + std::to_string(spec.dim) + "; samples have 1 to 2^24 elements");
  }
  if (spec.sketch_columns >= spec.dim && spec.sketch_columns > 0) {
    throw InvalidInput("sketch_columns is " + std::to_string(spec.sketch_columns) + "; it is below dim, " +
                       std::to_string(spec.dim) + ", or 0 for the whole covariance");
  }
  if (spec.sketch_columns == 0 && spec.dim > kMostWhole) {
    throw InvalidInput("dim is " + std::to_string(spec.dim) + "; above " + std::to_string(kMostWhole) +
                       " the covariance is kept as a sketch: give sketch_columns");
  }
}

CovarianceState::CovarianceState(const CovarianceSpec& s) : spec(s) { validate(s); }

SignVectors CovarianceState::signs() const {
  return {spec.dim, spec.sketch_columns, derived_seed(spec.seed, Purpose::covariance_signs)};
}

ElementSums& CovarianceState::elements_of(int exponent) {
  return group_of(elements, exponent, spec.dim, is_sketch());
}

ElementSums& CovarianceState::images_of(int exponent) {
  return group_of(images, exponent, spec.sketch_columns, false);
}

ProductGroup& CovarianceState::products_of(ProductKey key) {
  const auto found = products.find(key);
  if (found != products.end()) return found->second;
  ProductGroup group{0, ProductSums(spec.dim, image_dim(), !is_sketch())};
  return products.emplace(key, std::move(group)).first->second;
}

}  // namespace detail

Covariance::Covariance(const CovarianceSpec& spec)
    : state_(std::make_unique<detail::CovarianceState>(spec)) {}
Covariance::Covariance(const Covariance& other)
    : state_(std::make_unique<detail::CovarianceState>(*other.state_)) {}
Covariance::Covariance(Covariance&&) noexcept = default;
Covariance& Covariance::operator=(const Covariance& other) {
  if (this != &other) *this = Covariance(other);
  return *this;
}
Covariance& Covariance::operator=(Covariance&&) noexcept = default;
Covariance::~Covariance() = default;

const CovarianceSpec& Covariance::spec() const { return state_->spec; }
std::uint64_t Covariance::sample_count() const { return state_->samples; }

std::size_t Covariance::memory_bytes() const {
  std::size_t bytes = sizeof(detail::CovarianceState);
  for (const auto* groups : {&state_->elements, &state_->images}) {
    for (const auto& [exponent, group] : *groups) {
      bytes += (group.sums.capacity() + group.squares.capacity()) * sizeof(detail::Int128);
    }
  }
  for (const auto& [key, group] : state_->products) bytes += group.sums.memory_bytes();
  return bytes;
}

void merge(Covariance& into, const Covariance& from) {
  detail::CovarianceState& to = detail::CovarianceAccess::state(into);
  const detail::CovarianceState& other = detail::CovarianceAccess::state(from);
  if (to.spec != other.spec) {
    throw Incompatible("the covariances differ: " + detail::text_of(to.spec) + " and " +
                       detail::text_of(other.spec));
  }
  if (other.samples > detail::kMostSamples - to.samples) {
    throw InvalidInput("a covariance holds at most 2^30 samples");
  }
  // Room first: what follows does not throw.
  for (const auto& [exponent, group] : other.elements) to.elements_of(exponent);
  for (const auto& [exponent, group] : other.images) to.images_of(exponent);
  for (const auto& [key, group] : other.products) to.products_of(key);
  to.samples += other.samples;
  for (const auto& [exponent, group] : other.elements) detail::add(to.elements_of(exponent), group);
  for (const auto& [exponent, group] : other.images) detail::add(to.images_of(exponent), group);
  for (const auto& [key, group] : other.products) {
    detail::ProductGroup& sum = to.products_of(key);
    sum.samples += group.samples;
    sum.sums.add(group.sums);
  }
}

}  // namespace heavykeys
