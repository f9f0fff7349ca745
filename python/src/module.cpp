// heavykeys._core: the C++ library as Python sees it. The package heavykeys takes its names from here.
#include "heavykeys/version.hpp"
#include "python/src/bind.hpp"

NB_MODULE(_core, module) {
  using namespace heavykeys::python;
  // The library never prints, and objects that live until the interpreter ends are no leak.
  nb::set_leak_warnings(false);
  module.doc() = "The C++ library heavykeys. Use the package heavykeys.";
  module.attr("__version__") = heavykeys::version();
  bind_errors(module);
  bind_arrays(module);
  bind_score(module);
  bind_spec(module);
  bind_sketch(module);
  bind_universal_set(module);
  bind_entries(module);
  bind_heavy_entries(module);
  bind_leverage(module);
  bind_key_sets(module);
  bind_attention(module);
  bind_eigen_analysis(module);
  bind_covariance(module);
  bind_reconstruction(module);
  bind_scan(module);
  bind_sparse_pattern(module);
  bind_verification(module);
  bind_files(module);
  bind_monitor(module);
  bind_machine(module);
}
