// What only shows at sizes of their own: messages past 2^31 bytes, and crowds of ranks.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace heavykeys::bench {

/// all_sum, gather and exchange of more than 2^31 bytes between two ranks, and of 10 MB in pieces of 1,000
/// bytes; every word that arrives is compared. Throws std::runtime_error on the first that is wrong.
/// Other ranks of the communicator take part with nothing.
nlohmann::json exercise_large_messages(MPI_Comm world);

/// Seconds of one rank for the directory of rows of `ranks` ranks, whose part in it is made up.
nlohmann::json measure_directory(std::uint64_t ranks);

}  // namespace heavykeys::bench
