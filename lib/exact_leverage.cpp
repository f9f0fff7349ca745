#include "lib/exact_leverage.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>

#include "lib/crc64.hpp"
#include "lib/mixed_radix.hpp"
#include "lib/modular.hpp"
#include "lib/stage.hpp"

namespace heavykeys::detail {

namespace {

/// Integer entry (i, j) of G, in units of 2^(entry_exponent), as a residue. `words` has room for the entry.
std::uint64_t residue(const ExactGram& gram, const PrimeField& field, std::size_t i, std::size_t j,
                      std::vector<Limb>& words) {
  if (gram.is_zero_column(i) || gram.is_zero_column(j)) return 0;
  std::copy_n(gram.entry_words(i, j), gram.limbs(), words.begin());
  const bool negative = take_magnitude(words.data(), gram.limbs());
  const std::uint64_t base = field.two_to_64();
  std::uint64_t r = 0;
  for (int l = gram.limbs() - 1; l >= 0; --l) r = field.add(field.multiply(r, base), field.element(words[l]));
  return negative ? field.subtract(0, r) : r;
}

/// value = m * 2^e with m odd (or 0).
struct OddPart {
  std::uint64_t magnitude = 0;
  int exponent = 0;
  bool negative = false;

  explicit OddPart(double value) {
    if (value == 0.0) return;
    negative = value < 0.0;
    magnitude = static_cast<std::uint64_t>(std::ldexp(std::frexp(std::fabs(value), &exponent), 53));
    const int zeros = __builtin_ctzll(magnitude);
    magnitude >>= zeros;
    exponent += zeros - 53;
  }
};

/// Lifted rows as residues, in the units of their columns: k~_c / 2^(low_c - P), integers.
class RowResidues {
 public:
  RowResidues(const ExactGram& gram, const LiftedRows& rows, const std::vector<std::size_t>& columns)
      : gram_(gram), rows_(rows), columns_(columns), row_(rows.lift().dim()) {}

  /// out is [columns].
  void read(const PrimeField& field, std::size_t r, std::vector<std::uint64_t>& out) {
    const Lift& lift = rows_.lift();
    std::vector<std::uint64_t> odd(row_.size()), product(lift.size());
    std::vector<int> exponent(row_.size()), sum(lift.size());
    rows_.base().read(r, row_.data());
    for (std::size_t i = 0; i < row_.size(); ++i) {
      const OddPart part(row_[i]);
      const std::uint64_t residue = field.element(part.magnitude);
      odd[i] = part.negative ? field.subtract(0, residue) : residue;
      exponent[i] = part.exponent;
    }
    lift.fold(odd.data(), field.one(), product.data(),
              [&](std::uint64_t a, std::uint64_t b) { return field.multiply(a, b); });
    lift.sums(exponent.data(), sum.data());
    for (std::size_t a = 0; a < columns_.size(); ++a) {
      const std::size_t c = columns_[a];
      // The whole is an integer and the odd part has no power of two to give: the exponent is not negative.
      out[a] =
          product[c] == 0
              ? 0
              : field.multiply(product[c], field.power_of_two(sum[c] - gram_.low()[c] + gram_.grid_bits()));
    }
  }

 private:
  const ExactGram& gram_;
  const LiftedRows& rows_;
  const std::vector<std::size_t>& columns_;
  std::vector<double> row_;
};

std::vector<std::uint64_t> residues(const ExactGram& gram, const PrimeField& field,
                                    const std::vector<std::size_t>& columns) {
  const std::size_t d = columns.size();
  std::vector<std::uint64_t> a(d * d);  // lower triangle
  std::vector<Limb> words(static_cast<std::size_t>(gram.limbs()));
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j <= i; ++j) a[i * d + j] = residue(gram, field, columns[i], columns[j], words);
  }
  return a;
}

/// a -= (column k)(column k)^T / pivot below and right of k, in the lower triangle. Returns 1 / pivot.
std::uint64_t eliminate(const PrimeField& field, std::vector<std::uint64_t>& a, std::size_t d,
                        std::size_t k) {
  const std::uint64_t inverse = field.inverse(a[k * d + k]);
  std::vector<std::uint64_t> column(d);
  for (std::size_t i = k + 1; i < d; ++i) column[i] = a[i * d + k];
  for (std::size_t i = k + 1; i < d; ++i) {
    if (column[i] == 0) continue;
    const std::uint64_t factor = field.multiply(column[i], inverse);
    for (std::size_t j = k + 1; j <= i; ++j) {
      a[i * d + j] = field.subtract(a[i * d + j], field.multiply(factor, column[j]));
    }
  }
  return inverse;
}

