// Sketch: the state of one pass over the keys of a head.
#include "heavykeys/sketch.hpp"

#include <filesystem>
#include <tuple>

#include "heavykeys/error.hpp"
#include "heavykeys/streaming.hpp"
#include "heavykeys/universal_set.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/shared.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

using Id = std::uint64_t;

std::vector<Score> functions_of(nb::handle custom) {
  if (custom.is_none()) return {};
  return {score_of(custom)};
}

void init(SharedSketch* self, std::size_t dim, double epsilon, nb::handle score, std::optional<int> grid_bits,
          std::size_t block_rows, std::size_t sample_rows, std::uint64_t seed) {
  new (self) SharedSketch(Sketch(spec_of(dim, epsilon, score, grid_bits, block_rows, sample_rows, seed)));
}

void absorb(SharedSketch& self, nb::handle keys, std::optional<Id> first_row, Id stream, int threads,
            const std::string& engine) {
  const Array array = read_array(keys, "keys");
  require_axes(array, 2, 2, "[n, d]");
  const auto options = threads_of(threads, engine);
  self.change([&](Sketch& sketch) {
    require_dim(array, sketch.spec().dim, "the sketch");
    const Rows rows = rows_of(array, first_row.value_or(sketch.next_row(stream)), stream);
    if (options) {
      parallel::absorb(sketch, rows, *options);
    } else {
      streaming::absorb(sketch, rows);
    }
  });
}

void merge_into(SharedSketch& self, SharedSketch& other) {
  if (&self == &other)
    throw Incompatible("a sketch cannot be merged into itself: its rows would be in twice");
  self.change_with(other, [](Sketch& into, const Sketch& from) { merge(into, from); });
}

/// For Python to own.
SharedSketch* copy_of(const SharedSketch& self) {
  return self.read([](const Sketch& sketch) { return new SharedSketch(sketch); });
}

nb::bytes bytes_of(const SharedSketch& self) {
  const std::vector<std::byte> bytes = self.read([](const Sketch& sketch) { return to_bytes(sketch); });
  return nb::bytes(bytes.data(), bytes.size());
}

Sketch sketch_of(const nb::bytes& bytes, const std::vector<Score>& custom) {
  const auto* data = static_cast<const std::byte*>(bytes.data());
  const std::size_t size = bytes.size();
  const WithoutGil released;
  return from_bytes({data, size}, custom);
}

bool equal(const SharedSketch& self, const SharedSketch& other) {
  const auto bytes = [](const Sketch& sketch) { return to_bytes(sketch); };
  return &self == &other || self.read(bytes) == other.read(bytes);
}

using State = nb::typed<nb::tuple, nb::bytes, std::optional<Score>>;

State state_of(const SharedSketch& self) {
  const Score score = self.read([](const Sketch& sketch) { return sketch.spec().score; });
  const bool named = score.kind == Score::Kind::custom && score.function;
  return State(nb::make_tuple(bytes_of(self), named ? nb::cast(score) : nb::none()));
}

void set_state(SharedSketch& self, const State& state) {
  const auto [bytes, custom] = parts_of<nb::bytes, std::optional<Score>>(state, "Sketch");
  std::vector<Score> functions;
  if (custom) functions.push_back(*custom);
  new (&self) SharedSketch(sketch_of(bytes, functions));
}

std::string text_of(const SharedSketch& self) {
  return self.read([](const Sketch& sketch) {
    return "heavykeys.Sketch(" + to_string(sketch.spec()) + ", " + std::to_string(sketch.row_count()) +
           " rows)";
  });
}

std::vector<std::tuple<Id, Id, Id>> ranges_of(const SharedSketch& self) {
  std::vector<std::tuple<Id, Id, Id>> ranges;
  self.read([&](const Sketch& sketch) {
    for (const RowRange& range : absorbed_rows(sketch)) {
      ranges.emplace_back(range.stream, range.begin, range.end);
    }
  });
  return ranges;
}

