#include "cuda/device.hpp"

#include <cuda_runtime_api.h>

#include <cstring>
#include <stdexcept>

namespace cuda_tests {

namespace {

void require(cudaError_t code) {
  if (code != cudaSuccess) throw std::runtime_error(cudaGetErrorString(code));
}

std::byte* base(TensorBuffer& t) {
  return static_cast<std::byte*>(t.mutable_view().data) -
         (static_cast<const std::byte*>(t.view().data) - t.bytes().data());
}

/// Sums and workspace of a call, filled with ones.
struct Room {
  Room(const AttendSums& sums, std::size_t bytes)
      : shift(sums.shift.size() * sizeof(double), sums.shift.data()),
        sum(sums.sum.size() * sizeof(double), sums.sum.data()),
        memory(bytes) {
    require(cudaMemset(memory.data(), 0xff, bytes));
    workspace = {memory.data(), bytes};
    pointers = {static_cast<double*>(shift.data()), static_cast<double*>(sum.data())};
  }
  DeviceMemory shift, sum, memory;
  heavykeys::cuda::Workspace workspace;
  heavykeys::cuda::DeviceSums pointers;
};

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes, const void* from) : bytes_(bytes) {
  require(cudaMalloc(&data_, std::max<std::size_t>(bytes, 1)));
  if (from != nullptr && bytes > 0) require(cudaMemcpy(data_, from, bytes, cudaMemcpyHostToDevice));
}

DeviceMemory::~DeviceMemory() { cudaFree(data_); }

void DeviceMemory::to_host(void* host) const {
  if (bytes_ > 0) require(cudaMemcpy(host, data_, bytes_, cudaMemcpyDeviceToHost));
}

DeviceTensor::DeviceTensor(TensorBuffer& host)
    : host_(host), memory_(host.bytes().size(), host.bytes().data()) {}

heavykeys::MutableTensorView DeviceTensor::view() const {
  heavykeys::MutableTensorView v = host_.mutable_view();
  v.data = static_cast<std::byte*>(memory_.data()) + (static_cast<std::byte*>(v.data) - base(host_));
  return v;
}

void DeviceTensor::to_host() { memory_.to_host(base(host_)); }

void Device::run(const std::function<void(void*)>& call, const heavykeys::cuda::Workspace& workspace) const {
  cudaStream_t stream = nullptr;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  if (captured_) {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t ready = nullptr;
    require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    call(stream);
    require(cudaStreamEndCapture(stream, &graph));
    require(cudaGraphInstantiate(&ready, graph, 0));
    for (int turn = 0; turn < 2; ++turn) require(cudaGraphLaunch(ready, stream));
    require(cudaStreamSynchronize(stream));
    require(cudaGraphExecDestroy(ready));
    require(cudaGraphDestroy(graph));
  } else {
    call(stream);
  }
  heavykeys::cuda::check(workspace, stream);
  require(cudaStreamDestroy(stream));
}

AttendSums Device::attend(Tensors& t, const KeySets& sets, const AttendOptions& options) {
  DeviceTensor queries(t.queries), keys(t.keys), values(t.values), out(t.out);
  const heavykeys::cuda::DeviceKeySets lists(sets);
  AttendSums sums;
  sums.shift.assign(t.queries.view().batch * t.queries.view().heads * t.queries.view().rows, -1.0);
  sums.sum = sums.shift;
  Room room(sums, heavykeys::cuda::attend_workspace(queries.view(), keys.view(), values.view(), options));
  run(
      [&](void* stream) {
        heavykeys::cuda::attend(queries.view(), keys.view(), values.view(), lists, options, out.view(),
                                room.pointers, room.workspace, stream);
      },
      room.workspace);
  out.to_host();
  room.shift.to_host(sums.shift.data());
  room.sum.to_host(sums.sum.data());
  return sums;
}

void Device::attend_backward(Tensors& t, const KeySets& sets, const AttendOptions& options,
                             const AttendSums& sums) {
  DeviceTensor queries(t.queries), keys(t.keys), values(t.values), out(t.out), grad_out(t.grad_out);
  DeviceTensor by_queries(t.by_queries), by_keys(t.by_keys), by_values(t.by_values);
  const heavykeys::cuda::DeviceKeySets lists(sets);
  Room room(sums,
            heavykeys::cuda::attend_backward_workspace(queries.view(), keys.view(), values.view(), options));
  run(
      [&](void* stream) {
        heavykeys::cuda::attend_backward(
            queries.view(), keys.view(), values.view(), lists, options, out.view(), room.pointers,
            grad_out.view(), {by_queries.view(), by_keys.view(), by_values.view()}, room.workspace, stream);
      },
      room.workspace);
  by_queries.to_host();
  by_keys.to_host();
  by_values.to_host();
}

}  // namespace cuda_tests