/// Hadamard: a principal minor of G is at most the product of its diagonal. Bits of the greatest such product
/// of `size` of these columns.
std::int64_t hadamard_bits(const ExactGram& gram, const std::vector<std::size_t>& columns, std::size_t size) {
  std::vector<std::int64_t> bits;
  bits.reserve(columns.size());
  for (std::size_t i : columns)
    bits.push_back(gram.entry(i, i).binary_exponent() - gram.entry_exponent(i, i));
  std::sort(bits.rbegin(), bits.rend());
  return std::accumulate(bits.begin(), bits.begin() + static_cast<std::ptrdiff_t>(size), std::int64_t{0});
}

constexpr std::int64_t kPrimeBits = 61;  // every prime used exceeds 2^61

/// Schur complement of `basis` in `columns` modulo one prime. Empty when a pivot vanishes there; else
/// the first column outside the basis whose diagonal does not vanish (definitely independent), or d.
std::optional<std::size_t> independent_column(const ExactGram& gram, const PrimeField& field,
                                              const std::vector<std::size_t>& basis,
                                              const std::vector<std::size_t>& columns) {
  // Basis first, so that elimination is the same for every prime.
  std::vector<std::size_t> order = basis;
  for (std::size_t c : columns) {
    if (std::find(basis.begin(), basis.end(), c) == basis.end()) order.push_back(c);
  }
  const std::size_t d = order.size();
  std::vector<std::uint64_t> a = residues(gram, field, order);
  for (std::size_t k = 0; k < basis.size(); ++k) {
    if (a[k * d + k] == 0) return std::nullopt;
    eliminate(field, a, d, k);
  }
  for (std::size_t i = basis.size(); i < d; ++i) {
    if (a[i * d + i] != 0) return order[i];
  }
  return static_cast<std::size_t>(-1);
}

/// G_BB = L D L^T modulo one prime.
struct ModularFactor {
  std::vector<std::uint64_t> l;        // strictly lower triangle
  std::vector<std::uint64_t> inverse;  // of the pivots
  std::uint64_t determinant = 0;       // 0: a pivot vanished, this prime is of no use

  ModularFactor(const ExactGram& gram, const PrimeField& field, const std::vector<std::size_t>& basis)
      : l(residues(gram, field, basis)), inverse(basis.size()) {
    const std::size_t r = basis.size();
    std::uint64_t product = field.one();
    for (std::size_t k = 0; k < r; ++k) {
      if (l[k * r + k] == 0) return;
      product = field.multiply(product, l[k * r + k]);
      inverse[k] = eliminate(field, l, r, k);
      for (std::size_t a = k + 1; a < r; ++a) l[a * r + k] = field.multiply(l[a * r + k], inverse[k]);
    }
    determinant = product;
  }

  /// k^T G_BB^-1 k, by y = L^-1 k in place.
  std::uint64_t leverage(const PrimeField& field, std::vector<std::uint64_t>& k) const {
    const std::size_t r = k.size();
    std::uint64_t tau = 0;
    for (std::size_t a = 0; a < r; ++a) {
      for (std::size_t b = 0; b < a; ++b) k[a] = field.subtract(k[a], field.multiply(l[a * r + b], k[b]));
      tau = field.add(tau, field.multiply(field.multiply(k[a], k[a]), inverse[a]));
    }
    return tau;
  }
};

}  // namespace

namespace {

/// Independent columns, greedily, as one prime sees it: independent for certain, perhaps too few.
std::vector<std::size_t> basis_modulo(const ExactGram& gram, const PrimeField& field,
                                      const std::vector<std::size_t>& columns) {
  const std::size_t d = columns.size();
  std::vector<std::uint64_t> a = residues(gram, field, columns);
  std::vector<std::size_t> basis;
  for (std::size_t k = 0; k < d; ++k) {
    if (a[k * d + k] == 0) continue;
    basis.push_back(columns[k]);
    eliminate(field, a, d, k);
  }
  return basis;
}

}  // namespace

std::vector<std::size_t> likely_column_basis(const ExactGram& gram, const std::vector<std::size_t>& columns) {
  // Drawn from the matrix itself, so that no keys are made for a known prime.
  const auto words = std::as_bytes(std::span(gram.words()));
  std::vector<std::size_t> best;
  for (std::uint64_t draw = 0; draw < 3; ++draw) {
    const std::uint64_t start = (crc64(words) ^ (draw * 0x9e3779b97f4a7c15u)) * 0xbf58476d1ce4e5b9u;
    const PrimeField field(prime_at_or_above((std::uint64_t{1} << 61) + (start >> 4)));
    std::vector<std::size_t> basis = basis_modulo(gram, field, columns);
    if (basis.size() > best.size()) best = std::move(basis);
    if (best.size() == std::min<std::uint64_t>(columns.size(), gram.rows())) break;  // cannot be more
  }
  return best;
}

