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
