// Covariances of shards become one: their integers are summed as they are.
#include <cstring>
#include <string>
#include <vector>

#include "distributed/agree.hpp"
#include "distributed/lock_step.hpp"
#include "heavykeys/distributed.hpp"
#include "lib/byte_stream.hpp"
#include "lib/covariance_state.hpp"
#include "lib/float_environment.hpp"

namespace heavykeys::distributed {

namespace {

using detail::CovarianceState;
using detail::Int128;
using detail::ProductKey;

/// The groups of all ranks, each of which then has them.
void agree_on_groups(Communicator& comm, CovarianceState& state) {
  detail::ByteWriter mine;
  const auto put = [&](char kind, ProductKey key) {
    mine.put(kind);
    mine.put(key);
  };
  for (const auto& [exponent, group] : state.elements) put('e', {exponent, 0});
  for (const auto& [exponent, group] : state.images) put('i', {exponent, 0});
  for (const auto& [key, group] : state.products) put('p', key);
  for (const auto& part : comm.gather(mine.bytes())) {
    for (detail::ByteReader in(part); !in.at_end();) {
      const char kind = in.get<char>();
      const auto key = in.get<ProductKey>();
      if (kind == 'e') state.elements_of(key.left);
      if (kind == 'i') state.images_of(key.left);
      if (kind == 'p') state.products_of(key);
    }
  }
}

void sum(Communicator& comm, std::uint64_t& samples) { comm.all_sum({&samples, 1}, 1); }

void sum(Communicator& comm, std::vector<Int128>& integers) {
  constexpr std::size_t kChunk = std::size_t{1} << 18;  // 4 MiB
  std::vector<std::uint64_t> words;
  for (std::size_t first = 0; first < integers.size(); first += kChunk) {
    const std::size_t count = std::min(kChunk, integers.size() - first);
    words.resize(2 * count);
    std::memcpy(words.data(), integers.data() + first, count * sizeof(Int128));
    comm.all_sum(words, 2);
    std::memcpy(integers.data() + first, words.data(), count * sizeof(Int128));
  }
}

void sum(Communicator& comm, std::map<int, detail::ElementSums>& groups) {
  for (auto& [exponent, group] : groups) {
    sum(comm, group.samples);
    sum(comm, group.sums);
    sum(comm, group.squares);
  }
}

Covariance merged(Communicator& comm, const Covariance& mine) {
  const CovarianceSpec& spec = mine.spec();
  agree(comm, "the covariances",
        "dim " + std::to_string(spec.dim) + ", sketch_columns " + std::to_string(spec.sketch_columns) +
            ", seed " + std::to_string(spec.seed));
  std::uint64_t samples = mine.sample_count();
  sum(comm, samples);
  if (samples > detail::kMostSamples) {
    throw RefusedByAll("the ranks hold " + std::to_string(samples) +
                       " samples; a covariance holds at most 2^30");
  }
  Covariance whole = mine;
  CovarianceState& state = detail::CovarianceAccess::state(whole);
  agree_on_groups(comm, state);
  state.samples = samples;
  sum(comm, state.elements);
  sum(comm, state.images);
  for (auto& [key, group] : state.products) {
    sum(comm, group.samples);
    sum(comm, group.sums.integers());
  }
  return whole;
}

}  // namespace

void allmerge(Communicator& comm, Covariance& covariance) {
  const detail::FloatEnvironment ieee;
  if (comm.size() == 1) return;
  LockStep steps(comm);
  std::optional<Covariance> whole;
  steps.run([&] { whole = merged(steps, covariance); });
  covariance = std::move(*whole);
}

}  // namespace heavykeys::distributed
