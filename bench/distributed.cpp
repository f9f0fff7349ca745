// What does merging over many ranks cost: words a rank, and work a rank? And are all ranks' bytes the same?
//
//   mpirun -np R bench_distributed --rows 1049576 --rows 16778216 --dim 64 --json F
//
// Fails (status 1) when ranks differ, when a part of an allmerge passes its bound
// (bench/distributed_traffic), or when the traffic of one size differs from another's by more than 1% for as
// many candidates.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>

#include "bench/counter_rows.hpp"
#include "bench/distributed_faults.hpp"
#include "bench/distributed_large.hpp"
#include "bench/distributed_options.hpp"
#include "bench/distributed_traffic.hpp"
#include "bench/machine.hpp"
#include "bench/timing.hpp"
#include "bench/workload.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/mpi.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/crc64.hpp"
#include "lib/sketch_state.hpp"

namespace heavykeys::bench {
namespace {

using Options = DistributedOptions;

struct Cost {
  double cpu = 0;
  double wall = 0;
};

template <class Work>
Cost cost_of(Work&& work) {
  const double start = thread_cpu_seconds();
  Cost cost;
  cost.wall = seconds_of(work);
  cost.cpu = thread_cpu_seconds() - start;
  return cost;
}

nlohmann::json to_json(const Cost& cost) { return {{"cpu", cost.cpu}, {"wall", cost.wall}}; }

Cost median(std::vector<Cost> costs) {
  std::vector<double> cpu, wall;
  for (const Cost& cost : costs) {
    cpu.push_back(cost.cpu);
    wall.push_back(cost.wall);
  }
  return {stats_of(cpu).median, stats_of(wall).median};
}

Spec spec_for(const Options& options) {
  Spec spec;
  spec.dim = options.dim;
  spec.epsilon = options.epsilon;
  spec.score = Score::from_name(options.score);
  spec.grid_bits = default_grid_bits(dtype_of(options.dtype));
  return spec;
}

/// Rows [begin, end) of the stream into the sketch, a chunk at a time; making them does not count.
Cost absorb(Sketch& sketch, const Options& options, std::uint64_t all, std::uint64_t begin,
            std::uint64_t end) {
  constexpr std::uint64_t kChunk = 65536;
  const CounterRows stream{all, options.dim, options.planted};
  const Dtype dtype = dtype_of(options.dtype);
  std::vector<float> keys(std::min(kChunk, end - begin) * options.dim);
  std::vector<std::uint16_t> halves(dtype == Dtype::f32 ? 0 : keys.size());
  Cost total;
  while (begin < end) {
    // Chunks end with blocks: none waits for the next chunk.
    const std::uint64_t count = std::min(end, (begin / kChunk + 1) * kChunk) - begin;
    stream.fill(keys.data(), begin, count);
    if (dtype != Dtype::f32) narrow(keys.data(), halves.data(), count * options.dim, dtype, 1);
    const void* data = dtype == Dtype::f32 ? static_cast<const void*>(keys.data()) : halves.data();
    const Cost cost =
        cost_of([&] { streaming::absorb(sketch, rows(data, dtype, count, options.dim, begin)); });
    total.cpu += cost.cpu;
    total.wall += cost.wall;
    begin += count;
  }
  return total;
}

struct Merged {
  Sketch sketch;
  std::vector<Call> calls;  ///< of the last merge
  Cost all;
  Cost inside;  ///< the transport: there, ranks wait for each other
};

/// Merges copies of the rank's own sketch, `merges` times.
Merged merge_copies(distributed::Communicator& transport, const Sketch& own, int merges) {
  Merged merged{own, {}, {}, {}};
  std::vector<Cost> all, inside;
  for (int i = 0; i < merges; ++i) {
    merged.sketch = own;
    CountingCommunicator comm(transport);
    MPI_Barrier(MPI_COMM_WORLD);
    all.push_back(cost_of([&] { distributed::allmerge(comm, merged.sketch); }));
    Cost sum;
    for (const Call& call : comm.calls()) {
      sum.cpu += call.cpu_seconds;
      sum.wall += call.wall_seconds;
    }
    inside.push_back(sum);
    merged.calls = comm.calls();
  }
  if (merges > 0) {
    merged.all = median(all);
    merged.inside = median(inside);
  }
  return merged;
}

bool same_everywhere(distributed::Communicator& comm, const std::vector<std::byte>& bytes) {
  const auto hash = static_cast<std::int64_t>(detail::crc64(bytes));
  std::int64_t extremes[2] = {hash, ~hash};
  comm.all_max(extremes);
  return extremes[0] == ~extremes[1];
}

/// What one rank has to say about one size.
nlohmann::json measure(distributed::Communicator& comm, const Options& options, std::uint64_t all) {
  const std::uint64_t begin = cut_of(all, comm.rank(), comm.size());
  const std::uint64_t end = cut_of(all, comm.rank() + 1, comm.size());
  Sketch own(spec_for(options));
  const Cost absorbing = absorb(own, options, all, begin, end);
  const Merged merged = merge_copies(comm, own, options.merges);
  if (options.merges == 0) return {{"rank", comm.rank()}};
  std::size_t universal = 0;
  const Cost finalizing = cost_of([&] { universal = finalize(merged.sketch).size(); });
  const std::vector<std::byte> bytes = to_bytes(merged.sketch);

  nlohmann::json mine = {{"rank", comm.rank()},
                         {"rows", end - begin},
                         {"universal_set", universal},
                         {"sketch_bytes", merged.sketch.memory_bytes()},
                         {"absorb", to_json(absorbing)},
                         {"allmerge", to_json(merged.all)},
                         {"inside_transport", to_json(merged.inside)},
                         {"finalize", to_json(finalizing)},
                         {"same_bytes", same_everywhere(comm, bytes)}};
  const detail::SketchState& state = detail::SketchAccess::state(merged.sketch);
  mine["own_candidates"] = detail::SketchAccess::state(own).candidates.size();
  mine["candidates"] = state.candidates.size();
  mine["lifted_dim"] = state.plan->lift.size();
  mine["limbs"] = state.metric.gram.limbs();
  mine["waiting"] = all % state.spec.block_rows;
  if (comm.size() > 1) {
    std::vector<Term> terms = terms_of(merged.calls, comm.size(), merged.sketch, universal);
    terms.push_back(total_of(terms));
    for (const Term& term : terms) mine["words"].push_back(bench::to_json(term));
    mine["calls"] = merged.calls.size();
  }
  if (options.check && comm.rank() == 0) {
    Sketch alone(spec_for(options));
    absorb(alone, options, all, 0, all);
    mine["as_one_rank"] = to_bytes(alone) == bytes;
  }
  return mine;
}

/// Every rank's, in order; on rank 0 alone.
nlohmann::json collect(distributed::Communicator& comm, const nlohmann::json& mine) {
  const std::string text = mine.dump();
  nlohmann::json all = nlohmann::json::array();
  for (const auto& part : comm.gather(std::as_bytes(std::span(text)), 0)) {
    const auto* begin = reinterpret_cast<const char*>(part.data());
    all.push_back(nlohmann::json::parse(begin, begin + part.size()));
  }
  return all;
}

int run(int argc, char** argv) {
  const Options options = parse_distributed_options(argc, argv);
  distributed::MpiCommunicator comm(MPI_COMM_WORLD, options.most_bytes);
  nlohmann::json document = {{"benchmark", "distributed"}, {"machine", describe_machine()}};
  int faults = 0;
  if (options.large) {
    document["large_messages"] = exercise_large_messages(MPI_COMM_WORLD);
  } else if (options.crowd > 0) {
    document["directory"] = measure_directory(options.crowd);
  } else {
    document["case"] = {{"ranks", comm.size()},       {"dim", options.dim},
                        {"epsilon", options.epsilon}, {"score", options.score},
                        {"dtype", options.dtype},     {"planted", options.planted},
                        {"merges", options.merges},   {"most_bytes", options.most_bytes}};
    for (const std::uint64_t all : options.rows) {
      const nlohmann::json ranks = collect(comm, measure(comm, options, all));
      if (comm.rank() == 0) document["sizes"].push_back({{"rows", all}, {"ranks", ranks}});
    }
    if (comm.rank() == 0 && options.merges > 0) {
      for (const nlohmann::json& size : document["sizes"])
        faults += faults_of(size) + faults_between(document["sizes"][0], size);
    }
  }
  if (comm.rank() != 0) return 0;
  if (options.json.empty()) std::cout << document.dump(1) << std::endl;
  if (!options.json.empty()) std::ofstream(options.json) << document.dump(1) << '\n';
  return faults == 0 ? 0 : 1;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int status = 1;
  try {
    status = heavykeys::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "distributed: %s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return status;
}
