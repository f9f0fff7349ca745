// KeySets: which keys of each head attention is restricted to.
#include "heavykeys/key_sets.hpp"

#include <algorithm>
#include <limits>

#include "heavykeys/error.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

template <class T>
auto part(std::vector<T> KeySets::*member) {
  return [member](nb::handle self) {
    const std::vector<T>& values = nb::cast<const KeySets&>(self).*member;
    return view(values.data(), values.size(), self);
  };
}

/// A list of integers: lists are small, so these are copied, from anything NumPy makes int64 of.
std::vector<std::int64_t> integers(nb::handle values, const char* name) {
  nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig> array;
  const nb::object converted = nb::module_::import_("numpy").attr("asarray")(values);
  if (nb::cast<std::size_t>(converted.attr("size")) == 0) return {};
  const auto kind = nb::cast<std::string>(converted.attr("dtype").attr("kind"));
  if ((kind != "i" && kind != "u") || !nb::try_cast(converted.attr("astype")("int64", "C"), array)) {
    throw nb::type_error((std::string(name) + ": a list of integers is needed").c_str());
  }
  return {array.data(), array.data() + array.size()};
}

/// Throws InvalidInput unless there are batch * heads lists and every one lies within `keys`: attend checks
/// the rest, for the keys it is given.
KeySets checked(KeySets sets) {
  const std::vector<std::int64_t>& indptr = sets.indptr;
  std::size_t lists = 0;
  if (__builtin_mul_overflow(sets.batch, sets.heads, &lists) ||
      lists == std::numeric_limits<std::size_t>::max()) {
    throw InvalidInput("batch x heads, " + std::to_string(sets.batch) + " x " + std::to_string(sets.heads) +
                       ", is too many");
  }
  if (sets.key_count < 0) {
    throw InvalidInput("key_count: " + std::to_string(sets.key_count) + " is negative");
  }
  if (indptr.size() != lists + 1) {
    throw InvalidInput("indptr: of length " + std::to_string(indptr.size()) + "; batch * heads + 1 is " +
                       std::to_string(lists + 1));
  }
  if (indptr.front() != 0 || indptr.back() != static_cast<std::int64_t>(sets.keys.size()) ||
      !std::is_sorted(indptr.begin(), indptr.end())) {
    throw InvalidInput("indptr: it does not ascend from 0 to the " + std::to_string(sets.keys.size()) +
                       " keys there are");
  }
  if (!sets.until.empty() && sets.until.size() != sets.keys.size()) {
    throw InvalidInput("until: of length " + std::to_string(sets.until.size()) + ", but there are " +
                       std::to_string(sets.keys.size()) + " keys");
  }
  return sets;
}

void init(KeySets* self, nb::handle keys, nb::handle indptr, std::int64_t key_count, std::size_t batch,
          std::optional<std::size_t> heads, nb::handle until) {
  KeySets sets;
  sets.key_count = key_count;
  sets.batch = batch;
  sets.keys = integers(keys, "keys");
  sets.indptr = integers(indptr, "indptr");
  if (!until.is_none()) sets.until = integers(until, "until");
  const std::size_t lists = sets.indptr.empty() ? 0 : sets.indptr.size() - 1;
  sets.heads = heads.value_or(batch == 0 ? 0 : lists / batch);
  new (self) KeySets(checked(std::move(sets)));
}

nb::object list_of(nb::handle self, std::size_t b, std::size_t h) {
  const KeySets& sets = nb::cast<const KeySets&>(self);
  if (b >= sets.batch || h >= sets.heads) {
    throw nb::index_error(("there are " + std::to_string(sets.batch) + " x " + std::to_string(sets.heads) +
                           " lists, and none at " + std::to_string(b) + ", " + std::to_string(h))
                              .c_str());
  }
  const std::size_t unit = b * sets.heads + h;
  const auto begin = static_cast<std::size_t>(sets.indptr[unit]);
  const auto end = static_cast<std::size_t>(sets.indptr[unit + 1]);
  return view(sets.keys.data() + begin, end - begin, self);
}

