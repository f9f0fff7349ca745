#include "concurrency/calls.hpp"

#include <memory>

#include "support/tensor.hpp"

namespace concurrency {

namespace {

using namespace heavykeys;

constexpr std::size_t kDim = 6;

/// Made once: rows of all calls.
const support::Matrix& keys() {
  static const support::Matrix m = [] {
    support::Random random(31);
    return engines::planted(9000, kDim, random);
  }();
  return m;
}

Rows key_rows(std::size_t begin, std::size_t count) { return rows(keys().row(begin), count, kDim, begin); }

Spec spec_of(const Score& score) {
  Spec spec = support::make_spec(kDim, 0.02);
  spec.score = score;
  return spec;
}

std::shared_ptr<Sketch> sketch_of(const Score& score, std::size_t count) {
  return std::make_shared<Sketch>(support::absorbed(spec_of(score), key_rows(0, count)));
}

/// A call that changes what `value` is, and bytes of that.
template <class T, class Change>
Try changing(const std::shared_ptr<T>& value, Change change) {
  const auto bytes = [=] { return to_bytes(*value); };
  return {[=] { change(*value); }, bytes, bytes};
}

/// A call that makes a value, and bytes of that.
template <class Make>
Try making(Make make) {
  const auto made = std::make_shared<decltype(make())>();
  return {[=] { *made = make(); }, [=] { return bytes_of(*made); }};
}

Call absorb_call(const std::string& name, const Score& score, const engines::Engine& engine) {
  return {"absorb " + name, 20, [=] {
            return changing(sketch_of(score, 200),
                            [=](Sketch& sketch) { engine.absorb(sketch, key_rows(200, 400)); });
          }};
}

Call finalize_call(const std::string& name, const Score& score) {
  return {"finalize " + name, 5, [=] {
            const auto sketch = sketch_of(score, 700);
            return making([=] { return finalize(*sketch); });
          }};
}

Call merge_call() {
  return {"merge", 1, [] {
            const Sketch other = support::absorbed(spec_of({}), key_rows(205, 300));
            return changing(sketch_of({}, 205), [=](Sketch& into) { merge(into, other); });
          }};
}

Call entries_call(const engines::Engine& engine) {
  return {"heavy_entries", 10, [=] {
            const auto set = std::make_shared<UniversalSet>(finalize(*sketch_of({}, 700)));
            return making([=] { return engine.heavy_entries(*set, key_rows(0, 600)); });
          }};
}

Call scan_call(const engines::Engine& engine) {
  return {"scan", 4, [=] {
            const auto scan = std::make_shared<Scan>(Score::softmax(0.5), 0.02, key_rows(0, 20));
            scan->absorb(key_rows(0, 100));
            const auto rows = [=] {
              std::vector<std::byte> out;
              put(out, std::vector<std::uint64_t>{scan->row_count()});
              return out;
            };
            return Try{[=] { engine.absorb(*scan, key_rows(100, 8900)); },
                       [=] { return bytes_of(scan->finish()); }, rows};
          }};
}

Call heads_call(const engines::Engine& engine) {
  return {"absorb of heads", 10, [=] {
            const auto sketches = std::make_shared<std::vector<Sketch>>(5, *sketch_of({}, 32));
            const auto all = [=] {
              std::vector<std::byte> out;
              for (const Sketch& sketch : *sketches) put(out, to_bytes(sketch));
              return out;
            };
            return Try{[=] {
                         const std::vector<Rows> more(5, key_rows(32, 100));
                         parallel::absorb(*sketches, more, engine.options());
                       },
                       all, all};
          }};
}

Call covariance_call(const engines::Engine& engine) {
  return {"absorb of covariances", 1, [=] {
            const auto covariance = std::make_shared<Covariance>(CovarianceSpec{.dim = kDim});
            streaming::absorb(*covariance, key_rows(0, 100));
            return changing(covariance, [=](Covariance& c) { engine.absorb(c, key_rows(100, 600)); });
          }};
}

/// Attention of 2 x 2 heads of 90 tokens, where queries, keys and values are the same; and its gradients.
struct Attention {
  explicit Attention(Normalise normalise) : what{.score = Score::power(2), .normalise = normalise} {
    x.fill(std::vector<double>(keys().row(0), keys().row(0) + 2 * 2 * 90 * kDim));
    out = queries = of_keys = values = x;
  }
  void run(const parallel::Options& options) {
    const TensorView v = x.view();
    const KeySets sets = parallel::top_keys(v, 20, options);
    const AttendSums sums = parallel::attend(v, v, v, sets, what, out.mutable_view(), options);
    parallel::attend_backward(v, v, v, sets, what, out.view(), sums, v,
                              {queries.mutable_view(), of_keys.mutable_view(), values.mutable_view()},
                              options);
  }
  std::vector<std::byte> bytes() const {
    std::vector<std::byte> all;
    for (const auto* made : {&out, &queries, &of_keys, &values}) put(all, made->bytes());
    return all;
  }

  AttendOptions what;
  support::TensorBuffer x{Dtype::f32, support::Lie::bhsd, 2, 2, 90, kDim};
  support::TensorBuffer out = x, queries = x, of_keys = x, values = x;
};

Call attend_call(const engines::Engine& engine, Normalise normalise) {
  return {normalise == Normalise::attended ? "attend" : "attend, all keys", 4, [=] {
            const auto attention = std::make_shared<Attention>(normalise);
            return Try{[=] { attention->run(engine.options()); }, [=] { return attention->bytes(); }};
          }};
}

Call causal_call(const engines::Engine& engine) {
  return {"causal", 5, [=] {
            const auto pass = std::make_shared<CausalHeavy>(spec_of({}), key_rows(0, 300), 300);
            const auto rest = [=] {
              const std::uint64_t next = pass->next_row();  // it keeps the blocks it has passed
              engine.absorb(*pass, key_rows(next, 300 - next));
            };
            return Try{rest, [=] { return bytes_of(pass->finish()); }};
          }};
}

/// The smallest dimension for a diagonal of 12.
Call smallest_dim_call() {
  return {"smallest_dim", 5, [] {
            return making([] {
              SparsePattern pattern{12, 12, {0}, {}, std::vector<double>(12, 1.0)};
              for (std::int64_t i = 0; i < 12; ++i) {
                pattern.indices.push_back(i);
                pattern.indptr.push_back(i + 1);
              }
              return std::vector<double>{static_cast<double>(smallest_dim(pattern, {}, 2).dim)};
            });
          }};
}

Call leverage_call() {
  return {"leverage_scores", 2, [] { return making([] { return leverage_scores(key_rows(0, 700)); }); }};
}

Call lewis_call() {
  return {"lewis_weights", 3,
          [] { return making([] { return lewis_weights(key_rows(0, 200), 3.0).weights; }); }};
}

}  // namespace

std::vector<Call> calls(const engines::Engine& engine) {
  std::vector<Call> all{absorb_call("x^2", {}, engine),
                        absorb_call("expressive", Score::expressive(), engine),
                        absorb_call("|x|^3", Score::power(3), engine),
                        finalize_call("x^2", {}),
                        finalize_call("expressive", Score::expressive()),
                        merge_call(),
                        entries_call(engine),
                        scan_call(engine),
                        covariance_call(engine),
                        causal_call(engine),
                        smallest_dim_call(),
                        leverage_call(),
                        lewis_call()};
  if (engine.schedule == engines::Schedule::streaming) return all;
  all.push_back(heads_call(engine));
  all.push_back(attend_call(engine, Normalise::attended));
  all.push_back(attend_call(engine, Normalise::all_keys));
  return all;
}

}  // namespace concurrency
