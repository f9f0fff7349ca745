// Every transfer goes in pieces of at most most_bytes: MPI counts in int, and some of its layers in bytes.
#include <algorithm>
#include <climits>
#include <cstring>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/mpi.hpp"

namespace heavykeys::distributed {

namespace {

constexpr int kTag = 0;  // the communicator is ours alone

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw BackendError(std::string(call) + ": " + std::string(text, static_cast<std::size_t>(length)));
}

/// The reduction behind all_sum: adds integers of as many words as the datatype has.
void add_wide(void* from, void* into, int* count, MPI_Datatype* type) {
  int bytes = 0;
  MPI_Type_size(*type, &bytes);
  const auto limbs = static_cast<std::size_t>(bytes) / sizeof(std::uint64_t);
  const auto* a = static_cast<const std::uint64_t*>(from);
  auto* b = static_cast<std::uint64_t*>(into);
  for (int i = 0; i < *count; ++i, a += limbs, b += limbs) {
    std::uint64_t carry = 0;
    for (std::size_t w = 0; w < limbs; ++w) {
      const unsigned __int128 sum = static_cast<unsigned __int128>(a[w]) + b[w] + carry;
      b[w] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
  }
}

class WideType {
 public:
  explicit WideType(std::size_t limbs) {
    check(MPI_Type_contiguous(static_cast<int>(limbs), MPI_UINT64_T, &type_), "MPI_Type_contiguous");
    check(MPI_Type_commit(&type_), "MPI_Type_commit");
  }
  WideType(const WideType&) = delete;
  WideType& operator=(const WideType&) = delete;
  ~WideType() { MPI_Type_free(&type_); }
  MPI_Datatype get() const { return type_; }

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

/// Calls body(begin, length) for pieces of at most `most` of `count` things.
template <class Body>
void in_pieces(std::size_t count, std::size_t most, const Body& body) {
  most = std::clamp<std::size_t>(most, 1, INT_MAX);
  for (std::size_t begin = 0; begin < count; begin += most)
    body(begin, static_cast<int>(std::min(most, count - begin)));
}

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm comm, std::size_t most_bytes)
    : most_bytes_(std::min<std::size_t>(most_bytes, INT_MAX)) {
  check(MPI_Comm_dup(comm, &comm_), "MPI_Comm_dup");
  check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  check(MPI_Op_create(add_wide, 1, &add_), "MPI_Op_create");
}

MpiCommunicator::~MpiCommunicator() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0) return;
  if (add_ != MPI_OP_NULL) MPI_Op_free(&add_);
  MPI_Comm_free(&comm_);
}

void MpiCommunicator::all_max(std::span<std::int64_t> values) {
  in_pieces(values.size(), most_bytes_ / sizeof(std::int64_t), [&](std::size_t begin, int count) {
    check(MPI_Allreduce(MPI_IN_PLACE, values.data() + begin, count, MPI_INT64_T, MPI_MAX, comm_),
          "MPI_Allreduce");
  });
}

void MpiCommunicator::all_sum(std::span<std::uint64_t> words, std::size_t limbs) {
  const WideType type(limbs);
  in_pieces(words.size() / limbs, most_bytes_ / (limbs * sizeof(std::uint64_t)),
            [&](std::size_t begin, int count) {
              check(MPI_Allreduce(MPI_IN_PLACE, words.data() + begin * limbs, count, type.get(), add_, comm_),
                    "MPI_Allreduce");
            });
}

std::vector<std::vector<std::byte>> MpiCommunicator::gather(std::span<const std::byte> mine,
                                                            std::optional<int> root) {
  const auto ranks = static_cast<std::size_t>(size_);
  std::vector<std::uint64_t> sizes(ranks);
  const std::uint64_t own = mine.size();
  check(MPI_Allgather(&own, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, comm_), "MPI_Allgather");
  const bool receives = !root || *root == rank_;
  std::vector<std::vector<std::byte>> parts(receives ? ranks : 0);
  for (std::size_t r = 0; r < parts.size(); ++r) parts[r].resize(sizes[r]);

  // One round where all parts fit into it: many small ones, or one large among many ranks.
  std::uint64_t total_size = 0;
  for (const std::uint64_t size : sizes) total_size += size;
  const std::size_t most = total_size <= most_bytes_ ? most_bytes_ : most_bytes_ / ranks;

  std::vector<std::byte> round;
  std::vector<int> counts(ranks), starts(ranks);
  in_pieces(*std::max_element(sizes.begin(), sizes.end()), most, [&](std::size_t begin, int length) {
    const auto part = [&](std::uint64_t size) {
      const std::uint64_t rest = size - std::min<std::uint64_t>(size, begin);
      return static_cast<int>(std::min<std::uint64_t>(rest, static_cast<std::uint64_t>(length)));
    };
    int total = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      counts[r] = part(sizes[r]);
      starts[r] = total;
      total += counts[r];
    }
    if (receives) round.resize(static_cast<std::size_t>(total));
    const std::byte* from = mine.data() + std::min<std::size_t>(begin, mine.size());
    if (root) {
      check(MPI_Gatherv(from, part(own), MPI_BYTE, round.data(), counts.data(), starts.data(), MPI_BYTE,
                        *root, comm_),
            "MPI_Gatherv");
    } else {
      check(MPI_Allgatherv(from, part(own), MPI_BYTE, round.data(), counts.data(), starts.data(), MPI_BYTE,
                           comm_),
            "MPI_Allgatherv");
    }
    for (std::size_t r = 0; r < parts.size(); ++r) {
      if (counts[r] == 0) continue;
      std::memcpy(parts[r].data() + begin, round.data() + starts[r], static_cast<std::size_t>(counts[r]));
    }
  });
  return parts;
}

std::vector<std::vector<std::byte>> MpiCommunicator::exchange(std::span<const Parcel> outgoing,
                                                              std::span<const Arrival> incoming) {
  std::vector<std::vector<std::byte>> arrived(incoming.size());
  std::vector<MPI_Request> requests;
  // Pieces between two ranks arrive in the order they were sent.
  for (std::size_t i = 0; i < incoming.size(); ++i) {
    arrived[i].resize(incoming[i].size);
    in_pieces(incoming[i].size, most_bytes_, [&](std::size_t begin, int count) {
      check(MPI_Irecv(arrived[i].data() + begin, count, MPI_BYTE, incoming[i].rank, kTag, comm_,
                      &requests.emplace_back()),
            "MPI_Irecv");
    });
  }
  for (const Parcel& parcel : outgoing) {
    in_pieces(parcel.bytes.size(), most_bytes_, [&](std::size_t begin, int count) {
      check(MPI_Isend(parcel.bytes.data() + begin, count, MPI_BYTE, parcel.rank, kTag, comm_,
                      &requests.emplace_back()),
            "MPI_Isend");
    });
  }
  in_pieces(requests.size(), INT_MAX, [&](std::size_t begin, int count) {
    check(MPI_Waitall(count, requests.data() + begin, MPI_STATUSES_IGNORE), "MPI_Waitall");
  });
  return arrived;
}

void allmerge(MPI_Comm comm, Sketch& sketch) {
  MpiCommunicator ranks(comm);
  allmerge(ranks, sketch);
}

void merge(MPI_Comm comm, Sketch& sketch, int root) {
  MpiCommunicator ranks(comm);
  merge(ranks, sketch, root);
}

}  // namespace heavykeys::distributed