std::vector<std::size_t> exact_column_basis(const ExactGram& gram, const std::vector<std::size_t>& order) {
  std::vector<std::size_t> columns;
  for (std::size_t c : order) {
    if (!gram.is_zero_column(c)) columns.push_back(c);
  }
  const std::size_t d = columns.size();

  // A diagonal that is nonzero modulo p is nonzero: independent for certain.
  std::vector<std::size_t> basis = basis_modulo(gram, PrimeField(prime_below_2_62(0)), columns);

  // A diagonal that was zero modulo p may still be a nonzero multiple of p. det(G_BB) * diagonal is a minor
  // of G of bounded size; if it vanishes modulo primes whose product exceeds the bound, it is zero. The rank
  // cannot exceed the number of rows, so short streams of independent rows need no such proof.
  const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(d, gram.rows()));
  for (bool grown = basis.size() < most; grown;) {
    grown = false;
    const std::int64_t bits = hadamard_bits(gram, columns, basis.size() + 1);
    std::int64_t proven = 0;
    Stage stage("leverage", static_cast<std::uint64_t>(bits / kPrimeBits + 1));
    for (std::size_t i = 0; proven <= bits; ++i) {
      stage.step();
      const PrimeField field(prime_below_2_62(i));
      const auto column = independent_column(gram, field, basis, columns);
      if (!column) continue;
      if (*column != static_cast<std::size_t>(-1)) {
        basis.push_back(*column);
        grown = basis.size() < most;
        break;
      }
      proven += kPrimeBits;
    }
  }
  return basis;
}

std::vector<ExactDecision> exact_leverages(const ExactGram& gram, const std::vector<std::size_t>& basis,
                                           const LiftedRows& store, const std::vector<std::size_t>& rows,
                                           double epsilon, int tau_bits) {
  // tau = N / D with D = det(G_BB), N = k^T adj(G_BB) k; epsilon = m 2^-t with m odd.
  // Decided is the sign of V = 2^t N - m D; 0 <= N <= 2^tau_bits D, and D <= Hadamard's bound, so |V| <= 2^(t
  // + tau_bits) D.
  int e = 0;
  auto m = static_cast<std::uint64_t>(std::ldexp(std::frexp(epsilon, &e), 53));
  int t = 53 - e;
  for (; m % 2 == 0; m /= 2) --t;

  const std::int64_t bits = hadamard_bits(gram, basis, basis.size()) + t + tau_bits + 2;
  MixedRadix radix;
  std::vector<std::uint64_t> determinants;
  std::vector<std::vector<std::uint64_t>> numerators(rows.size()), differences(rows.size());
  RowResidues residues(gram, store, basis);
  std::vector<std::uint64_t> k(basis.size());
  Stage stage("leverage", static_cast<std::uint64_t>(bits / kPrimeBits + 1));
  for (std::size_t i = 0; radix.bits() <= bits; ++i) {
    stage.step();
    const PrimeField field(prime_below_2_62(i));
    const ModularFactor factor(gram, field, basis);
    if (factor.determinant == 0) continue;
    radix.add_prime(field.prime());
    determinants.push_back(field.value(factor.determinant));
    const std::uint64_t two_t = field.power_of_two(t);
    const std::uint64_t m_times_d = field.multiply(field.element(m), factor.determinant);
    for (std::size_t c = 0; c < rows.size(); ++c) {
      residues.read(field, rows[c], k);
      const std::uint64_t numerator = field.multiply(factor.leverage(field, k), factor.determinant);
      numerators[c].push_back(field.value(numerator));
      differences[c].push_back(field.value(field.subtract(field.multiply(two_t, numerator), m_times_d)));
    }
  }

  const ScaledDouble determinant = radix.magnitude(determinants);
  std::vector<ExactDecision> decisions(rows.size());
  for (std::size_t c = 0; c < rows.size(); ++c) {
    const int sign = radix.sign(differences[c]);
    decisions[c].heavy = sign >= 0;
    decisions[c].tau = sign == 0 ? epsilon : ratio(radix.magnitude(numerators[c]), determinant);
  }
  return decisions;
}

}  // namespace heavykeys::detail
