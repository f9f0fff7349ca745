#include "c/guard.hpp"
#include "c/handles.hpp"
#include "c/key_ids.hpp"
#include "heavykeys/heavy_entries.hpp"

using namespace heavykeys::c;

namespace {

/// *out = read(the entries), both there.
template <class Out, class Read>
heavykeys_status answer(const heavykeys_entries* entries, Out* out, const char* name, const Read& read) {
  return guarded([&] {
    require(entries, "entries");
    require(out, name);
    *out = read(entries->value);
  });
}

using Entries = heavykeys::HeavyEntries;

}  // namespace

void heavykeys_entries_destroy(heavykeys_entries* entries) { delete entries; }

heavykeys_status heavykeys_entries_query_count(const heavykeys_entries* entries, uint64_t* queries) {
  return answer(entries, queries, "queries", [](const Entries& e) { return e.query_count(); });
}

heavykeys_status heavykeys_entries_count(const heavykeys_entries* entries, uint64_t* count) {
  return answer(entries, count, "count", [](const Entries& e) { return e.keys.size(); });
}

heavykeys_status heavykeys_entries_indptr(const heavykeys_entries* entries, const int64_t** indptr) {
  return answer(entries, indptr, "indptr", [](const Entries& e) { return e.indptr.data(); });
}

heavykeys_status heavykeys_entries_keys(const heavykeys_entries* entries, const heavykeys_key_id** keys) {
  return answer(entries, keys, "keys", [](const Entries& e) { return lent(e.keys.data()); });
}

heavykeys_status heavykeys_entries_weights(const heavykeys_entries* entries, const double** weights) {
  return answer(entries, weights, "weights", [](const Entries& e) { return e.weights.data(); });
}

heavykeys_status heavykeys_entries_lower(const heavykeys_entries* entries, const double** lower) {
  return answer(entries, lower, "lower", [](const Entries& e) { return e.lower.data(); });
}

heavykeys_status heavykeys_entries_upper(const heavykeys_entries* entries, const double** upper) {
  return answer(entries, upper, "upper", [](const Entries& e) { return e.upper.data(); });
}
