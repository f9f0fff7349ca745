// The parts of heavykeys._core: each file of this folder binds one idea.
#pragma once

// All casters that any file uses, here: a file that lacked one would cast by other rules than the rest.
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace heavykeys::python {

namespace nb = nanobind;

void bind_errors(nb::module_& module);
void bind_arrays(nb::module_& module);
void bind_score(nb::module_& module);
void bind_spec(nb::module_& module);
void bind_sketch(nb::module_& module);
void bind_universal_set(nb::module_& module);
void bind_entries(nb::module_& module);
void bind_heavy_entries(nb::module_& module);
void bind_leverage(nb::module_& module);
void bind_key_sets(nb::module_& module);
void bind_attention(nb::module_& module);
void bind_covariance(nb::module_& module);
void bind_eigen_analysis(nb::module_& module);
void bind_reconstruction(nb::module_& module);
void bind_scan(nb::module_& module);
void bind_sparse_pattern(nb::module_& module);
void bind_verification(nb::module_& module);
void bind_files(nb::module_& module);
void bind_monitor(nb::module_& module);
void bind_machine(nb::module_& module);

}  // namespace heavykeys::python
