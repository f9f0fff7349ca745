// Attention whose answer is known without computing it.
#include <catch2/catch.hpp>
#include <cmath>

#include "heavykeys/heavykeys.hpp"

using heavykeys::AttendOptions;
using heavykeys::KeySets;
using heavykeys::Score;
using Numbers = std::vector<double>;

namespace {

/// One head; one query unless the rows of q say otherwise.
Numbers attend(const Numbers& q, const Numbers& k, const Numbers& v, std::size_t d, std::size_t dv,
               const KeySets& sets, const AttendOptions& options) {
  const std::size_t m = q.size() / d, n = k.size() / d;
  Numbers out(m * dv, -7.0);
  const auto view = [](auto* data, std::size_t rows, std::size_t dim) {
    return heavykeys::tensor(data, heavykeys::Dtype::f64, heavykeys::Layout::bhsd, 1, 1, rows, dim);
  };
  heavykeys::attend(view(static_cast<const void*>(q.data()), m, d),
                    view(static_cast<const void*>(k.data()), n, d),
                    view(static_cast<const void*>(v.data()), n, dv), sets, options,
                    view(static_cast<void*>(out.data()), m, dv));
  return out;
}

KeySets only(std::vector<std::int64_t> keys, std::int64_t n, std::vector<std::int64_t> until = {}) {
  const auto size = static_cast<std::int64_t>(keys.size());
  return {1, 1, n, {0, size}, std::move(keys), std::move(until)};
}

AttendOptions of(const Score& score) {
  AttendOptions options;
  options.score = score;
  return options;
}

const Numbers keys{1, 2, 3};       // d = 1: x = k for the query 1
const Numbers values{1, 10, 100};  // so an output shows each key's weight

}  // namespace

TEST_CASE("weights 1 : 4 : 9 under x^2, over all three keys or the last two") {
  CHECK(attend({1}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), of(Score::power(2)))[0] ==
        Approx((1 + 40 + 900) / 14.0).epsilon(1e-15));
  CHECK(attend({1}, keys, values, 1, 1, only({1, 2}, 3), of(Score::power(2)))[0] ==
        Approx((40 + 900) / 13.0).epsilon(1e-15));
}

TEST_CASE("normalised over all keys, what is left out keeps its share") {
  AttendOptions options = of(Score::power(2));
  options.normalise = heavykeys::Normalise::all_keys;
  CHECK(attend({1}, keys, values, 1, 1, only({1, 2}, 3), options)[0] ==
        Approx((40 + 900) / 14.0).epsilon(1e-15));
}

TEST_CASE("expressive weights 1/2, 4/5, 9/10; softmax weights of 0, ln 2, ln 4") {
  const double sum = 0.5 + 0.8 + 0.9;
  CHECK(attend({1}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), of(Score::expressive()))[0] ==
        Approx((0.5 + 8 + 90) / sum).epsilon(1e-15));
  CHECK(attend({std::log(2.0)}, {0, 1, 2}, values, 1, 1, heavykeys::every_key(1, 1, 3),
               of(Score::softmax()))[0] == Approx((1 + 20 + 400) / 7.0).epsilon(1e-14));
}

TEST_CASE("causal rows see their prefix; sinks and window are attended to outside the set") {
  AttendOptions options = of(Score::power(1));
  options.causal = true;
  const Numbers all = attend({1, 1, 1}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), options);
  CHECK(all[0] == 1.0);
  CHECK(all[1] == Approx(21 / 3.0).epsilon(1e-15));
  CHECK(all[2] == Approx(321 / 6.0).epsilon(1e-15));
  options.window = 1;  // itself
  CHECK(attend({1, 1, 1}, keys, values, 1, 1, only({}, 3), options) == values);
  options.sinks = 1;
  const Numbers both = attend({1, 1, 1}, keys, values, 1, 1, only({}, 3), options);
  CHECK(both[0] == 1.0);
  CHECK(both[2] == Approx(301 / 4.0).epsilon(1e-15));
  options.causal = false;  // then the window is that of the last key
  CHECK(attend({1}, keys, values, 1, 1, only({}, 3), options)[0] == Approx(301 / 4.0).epsilon(1e-15));
}

TEST_CASE("until: a key serves the positions before it, and no other") {
  AttendOptions options = of(Score::power(2));
  options.causal = true;
  const Numbers out = attend({1, 1, 1}, keys, values, 1, 1, only({0, 1}, 3, {1, 3}), options);
  CHECK(out == Numbers{1, 10, 10});
}

TEST_CASE("fewer queries than keys are the last ones; queries before the first key get zeros") {
  AttendOptions options = of(Score::power(1));
  options.causal = true;
  CHECK(attend({1}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), options)[0] ==
        Approx(321 / 6.0).epsilon(1e-15));
  const Numbers more = attend({1, 1, 1, 1, 1}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), options);
  CHECK(more[0] == 0.0);
  CHECK(more[1] == 0.0);
  CHECK(more[2] == 1.0);
}

