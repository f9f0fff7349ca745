#include "heavykeys/universal_set.hpp"

#include <type_traits>

#include "c/guard.hpp"
#include "c/handles.hpp"
#include "c/key_ids.hpp"

using namespace heavykeys::c;

namespace {

/// *out = read(the set), both there.
template <class Out, class Read>
heavykeys_status answer(const heavykeys_universal_set* set, Out* out, const char* name, const Read& read) {
  return guarded([&] {
    require(set, "set");
    require(out, name);
    *out = read(set->value);
  });
}

using Set = heavykeys::UniversalSet;

}  // namespace

void heavykeys_universal_set_destroy(heavykeys_universal_set* set) { delete set; }

heavykeys_status heavykeys_universal_set_size(const heavykeys_universal_set* set, uint64_t* size) {
  return answer(set, size, "size", [](const Set& s) { return s.size(); });
}

heavykeys_status heavykeys_universal_set_row_count(const heavykeys_universal_set* set, uint64_t* rows) {
  return answer(set, rows, "rows", [](const Set& s) { return s.row_count(); });
}

heavykeys_status heavykeys_universal_set_rank(const heavykeys_universal_set* set, uint64_t* rank) {
  return answer(set, rank, "rank", [](const Set& s) { return s.rank(); });
}

heavykeys_status heavykeys_universal_set_bound(const heavykeys_universal_set* set, double* bound) {
  return answer(set, bound, "bound", [](const Set& s) { return s.size_bound(); });
}

heavykeys_status heavykeys_universal_set_ids(const heavykeys_universal_set* set,
                                             const heavykeys_key_id** ids) {
  return answer(set, ids, "ids", [](const Set& s) { return lent(s.ids().data()); });
}

heavykeys_status heavykeys_universal_set_leverage(const heavykeys_universal_set* set,
                                                  const double** leverage) {
  return answer(set, leverage, "leverage", [](const Set& s) { return s.leverage().data(); });
}

heavykeys_status heavykeys_universal_set_layer(const heavykeys_universal_set* set, const int32_t** layer) {
  static_assert(std::is_same_v<int, int32_t>);
  return answer(set, layer, "layer", [](const Set& s) { return s.layer().data(); });
}

heavykeys_status heavykeys_universal_set_keys(const heavykeys_universal_set* set, const double** keys) {
  return answer(set, keys, "keys", [](const Set& s) { return s.keys().data(); });
}
