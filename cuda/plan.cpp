#include "cuda/plan.hpp"

#include <algorithm>
#include <string>

#include "cuda/backward.cuh"
#include "cuda/forward.cuh"
#include "heavykeys/error.hpp"

namespace heavykeys::cuda::detail {

namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

View view_of(const TensorView& v) {
  return {const_cast<void*>(v.data),
          v.dtype,
          v.batch_stride,
          v.head_stride,
          v.row_stride,
          v.column_stride};  // NOLINT: written only where mutable
}

/// Sums of `each` values for so many blocks of threads as a launch has.
template <class T>
WorkspaceLayout layout(std::int64_t means, std::int64_t blocks, std::int64_t each) {
  WorkspaceLayout l;
  l.mean = aligned(sizeof(Status));
  l.sums = l.mean + aligned(static_cast<std::size_t>(means) * sizeof(T));
  l.bytes = l.sums + aligned(static_cast<std::size_t>(std::min(blocks, kMostBlocks) * each) * sizeof(T));
  return l;
}

template <class T>
TermOf<T> term_of(const Term& f) {
  TermOf<T> t;
  t.kind = f.kind;
  t.power = f.power;
  t.degree = f.degree;
  t.exponent = static_cast<T>(f.exponent);
  t.least_shift = heavykeys::detail::least_shift<T>(f);
  for (int i = 0; i <= f.degree; ++i) {
    t.coefficients[i] = static_cast<T>(f.coefficients[i]);
    t.slopes[i] = static_cast<T>(2 * i * f.coefficients[i]);
  }
  return t;
}

/// What both directions need.
template <class T>
Problem<T> common(const AttentionShape& shape, const TensorView& queries, const TensorView& keys,
                  const TensorView& values, const Lists& lists, const DeviceSums& sums, void* workspace) {
  constexpr std::size_t kFar = std::size_t{1} << 62;
  Problem<T> p;
  p.units = static_cast<std::int64_t>(shape.units());
  p.heads = static_cast<std::int64_t>(shape.heads);
  p.group = static_cast<std::int64_t>(shape.group);
  p.m = static_cast<std::int64_t>(shape.m);
  p.n = static_cast<std::int64_t>(shape.n);
  p.lanes = static_cast<std::int64_t>(shape.lanes());
  p.d = static_cast<int>(shape.d);
  p.dv = static_cast<int>(shape.dv);
  p.causal = shape.options.causal;
  p.sinks = static_cast<std::int64_t>(std::min(shape.options.sinks, kFar));
  p.window = static_cast<std::int64_t>(std::min(shape.options.window, kFar));
  p.scale = static_cast<T>(shape.scale);
  p.wide_scores = shape.wide_scores;
  p.wide_scale = shape.scale;
  p.term = term_of<T>(shape.term);
  p.lists = lists;
  p.queries = view_of(queries);
  p.keys = view_of(keys);
  p.values = view_of(values);
  p.shift = sums.shift;
  p.sum = sums.sum;
  p.status = static_cast<Status*>(workspace);
  return p;
}

template <class T>
T* at(void* workspace, std::size_t offset) {
  return reinterpret_cast<T*>(static_cast<std::byte*>(workspace) + offset);
}

}  // namespace

template <class T>
WorkspaceLayout forward_layout(std::int64_t units, std::int64_t lanes, std::int64_t dv) {
  return layout<T>(0, units * divided_up(lanes, kLanes<T>), dv * kLanes<T>);
}

template <class T>
WorkspaceLayout backward_layout(std::int64_t units, std::int64_t lanes, std::int64_t n, std::int64_t d,
                                std::int64_t dv) {
  const std::int64_t blocks = units * std::max(divided_up(lanes, kLanes<T>), divided_up(n, kKeys));
  return layout<T>(units * lanes, blocks, std::max((d + kKeys) * kLanes<T>, kKeys * (d + dv + kLanes<T>)));
}

template <class T>
std::int64_t parts(const Problem<T>& p) {
  return p.units * Part<T>::of_unit(p);
}