/// A verb that makes sets from keys [n, d], [H, n, d] or [B, H, n, d] and a Spec.
template <class Serial, class Parallel>
KeySets made(nb::handle keys, Spec spec, std::optional<int> grid_bits, const std::string& layout, int threads,
             const std::string& engine, Serial serial, Parallel parallel) {
  const Array array = read_array(keys, "keys");
  const TensorView tensor = tensor_of(array, layout_of(layout));
  spec.dim = tensor.dim;
  spec.grid_bits = grid_bits.value_or(default_grid_bits(array.dtype));
  const auto options = threads_of(threads, engine);
  const WithoutGil released;
  return options ? parallel(spec, tensor, *options) : serial(spec, tensor);
}

KeySets universal(nb::handle keys, double epsilon, nb::handle score, std::optional<int> grid_bits,
                  std::size_t block_rows, const std::string& layout, int threads, const std::string& engine) {
  return made(
      keys, spec_of(0, epsilon, score, {}, block_rows, Spec().sample_rows, 0), grid_bits, layout, threads,
      engine, [](const auto&... a) { return universal_keys(a...); },
      [](const auto&... a) { return parallel::universal_keys(a...); });
}

KeySets prefix(nb::handle keys, double epsilon, nb::handle score, std::optional<int> grid_bits,
               std::size_t block_rows, const std::string& layout, int threads, const std::string& engine) {
  return made(
      keys, spec_of(0, epsilon, score, {}, block_rows, Spec().sample_rows, 0), grid_bits, layout, threads,
      engine, [](const auto&... a) { return prefix_keys(a...); },
      [](const auto&... a) { return parallel::prefix_keys(a...); });
}

KeySets top(nb::handle keys, std::size_t budget, const std::string& layout, int threads,
            const std::string& engine) {
  return made(
      keys, Spec(), {}, layout, threads, engine,
      [&](const Spec&, const TensorView& tensor) { return top_keys(tensor, budget); },
      [&](const Spec&, const TensorView& tensor, const parallel::Options& options) {
        return parallel::top_keys(tensor, budget, options);
      });
}

using State = nb::typed<nb::tuple, std::size_t, std::size_t, std::int64_t, std::vector<std::int64_t>,
                        std::vector<std::int64_t>, std::vector<std::int64_t>>;

void bind_makers(nb::module_& module) {
  module.def("every_key", &every_key, nb::arg("batch"), nb::arg("heads"), nb::arg("key_count"),
             "All keys of every head: attention unrestricted.");
  module.def(
      "key_sets",
      [](const std::vector<UniversalSet>& sets, std::size_t batch, std::optional<std::size_t> heads) {
        return key_sets(sets, batch, heads.value_or(batch == 0 ? 0 : sets.size() / batch));
      },
      nb::arg("sets"), nb::arg("batch") = 1, nb::arg("heads") = nb::none(),
      nb::sig("def key_sets(sets: collections.abc.Sequence[UniversalSet], batch: int = 1, heads: int | None "
              "= None) -> KeySets"),
      "The lists of sets that are known: sets[b * heads + h], each of the same number of keys.");
  module.def(
      "universal_keys", &universal, nb::arg("keys").none(), nb::arg("epsilon"), nb::arg("score") = "power:2",
      nb::kw_only(), nb::arg("grid_bits") = nb::none(), nb::arg("block_rows") = 4096,
      nb::arg("layout") = "bhsd", nb::arg("threads") = 0, nb::arg("engine") = "auto",
      nb::sig("def universal_keys(keys: Array, epsilon: float, score: str | Score = 'power:2', *, "
              "grid_bits: int | None = None, block_rows: int = 4096, layout: Layout = 'bhsd', "
              "threads: int = 0, engine: str = 'auto') -> KeySets"),
      "The universal set of every head of keys [n, d], [H, n, d] or [B, H, n, d]: every key that some\n"
      "query could give a weight >= epsilon. grid_bits None: 24, and 20 for 16-bit keys.");
  module.def(
      "prefix_keys", &prefix, nb::arg("keys").none(), nb::arg("epsilon"), nb::arg("score") = "power:2",
      nb::kw_only(), nb::arg("grid_bits") = nb::none(), nb::arg("block_rows") = 4096,
      nb::arg("layout") = "bhsd", nb::arg("threads") = 0, nb::arg("engine") = "auto",
      nb::sig("def prefix_keys(keys: Array, epsilon: float, score: str | Score = 'power:2', *, "
              "grid_bits: int | None = None, block_rows: int = 4096, layout: Layout = 'bhsd', "
              "threads: int = 0, engine: str = 'auto') -> KeySets"),
      "The universal sets of prefixes, for causal attention: the query at position t attends to the set "
      "of\nrows 0 .. b - 1 and to rows b .. t, b = t // block_rows * block_rows. All keys that can reach "
      "epsilon\namong rows 0 .. t are among them.");
  module.def(
      "top_keys", &top, nb::arg("keys").none(), nb::arg("budget"), nb::kw_only(), nb::arg("layout") = "bhsd",
      nb::arg("threads") = 0, nb::arg("engine") = "auto",
      nb::sig("def top_keys(keys: Array, budget: int, *, layout: Layout = 'bhsd', threads: int = 0, "
              "engine: str = 'auto') -> KeySets"),
      "The min(budget, n) keys of greatest leverage in each head, ties to the earlier key. What is left "
      "out\nmay be heavy.");
}

}  // namespace

