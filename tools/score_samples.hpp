// Samples for eigen analysis, from files: score matrices as they are, or made of queries and keys.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "heavykeys/files.hpp"
#include "heavykeys/score_matrix.hpp"
#include "tools/options.hpp"

namespace heavykeys::tools {

/// The score matrices of some heads, `per_head` of each. Throws InvalidInput, naming the file, for what are
/// not square matrices, or queries and keys that do not belong together.
class ScoreSamples {
 public:
  /// Throws InvalidInput for queries without keys, keys without queries, and either beside scores.
  static void check_sources(const EigenOptions& options);
  explicit ScoreSamples(const EigenOptions& options);
  static bool are_given(const EigenOptions& options) {
    return !options.keys.empty() || !options.scores.empty();
  }

  std::size_t heads() const { return heads_; }
  bool has_heads() const { return has_heads_; }
  std::size_t per_head() const { return per_head_; }
  std::size_t size() const { return size_; }          ///< n: matrices are [n, n]
  std::size_t left_out() const { return left_out_; }  ///< rows of each head that fill no window
  std::optional<double> scale() const;                ///< of scores that are made
  const std::string& name() const { return name_; }   ///< for error texts

  /// Appends matrix w of head h, [n, n] row-major. Throws InvalidInput for NaN/Inf, naming file, head,
  /// row and column.
  void append(std::size_t h, std::size_t w, std::vector<double>& to) const;

 private:
  void open_scores(const std::string& name);
  void open_heads(const EigenOptions& options);
  std::string place(const std::string& file, std::size_t h, std::size_t w) const;

  std::optional<Tensor> scores_, queries_, keys_;
  ScoreMatrixOptions what_;
  std::string name_, queries_name_;
  std::size_t heads_ = 1, per_head_ = 0, size_ = 0, left_out_ = 0;
  bool has_heads_ = false;
};

}  // namespace heavykeys::tools
