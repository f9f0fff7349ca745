#include "tools/score_samples.hpp"

#include <fmt/format.h>

#include <cmath>

#include "heavykeys/error.hpp"
#include "lib/read_rows.hpp"
#include "tools/context.hpp"

namespace heavykeys::tools {

void ScoreSamples::check_sources(const EigenOptions& options) {
  const bool heads = !options.queries.empty() || !options.keys.empty();
  if (heads && (options.queries.empty() || options.keys.empty())) {
    throw InvalidInput("--queries and --keys go together");
  }
  if (heads && !options.scores.empty()) throw InvalidInput("give --queries and --keys, or --scores");
}

ScoreSamples::ScoreSamples(const EigenOptions& options) {
  what_.scale = options.scale.value_or(0.0);
  what_.causal = options.causal;
  if (options.normalisation == "softmax") what_.normalisation = Normalisation::softmax;
  if (!options.scores.empty()) {
    open_scores(options.scores);
  } else {
    open_heads(options);
  }
  if (per_head_ == 0 || size_ == 0) throw InvalidInput(name_ + ": holds no score matrix");
}

void ScoreSamples::open_scores(const std::string& name) {
  name_ = name;
  scores_ = open_tensor(name);
  if (scores_->count() != scores_->dim()) {
    throw InvalidInput(
        fmt::format("{}: score matrices of {} x {} are not square", name, scores_->count(), scores_->dim()));
  }
  per_head_ = scores_->heads();
  size_ = scores_->dim();
}

void ScoreSamples::open_heads(const EigenOptions& options) {
  name_ = options.keys;
  queries_name_ = options.queries;
  queries_ = open_tensor(options.queries);
  keys_ = open_tensor(options.keys);
  if (queries_->shape != keys_->shape) {
    const auto text = [](const Tensor& t) {
      return fmt::format("{} x {} x {}", t.heads(), t.count(), t.dim());
    };
    throw InvalidInput(
        fmt::format("{}: queries of {} and keys of {} (heads x rows x columns): score matrices "
                    "would not be square",
                    options.queries, text(*queries_), text(*keys_)));
  }
  has_heads_ = keys_->shape.size() == 3;
  heads_ = keys_->heads();
  size_ = options.window.value_or(keys_->count());
  if (size_ > keys_->count()) {
    throw InvalidInput(fmt::format("{}: --window is {}; there are {} rows", name_, size_, keys_->count()));
  }
  per_head_ = size_ == 0 ? 0 : keys_->count() / size_;
  left_out_ = keys_->count() - per_head_ * size_;
}

std::optional<double> ScoreSamples::scale() const {
  if (scores_) return std::nullopt;
  return what_.scale != 0.0 ? what_.scale : 1.0 / std::sqrt(static_cast<double>(keys_->dim()));
}

std::string ScoreSamples::place(const std::string& file, std::size_t h, std::size_t w) const {
  std::string text = file;
  if (has_heads_) text += fmt::format(", head {}", h);
  if (scores_ && per_head_ > 1) text += fmt::format(", matrix {}", w);
  return text;
}

void ScoreSamples::append(std::size_t h, std::size_t w, std::vector<double>& to) const {
  if (scores_) {
    const Rows rows = scores_->head(w);
    in_file(place(name_, h, w), [&] { detail::require_finite(rows); });
    to.resize(to.size() + size_ * size_);
    for (std::size_t r = 0; r < size_; ++r) detail::read_row(rows, r, &to[to.size() - (size_ - r) * size_]);
    return;
  }
  const Rows queries = queries_->head(h).slice(w * size_, size_),
             keys = keys_->head(h).slice(w * size_, size_);
  in_file(place(queries_name_, h, w), [&] { detail::require_finite(queries); });
  in_file(place(name_, h, w), [&] {
    const auto made = score_matrix(queries, keys, what_);
    to.insert(to.end(), made.begin(), made.end());
  });
}

}  // namespace heavykeys::tools