void bind_key_sets(nb::module_& module) {
  nb::class_<KeySets> sets(
      module, "KeySets",
      "One ascending list of keys for each (batch, KV head): sets[b, h], an int64 array.\n\n"
      "List b * heads + h is keys[indptr[b * heads + h]] .. keys[indptr[b * heads + h + "
      "1]], of keys in\n0 .. key_count - 1. With `until`, key j serves the queries at "
      "positions j .. until - 1 only (prefix_keys).");
  sets.def("__init__", &init, nb::arg("keys"), nb::arg("indptr"), nb::arg("key_count"), nb::kw_only(),
           nb::arg("batch") = 1, nb::arg("heads") = nb::none(), nb::arg("until") = nb::none(),
           nb::sig("def __init__(self, keys: numpy.typing.ArrayLike, indptr: numpy.typing.ArrayLike, "
                   "key_count: int, *, batch: int = 1, heads: int | None = None, until: "
                   "numpy.typing.ArrayLike | None = None) -> None"))
      .def_ro("batch", &KeySets::batch)
      .def_ro("heads", &KeySets::heads)
      .def_ro("key_count", &KeySets::key_count)
      .def_prop_ro("indptr", part(&KeySets::indptr),
                   nb::sig("def indptr(self) -> numpy.typing.NDArray[numpy.int64]"),
                   "int64 [batch * heads + 1]")
      .def_prop_ro("keys", part(&KeySets::keys),
                   nb::sig("def keys(self) -> numpy.typing.NDArray[numpy.int64]"), "int64 [indptr[-1]]")
      .def_prop_ro("until", part(&KeySets::until),
                   nb::sig("def until(self) -> numpy.typing.NDArray[numpy.int64]"),
                   "int64 [indptr[-1]], or empty: a key serves every query that may see it.")
      .def(
          "__getitem__",
          [](nb::handle self, const std::tuple<std::size_t, std::size_t>& at) {
            return list_of(self, std::get<0>(at), std::get<1>(at));
          },
          nb::arg("at"),
          nb::sig("def __getitem__(self, at: tuple[int, int]) -> numpy.typing.NDArray[numpy.int64]"),
          "The keys of batch b, head h.")
      .def(
          "__eq__", [](const KeySets& a, const KeySets& b) { return a == b; }, nb::is_operator(),
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__repr__",
           [](const KeySets& s) {
             return "heavykeys.KeySets(" + std::to_string(s.keys.size()) + " keys in " +
                    std::to_string(s.batch) + " x " + std::to_string(s.heads) + " lists, of " +
                    std::to_string(s.key_count) + ")";
           })
      .def("__getstate__",
           [](const KeySets& s) {
             return State(nb::make_tuple(s.batch, s.heads, s.key_count, s.indptr, s.keys, s.until));
           })
      .def("__setstate__", [](KeySets& self, const State& state) {
        using List = std::vector<std::int64_t>;
        auto [batch, heads, key_count, indptr, keys, until] =
            parts_of<std::size_t, std::size_t, std::int64_t, List, List, List>(state, "KeySets");
        new (&self)
            KeySets(checked({batch, heads, key_count, std::move(indptr), std::move(keys), std::move(until)}));
      });
  sets.attr("__hash__") = nb::none();
  bind_makers(module);
}

}  // namespace heavykeys::python
