#include "tools/job.hpp"

#include <cstdlib>
#include <string_view>
#include <vector>

#include "heavykeys/distributed.hpp"
#include "heavykeys/error.hpp"

#ifdef HEAVYKEYS_MPI
#include "heavykeys/mpi.hpp"
#endif

namespace heavykeys::tools {
namespace {

/// A communicator of one: there is nobody to talk to.
class OneRank final : public distributed::Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_max(std::span<std::int64_t>) override {}
  void all_sum(std::span<std::uint64_t>, std::size_t) override {}
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine, std::optional<int>) override {
    return {{mine.begin(), mine.end()}};
  }
  std::vector<std::vector<std::byte>> exchange(std::span<const Parcel>, std::span<const Arrival>) override {
    return {};
  }
};

}  // namespace

#ifdef HEAVYKEYS_MPI
/// MPI itself. Its threads are this one: the engines' own threads never call it.
class Job::Mpi {
 public:
  Mpi() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);  // ends the process when it fails
  }
  Mpi(const Mpi&) = delete;
  Mpi& operator=(const Mpi&) = delete;
  ~Mpi() { MPI_Finalize(); }
};

Job::Job(bool mpi) {
  if (mpi) {
    mpi_ = std::make_unique<Mpi>();
    communicator_ = std::make_unique<distributed::MpiCommunicator>(MPI_COMM_WORLD);
  } else {
    communicator_ = std::make_unique<OneRank>();
  }
}

void Job::abandon(int exit_code) {
  if (is_mpi()) MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}
#else
class Job::Mpi {};

Job::Job(bool) : communicator_(std::make_unique<OneRank>()) {}

void Job::abandon(int exit_code) { std::_Exit(exit_code); }
#endif

Job::~Job() = default;

void Job::together(const std::function<void()>& step) {
  if (ranks() == 1) return step();
  alike([&] {
    try {
      distributed::collectively(communicator(), step);
    } catch (const BackendError& error) {
      // One without the rank is the transport's own, and the other ranks may not have seen it.
      failed_alike_ = std::string_view(error.what()).starts_with("rank ");
      throw;
    }
  });
}

void Job::first(const std::function<void()>& step) {
  together([&] {
    if (is_first()) step();
  });
}

void Job::alike(const std::function<void()>& step) {
  try {
    step();
  } catch (const InvalidInput&) {
    failed_alike_ = true;
    throw;
  } catch (const Incompatible&) {
    failed_alike_ = true;
    throw;
  } catch (const Corrupt&) {
    failed_alike_ = true;
    throw;
  }
}

std::int64_t Job::greatest(std::int64_t mine) const {
  communicator().all_max(std::span(&mine, 1));
  return mine;
}

}  // namespace heavykeys::tools