TEST_CASE("no key, no weight, or no key at all: zeros") {
  CHECK(attend({1}, keys, values, 1, 1, only({}, 3), of(Score::softmax())) == Numbers{0});
  CHECK(attend({0, 1}, {1, 0}, {5}, 2, 1, only({0}, 1), of(Score::power(2))) == Numbers{0});  // orthogonal
  CHECK(attend({1}, {}, {}, 1, 2, only({}, 0), of(Score::expressive())) == Numbers{0, 0});
}

TEST_CASE("scores of any size: weights do not overflow, nor underflow") {
  for (const double size : {1e-120, 1e-30, 1.0, 1e30, 1e120}) {
    INFO(size);
    CHECK(attend({size}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), of(Score::power(4)))[0] ==
          Approx((1 + 160 + 8100) / 98.0).epsilon(1e-14));
    CHECK(attend({size}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), of(Score::power(64)))[0] ==
          Approx(100).epsilon(1e-8));
  }
  // Far out expressive attention is the mean, near zero that of x^2.
  CHECK(attend({1e100}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), of(Score::expressive()))[0] ==
        Approx(37).epsilon(1e-14));
  CHECK(attend({1e-100}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), of(Score::expressive()))[0] ==
        Approx(941 / 14.0).epsilon(1e-14));
  CHECK(attend({-1e5}, keys, values, 1, 1, heavykeys::every_key(1, 1, 3), of(Score::softmax()))[0] == 1.0);
}

TEST_CASE("over all keys, a query orthogonal to one large key still has its sum") {
  Numbers k{1700, -3100};
  for (int i = 0; i < 20; ++i) k.insert(k.end(), {0.5, 0.3});
  for (int i = 0; i < 20; ++i) k.insert(k.end(), {0.2, 0.9});
  const Numbers v(41, 1.0);
  AttendOptions options;
  options.normalise = heavykeys::Normalise::all_keys;
  const double a = 3.1 * 0.5 + 1.7 * 0.3, b = 3.1 * 0.2 + 1.7 * 0.9;
  for (const int p : {2, 4, 6, 8}) {
    options.score = Score::power(p);
    const double share = std::pow(a, p) / (20 * (std::pow(a, p) + std::pow(b, p)));
    CHECK(attend({3.1, 1.7}, k, v, 2, 1, only({1}, 41), options)[0] == Approx(share).epsilon(1e-8));
  }
}

TEST_CASE("over all keys, a sum that float64 cannot hold is an error, not another answer") {
  AttendOptions options = of(Score::power(2));
  options.normalise = heavykeys::Normalise::all_keys;
  CHECK_THROWS_WITH(attend({1e78, 1e78}, {1e78, -.5e78, 1e78, 1e78}, {1, 1}, 2, 1, only({0}, 2), options),
                    Catch::Contains("normalise: the sum over all keys of queries batch 0, head 0, row 0"));
  options.score = Score::power(8);
  CHECK_THROWS_WITH(attend({1e-25}, {1e-25, 2e-25}, {1, 1}, 1, 1, only({0}, 2), options),
                    Catch::Contains("is outside float64"));
}

TEST_CASE("what is orthogonal has no weight, whatever the scale; what is nearly so has the right one, in float32") {
  const auto attend32 = [](std::vector<float> q, std::vector<float> k, std::vector<float> v, const AttendOptions& o) {
    float out = -7;
    const std::size_t n = v.size(), d = q.size();
    const auto view = [](auto* data, std::size_t rows, std::size_t dim) {
      return heavykeys::tensor(data, heavykeys::Dtype::f32, heavykeys::Layout::bhsd, 1, 1, rows, dim);
    };
    heavykeys::attend(view(static_cast<const void*>(q.data()), 1, d), view(static_cast<const void*>(k.data()), n, d),
                      view(static_cast<const void*>(v.data()), n, 1), heavykeys::every_key(1, 1, n), o,
                      view(static_cast<void*>(&out), 1, 1));
    return out;
  };
  AttendOptions options = of(Score::power(2));
  for (const double scale : {0.3, 1 / std::sqrt(8.0), 7.1}) {
    options.scale = scale;
    CHECK(attend32({3, 2, 1, 0}, {3, -3, -3, 0}, {7}, options) == 0.0f);
  }
  options.scale = 1;
  CHECK(attend32({-.35f, -.40f}, {-.24f, .21f, .48f, -.42000002f}, {1, -1}, options) == Approx(-0.9704).epsilon(1e-3));
  options.normalise = heavykeys::Normalise::all_keys;
  CHECK(attend32({-.35f, -.40f}, {-.24f, .21f}, {1}, options) == Approx(1).epsilon(1e-6));
  options = of(Score::polynomial({0, 0, 1}));
  CHECK(attend32({1e-6f}, {1e-6f, 2e-6f}, {1, 2}, options) == Approx(33 / 17.0).epsilon(1e-6));
  CHECK(attend32({1e15f}, {1, 1}, {1e9f, 1e9f}, of(Score::polynomial({0, 1}))) == Approx(1e9).epsilon(1e-6));
}
