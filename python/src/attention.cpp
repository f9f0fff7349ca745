// attend and attend_backward: attention restricted to key sets.
#include "heavykeys/attention.hpp"

#include <algorithm>
#include <cmath>

#include "heavykeys/error.hpp"
#include "heavykeys/reconstruction.hpp"
#include "python/src/arguments.hpp"
#include "python/src/array.hpp"
#include "python/src/without_gil.hpp"

namespace heavykeys::python {
namespace {

/// What attend knows of its queries, and their shape.
struct Sums {
  AttendSums sums;
  std::vector<std::size_t> shape;  ///< of the queries, without d, heads before rows
};

/// The arguments that attend and attend_backward share.
struct Call {
  Array q, k, v;
  Layout layout = Layout::bhsd;
  TensorView queries, keys, values;
  KeySets sets;
  AttendOptions what;
  std::optional<parallel::Options> options;
};

struct Options {
  nb::handle sets, score;
  std::optional<double> scale;
  bool causal;
  std::size_t sinks, window;
  std::string normalise, layout;
  int threads;
  std::string engine;
};

Normalise normalise_of(std::string normalise) {
  const std::string given = normalise;
  std::replace(normalise.begin(), normalise.end(), '_', '-');
  if (normalise == "attended") return Normalise::attended;
  if (normalise == "all-keys") return Normalise::all_keys;
  throw InvalidInput("normalise is \"" + given + "\"; there are \"attended\" and \"all-keys\"");
}

Call call_of(nb::handle q, nb::handle k, nb::handle v, const Options& o) {
  Call call;
  call.layout = layout_of(o.layout);
  call.q = read_array(q, "q", Grad::refuse);
  call.k = read_array(k, "k", Grad::refuse);
  call.v = read_array(v, "v", Grad::refuse);
  call.queries = tensor_of(call.q, call.layout);
  call.keys = tensor_of(call.k, call.layout);
  call.values = tensor_of(call.v, call.layout);
  for (const Array* other : {&call.k, &call.v}) {
    if (other->axes() != call.q.axes()) {
      throw InvalidInput(other->name + ": its shape is " + shape_text(other->shape) + ", but that of q is " +
                         shape_text(call.q.shape));
    }
  }
  if (o.sets.is_none()) {
    call.sets = every_key(call.keys.batch, call.keys.heads, call.keys.rows);
  } else if (nb::isinstance<KeySets>(o.sets)) {
    call.sets = nb::cast<const KeySets&>(o.sets);
  } else {
    throw nb::type_error(
        ("sets: heavykeys.KeySets or None is needed, not " + nb::cast<std::string>(nb::inst_name(o.sets)))
            .c_str());
  }
  call.what.score = score_of(o.score);
  const bool softmax = call.what.score.kind == Score::Kind::softmax;
  const double d = static_cast<double>(call.queries.dim);
  call.what.scale = o.scale.value_or(softmax && d > 0 ? 1 / std::sqrt(d) : 1.0);
  call.what.causal = o.causal;
  call.what.sinks = o.sinks;
  call.what.window = o.window;
  call.what.normalise = normalise_of(o.normalise);
  call.options = threads_of(o.threads, o.engine);
  return call;
}

/// An array like `model` but for its last axis: of torch's, if that is torch's, else of NumPy's.
nb::object empty_like(nb::handle model, const Array& array, std::size_t last) {
  nb::list shape;
  for (std::size_t axis = 0; axis + 1 < array.axes(); ++axis) shape.append(array.shape[axis]);
  shape.append(last);
  if (nb::hasattr(model, "new_empty")) return model.attr("new_empty")(nb::tuple(shape));
  const nb::object numpy = nb::module_::import_("numpy");
  if (nb::hasattr(model, "__array_interface__")) return numpy.attr("empty")(shape, model.attr("dtype"));
  if (array.dtype == Dtype::bf16) {
    throw InvalidInput("out: is needed for bfloat16 arrays of this library");
  }
  return numpy.attr("empty")(shape, std::string(name_of(array.dtype)));
}

struct Extent {
  std::uintptr_t begin, end;
};

/// The bytes between the first element and the last.
Extent extent_of(const Array& array) {
  const auto size = static_cast<std::ptrdiff_t>(size_of(array.dtype));
  const auto start = reinterpret_cast<std::uintptr_t>(array.data);
  std::ptrdiff_t low = 0, high = 0;
  for (std::size_t axis = 0; axis < array.axes(); ++axis) {
    if (array.shape[axis] == 0) return {start, start};
    const std::ptrdiff_t step = array.strides[axis] * (static_cast<std::ptrdiff_t>(array.shape[axis]) - 1);
    (step < 0 ? low : high) += step;
  }
  return {start + static_cast<std::uintptr_t>(low * size),
          start + static_cast<std::uintptr_t>((high + 1) * size)};
}

/// What is written must not be what is still to be read.
void require_apart(const Array& out, const Array& input) {
  const Extent a = extent_of(out), b = extent_of(input);
  if (a.begin < b.end && b.begin < a.end) {
    throw InvalidInput(out.name + ": it shares memory with " + input.name);
  }
}

void require_no_repeats(const Array& out) {
  // Without elements, strides are anything: NumPy's are 0.
  if (std::find(out.shape.begin(), out.shape.end(), std::size_t{0}) != out.shape.end()) return;
  for (std::size_t axis = 0; axis < out.axes(); ++axis) {
    if (out.strides[axis] == 0 && out.shape[axis] > 1) {
      throw InvalidInput(out.name + ": its elements share memory with each other");
    }
  }
}

/// Runs a call of the library, whose texts name C++'s arguments; Python's have other names.
template <class Run>
auto with_names(Run run) {
  try {
    return run();
  } catch (const InvalidInput& e) {
    const std::string text = e.what();
    for (const auto& [theirs, ours] :
         {std::pair("queries: ", "q: "), {"keys: ", "k: "}, {"values: ", "v: "}}) {
      if (text.rfind(theirs, 0) == 0) throw InvalidInput(ours + text.substr(std::string(theirs).size()));
    }
    throw;
  }
}

/// One Reconstructor, or a sequence of them; none for None. Raises TypeError for anything else.
std::vector<Reconstructor> reconstructors_of(nb::handle given) {
  if (given.is_none()) return {};
  if (nb::isinstance<Reconstructor>(given)) return {nb::cast<const Reconstructor&>(given)};
  if (nb::isinstance<nb::sequence>(given) && !nb::isinstance<nb::str>(given)) {
    std::vector<Reconstructor> all;
    bool fit = true;
    for (nb::handle one : given) {
      fit = fit && nb::isinstance<Reconstructor>(one);
      if (fit) all.push_back(nb::cast<const Reconstructor&>(one));
    }
    if (fit) return all;
  }
  throw nb::type_error(("reconstructor: heavykeys.Reconstructor, a sequence of them or None is needed, not " +
                        nb::cast<std::string>(nb::inst_name(given)))
                           .c_str());
}

/// What does not go with partially computed scores.
void check_partial(nb::handle sets, bool return_sums) {
  if (!sets.is_none())
    throw InvalidInput("sets: with a reconstructor every key is attended to; it must be None");
  if (return_sums) throw InvalidInput("return_sums: with a reconstructor there are none; it must be False");
}

nb::object attend_python(nb::handle q, nb::handle k, nb::handle v, nb::handle sets, nb::handle score,
                         std::optional<double> scale, bool causal, std::size_t sinks, std::size_t window,
                         const std::string& normalise, const std::string& layout, nb::handle out, int threads,
                         const std::string& engine, bool return_sums, nb::handle reconstructor) {
  const bool partial = !reconstructor.is_none();
  const std::vector<Reconstructor> reconstructors = reconstructors_of(reconstructor);
  if (partial) check_partial(sets, return_sums);
  const Call call =
      call_of(q, k, v, {sets, score, scale, causal, sinks, window, normalise, layout, threads, engine});
  const nb::object result =
      out.is_none() ? empty_like(q, call.q, call.values.dim) : nb::borrow<nb::object>(out);
  const Array written = write_array(result, "out");
  require_no_repeats(written);
  for (const Array* input : {&call.q, &call.k, &call.v}) require_apart(written, *input);
  const MutableTensorView target = writable_tensor_of(written, call.layout);
  Sums sums{{}, {call.queries.batch, call.queries.heads, call.queries.rows}};
  {
    const WithoutGil released;
    with_names([&] {
      if (partial && call.options) {
        parallel::attend(call.queries, call.keys, call.values, reconstructors, call.what, target,
                         *call.options);
      } else if (partial) {
        attend(call.queries, call.keys, call.values, reconstructors, call.what, target);
      } else {
        sums.sums = call.options ? parallel::attend(call.queries, call.keys, call.values, call.sets,
                                                    call.what, target, *call.options)
                                 : attend(call.queries, call.keys, call.values, call.sets, call.what, target);
      }
    });
  }
  return return_sums ? nb::make_tuple(result, std::move(sums)) : result;
}

nb::tuple backward_python(nb::handle q, nb::handle k, nb::handle v, nb::handle out, const Sums& sums,
                          nb::handle grad_out, nb::handle sets, nb::handle score, std::optional<double> scale,
                          bool causal, std::size_t sinks, std::size_t window, const std::string& normalise,
                          const std::string& layout, int threads, const std::string& engine) {
  const Call call =
      call_of(q, k, v, {sets, score, scale, causal, sinks, window, normalise, layout, threads, engine});
  const std::vector<std::size_t> queries{call.queries.batch, call.queries.heads, call.queries.rows};
  if (sums.shape != queries) {
    throw InvalidInput("sums: of queries " + shape_text(sums.shape) + "; those of q are " +
                       shape_text(queries));
  }
  const Array result = read_array(out, "out", Grad::refuse);
  const Array grad = read_array(grad_out, "grad_out", Grad::refuse);
  const TensorView result_view = tensor_of(result, call.layout), grad_view = tensor_of(grad, call.layout);
  const nb::object gradients[] = {empty_like(q, call.q, call.queries.dim),
                                  empty_like(k, call.k, call.keys.dim),
                                  empty_like(v, call.v, call.values.dim)};
  const Array arrays[] = {write_array(gradients[0], "grad_q"), write_array(gradients[1], "grad_k"),
                          write_array(gradients[2], "grad_v")};
  const AttendGradients written{writable_tensor_of(arrays[0], call.layout),
                                writable_tensor_of(arrays[1], call.layout),
                                writable_tensor_of(arrays[2], call.layout)};
  {
    const WithoutGil released;
    with_names([&] {
      if (call.options) {
        parallel::attend_backward(call.queries, call.keys, call.values, call.sets, call.what, result_view,
                                  sums.sums, grad_view, written, *call.options);
      } else {
        attend_backward(call.queries, call.keys, call.values, call.sets, call.what, result_view, sums.sums,
                        grad_view, written);
      }
    });
  }
  return nb::make_tuple(gradients[0], gradients[1], gradients[2]);
}

auto part(std::vector<double> AttendSums::*member) {
  return [member](nb::handle self) {
    const Sums& sums = nb::cast<const Sums&>(self);
    static const double nothing = 0;
    const std::vector<double>& values = sums.sums.*member;
    return nb::cast(nb::ndarray<nb::numpy, const double>(values.empty() ? &nothing : values.data(),
                                                         sums.shape.size(), sums.shape.data(), self));
  };
}

}  // namespace

void bind_attention(nb::module_& module) {
  nb::class_<Sums>(
      module, "AttendSums",
      "What attend knows of its queries, and attend_backward needs: sum_l f(x_l) = sum * unit, for\n"
      "softmax unit = e^shift.")
      .def_prop_ro("shift", part(&AttendSums::shift),
                   nb::sig("def shift(self) -> numpy.typing.NDArray[numpy.float64]"), "float64 [B, Hq, m]")
      .def_prop_ro("sum", part(&AttendSums::sum),
                   nb::sig("def sum(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "float64 [B, Hq, m]; 0 where no key has weight");
  module.def(
      "attend", &attend_python, nb::arg("q").none(), nb::arg("k").none(), nb::arg("v").none(),
      nb::arg("sets") = nb::none(), nb::kw_only(), nb::arg("score") = "softmax",
      nb::arg("scale") = nb::none(), nb::arg("causal") = false, nb::arg("sinks") = 0, nb::arg("window") = 0,
      nb::arg("normalise") = "attended", nb::arg("layout") = "bhsd", nb::arg("out") = nb::none(),
      nb::arg("threads") = 0, nb::arg("engine") = "auto", nb::arg("return_sums") = false,
      nb::arg("reconstructor") = nb::none(),
      nb::sig("def attend(q: Array, k: Array, v: Array, sets: KeySets | None = None, *, score: str | Score = "
              "'softmax', scale: float | None = None, causal: bool = False, sinks: int = 0, window: int = 0, "
              "normalise: Normalise = 'attended', layout: Layout = 'bhsd', out: typing.Any = None, threads: "
              "int = 0, engine: str = 'auto', return_sums: bool = False, reconstructor: Reconstructor | "
              "collections.abc.Sequence[Reconstructor] | None = None) -> typing.Any"),
      "Attention restricted to a few keys of each head: out = sum_j A_j v_j, A_j = f(x_j) / sum f(x_l),\n"
      "x_j = scale q.k_j, over the keys in `sets` (None: every key), the first `sinks` and the last "
      "`window`\n"
      "a query sees.\n\n"
      "Shapes: q [B, Hq, m, d], k [B, Hkv, n, d], v [B, Hkv, n, dv], result [B, Hq, m, dv], all of one "
      "dtype;\n"
      "Hq a multiple of Hkv. Three axes: one batch; two: one head. layout \"bshd\": heads after rows. The\n"
      "result is an array of the kind of q, or `out`, which must not share memory with the others.\n\n"
      "scale       None: 1 / sqrt(d) for softmax, else 1\n"
      "causal      query i is at position n - m + i and sees keys up to there\n"
      "normalise   \"attended\": weights sum to 1 over the keys attended to; \"all-keys\": over every key it "
      "may\n"
      "            see (power 2, 4, 6, 8 and polynomials)\n"
      "return_sums (result, AttendSums) is returned, for attend_backward\n"
      "reconstructor  in place of sets: the scores it names are computed, the others estimated, and every "
      "key\n"
      "            is attended to; one Reconstructor, or one for each query head\n\n"
      "The same bytes whatever the threads and the instruction set. A tensor of torch that requires grad is\n"
      "refused while gradients are recorded: heavykeys.torch has them.");
  module.def(
      "attend_backward", &backward_python, nb::arg("q").none(), nb::arg("k").none(), nb::arg("v").none(),
      nb::arg("out").none(), nb::arg("sums"), nb::arg("grad_out").none(), nb::arg("sets") = nb::none(),
      nb::kw_only(), nb::arg("score") = "softmax", nb::arg("scale") = nb::none(), nb::arg("causal") = false,
      nb::arg("sinks") = 0, nb::arg("window") = 0, nb::arg("normalise") = "attended",
      nb::arg("layout") = "bhsd", nb::arg("threads") = 0, nb::arg("engine") = "auto",
      nb::sig("def attend_backward(q: Array, k: Array, v: Array, out: Array, sums: AttendSums, grad_out: "
              "Array, sets: KeySets | None = None, *, score: str | Score = 'softmax', scale: float | None = "
              "None, causal: bool = False, sinks: int = 0, window: int = 0, normalise: Normalise = "
              "'attended', layout: Layout = 'bhsd', threads: int = 0, engine: str = 'auto') -> "
              "tuple[typing.Any, typing.Any, typing.Any]"),
      "The gradients of sum(grad_out * out) for q, k and v, of their shapes and kinds; `out` and `sums` are\n"
      "what attend returned for the same arguments. The sets are constants.");
}

}  // namespace heavykeys::python
