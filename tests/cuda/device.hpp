// A device as an engine: heavykeys::cuda over copies of the tensors.
#pragma once

#include "cuda/matrix.hpp"
#include "heavykeys/cuda.hpp"

namespace cuda_tests {

/// Device memory; throws std::runtime_error where CUDA fails.
class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t bytes, const void* from = nullptr);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  void* data() const { return data_; }
  void to_host(void* host) const;

 private:
  void* data_ = nullptr;
  std::size_t bytes_;
};

/// A tensor's bytes on the device, gaps and all.
class DeviceTensor {
 public:
  explicit DeviceTensor(TensorBuffer& host);
  heavykeys::MutableTensorView view() const;
  void to_host();

 private:
  TensorBuffer& host_;
  DeviceMemory memory_;
};

class Device : public Engine {
 public:
  /// captured: calls are recorded into a graph, which then runs, instead of running at once.
  explicit Device(bool captured = false) : captured_(captured) {}
  AttendSums attend(Tensors& t, const KeySets& sets, const AttendOptions& options) override;
  void attend_backward(Tensors& t, const KeySets& sets, const AttendOptions& options,
                       const AttendSums& sums) override;

 private:
  void run(const std::function<void(void* stream)>& call, const heavykeys::cuda::Workspace& workspace) const;
  bool captured_;
};

}  // namespace cuda_tests
