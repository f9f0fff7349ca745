// The errors of heavykeys: one root, five kinds. The offending values are in the text.
#pragma once

#include <stdexcept>
#include <string>

namespace heavykeys {
#pragma GCC visibility push(default)

/// Root of everything the library throws on purpose (std::bad_alloc passes through unchanged).
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller's input cannot be used: a shape, an option, a NaN or Inf (named by row and column).
class InvalidInput : public Error {
 public:
  using Error::Error;
};

/// Two values that were to be combined do not belong together: other Spec, rows absorbed twice.
class Incompatible : public Error {
 public:
  using Error::Error;
};

/// Bytes or a file that claim to be ours and are not intact, or come from a newer version.
class Corrupt : public Error {
 public:
  using Error::Error;
};

/// An engine could not do its work: a system call, a device, a communicator.
class BackendError : public Error {
 public:
  using Error::Error;
};

/// A Monitor (monitor.hpp) ended the call early, as it was asked to.
class Cancelled : public Error {
 public:
  using Error::Error;
};

#pragma GCC visibility pop

}  // namespace heavykeys
