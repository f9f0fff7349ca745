// One key file, many ranks: each maps the rows of its own, absorbs them on its own threads, and all merge.
//
//   mpirun -np 3 mpi_shards KEYS.npy [EPSILON]     the file must be where every rank can read it
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

#include "heavykeys/files.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/mpi.hpp"
#include "heavykeys/parallel.hpp"

namespace hk = heavykeys;

hk::Sketch sketch_of(hk::distributed::MpiCommunicator& comm, const char* file, double epsilon) {
  std::optional<hk::Sketch> sketch;
  // What throws on one rank (no such file, a NaN in a key) then throws on all: none is left waiting.
  hk::distributed::collectively(comm, [&] {
    const hk::Tensor keys = hk::open_tensor(file);  // mapped: only the pages of our rows are read
    hk::Spec spec;
    spec.dim = keys.dim();
    spec.epsilon = epsilon;
    spec.grid_bits = hk::default_grid_bits(keys.dtype);
    sketch.emplace(spec);
    hk::parallel::absorb(*sketch, hk::distributed::share(comm, keys.head(0), spec.block_rows));
  });
  hk::distributed::allmerge(comm, *sketch);
  return std::move(*sketch);
}

void print(const hk::UniversalSet& set, int ranks) {
  std::printf("%llu keys on %d ranks, of which %zu can reach weight %g (never more than %g)\n",
              static_cast<unsigned long long>(set.row_count()), ranks, set.size(), set.spec().epsilon,
              set.size_bound());
  for (std::size_t u = 0; u < set.size(); ++u) {
    std::printf("  row %llu: at most %.4f of any query's attention\n",
                static_cast<unsigned long long>(set.ids()[u].row), set.leverage()[u]);
  }
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int status = 0, rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  try {
    if (argc < 2) throw hk::InvalidInput("usage: mpi_shards KEYS.npy [EPSILON]");
    hk::distributed::MpiCommunicator comm(MPI_COMM_WORLD);
    const hk::Sketch sketch = sketch_of(comm, argv[1], argc > 2 ? std::atof(argv[2]) : 0.05);
    if (rank == 0) print(hk::finalize(sketch), comm.size());  // every rank could: all hold the same bytes
  } catch (const std::exception& error) {
    if (rank == 0) std::fprintf(stderr, "mpi_shards: %s\n", error.what());
    status = 2;
  }
  MPI_Finalize();
  return status;
}