std::int64_t key_blocks(const AttentionShape& shape, std::int64_t longest) {
  const auto n = static_cast<std::int64_t>(shape.n);
  const auto clamped = [&](std::size_t v) { return static_cast<std::int64_t>(std::min(v, shape.n)); };
  if (shape.lanes() == 0) return 0;
  const bool all_may_serve = shape.options.causal && shape.options.window > 0;
  const std::int64_t most = longest + clamped(shape.options.sinks) + clamped(shape.options.window);
  return divided_up(all_may_serve ? n : std::min(n, most), kKeys);
}

template <class T>
Problem<T> forward_problem(const AttentionShape& shape, const TensorView& queries, const TensorView& keys,
                           const TensorView& values, const Lists& lists, const MutableTensorView& out,
                           const DeviceSums& sums, void* workspace) {
  Problem<T> p = common<T>(shape, queries, keys, values, lists, sums, workspace);
  p.out = view_of(out);
  p.sums = at<T>(workspace, forward_layout<T>(p.units, p.lanes, p.dv).sums);
  return p;
}

template <class T>
Problem<T> backward_problem(const AttentionShape& shape, const TensorView& queries, const TensorView& keys,
                            const TensorView& values, const Lists& lists, std::int64_t longest,
                            const TensorView& out, const DeviceSums& sums, const TensorView& grad_out,
                            const AttendGradients& gradients, void* workspace) {
  Problem<T> p = common<T>(shape, queries, keys, values, lists, sums, workspace);
  const WorkspaceLayout l = backward_layout<T>(p.units, p.lanes, p.n, p.d, p.dv);
  p.out = view_of(out);
  p.grad_out = view_of(grad_out);
  p.by_queries = view_of(gradients.queries);
  p.by_keys = view_of(gradients.keys);
  p.by_values = view_of(gradients.values);
  p.key_blocks = key_blocks(shape, longest);
  p.mean = at<T>(workspace, l.mean);
  p.sums = at<T>(workspace, l.sums);
  return p;
}

Status first_status(const AttentionShape& shape) {
  Status s;
  const auto heads = static_cast<std::int64_t>(shape.heads);
  const auto all_heads = heads * static_cast<std::int64_t>(shape.group);
  const auto m = static_cast<std::int64_t>(shape.m), n = static_cast<std::int64_t>(shape.n);
  for (int i = 0; i < Status::count; ++i) {
    const bool of_keys = i == Status::keys || i == Status::values;
    s.heads[i] = of_keys ? heads : all_heads;
    s.rows[i] = of_keys ? n : m;
  }
  return s;
}

void require_sound(const Status& status) {
  constexpr const char* kNames[] = {"queries", "keys", "values", "queries"};
  for (int i = 0; i < Status::count; ++i) {
    if (status.first[i] == Status::kNone) continue;
    const auto at = static_cast<std::int64_t>(status.first[i]);
    const std::int64_t row = at % status.rows[i], head = at / status.rows[i];
    throw InvalidInput(std::string(kNames[i]) + ": batch " + std::to_string(head / status.heads[i]) +
                       ", head " + std::to_string(head % status.heads[i]) + ": " +
                       (i == Status::scores ? "scores that are not finite at row " : "NaN or Inf at row ") +
                       std::to_string(row));
  }
}

#define HEAVYKEYS_PLANS(T)                                                                            \
  template WorkspaceLayout forward_layout<T>(std::int64_t, std::int64_t, std::int64_t);               \
  template WorkspaceLayout backward_layout<T>(std::int64_t, std::int64_t, std::int64_t, std::int64_t, \
                                              std::int64_t);                                          \
  template std::int64_t parts(const Problem<T>&);                                                     \
  template Problem<T> forward_problem<T>(const AttentionShape&, const TensorView&, const TensorView&, \
                                         const TensorView&, const Lists&, const MutableTensorView&,   \
                                         const DeviceSums&, void*);                                   \
  template Problem<T> backward_problem<T>(                                                            \
      const AttentionShape&, const TensorView&, const TensorView&, const TensorView&, const Lists&,   \
      std::int64_t, const TensorView&, const DeviceSums&, const TensorView&, const AttendGradients&, void*);
HEAVYKEYS_PLANS(float)
HEAVYKEYS_PLANS(double)
#undef HEAVYKEYS_PLANS

}  // namespace heavykeys::cuda::detail
