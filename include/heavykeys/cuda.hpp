// Attention on a GPU: attend and attend_backward over tensors in its memory, the same bytes as on the CPU.
#pragma once

#include <cstddef>
#include <memory>

#include "heavykeys/attention.hpp"

namespace heavykeys::cuda {
#pragma GCC visibility push(default)

/// KeySets in the memory of the current device, put there once and read by any number of calls. Throws
/// InvalidInput for lists attend would refuse, BackendError where the device fails. Waits for its copy;
/// destroy it when the work that reads it is done.
class DeviceKeySets {
 public:
  /// Copies the sets to the current device.
  explicit DeviceKeySets(const KeySets& sets);
  ~DeviceKeySets();
  DeviceKeySets(DeviceKeySets&&) noexcept;
  DeviceKeySets& operator=(DeviceKeySets&&) noexcept;

  struct State;
  /// Of the device that attend runs on. InvalidInput when moved from.
  const State& state() const;

 private:
  std::unique_ptr<State> state_;
};

/// AttendSums in device memory: B Hq m values each.
struct DeviceSums {
  double* shift = nullptr;  ///< [B Hq m]
  double* sum = nullptr;    ///< [B Hq m]
};

/// Device memory for one call at a time, aligned to 256 bytes. Nothing in it need be kept between calls.
struct Workspace {
  void* data = nullptr;   ///< the first byte
  std::size_t bytes = 0;  ///< how many
};

/// The bytes of workspace a call takes. Forward at most 512 * 128 dv * 4 and a few, whatever m and n;
/// backward 512 * max(128 (d + 96), 96 (d + dv + 128)) * 4, and 4 for each query (8 where attend computes in
/// float64). Throws InvalidInput as attend for shapes and score.
std::size_t attend_workspace(const TensorView& queries, const TensorView& keys, const TensorView& values,
                             const AttendOptions& options);
/// See attend_workspace.
std::size_t attend_backward_workspace(const TensorView& queries, const TensorView& keys,
                                      const TensorView& values, const AttendOptions& options);

/// heavykeys::attend with every pointer (data of views, sums, workspace) in the memory of the current device,
/// Normalise::attended only. `stream` is a cudaStream_t; null: the default one.
///
/// Guarantee: out and sums are, to the last bit, what heavykeys::attend makes of the same values. The call
/// only puts work into the stream: it allocates nothing and waits for nothing, so it can be captured in a
/// graph. NaN/Inf, and scores that pass the type, are therefore found by `check`; the bytes written for the
/// queries of that batch and KV head are then without meaning. Throws InvalidInput as attend for shapes and
/// options, for a workspace that is too small and for pointers that are not aligned; BackendError with CUDA's
/// own text.
void attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
            const DeviceKeySets& sets, const AttendOptions& options, const MutableTensorView& out,
            const DeviceSums& sums, const Workspace& workspace, void* stream = nullptr);

/// heavykeys::attend_backward likewise.
void attend_backward(const TensorView& queries, const TensorView& keys, const TensorView& values,
                     const DeviceKeySets& sets, const AttendOptions& options, const TensorView& out,
                     const DeviceSums& sums, const TensorView& grad_out, const AttendGradients& gradients,
                     const Workspace& workspace, void* stream = nullptr);

/// Waits for the stream; throws InvalidInput, naming argument, batch, head and row, if the last call with
/// this workspace met NaN/Inf or scores out of range, and BackendError if it failed on the device.
void check(const Workspace& workspace, void* stream = nullptr);

#pragma GCC visibility pop

}  // namespace heavykeys::cuda
