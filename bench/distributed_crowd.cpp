#include <map>
#include <stdexcept>
#include <utility>

#include "bench/counter_rows.hpp"
#include "bench/counting_communicator.hpp"
#include "bench/distributed_large.hpp"
#include "distributed/row_directory.hpp"

namespace heavykeys::bench {

namespace {

constexpr std::uint64_t kBlock = 4096;

/// One rank of many. With nothing to hand back it listens: what rank after rank would say. Then it plays that
/// to the one that is measured.
class Crowd final : public distributed::Communicator {
 public:
  explicit Crowd(int size) : size_(size) {}

  void be(int rank) { rank_ = rank; }
  void play() { playing_ = true; }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void all_max(std::span<std::int64_t>) override {}
  void all_sum(std::span<std::uint64_t>, std::size_t) override {}
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine, std::optional<int>) override {
    if (playing_) return said_;
    said_.emplace_back(mine.begin(), mine.end());
    return {};
  }
  std::vector<std::vector<std::byte>> exchange(std::span<const Parcel>, std::span<const Arrival>) override {
    throw std::logic_error("a directory is gathered, nothing is exchanged");
  }

 private:
  int size_;
  int rank_ = 0;
  bool playing_ = false;
  std::vector<std::vector<std::byte>> said_;
};

/// Rows [begin, end) as a rank has them that has absorbed them: the rows of blocks it has in part wait.
struct Share {
  detail::Coverage absorbed;
  detail::Fragments waiting;

  Share(std::uint64_t begin, std::uint64_t end) {
    absorbed.add(0, {begin, end});
    const std::uint64_t first_whole = (begin + kBlock - 1) / kBlock * kBlock;
    if (begin < first_whole) wait(begin, first_whole);
    if (end / kBlock * kBlock < end) wait(end / kBlock * kBlock, end);
  }

 private:
  void wait(std::uint64_t begin, std::uint64_t end) {
    const std::vector<float> zeros(end - begin);
    waiting.emplace(KeyId{0, begin}, 1).first->second.append(rows(zeros.data(), zeros.size(), 1));
  }
};

}  // namespace

nlohmann::json measure_directory(std::uint64_t ranks) {
  const int size = static_cast<int>(ranks);
  const std::uint64_t all = ranks * 10 * kBlock + 1000;
  Crowd crowd(size);
  const auto directory = [&](int rank) {
    crowd.be(rank);
    Share share(cut_of(all, rank, size), cut_of(all, rank + 1, size));
    const distributed::RowsHere here{share.absorbed, share.waiting, 1, kBlock};
    return distributed::gather_rows(crowd, here);
  };
  for (int r = 0; r < size; ++r) directory(r);
  crowd.play();
  const double start = thread_cpu_seconds();
  const distributed::RowDirectory made = directory(size / 2);
  const double seconds = thread_cpu_seconds() - start;
  if (made.rows.row_count() != all) throw std::runtime_error("the directory has lost rows");
  return {{"ranks", ranks}, {"cpu_seconds", seconds}, {"open_blocks", made.blocks.size()}};
}

}  // namespace heavykeys::bench