/// [H, n, d], or a sequence of H arrays [n, d], as the rows of H heads.
std::vector<Array> heads_of(nb::handle keys, std::size_t heads) {
  std::vector<Array> arrays;
  if (nb::isinstance<nb::list>(keys) || nb::isinstance<nb::tuple>(keys)) {
    for (const nb::handle head : keys) {
      arrays.push_back(read_array(head, ("keys[" + std::to_string(arrays.size()) + "]").c_str()));
      require_axes(arrays.back(), 2, 2, "[n, d]");
    }
  } else {
    const Array all = read_array(keys, "keys");
    require_axes(all, 3, 3, "[H, n, d], or a list of H arrays [n, d],");
    for (std::size_t h = 0; h < all.shape[0]; ++h) arrays.push_back(head_of(all, h));
  }
  if (arrays.size() != heads) {
    throw InvalidInput("keys: of " + std::to_string(arrays.size()) + " heads, but there are " +
                       std::to_string(heads) + " sketches");
  }
  return arrays;
}

/// All or nothing: rows of head h into sketches[h].
void absorb_heads(const std::vector<SharedSketch*>& sketches, nb::handle keys, std::optional<Id> first_row,
                  Id stream, int threads, const std::string& engine) {
  const std::vector<Array> arrays = heads_of(keys, sketches.size());
  // All heads or none is what parallel::absorb does: on one core, with one thread.
  const auto one_core = threads_of(1, "auto").value_or(parallel::Options{});
  const auto options = threads_of(threads, engine).value_or(one_core);
  std::vector<SharedSketch*> ordered = sketches;
  std::sort(ordered.begin(), ordered.end());
  if (std::adjacent_find(ordered.begin(), ordered.end()) != ordered.end()) {
    throw InvalidInput("sketches: one is in the list twice");
  }
  SharedSketch::change_all(sketches, [&](std::span<Sketch* const> owners) {
    std::vector<Rows> rows;
    for (std::size_t h = 0; h < owners.size(); ++h) {
      require_dim(arrays[h], owners[h]->spec().dim, ("sketches[" + std::to_string(h) + "]").c_str());
      rows.push_back(rows_of(arrays[h], first_row.value_or(owners[h]->next_row(stream)), stream));
    }
    // They are lent to the call side by side, and go back whatever comes of it.
    struct Lent {
      std::span<Sketch* const> owners;
      std::vector<Sketch> sketches;
      ~Lent() {
        for (std::size_t h = 0; h < sketches.size(); ++h) *owners[h] = std::move(sketches[h]);
      }
    } lent{owners, {}};
    lent.sketches.reserve(owners.size());
    for (Sketch* sketch : owners) lent.sketches.push_back(std::move(*sketch));
    parallel::absorb(lent.sketches, rows, options);
  });
}

}  // namespace

