#include "cuda/device_key_sets.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <string>

#include "cuda/launch.hpp"
#include "heavykeys/error.hpp"
#include "lib/attention_shape.hpp"

namespace heavykeys::cuda {

namespace detail {

void require_success(int code, const char* what) {
  if (code == cudaSuccess) return;
  throw BackendError(std::string(what) + ": " + cudaGetErrorString(static_cast<cudaError_t>(code)));
}

}  // namespace detail

DeviceKeySets::State::State(const KeySets& sets) {
  const bool has_until = !sets.until.empty();
  heavykeys::detail::check_sets(sets, sets.batch, sets.heads, sets.key_count, has_until);
  const std::size_t units = sets.batch * sets.heads, total = sets.keys.size();
  outline = {sets.batch, sets.heads, sets.key_count, std::vector<std::int64_t>(units + 1), {}, {}};
  if (total > 0) {
    std::fill(outline.indptr.begin() + 1, outline.indptr.end(), 1);
    outline.keys = {sets.keys.front()};
    if (has_until) outline.until = {sets.until.front()};
  }
  for (std::size_t i = 0; i < units; ++i) longest = std::max(longest, sets.indptr[i + 1] - sets.indptr[i]);

  std::vector<std::int64_t> all(sets.indptr);
  all.insert(all.end(), sets.keys.begin(), sets.keys.end());
  all.insert(all.end(), sets.until.begin(), sets.until.end());
  const std::size_t bytes = all.size() * sizeof(std::int64_t);
  detail::require_success(cudaMalloc(&memory, bytes), "DeviceKeySets: memory");
  const cudaError_t copied = cudaMemcpy(memory, all.data(), bytes, cudaMemcpyHostToDevice);
  if (copied != cudaSuccess) cudaFree(memory);  // no destructor runs for what was not constructed
  detail::require_success(copied, "DeviceKeySets: copy");
  const auto* first = static_cast<const std::int64_t*>(memory);
  lists = {first, first + units + 1, has_until ? first + units + 1 + total : nullptr};
}

DeviceKeySets::State::~State() { cudaFree(memory); }

DeviceKeySets::DeviceKeySets(const KeySets& sets) : state_(std::make_unique<State>(sets)) {}
DeviceKeySets::~DeviceKeySets() = default;
DeviceKeySets::DeviceKeySets(DeviceKeySets&&) noexcept = default;
DeviceKeySets& DeviceKeySets::operator=(DeviceKeySets&&) noexcept = default;

const DeviceKeySets::State& DeviceKeySets::state() const {
  if (!state_) throw InvalidInput("sets: this DeviceKeySets was moved from");
  return *state_;
}

}  // namespace heavykeys::cuda
