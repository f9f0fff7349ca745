#include "lib/attention_gradient.hpp"

namespace heavykeys::detail {

namespace {

template <class T>
double dot_of_rows(const Rows& a, const Rows& b, std::size_t r) {
  std::vector<T> x(a.dim), y(b.dim);
  read_as(a, r, x.data());
  read_as(b, r, y.data());
  double sum = 0.0;
  for (std::size_t c = 0; c < x.size(); ++c) sum += static_cast<double>(x[c]) * static_cast<double>(y[c]);
  return sum;
}

}  // namespace

double BackwardCall::mean_slope(std::size_t unit, std::size_t lane) const {
  const std::size_t b = unit / shape.heads, h = shape.query_head(unit, lane), r = shape.query_row(lane);
  const Rows o = out.head(b, h), grad = grad_out.head(b, h);
  return out.dtype == Dtype::f64 ? dot_of_rows<double>(o, grad, r) : dot_of_rows<float>(o, grad, r);
}

template <class T>
GradientStrip<T>::GradientStrip(const BackwardCall& call, std::size_t unit, std::size_t first,
                                std::size_t count)
    : q(call.shape, call.queries, unit, first, count),
      grad(call.shape.dv * q.width),
      shift(q.width, least_shift<T>(call.shape.term)),
      inverse(q.width),
      mean(q.width) {
  const AttentionShape& s = call.shape;
  turn_rows(s, call.grad_out, nullptr, unit, first, count, q.width, grad.data());
  for (std::size_t u = 0; u < count; ++u) {
    const std::size_t query = s.query(unit, first + u);
    shift[u] = static_cast<T>(call.sums.shift[query]);
    inverse[u] = call.sums.sum[query] > 0.0 ? static_cast<T>(1.0 / call.sums.sum[query]) : static_cast<T>(0);
    mean[u] = call.over_all_keys() ? static_cast<T>(0) : static_cast<T>(call.mean_slope(unit, first + u));
  }
}

template <class T>
Strip<T> GradientBlock<T>::differentiate(const BackwardCall& call, const KeyRows<T>& rows, std::size_t block,
                                         const GradientStrip<T>& g) {
  const AttentionShape& s = call.shape;
  const Strip<T> strip = scores.fill(s, rows, block, g.q);
  const T* values = &rows.values[block * kKeyBlock * s.dv];
  multiply<T>({values, static_cast<std::ptrdiff_t>(s.dv), 1, strip.keys, g.grad.data(), strip.width,
               strip.width, s.dv},
              slopes.data(), strip.width);
  weigh_slopes(s.term, strip, g.shift.data(), g.inverse.data(), g.mean.data(), slopes.data());
  return strip;
}

template struct GradientStrip<float>;
template struct GradientStrip<double>;
template struct GradientBlock<float>;
template struct GradientBlock<double>;

}  // namespace heavykeys::detail
