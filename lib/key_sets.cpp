#include "lib/key_sets.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "heavykeys/error.hpp"
#include "heavykeys/leverage.hpp"
#include "lib/absorb.hpp"
#include "lib/attended_keys.hpp"
#include "lib/onion.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/sketch_state.hpp"

namespace heavykeys {
namespace detail {

namespace {

/// batch * heads, of the argument `name`. Throws InvalidInput where one more than that does not fit.
std::size_t lists_of(std::size_t batch, std::size_t heads, const char* name) {
  std::size_t lists = 0;
  if (__builtin_mul_overflow(batch, heads, &lists) || lists == std::numeric_limits<std::size_t>::max()) {
    throw InvalidInput(std::string(name) + "batch x heads, " + std::to_string(batch) + " x " +
                       std::to_string(heads) + ", is too many");
  }
  return lists;
}

/// One head's list.
struct List {
  std::vector<std::int64_t> keys, until;
};

Spec spec_of(const Spec& given, const TensorView& keys) {
  Spec spec = given;
  if (spec.dim == 0) spec.dim = keys.dim;
  if (spec.dim != keys.dim) {
    throw InvalidInput("keys: dim " + std::to_string(keys.dim) + "; that of the spec is " +
                       std::to_string(spec.dim));
  }
  validate(spec);
  return spec;
}

/// One list from each head, by list_of(rows), the heads shared out. An error says whose it is.
template <class ListOf>
KeySets for_heads(const TensorView& keys, const Workers& workers, bool has_until, ListOf list_of) {
  std::vector<List> lists(lists_of(keys.batch, keys.heads, "keys: "));
  share_tasks("key_sets", workers, lists.size(), [&](int, std::size_t unit) {
    const std::size_t b = unit / keys.heads, h = unit % keys.heads;
    try {
      lists[unit] = list_of(keys.head(b, h));
    } catch (const InvalidInput& e) {
      throw InvalidInput("keys: batch " + std::to_string(b) + ", head " + std::to_string(h) + ": " +
                         e.what());
    }
  });
  KeySets sets{keys.batch, keys.heads, static_cast<std::int64_t>(keys.rows), {0}, {}, {}};
  for (const List& list : lists) {
    sets.keys.insert(sets.keys.end(), list.keys.begin(), list.keys.end());
    if (has_until) sets.until.insert(sets.until.end(), list.until.begin(), list.until.end());
    sets.indptr.push_back(static_cast<std::int64_t>(sets.keys.size()));
  }
  return sets;
}

/// Ends the service of keys that have left: `alive` and the rows since, less the members of the set, at
/// `now`.
void renew(const Sketch& sketch, std::int64_t now, std::vector<std::int64_t>& alive,
           std::vector<std::int64_t>& until) {
  const SketchState& state = SketchAccess::state(sketch);
  Candidates members = state.candidates.sorted();
  members.keep(peel(*state.plan, state.metric, members.rows, Effort::thorough).kept);
  std::vector<std::int64_t> stay;
  for (const KeyId& id : members.ids) stay.push_back(static_cast<std::int64_t>(id.row));
  for (const std::int64_t key : alive) {
    if (!std::binary_search(stay.begin(), stay.end(), key)) until[static_cast<std::size_t>(key)] = now;
  }
  alive = std::move(stay);
}

List prefix_list(const Spec& spec, const Rows& rows) {
  List list;
  list.keys.resize(rows.count);
  std::iota(list.keys.begin(), list.keys.end(), 0);
  list.until.assign(rows.count, kForever);
  Sketch sketch(spec);
  std::vector<std::int64_t> alive;
  for (std::size_t begin = 0; begin + spec.block_rows < rows.count; begin += spec.block_rows) {
    absorb_with(sketch, rows.slice(begin, spec.block_rows), serial_workers());
    for (std::size_t r = begin; r < begin + spec.block_rows; ++r)
      alive.push_back(static_cast<std::int64_t>(r));
    renew(sketch, static_cast<std::int64_t>(begin + spec.block_rows), alive, list.until);
  }
  return list;
}

}  // namespace

KeySets universal_keys_with(const Spec& given, const TensorView& keys, const Workers& workers) {
  const Spec spec = spec_of(given, keys);
  return for_heads(keys, workers, false, [&](const Rows& rows) {
    Sketch sketch(spec);
    absorb_with(sketch, rows, serial_workers());
    const UniversalSet set = finalize(sketch);
    List list;
    for (const KeyId& id : set.ids()) list.keys.push_back(static_cast<std::int64_t>(id.row));
    return list;
  });
}

KeySets prefix_keys_with(const Spec& given, const TensorView& keys, const Workers& workers) {
  const Spec spec = spec_of(given, keys);
  return for_heads(keys, workers, true, [&](const Rows& rows) { return prefix_list(spec, rows); });
}

KeySets top_keys_with(const TensorView& keys, std::size_t budget, const Workers& workers) {
  return for_heads(keys, workers, false, [&](const Rows& rows) {
    const std::vector<double> leverage = leverage_scores(rows);
    List list;
    list.keys.resize(rows.count);
    std::iota(list.keys.begin(), list.keys.end(), 0);
    if (budget < rows.count) {
      const auto heavier = [&](std::int64_t a, std::int64_t b) {
        const double x = leverage[static_cast<std::size_t>(a)], y = leverage[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
      };
      const auto end = list.keys.begin() + static_cast<std::ptrdiff_t>(budget);
      std::nth_element(list.keys.begin(), end, list.keys.end(), heavier);
      list.keys.erase(end, list.keys.end());
      std::sort(list.keys.begin(), list.keys.end());
    }
    return list;
  });
}

}  // namespace detail

KeySets every_key(std::size_t batch, std::size_t heads, std::size_t key_count) {
  const std::size_t lists = detail::lists_of(batch, heads, "");
  if (key_count > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max())) {
    throw InvalidInput("key_count: " + std::to_string(key_count) + " is too many");
  }
  KeySets sets{batch, heads, static_cast<std::int64_t>(key_count), {0}, {}, {}};
  sets.indptr.reserve(lists + 1);
  for (std::size_t unit = 0; unit < lists; ++unit) {
    for (std::size_t key = 0; key < key_count; ++key) sets.keys.push_back(static_cast<std::int64_t>(key));
    sets.indptr.push_back(static_cast<std::int64_t>(sets.keys.size()));
  }
  return sets;
}

KeySets key_sets(std::span<const UniversalSet> all, std::size_t batch, std::size_t heads) {
  if (all.size() != detail::lists_of(batch, heads, "sets: ") || all.empty()) {
    throw InvalidInput("sets: " + std::to_string(all.size()) + " sets for " + std::to_string(batch) + " x " +
                       std::to_string(heads) + " heads");
  }
  KeySets sets{batch, heads, static_cast<std::int64_t>(all[0].row_count()), {0}, {}, {}};
  for (const UniversalSet& set : all) {
    if (set.row_count() != all[0].row_count()) {
      throw InvalidInput("sets: of " + std::to_string(all[0].row_count()) + " and of " +
                         std::to_string(set.row_count()) + " rows");
    }
    for (const KeyId& id : set.ids()) {
      if (id.stream != 0) throw InvalidInput("sets: a key of stream " + std::to_string(id.stream));
      sets.keys.push_back(static_cast<std::int64_t>(id.row));
    }
    sets.indptr.push_back(static_cast<std::int64_t>(sets.keys.size()));
  }
  return sets;
}

KeySets universal_keys(const Spec& spec, const TensorView& keys) {
  return detail::universal_keys_with(spec, keys, detail::serial_workers());
}
KeySets prefix_keys(const Spec& spec, const TensorView& keys) {
  return detail::prefix_keys_with(spec, keys, detail::serial_workers());
}
KeySets top_keys(const TensorView& keys, std::size_t budget) {
  return detail::top_keys_with(keys, budget, detail::serial_workers());
}

}  // namespace heavykeys
