// The library's errors as Python exceptions: each is a heavykeys.Error and one of Python's own as well.
#include <exception>

#include "heavykeys/error.hpp"
#include "python/src/bind.hpp"

namespace heavykeys::python {
namespace {

/// Referred to by the module, and by this table for as long as the process lives.
struct Exceptions {
  PyObject* error = nullptr;
  PyObject* invalid_input = nullptr;
  PyObject* incompatible = nullptr;
  PyObject* corrupt = nullptr;
  PyObject* backend_error = nullptr;
  PyObject* cancelled = nullptr;
} exceptions;

PyObject* make(nb::module_& module, const char* name, nb::handle bases, const char* doc) {
  // Where users see and pickle it: heavykeys.NAME.
  const nb::str full = nb::str("heavykeys.{}").format(name);
  nb::object type = nb::steal(PyErr_NewExceptionWithDoc(full.c_str(), doc, bases.ptr(), nullptr));
  if (!type.is_valid()) nb::raise_python_error();
  module.attr(name) = type;
  return type.release().ptr();
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const InvalidInput& e) {
    PyErr_SetString(exceptions.invalid_input, e.what());
  } catch (const Incompatible& e) {
    PyErr_SetString(exceptions.incompatible, e.what());
  } catch (const Corrupt& e) {
    PyErr_SetString(exceptions.corrupt, e.what());
  } catch (const BackendError& e) {
    PyErr_SetString(exceptions.backend_error, e.what());
  } catch (const Cancelled& e) {
    PyErr_SetString(exceptions.cancelled, e.what());
  } catch (const Error& e) {
    PyErr_SetString(exceptions.error, e.what());
  }
}

}  // namespace

void bind_errors(nb::module_& module) {
  exceptions.error =
      make(module, "Error", PyExc_Exception, "Root of everything heavykeys raises on purpose.");
  const nb::handle root = exceptions.error;
  const nb::tuple value = nb::make_tuple(root, nb::handle(PyExc_ValueError));
  const nb::tuple runtime = nb::make_tuple(root, nb::handle(PyExc_RuntimeError));
  exceptions.invalid_input =
      make(module, "InvalidInput", value,
           "An input cannot be used: a shape, an option, a NaN or Inf (named by row and column).");
  exceptions.incompatible =
      make(module, "Incompatible", value,
           "Two values that were to be combined do not belong together: other options, rows absorbed twice.");
  exceptions.corrupt = make(module, "Corrupt", value,
                            "Bytes or a file that claim to be a sketch and are not intact, or are from a "
                            "newer version.");
  exceptions.backend_error =
      make(module, "BackendError", runtime, "An engine could not do its work: a system call, a file.");
  exceptions.cancelled =
      make(module, "Cancelled", runtime, "A monitor ended the call early, as it was asked to.");
  nb::register_exception_translator(translate);
}

}  // namespace heavykeys::python
