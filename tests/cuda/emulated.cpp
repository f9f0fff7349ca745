#include "cuda/emulated.hpp"

#include <barrier>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <thread>

#include "cuda/backward.cuh"
#include "cuda/forward.cuh"

namespace cuda_tests {

using namespace heavykeys::cuda::detail;

namespace {

template <class T>
struct LoopBlock {
  Shared<T>& shared;
  std::vector<Thread<T>>& threads;
  const std::function<void(std::vector<std::size_t>&)>& arrange;
  std::vector<std::size_t> order = std::vector<std::size_t>(kThreads);

  template <class Phase>
  void each(Phase phase) {
    arrange(order);
    for (const std::size_t i : order) phase(threads[i]);
  }
};

template <class T>
struct OneOfMany {
  Shared<T>& shared;
  Thread<T>& own;
  std::barrier<>& all;

  template <class Phase>
  void each(Phase phase) {
    phase(own);
    all.arrive_and_wait();
  }
};

/// Memory of a block of threads as it may be found: every byte set, so that reads before writes show.
template <class T>
struct BlockMemory {
  std::unique_ptr<Shared<T>> shared = std::make_unique_for_overwrite<Shared<T>>();
  std::vector<Thread<T>> threads = std::vector<Thread<T>>(kThreads);

  BlockMemory() {
    std::memset(static_cast<void*>(shared.get()), 0xff, sizeof(Shared<T>));
    for (std::size_t i = 0; i < threads.size(); ++i) {
      std::memset(static_cast<void*>(&threads[i]), 0xff, sizeof(Thread<T>));
      threads[i].id = static_cast<int>(i);
    }
  }
};

/// body(block) as one block of threads.
template <class T, class Body>
void run_block(Threads how, Body body) {
  BlockMemory<T> memory;
  if (how == Threads::concurrent) {
    std::barrier<> all(kThreads);
    std::vector<std::jthread> threads;
    for (Thread<T>& own : memory.threads) {
      threads.emplace_back([&] {
        OneOfMany<T> block{*memory.shared, own, all};
        body(block);
      });
    }
    return;
  }
  support::Random random(5);
  const std::function<void(std::vector<std::size_t>&)> arrange = [&](std::vector<std::size_t>& order) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = how == Threads::descending ? order.size() - 1 - i : i;
    }
    if (how == Threads::shuffled) random.shuffle(order);
  };
  LoopBlock<T> block{*memory.shared, memory.threads, arrange};
  body(block);
}

Lists lists_of(const KeySets& sets) {
  return {sets.indptr.data(), sets.keys.data(), sets.until.empty() ? nullptr : sets.until.data()};
}

std::int64_t longest_of(const KeySets& sets) {
  std::int64_t longest = 0;
  for (std::size_t i = 0; i + 1 < sets.indptr.size(); ++i) {
    longest = std::max(longest, sets.indptr[i + 1] - sets.indptr[i]);
  }
  return longest;
}

/// A workspace of so many bytes, no more, which begins with the first status.
class HostWorkspace {
 public:
  HostWorkspace(std::size_t bytes, const AttentionShape& shape)
      : bytes_(bytes), memory_(bytes + kGuard, std::byte{0xff}) {
    const Status first = first_status(shape);
    std::memcpy(memory_.data(), &first, sizeof first);
  }
  void* data() { return memory_.data(); }
  Status status() const {
    for (std::size_t i = bytes_; i < memory_.size(); ++i) {
      if (memory_[i] != std::byte{0xff}) throw std::logic_error("written past the workspace");
    }
    Status s;
    std::memcpy(static_cast<void*>(&s), memory_.data(), sizeof s);
    return s;
  }

 private:
  static constexpr std::size_t kGuard = 4096;
  std::size_t bytes_;
  heavykeys::detail::AlignedVector<std::byte> memory_;
};

/// Blocks of threads take numbers as those of a launch of at most kMostBlocks do.
template <class Run>
void run_grid(std::int64_t total, Run run) {
  for (std::int64_t i = 0; i < total; ++i) run(i, i % std::min(total, kMostBlocks));
}

template <class T>
Status attend_as(Threads how, Tensors& t, const KeySets& sets, const AttentionShape& shape,
                 AttendSums& sums) {
  const auto units = static_cast<std::int64_t>(shape.units()),
             lanes = static_cast<std::int64_t>(shape.lanes());
  HostWorkspace workspace(forward_layout<T>(units, lanes, static_cast<std::int64_t>(shape.dv)).bytes, shape);
  const auto p =
      forward_problem<T>(shape, t.queries.view(), t.keys.view(), t.values.view(), lists_of(sets),
                         t.out.mutable_view(), {sums.shift.data(), sums.sum.data()}, workspace.data());
  run_grid(parts(p), [&](std::int64_t i, std::int64_t slot) {
    run_block<T>(how, [&](auto& block) { attend_part<T>(block, p, i, p.sums + slot * forward_scratch(p)); });
  });
  return workspace.status();
}

template <class T>
Status differentiate_as(Threads how, Tensors& t, const KeySets& sets, const AttentionShape& shape,
                        AttendSums sums) {
  const auto units = static_cast<std::int64_t>(shape.units()),
             lanes = static_cast<std::int64_t>(shape.lanes());
  const auto layout =
      backward_layout<T>(units, lanes, static_cast<std::int64_t>(shape.n), static_cast<std::int64_t>(shape.d),
                         static_cast<std::int64_t>(shape.dv));
  HostWorkspace workspace(layout.bytes, shape);
  const auto p = backward_problem<T>(
      shape, t.queries.view(), t.keys.view(), t.values.view(), lists_of(sets), longest_of(sets), t.out.view(),
      {sums.shift.data(), sums.sum.data()}, t.grad_out.view(),
      {t.by_queries.mutable_view(), t.by_keys.mutable_view(), t.by_values.mutable_view()}, workspace.data());
  for (std::int64_t i = 0; i < p.units * p.lanes; ++i) find_mean(p, i / p.lanes, i % p.lanes);
  for (std::int64_t i = 0; i < p.units * p.n; ++i) clear_key(p, i / p.n, i % p.n);
  run_grid(parts(p), [&](std::int64_t i, std::int64_t slot) {
    run_block<T>(how,
                 [&](auto& block) { by_query_part<T>(block, p, i, p.sums + slot * by_queries_scratch(p)); });
  });
  run_grid(p.units * p.key_blocks, [&](std::int64_t i, std::int64_t slot) {
    run_block<T>(how, [&](auto& block) { by_key_block<T>(block, p, i, p.sums + slot * by_keys_scratch(p)); });
  });
  return workspace.status();
}

}  // namespace

AttendSums Emulated::attend(Tensors& t, const KeySets& sets, const AttendOptions& options) {
  const AttentionShape shape(t.queries.view(), t.keys.view(), t.values.view(), sets, options);
  AttendSums sums;
  sums.shift.assign(shape.units() * shape.lanes(), std::numeric_limits<double>::quiet_NaN());
  sums.sum = sums.shift;
  status_ = shape.in_double ? attend_as<double>(threads_, t, sets, shape, sums)
                            : attend_as<float>(threads_, t, sets, shape, sums);
  return sums;
}

void Emulated::attend_backward(Tensors& t, const KeySets& sets, const AttendOptions& options,
                               const AttendSums& sums) {
  const AttentionShape shape(t.queries.view(), t.keys.view(), t.values.view(), sets, options);
  status_ = shape.in_double ? differentiate_as<double>(threads_, t, sets, shape, sums)
                            : differentiate_as<float>(threads_, t, sets, shape, sums);
}

}  // namespace cuda_tests
