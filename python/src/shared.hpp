// State that several Python threads may hold: calls on it take turns.
#pragma once

#include <span>
#include <vector>

#include "heavykeys/shared.hpp"
#include "heavykeys/sketch.hpp"
#include "python/src/bind.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {

/// Python objects are shared freely between threads, and long calls run without the GIL: a lock an object,
/// always taken without the GIL, so that who waits for it does not keep a callback from running.
/// A callback that asks the object whose call runs it: as in heavykeys::Shared.
template <class T>
class Shared : public heavykeys::Shared<T> {
 public:
  using Base = heavykeys::Shared<T>;
  using Base::Base;

  template <class Use>
  auto read(Use use) const {
    const WithoutGil released;
    return Base::read(use);
  }

  template <class Use>
  auto change(Use use) {
    const WithoutGil released;
    return Base::change(use);
  }

  template <class Use>
  void change_with(Shared& other, Use use) {
    const WithoutGil released;
    Base::change_with(other, use);
  }

  template <class Use>
  static auto change_all(std::span<Shared* const> all, Use use) {
    const std::vector<Base*> bases(all.begin(), all.end());
    const WithoutGil released;
    return Base::change_all(bases, use);
  }
};

using SharedSketch = Shared<Sketch>;

}  // namespace heavykeys::python
