#include "support/in_process.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "heavykeys/error.hpp"
#include "support/random.hpp"

namespace support {

namespace {

using heavykeys::BackendError;
using heavykeys::distributed::Communicator;
using Bytes = std::vector<std::byte>;

/// What a rank brings to a meeting.
struct Call {
  Operation operation = Operation::all_max;
  std::size_t limbs = 0;
  std::optional<int> root = {};
  std::vector<std::uint64_t> words = {};  // all_max, all_sum
  Bytes bytes = {};                       // gather
  std::vector<Communicator::Parcel> outgoing = {};
  std::vector<Communicator::Arrival> incoming = {};
};

std::string to_string(const Call& call) {
  std::ostringstream text;
  text << name_of(call.operation);
  switch (call.operation) {
    case Operation::all_max:
      text << " of " << call.words.size();
      break;
    case Operation::all_sum:
      text << " of " << call.words.size() << " words in integers of " << call.limbs;
      break;
    case Operation::gather:
      text << " to " << (call.root ? std::to_string(*call.root) : "all");
      break;
    case Operation::exchange:
      for (const auto& p : call.outgoing) text << " " << p.bytes.size() << " bytes to " << p.rank;
      for (const auto& a : call.incoming) text << " " << a.size << " bytes from " << a.rank;
      break;
  }
  return text.str();
}

bool alike(const Call& a, const Call& b) {
  return a.operation == b.operation && a.limbs == b.limbs && a.root == b.root &&
         a.words.size() == b.words.size();
}

/// Every rank at most once, none of them `self`, all below `ranks`.
template <class Parts>
bool proper(const Parts& parts, int self, int ranks) {
  std::vector<bool> seen(static_cast<std::size_t>(ranks));
  for (const auto& p : parts) {
    if (p.rank < 0 || p.rank >= ranks || p.rank == self || seen[static_cast<std::size_t>(p.rank)])
      return false;
    seen[static_cast<std::size_t>(p.rank)] = true;
  }
  return true;
}

const Communicator::Parcel* parcel(const Call& from, int to) {
  for (const auto& p : from.outgoing) {
    if (p.rank == to) return &p;
  }
  return nullptr;
}

/// Whether these calls can be one operation of all ranks.
bool fit(const std::vector<Call>& calls) {
  const int ranks = static_cast<int>(calls.size());
  std::size_t sent = 0, announced = 0;
  for (int r = 0; r < ranks; ++r) {
    const Call& call = calls[static_cast<std::size_t>(r)];
    if (!alike(call, calls[0])) return false;
    if (call.operation == Operation::all_sum && (call.limbs == 0 || call.words.size() % call.limbs != 0))
      return false;
    if (call.root && (*call.root < 0 || *call.root >= ranks)) return false;
    if (!proper(call.outgoing, r, ranks) || !proper(call.incoming, r, ranks)) return false;
    sent += call.outgoing.size();
    announced += call.incoming.size();
    for (const auto& arrival : call.incoming) {
      const auto* p = parcel(calls[static_cast<std::size_t>(arrival.rank)], r);
      if (p == nullptr || p->bytes.size() != arrival.size) return false;
    }
  }
  return sent == announced;
}

void add(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& from, std::size_t limbs) {
  for (std::size_t at = 0; at < to.size(); at += limbs) {
    unsigned __int128 carry = 0;
    for (std::size_t i = at; i < at + limbs; ++i) {
      carry += to[i];
      carry += from[i];
      to[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
}

/// What came of a meeting, for all ranks to read.
struct Outcome {
  std::vector<Call> calls;
  std::vector<std::uint64_t> words;
  std::string mismatch;
};

std::shared_ptr<const Outcome> settle(std::vector<Call> calls) {
  auto outcome = std::make_shared<Outcome>();
  if (!fit(calls)) {
    std::ostringstream text;
    for (std::size_t r = 0; r < calls.size(); ++r)
      text << (r == 0 ? ": rank " : ", rank ") << r << " " << to_string(calls[r]);
    outcome->mismatch = "mismatched calls" + text.str();
  } else if (calls[0].operation == Operation::all_sum || calls[0].operation == Operation::all_max) {
    outcome->words = calls[0].words;
    for (std::size_t r = 1; r < calls.size(); ++r) {
      if (calls[0].operation == Operation::all_sum) {
        add(outcome->words, calls[r].words, calls[0].limbs);
        continue;
      }
      for (std::size_t i = 0; i < outcome->words.size(); ++i) {
        const auto a = static_cast<std::int64_t>(outcome->words[i]);
        outcome->words[i] =
            static_cast<std::uint64_t>(std::max(a, static_cast<std::int64_t>(calls[r].words[i])));
      }
    }
  }
  outcome->calls = std::move(calls);
  return outcome;
}

/// Where ranks meet, operation after operation.
class Hub {
 public:
  explicit Hub(int ranks) : calls_(static_cast<std::size_t>(ranks)) {}

  std::shared_ptr<const Outcome> meet(int rank, Call call) {
    std::unique_lock lock(mutex_);
    require_all(call);
    const std::string what = to_string(call);
    calls_[static_cast<std::size_t>(rank)] = std::move(call);
    if (++arrived_ == calls_.size()) {
      std::vector<Call> all(calls_.size());
      all.swap(calls_);
      outcome_ = settle(std::move(all));
      arrived_ = 0;
      ++meeting_;
      changed_.notify_all();
    } else {
      const std::uint64_t mine = meeting_;
      changed_.wait(lock, [&] { return meeting_ != mine || left_ >= 0; });
      if (meeting_ == mine) throw BackendError(absent() + what);
    }
    // The next meeting cannot have ended: this rank is not in it.
    if (!outcome_->mismatch.empty()) throw BackendError(outcome_->mismatch);
    return outcome_;
  }

  void leave(int rank) {
    const std::lock_guard lock(mutex_);
    if (left_ < 0) left_ = rank;
    changed_.notify_all();
  }

 private:
  std::string absent() const {
    return "rank " + std::to_string(left_) + " has left, and others wait for it in ";
  }
  void require_all(const Call& call) const {
    if (left_ >= 0) throw BackendError(absent() + to_string(call));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Call> calls_;
  std::shared_ptr<const Outcome> outcome_;
  std::size_t arrived_ = 0;
  std::uint64_t meeting_ = 0;
  int left_ = -1;
};

std::uint64_t words_of(std::size_t bytes) { return (bytes + 7) / 8; }

class InProcess final : public Communicator {
 public:
  InProcess(Hub& hub, int rank, int size, const InProcessOptions& options)
      : hub_(hub),
        rank_(rank),
        size_(size),
        options_(options),
        random_(options.delays * 1000003u + static_cast<std::uint64_t>(rank)) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  const Traffic& traffic() const { return traffic_; }

  void all_max(std::span<std::int64_t> values) override {
    Call call{.operation = Operation::all_max};
    for (std::int64_t v : values) call.words.push_back(static_cast<std::uint64_t>(v));
    const auto outcome = meet(std::move(call));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(outcome->words[i]);
    count(Operation::all_max, values.size(), values.size());
  }

  void all_sum(std::span<std::uint64_t> words, std::size_t limbs) override {
    Call call{.operation = Operation::all_sum, .limbs = limbs};
    call.words.assign(words.begin(), words.end());
    const auto outcome = meet(std::move(call));
    std::copy(outcome->words.begin(), outcome->words.end(), words.begin());
    count(Operation::all_sum, words.size(), words.size());
  }

  std::vector<Bytes> gather(std::span<const std::byte> mine, std::optional<int> root) override {
    Call call{.operation = Operation::gather, .root = root};
    call.bytes.assign(mine.begin(), mine.end());
    const auto outcome = meet(std::move(call));
    std::vector<Bytes> all;
    std::uint64_t received = 0;
    if (!root || *root == rank_) {
      for (const Call& c : outcome->calls) {
        all.push_back(c.bytes);
        if (&c != &outcome->calls[static_cast<std::size_t>(rank_)]) received += words_of(c.bytes.size());
      }
    }
    count(Operation::gather, words_of(mine.size()), received);
    return all;
  }

  std::vector<Bytes> exchange(std::span<const Parcel> outgoing, std::span<const Arrival> incoming) override {
    Call call{.operation = Operation::exchange};
    call.outgoing.assign(outgoing.begin(), outgoing.end());
    call.incoming.assign(incoming.begin(), incoming.end());
    const auto outcome = meet(std::move(call));
    std::vector<Bytes> arrived;
    std::uint64_t sent = 0, received = 0;
    for (const Parcel& p : outgoing) sent += words_of(p.bytes.size());
    for (const Arrival& a : incoming) {
      arrived.push_back(parcel(outcome->calls[static_cast<std::size_t>(a.rank)], rank_)->bytes);
      received += words_of(a.size);
    }
    count(Operation::exchange, sent, received);
    return arrived;
  }

 private:
  std::shared_ptr<const Outcome> meet(Call call) {
    if (rank_ == options_.fail_rank && ++operations_ == options_.fail_at)
      throw BackendError("the transport of rank " + std::to_string(rank_) + " broke");
    dawdle();
    auto outcome = hub_.meet(rank_, std::move(call));
    dawdle();
    return outcome;
  }

  void dawdle() {
    if (options_.delays == 0) return;
    const std::size_t how = random_.below(4);
    if (how == 0) std::this_thread::sleep_for(std::chrono::microseconds(random_.below(300)));
    for (std::size_t i = 0; i < how; ++i) std::this_thread::yield();
  }

  void count(Operation operation, std::uint64_t sent, std::uint64_t received) {
    Words& w = traffic_.of(operation);
    ++w.calls;
    w.sent += sent;
    w.received += received;
  }

  Hub& hub_;
  int rank_, size_;
  InProcessOptions options_;
  Random random_;
  std::uint64_t operations_ = 0;
  Traffic traffic_;
};

}  // namespace

std::string name_of(Operation operation) {
  static const std::array<const char*, 4> names = {"all_max", "all_sum", "gather", "exchange"};
  return names[static_cast<std::size_t>(operation)];
}

std::uint64_t Traffic::sent() const {
  std::uint64_t sum = 0;
  for (const Words& w : by_operation) sum += w.sent;
  return sum;
}
std::uint64_t Traffic::received() const {
  std::uint64_t sum = 0;
  for (const Words& w : by_operation) sum += w.received;
  return sum;
}
std::uint64_t Traffic::calls() const {
  std::uint64_t sum = 0;
  for (const Words& w : by_operation) sum += w.calls;
  return sum;
}

std::vector<RankEnd> run_ranks(int ranks, const RankBody& body, const InProcessOptions& options) {
  Hub hub(ranks);
  std::vector<RankEnd> ends(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r) {
    threads.emplace_back([&, r] {
      InProcess comm(hub, r, ranks, options);
      RankEnd& end = ends[static_cast<std::size_t>(r)];
      try {
        body(comm);
      } catch (...) {
        end.error = std::current_exception();
      }
      end.traffic = comm.traffic();
      hub.leave(r);
    });
  }
  for (std::thread& t : threads) t.join();
  return ends;
}

void rethrow(const std::vector<RankEnd>& ends) {
  for (const RankEnd& end : ends) {
    if (end.error) std::rethrow_exception(end.error);
  }
}

}  // namespace support
