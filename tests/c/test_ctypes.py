"""A caller without a compiler: ctypes and NumPy load the library, find heavy keys, and get what the command gets."""

import ctypes
import os
import re
import subprocess
import sys
import tempfile
import unittest
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_uint8, c_uint64, c_void_p
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
EPSILON = 0.002
SOFTMAX = "softmax:0.17677669529663687"


class Spec(ctypes.Structure):
    _fields_ = [("struct_size", c_uint64), ("dim", c_uint64), ("epsilon", c_double), ("score", c_char_p), ("block_rows", c_uint64),
                ("sample_rows", c_uint64), ("seed", c_uint64), ("grid_bits", c_int32), ("reserved", c_int32)]


class Rows(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("count", c_uint64), ("dim", c_uint64), ("row_stride", c_int64), ("column_stride", c_int64),
                ("first_id", c_uint64), ("stream", c_uint64), ("dtype", c_int32), ("reserved", c_int32)]


REPORT = ctypes.CFUNCTYPE(c_int32, c_char_p, c_double, c_void_p)


class Options(ctypes.Structure):
    _fields_ = [("struct_size", c_uint64), ("engine", c_int32), ("threads", c_int32), ("report", REPORT), ("user", c_void_p),
                ("report_seconds", c_double)]


hk = ctypes.CDLL(os.environ["HEAVYKEYS_C_LIBRARY"])
hk.heavykeys_last_error.restype = c_char_p
hk.heavykeys_status_name.restype = c_char_p


class Failed(Exception):
    pass


def call(name, *arguments):
    status = getattr(hk, "heavykeys_" + name)(*arguments)
    if status != 0:
        raise Failed(hk.heavykeys_status_name(status).decode() + ": " + hk.heavykeys_last_error().decode())


def made(name, *arguments):
    handle = c_void_p()
    call(name, *arguments, byref(handle))
    return handle


def answer(name, handle, kind):
    value = kind()
    call(name, handle, byref(value))
    return value.value


def array(name, handle, kind, shape):
    """A copy of an array that lies in a handle."""
    address = POINTER(kind)()
    call(name, handle, byref(address))
    return np.ctypeslib.as_array(address, shape).copy() if np.prod(shape) > 0 else np.zeros(shape)


def rows_of(matrix, first_id=0):
    """The matrix as DLPack lends it; keeps both alive."""
    capsule = matrix.__dlpack__()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = c_void_p, [ctypes.py_object, c_char_p]
    rows = Rows()
    call("rows_from_dlpack", byref(rows), c_void_p(pointer(capsule, b"dltensor")))
    rows.first_id, rows.lender = first_id, (matrix, capsule)
    return rows


def absorbed(keys, piece, options=None, grid_bits=20):
    spec = Spec()
    call("spec_init", byref(spec), c_uint64(ctypes.sizeof(spec)))
    spec.dim, spec.epsilon, spec.grid_bits = keys.shape[1], EPSILON, grid_bits
    sketch = made("sketch_create", byref(spec))
    for begin in range(0, len(keys), piece):
        rows = rows_of(keys[begin : begin + piece], begin)
        call("sketch_absorb", sketch, byref(rows), options)
    return sketch


def entries_of(entries):
    m, nnz = answer("entries_query_count", entries, c_uint64), answer("entries_count", entries, c_uint64)
    parts = {"indptr": array("entries_indptr", entries, c_int64, (m + 1,)),
             "keys": array("entries_keys", entries, c_uint64, (nnz, 2))[:, 1],
             "weights": array("entries_weights", entries, c_double, (nnz,)),
             "bounds": np.stack([array(f"entries_{bound}", entries, c_double, (nnz,)) for bound in ("lower", "upper")], axis=1)}
    hk.heavykeys_entries_destroy(entries)
    return parts


class CtypesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys, cls.queries = (np.load(DATA / f"stream_{name}.npy") for name in ("keys", "queries"))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def command(self, verb, *arguments):
        subprocess.run([os.environ["HEAVYKEYS_BIN"], verb, "--keys", DATA / "stream_keys.npy", "--epsilon", str(EPSILON), *arguments,
                        "--out", self.folder / "out"], check=True, capture_output=True)
        return self.folder / "out"

    def require_same(self, entries, folder):
        for part, found in entries.items():
            wanted = np.load(folder / f"heavy_{part}.npy")
            self.assertEqual(found.shape, wanted.shape, part)
            np.testing.assert_array_equal(found, wanted, part)

    def test_find_is_what_the_command_finds(self):
        out = self.command("find", "--queries", DATA / "stream_queries.npy")
        sketch = absorbed(self.keys, 3000)
        universal = made("sketch_finalize", sketch, None)
        size = answer("universal_set_size", universal, c_uint64)
        self.assertEqual(size, 6575)  # as README says
        ids = array("universal_set_ids", universal, c_uint64, (size, 2))
        np.testing.assert_array_equal(ids[:, 1], np.load(out / "universal_set.npy"))
        for part, kind in (("leverage", c_double), ("layer", c_int32)):
            np.testing.assert_array_equal(array(f"universal_set_{part}", universal, kind, (size,)), np.load(out / f"{part}.npy"))
        self.assertEqual(answer("universal_set_bound", universal, c_double), 32 / EPSILON)
        rows = rows_of(self.queries)
        entries = made("heavy_entries", universal, byref(rows), 0, c_double(0), None)
        self.require_same(entries_of(entries), out)
        hk.heavykeys_universal_set_destroy(universal)
        hk.heavykeys_sketch_destroy(sketch)

    def test_state_is_the_file_of_the_command(self):
        wanted = self.command("sketch").read_bytes()
        sketch = absorbed(self.keys, 20480)
        data, size = POINTER(c_uint8)(), c_uint64()
        call("sketch_to_bytes", sketch, byref(data), byref(size))
        self.assertEqual(ctypes.string_at(data, size.value), wanted)
        hk.heavykeys_bytes_destroy(data)
        backwards = absorbed(np.asfortranarray(self.keys[::-1])[::-1], 5000)  # the same keys, strides of every kind
        call("sketch_save", backwards, str(self.folder / "again.hks").encode())
        self.assertEqual((self.folder / "again.hks").read_bytes(), wanted)
        hk.heavykeys_sketch_destroy(sketch)
        hk.heavykeys_sketch_destroy(backwards)

    def test_scan_is_what_the_command_scans(self):
        out = self.command("scan", "--queries", DATA / "stream_queries.npy", "--score", SOFTMAX)
        queries = rows_of(self.queries)
        scan = made("scan_create", SOFTMAX.encode(), c_double(EPSILON), byref(queries), c_uint64(0), 0, 0)
        for begin in range(0, len(self.keys), 7000):
            rows = rows_of(self.keys[begin : begin + 7000], begin)
            call("scan_absorb", scan, byref(rows), None)
        entries = entries_of(made("scan_finish", scan))
        self.assertEqual(len(entries["keys"]), 191)  # as README says
        self.require_same(entries, out)
        hk.heavykeys_scan_destroy(scan)

    def test_errors_and_reports_reach_python(self):
        with self.assertRaisesRegex(Failed, r"INVALID_INPUT: tensor: its elements are of DLPack type code 0, 64 bits"):
            rows_of(np.zeros((3, 2), dtype=np.int64))
        with self.assertRaisesRegex(Failed, r"INVALID_INPUT: NaN at row 2, column 1"):
            absorbed(np.array([[0.0, 1.0], [1.0, 0.0], [1.0, np.nan]]), 3)
        seen = []
        report = REPORT(lambda name, fraction, user: seen.append((name, fraction)) or int(len(seen) == 3))
        options = Options()
        call("options_init", byref(options), c_uint64(ctypes.sizeof(options)))
        options.report, options.report_seconds = report, 0.0
        with self.assertRaisesRegex(Failed, "CANCELLED"):
            absorbed(self.keys, len(self.keys), byref(options))
        self.assertEqual([name for name, _ in seen], [b"absorb"] * 3)

    @unittest.skipUnless("libtbb" in subprocess.run(["readelf", "-d", os.environ["HEAVYKEYS_C_LIBRARY"]], check=True,
                                                    capture_output=True, text=True).stdout, "oneTBB was not built")
    def test_threads_that_cannot_be_started_are_an_error_and_nothing_is_absorbed(self):
        """In a process of its own, as a user who may start none: root may always."""
        program = """if True:
            import os, resource
            import test_ctypes as t
            keys = t.np.arange(40000.0).reshape(20000, 2)
            sketch, options, rows = t.absorbed(keys[:0], 1), t.Options(), t.rows_of(keys)
            t.call("options_init", t.byref(options), t.c_uint64(t.ctypes.sizeof(options)))
            options.engine, options.threads = 2, 2
            hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
            resource.setrlimit(resource.RLIMIT_NPROC, (1, hard))
            if os.getuid() == 0:
                try:
                    os.setuid(61234)
                except OSError as error:  # a container whose root is the only user
                    print("still root:", error)
                    raise SystemExit
            try:
                t.call("sketch_absorb", sketch, t.byref(rows), t.byref(options))
            except t.Failed as error:
                print(error)
            print(t.answer("sketch_row_count", sketch, t.c_uint64))
            resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
            t.call("sketch_absorb", sketch, t.byref(rows), t.byref(options))
            print(t.answer("sketch_row_count", sketch, t.c_uint64))"""
        printed = subprocess.run([sys.executable, "-B", "-c", program], cwd=Path(__file__).parent, check=True, capture_output=True,
                                 text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}).stdout.splitlines()
        if printed[0].startswith("still root"):
            self.skipTest(printed[0])
        self.assertRegex(printed[0], "^BACKEND_ERROR: oneTBB cannot start its threads: ")
        self.assertEqual(printed[1:], ["0", "20000"])

    def test_the_sample_of_the_document_runs_and_prints_what_follows_it(self):
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "docs/c_api.md").read_text(), re.M | re.S)
        at = next(i for i, (language, _) in enumerate(blocks) if language == "py")
        folder = Path(os.environ["HEAVYKEYS_C_LIBRARY"]).parent
        printed = subprocess.run([sys.executable, "-c", blocks[at][1]], cwd=ROOT, env={**os.environ, "LD_LIBRARY_PATH": str(folder)},
                                 check=True, capture_output=True, text=True).stdout
        self.assertEqual(printed, blocks[at + 1][1])


if __name__ == "__main__":
    unittest.main()
