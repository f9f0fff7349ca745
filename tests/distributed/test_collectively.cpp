// collectively: an error on any rank becomes the same error on all of them, and nobody is left waiting.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "distributed/law.hpp"

using heavykeys::distributed::collectively;
using law::thrown;
using world::Communicator;

namespace {

struct Kind {
  std::string name;
  std::function<void(const std::string&)> raise;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"InvalidInput", [](const std::string& t) { throw heavykeys::InvalidInput(t); }},
      {"Incompatible", [](const std::string& t) { throw heavykeys::Incompatible(t); }},
      {"Corrupt", [](const std::string& t) { throw heavykeys::Corrupt(t); }},
      {"BackendError", [](const std::string& t) { throw heavykeys::BackendError(t); }},
      {"BackendError", [](const std::string& t) { throw std::runtime_error(t); }},
      {"BackendError", [](const std::string& t) { throw std::out_of_range(t); }}};
  return all;
}

/// Afterwards the ranks are in step: an operation finds all of them in it.
std::string in_step(Communicator& comm) {
  std::vector<std::int64_t> sum = {comm.rank()};
  comm.all_max(sum);
  return sum[0] == comm.size() - 1 ? "" : "ranks are out of step";
}

void everywhere(const world::Body& body) {
  for (const world::World& w : world::all_worlds()) {
    INFO(w.name);
    CHECK(w.run(body) == "");
  }
}

}  // namespace

TEST_CASE("collectively: nothing is thrown where no rank throws, and each runs its step once") {
  everywhere([](Communicator& comm) -> std::string {
    int runs = 0;
    const std::string text = thrown([&] { collectively(comm, [&] { ++runs; }); });
    return text + (runs == 1 ? "" : "not run once") + in_step(comm);
  });
}

TEST_CASE("collectively: every kind of error, on every rank alone, is thrown on all with that rank's text") {
  everywhere([](Communicator& comm) -> std::string {
    for (const Kind& kind : kinds()) {
      for (int bad = 0; bad < comm.size(); ++bad) {
        for (const std::string& text : {std::string("42 is not 43"), std::string(), std::string(300, 'x')}) {
          const std::string found = thrown([&] {
            collectively(comm, [&] {
              if (comm.rank() == bad) kind.raise(text);
            });
          });
          const std::string expected = kind.name + " rank " + std::to_string(bad) + ": " + text;
          if (found != expected) return "threw '" + found + "', not '" + expected + "'";
          if (const std::string wrong = in_step(comm); !wrong.empty()) return wrong;
        }
      }
    }
    return {};
  });
}

TEST_CASE("collectively: of several ranks that throw, the lowest is heard, whatever the others throw") {
  everywhere([](Communicator& comm) -> std::string {
    for (int lowest = 0; lowest < comm.size(); ++lowest) {
      for (std::size_t shift = 0; shift < kinds().size(); ++shift) {
        const auto kind_of = [&](int r) -> const Kind& {
          return kinds()[(static_cast<std::size_t>(r) + shift) % kinds().size()];
        };
        const std::string found = thrown([&] {
          collectively(comm, [&] {
            if (comm.rank() >= lowest) kind_of(comm.rank()).raise("text " + std::to_string(comm.rank()));
          });
        });
        const std::string low = std::to_string(lowest);
        const std::string expected = kind_of(lowest).name + " rank " + low + ": text " + low;
        if (found != expected) return "threw '" + found + "', not '" + expected + "'";
      }
    }
    return in_step(comm);
  });
}

TEST_CASE("collectively: std::bad_alloc stays what it is, on all ranks, and lower ranks go first") {
  everywhere([](Communicator& comm) -> std::string {
    for (int bad = 0; bad < comm.size(); ++bad) {
      const auto step = [&](int other) {
        return thrown([&] {
          collectively(comm, [&] {
            if (comm.rank() == bad) throw std::bad_alloc();
            if (comm.rank() == other) throw heavykeys::Corrupt("crc");
          });
        });
      };
      if (const auto found = step(-1); found != "bad_alloc") return "threw '" + found + "'";
      if (const auto found = step(bad + 1); found != "bad_alloc") return "threw '" + found + "'";
      if (bad == 0) continue;
      const std::string expected = "Corrupt rank " + std::to_string(bad - 1) + ": crc";
      if (const auto found = step(bad - 1); found != expected) return "threw '" + found + "'";
    }
    return in_step(comm);
  });
}

TEST_CASE("collectively: what is no std::exception becomes BackendError") {
  everywhere([](Communicator& comm) -> std::string {
    const int bad = comm.size() - 1;
    const std::string found = thrown([&] {
      collectively(comm, [&] {
        if (comm.rank() == bad) throw 42;
      });
    });
    const std::string expected = "BackendError rank " + std::to_string(bad) + ": ";
    return (found.starts_with(expected) && found.size() > expected.size() ? "" : "threw '" + found + "'") +
           in_step(comm);
  });
}

TEST_CASE("collectively: one inside another names the rank once for each") {
  everywhere([](Communicator& comm) -> std::string {
    const int bad = comm.size() / 2;
    const std::string found = thrown([&] {
      collectively(comm, [&] {
        collectively(comm, [&] {
          if (comm.rank() == bad) throw heavykeys::InvalidInput("inner");
        });
      });
    });
    const std::string expected = "InvalidInput rank 0: rank " + std::to_string(bad) + ": inner";
    return (found == expected ? "" : "threw '" + found + "'") + in_step(comm);
  });
}
