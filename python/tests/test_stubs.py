"""The stub that comes with the package says what the extension module has."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import heavykeys
from heavykeys import _core

STUB = Path(_core.__file__).parent / "_core.pyi"
STRUCTURE = {"__doc__", "__file__", "__loader__", "__name__", "__package__", "__spec__"}


@pytest.fixture(scope="module")
def stub() -> ast.Module:
    return ast.parse(STUB.read_text(encoding="utf-8"))


def names_in(body: list[ast.stmt]) -> set[str]:
    names = {node.name for node in body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    return names | {node.target.id for node in body if isinstance(node, ast.AnnAssign)}


def test_it_is_marked_as_typed() -> None:
    assert (STUB.parent / "py.typed").exists()


def test_every_name_is_in_the_stub(stub: ast.Module) -> None:
    assert set(vars(_core)) - STRUCTURE == names_in(stub.body)
    for node in stub.body:
        if isinstance(node, ast.ClassDef) and not issubclass(getattr(_core, node.name), heavykeys.Error):
            public = {name for name in vars(getattr(_core, node.name)) if not name.startswith("__")}
            assert public <= names_in(node.body), node.name


def test_every_function_says_what_it_does(stub: ast.Module) -> None:
    for node in stub.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            assert inspect.getdoc(getattr(_core, node.name)), node.name
            assert ast.get_docstring(node), node.name


def test_arguments_are_annotated(stub: ast.Module) -> None:
    functions = [node for node in ast.walk(stub) if isinstance(node, ast.FunctionDef)]
    assert len(functions) > 80
    for node in functions:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        assert all(a.annotation or a.arg == "self" for a in arguments), node.name
        assert node.returns, node.name


def test_errors_are_those_of_the_module(stub: ast.Module) -> None:
    """They are written by hand in python/stub_patterns.txt."""
    for name in ("Error", "InvalidInput", "Incompatible", "Corrupt", "BackendError", "Cancelled"):
        (node,) = (n for n in stub.body if isinstance(n, ast.ClassDef) and n.name == name)
        error = getattr(_core, name)
        assert [ast.unparse(base) for base in node.bases] == [base.__name__ for base in error.__bases__]
        assert ast.get_docstring(node) == inspect.getdoc(error)
        assert (error.__module__, getattr(heavykeys, name)) == ("heavykeys", error)


def test_the_package_offers_what_it_lists() -> None:
    assert sorted(heavykeys.__all__) == heavykeys.__all__
    offered = {name for name in vars(_core) if not name.startswith("_")}
    assert offered <= set(heavykeys.__all__)
