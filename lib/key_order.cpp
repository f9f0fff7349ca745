#include "lib/key_order.hpp"

#include <string>

#include "heavykeys/error.hpp"
#include "lib/dtype.hpp"

namespace heavykeys::detail {

void check_next_keys(const KeyOrder& order, const Rows& keys) {
  if (keys.data == nullptr) throw InvalidInput("keys have no data");
  if (keys.dim != order.dim) {
    throw InvalidInput("keys have " + std::to_string(keys.dim) + " columns; the queries have " +
                       std::to_string(order.dim));
  }
  if (keys.first_id != order.next || keys.stream != 0) {
    throw InvalidInput(std::string(order.pass) + " takes keys in order: row " + std::to_string(order.next) +
                       " of stream 0 is next, not row " + std::to_string(keys.first_id) + " of stream " +
                       std::to_string(keys.stream));
  }
  if (keys.count > order.most - order.next) {
    throw InvalidInput("rows " + std::to_string(order.next) + " .. " +
                       std::to_string(order.next + keys.count - 1) + " are more than the " +
                       std::to_string(order.most) + " keys " + order.limit);
  }
  require_finite(keys);
}

}  // namespace heavykeys::detail
