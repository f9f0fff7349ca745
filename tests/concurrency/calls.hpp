// The long verbs as calls on a state, for tests that end them at every step.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "engines/engine.hpp"

namespace concurrency {

/// Numbers as bytes, so that results of all kinds compare alike.
template <class T>
void put(std::vector<std::byte>& out, const std::vector<T>& values) {
  const auto* first = reinterpret_cast<const std::byte*>(values.data());
  out.insert(out.end(), first, first + values.size() * sizeof(T));
}

inline std::vector<std::byte> bytes_of(const heavykeys::HeavyEntries& e) {
  std::vector<std::byte> out;
  put(out, e.indptr);
  put(out, e.keys);
  put(out, e.weights);
  put(out, e.lower);
  put(out, e.upper);
  return out;
}

inline std::vector<std::byte> bytes_of(const heavykeys::UniversalSet& set) {
  std::vector<std::byte> out;
  put(out, std::vector<heavykeys::KeyId>(set.ids().begin(), set.ids().end()));
  put(out, std::vector<double>(set.leverage().begin(), set.leverage().end()));
  return out;
}

inline std::vector<std::byte> bytes_of(const std::vector<double>& values) {
  std::vector<std::byte> out;
  put(out, values);
  return out;
}

/// A call and what it starts from, made afresh for each try.
struct Try {
  std::function<void()> run;                       ///< the call, and nothing that is a long call as well
  std::function<std::vector<std::byte>()> result;  ///< of it
  /// What must not change when it is ended early; empty where the call changes nothing that was there.
  std::function<std::vector<std::byte>()> state = [] { return std::vector<std::byte>(); };
};

struct Call {
  std::string name;
  std::size_t least_steps;  ///< that a test may expect: fewer would mean that it is not watched
  std::function<Try()> start;
};

/// On threads of `engine` where the verb has them.
std::vector<Call> calls(const engines::Engine& engine);

}  // namespace concurrency