void bind_sketch(nb::module_& module) {
  nb::class_<SharedSketch> sketch(
      module, "Sketch",
      "State of one pass over the keys of one head: a value to copy, merge, store.\n\n"
      "Its size does not depend on the number of keys. Equal sets of rows give equal bytes, whatever the\n"
      "order, the chunks and the engine; excepted are powers beyond the lift, whose weights on arrival "
      "depend\n"
      "on what had arrived. Threads may share a sketch: their calls take turns. The arguments are those\n"
      "of Spec.");
  sketch
      .def("__init__", &init, nb::arg("dim"), nb::arg("epsilon"), nb::arg("score") = "power:2", nb::kw_only(),
           nb::arg("grid_bits") = nb::none(), nb::arg("block_rows") = 4096, nb::arg("sample_rows") = 1024,
           nb::arg("seed") = 0,
           nb::sig("def __init__(self, dim: int, epsilon: float, score: str | Score = 'power:2', *, "
                   "grid_bits: int | None = None, block_rows: int = 4096, sample_rows: int = 1024, "
                   "seed: int = 0) -> None"))
      .def("absorb", &absorb, nb::arg("keys").none(), nb::arg("first_row") = nb::none(), nb::kw_only(),
           nb::arg("stream") = 0, nb::arg("threads") = 0, nb::arg("engine") = "auto",
           nb::sig("def absorb(self, keys: Array, first_row: int | None = None, *, stream: int = 0, "
                   "threads: int = 0, engine: str = 'auto') -> None"),
           "Adds keys [n, d], read in place. Row i has the id first_row + i in its stream; None goes on "
           "after\n"
           "the last. threads 0: all this process may use. Keys that raise (NaN, other dim, a row absorbed\n"
           "before) leave the sketch as it was.")
      .def("merge", &merge_into, nb::arg("other"),
           "Absorbs everything `other` has seen. Incompatible when the Specs differ or a row is in both.")
      .def(
          "finalize",
          [](const SharedSketch& self) { return self.read([](const Sketch& s) { return finalize(s); }); },
          "The UniversalSet of the rows so far. At any time; the sketch stays ready for more.")
      .def("copy", &copy_of)
      .def("__copy__", &copy_of)
      .def(
          "__deepcopy__", [](const SharedSketch& self, nb::handle) { return copy_of(self); }, nb::arg("memo"))
      .def_prop_ro(
          "spec",
          [](const SharedSketch& self) { return self.read([](const Sketch& s) { return s.spec(); }); })
      .def_prop_ro(
          "row_count",
          [](const SharedSketch& self) { return self.read([](const Sketch& s) { return s.row_count(); }); },
          "Rows absorbed so far, all streams together.")
      .def(
          "next_row",
          [](const SharedSketch& self, Id stream) {
            return self.read([&](const Sketch& s) { return s.next_row(stream); });
          },
          nb::arg("stream") = 0, "Id after the largest absorbed of this stream.")
      .def("absorbed_rows", &ranges_of,
           "Which rows are in: ascending (stream, begin, end); what lies between them is missing.")
      .def_prop_ro(
          "candidate_count",
          [](const SharedSketch& self) {
            return self.read([](const Sketch& s) { return s.candidate_count(); });
          },
          "Candidates held right now; at least the size of the universal set.")
      .def_prop_ro(
          "memory_bytes",
          [](const SharedSketch& self) {
            return self.read([](const Sketch& s) { return s.memory_bytes(); });
          },
          "Bytes of memory held.")
      .def("to_bytes", &bytes_of, "The canonical bytes: equal for equal states, whatever engine made them.")
      .def_static(
          "from_bytes",
          [](const nb::bytes& bytes, nb::handle custom) {
            return new SharedSketch(sketch_of(bytes, functions_of(custom)));
          },
          nb::arg("bytes"), nb::kw_only(), nb::arg("custom") = nb::none(),
          nb::sig("def from_bytes(bytes: bytes, *, custom: Score | None = None) -> Sketch"),
          "Inverse of to_bytes. Corrupt for anything else. Bytes hold the name of a custom score, not its\n"
          "function: that is taken from `custom`.")
      .def(
          "save",
          [](const SharedSketch& self, const std::filesystem::path& path) {
            self.read([&](const Sketch& s) { streaming::save(s, path); });
          },
          nb::arg("path"), nb::sig("def save(self, path: str | os.PathLike[str]) -> None"),
          "Writes to_bytes to a file, by way of a temporary one beside it.")
      .def_static(
          "load",
          [](const std::filesystem::path& path, nb::handle custom) {
            const std::vector<Score> functions = functions_of(custom);
            const WithoutGil released;
            return new SharedSketch(streaming::load(path, functions));
          },
          nb::arg("path"), nb::kw_only(), nb::arg("custom") = nb::none(),
          nb::sig("def load(path: str | os.PathLike[str], *, custom: Score | None = None) -> Sketch"),
          "Reads a file written by save, or by the command heavykeys.")
      .def("__eq__", &equal, nb::is_operator(), nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__repr__", &text_of)
      .def("__getstate__", &state_of)
      .def("__setstate__", &set_state);
  sketch.attr("__hash__") = nb::none();

  module.def(
      "absorb", &absorb_heads, nb::arg("sketches"), nb::arg("keys").none(), nb::arg("first_row") = nb::none(),
      nb::kw_only(), nb::arg("stream") = 0, nb::arg("threads") = 0, nb::arg("engine") = "auto",
      nb::sig("def absorb(sketches: collections.abc.Sequence[Sketch], keys: Array | "
              "collections.abc.Sequence[Array], first_row: int | None = None, *, stream: int = 0, "
              "threads: int = 0, engine: str = 'auto') -> None"),
      "Many heads at once: head h of keys [H, n, d] (or keys[h], of a list) into sketches[h].\n\n"
      "All or nothing: when any head's rows are bad, no sketch has changed, and the error names the head.");
}

}  // namespace heavykeys::python
