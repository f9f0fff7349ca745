// What a set of queries knows of the keys it has scanned: a function of the set of blocks, in whatever order,
// and from whatever shards, they came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "heavykeys/scan.hpp"
#include "lib/byte_stream.hpp"
#include "lib/scan_query.hpp"
#include "lib/scan_tile.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

/// Throws InvalidInput when no scan has this epsilon or this dim.
void check_scan(double epsilon, std::size_t dim);
/// Throws InvalidInput when no scan has this.
void check_tolerance(double tolerance);

/// Rows that are worked on together, aligned at multiples of this: whole key blocks, about 2^18 elements.
std::size_t scan_batch_rows(std::size_t dim);

/// A key is scanned with the block of KeyBlock::kRows rows that it stands in. Blocks are scanned into a copy
/// of what is known, so a call that throws changes nothing: begin(), then scan() and merge(), then commit().
class HEAVYKEYS_SIBLINGS ScanPass {
 public:
  /// `queries` must outlive this object, and the values have been checked. Throws InvalidInput for a score
  /// out of range or without its function.
  ScanPass(const Score& score, double epsilon, const Rows& queries, const ScanOptions& options);
  ScanPass(ScanPass&&) noexcept;
  ScanPass& operator=(ScanPass&&) noexcept;
  ~ScanPass();

  const Score& score() const { return score_.score(); }
  double epsilon() const { return epsilon_; }
  const Rows& queries() const { return queries_; }
  const ScanOptions& options() const { return options_; }
  std::size_t query_count() const { return queries_.count; }

  /// Throws InvalidInput unless every dot product with a query stays in the range of the score.
  void check_range(const Rows& keys) const;
  /// Throws Incompatible unless score, epsilon, options and the values of the queries are the same.
  void check_same(const ScanPass& other) const;

  void begin() noexcept { open_ = false; }
  /// Finite keys of whole blocks, from the start of one on; the last may end early where no more keys come.
  /// No row twice.
  void scan(const Rows& keys, const Workers& workers);
  /// What `other` knows, of other blocks. It has no call open.
  void merge(const ScanPass& other);
  void commit() noexcept;

  /// Appends the entries of query i.
  void list(std::size_t i, HeavyEntries& out);
  /// Gives the memory back; nothing is known any more.
  void clear() noexcept;

  // For backends that bring passes over shards together: raise() all to the greatest tops, add the words of
  // all as integers of ScanSum::kLimbs limbs, least limb first, and give them to everyone; sweep(); append
  // all candidates to one of them, which then lists. No call is open.

  /// Numbers of get_top_bins(): two for each query.
  std::size_t sum_count() const { return 2 * query_count(); }
  /// Words of the sums: sum_count() * ScanSum::kBins integers, one after the other, of kLimbs each.
  std::size_t word_count() const { return sum_count() * ScanSum().words().size(); }
  void get_top_bins(std::span<std::int64_t> out) const;
  /// No bin below that of get_top_bins().
  void raise(std::span<const std::int64_t> bins);
  void get_words(std::span<Limb> out) const;
  void set_words(std::span<const Limb> words);
  /// into += from, number by number; both as get_words() made them after raising to the same bins.
  static void add_words(std::span<Limb> into, std::span<const Limb> from);
  /// Lets candidates go that the sums have outgrown.
  void sweep();
  void put_candidates(std::size_t i, ByteWriter& out) const;
  /// Appends candidates put by another pass over other keys. Throws Corrupt; unchanged then.
  void append_candidates(std::size_t i, ByteReader& in);

 private:
  bool looks_first() const { return score_.is_softmax() && options_.tolerance >= kCoarseTolerance; }
  ScanBlock& load_block(const Rows& keys, std::size_t b, std::size_t place);
  void scan_tile(const Rows& keys, std::size_t begin, std::size_t count, bool alone, TileScanner& own);
  std::size_t visible(std::size_t i, std::uint64_t first, std::size_t count) const;

  ScanScore score_;
  double epsilon_;
  double keep_;  // keys stay candidates that may reach this
  Rows queries_;
  ScanOptions options_;
  int greatest_query_ = kZeroRow;  // exponent of their greatest element
  CoarseQueries first_look_;       // where looks_first()
  std::vector<QueryScan> scans_;   // [m]
  std::vector<QueryScan> after_;   // [m], while a call is open
  bool open_ = false;              // after_ holds what this call has done
  // Between calls these hold nothing but memory.
  std::vector<ScanBlock> blocks_;
  std::vector<std::unique_ptr<TileScanner>> tile_scanners_;  // [workers]
};

}  // namespace heavykeys::detail
