// What this build and this machine can use.

#include "heavykeys/isa.hpp"
#include "python/src/arguments.hpp"

namespace heavykeys::python {

void bind_machine(nb::module_& module) {
  module.def(
      "engines", &engines,
      "Engines of this build, for the argument `engine`: \"streaming\" (one core), \"tbb\", \"openmp\".");
  module.def("available_isas", &available_isas,
             "Instruction sets usable here, slowest first. They decide the speed, never a byte.");
  module.def("active_isa", &active_isa,
             "The one in use: the last of available_isas(), unless HEAVYKEYS_ISA or set_isa chose another.");
  module.def(
      "set_isa", [](const std::string& name) { set_isa(name); }, nb::arg("name"),
      "Uses this instruction set from now on, in the whole process. BackendError when it cannot be had.");
}

}  // namespace heavykeys::python
