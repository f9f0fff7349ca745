#include "lib/key_order.hpp"

#include <string>

#include "heavykeys/error.hpp"
#include "lib/read_rows.hpp"

namespace heavykeys::detail {

namespace {

void check_shape(const KeyPass& pass, const Rows& keys) {
  if (keys.data == nullptr) throw InvalidInput("keys have no data");
  if (keys.dim != pass.dim) {
    throw InvalidInput("keys have " + std::to_string(keys.dim) + " columns; the queries have " +
                       std::to_string(pass.dim));
  }
}

std::string place(const Rows& keys) {
  return "row " + std::to_string(keys.first_id) + " of stream " + std::to_string(keys.stream);
}

/// For keys of stream 0.
void check_end(const KeyPass& pass, const Rows& keys) {
  if (keys.first_id > pass.most || keys.count > pass.most - keys.first_id) {
    throw InvalidInput("rows " + std::to_string(keys.first_id) + " .. " +
                       std::to_string(keys.first_id + (keys.count - 1)) + " are more than the " +
                       std::to_string(pass.most) + " keys " + pass.limit);
  }
}

}  // namespace

void check_place(const KeyPass& pass, const Rows& keys) {
  check_shape(pass, keys);
  if (keys.stream != 0) {
    throw InvalidInput(std::string(pass.name) + " takes keys of stream 0, not " + place(keys));
  }
  check_end(pass, keys);
}

void check_keys(const KeyPass& pass, const Rows& keys) {
  check_place(pass, keys);
  require_finite(keys);
}

void check_next_keys(const KeyPass& pass, std::uint64_t next, const Rows& keys) {
  check_shape(pass, keys);
  if (keys.first_id != next || keys.stream != 0) {
    throw InvalidInput(std::string(pass.name) + " takes keys in order: row " + std::to_string(next) +
                       " of stream 0 is next, not " + place(keys));
  }
  check_end(pass, keys);
  require_finite(keys);
}

}  // namespace heavykeys::detail
