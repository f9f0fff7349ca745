// Rank r has row r of the identity, of as many rows as there are ranks: all of them are heavy, on every rank.
#include "heavykeys/mpi.hpp"

#include <cstdio>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const auto d = static_cast<std::size_t>(size);
  std::vector<double> key(d, 0.0);
  key[static_cast<std::size_t>(rank)] = 1.0;
  heavykeys::Sketch sketch(heavykeys::Spec{.dim = d, .epsilon = 1.0});
  heavykeys::streaming::absorb(sketch, heavykeys::rows(key.data(), 1, d, static_cast<std::uint64_t>(rank)));
  heavykeys::distributed::allmerge(MPI_COMM_WORLD, sketch);
  const heavykeys::UniversalSet set = heavykeys::finalize(sketch);
  const bool right = set.size() == d && set.rank() == d && set.row_count() == d;
  std::printf("rank %d of %d: |U| = %d\n", rank, size, static_cast<int>(set.size()));
  MPI_Finalize();
  return right ? 0 : 1;
}
