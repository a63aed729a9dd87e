"""The core says what it does: every public module, class and function has its sentence."""

import ast
import doctest
import importlib
import re

import pytest

CORE = (
    *("kernel", "tariffs", "accounts", "rights", "disclosure", "incidents"),
    *("workflows", "exchange"),
)
Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def find_undocumented(tree: ast.Module) -> list[str]:
    """Return the public names that have no docstring, at module level and in public classes."""
    found = [] if ast.get_docstring(tree) else ["1 the module"]
    bodies = [tree.body]
    while bodies:
        for node in bodies.pop():
            if not isinstance(node, Documented) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not is_signature(node):
                found.append(f"{node.lineno} {node.name}")
            if isinstance(node, ast.ClassDef):
                bodies.append(node.body)
    return found


def is_signature(node: Documented) -> bool:
    """Tell whether there is nothing but a name and types: a member of a protocol."""
    [*_, last] = node.body
    return isinstance(last, ast.Expr) and ast.unparse(last) == "..."


def has_sentence(docstring: str) -> bool:
    """Tell whether the first paragraph is a sentence."""
    first = re.split(r"\n\s*\n", docstring.strip())[0]
    return first[-1] in ".:?" and (first[0].isupper() or first[0] in "`\"'«0123456789")


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("x = 1", ["1 the module"]),
        ('"""M."""\ndef f(): pass', ["2 f"]),
        ('"""M."""\nclass C:\n    """C."""\n    def f(self): pass', ["4 f"]),
        ('"""M."""\ndef _f(): pass\nclass _C:\n    def f(self): pass', []),
        ('"""M."""\nclass C:\n    """C."""\n    def __init__(self): pass', []),
        ('"""M."""\nclass C(Protocol):\n    """C."""\n    def f(self): ...', []),
    ],
)
def test_the_rule_sees_what_is_not_documented(code, missing):
    assert find_undocumented(ast.parse(code)) == missing


def test_every_public_name_of_the_core_is_documented(product, expect_none):
    core = [f for f in product if f.path.startswith(tuple(f"src/rempart/{c}/" for c in CORE))]
    assert core
    found = [f"{file.path}:{name}" for file in core for name in find_undocumented(file.parse())]
    expect_none(found, "write what it does in one sentence")


def test_a_docstring_starts_with_a_sentence():
    assert has_sentence("Return the key.\n\nArgs:\n    x: y")
    assert not has_sentence("returns the key")


def test_every_module_starts_with_a_sentence(product, expect_none):
    docs = {file.path: ast.get_docstring(file.parse()) for file in product}
    wrong = [path for path, text in docs.items() if not text or not has_sentence(text)]
    expect_none(wrong, "start the module with a sentence")


def test_every_example_in_a_docstring_is_true(product, expect_none):
    modules = [file.path for file in product if ">>> " in file.text]
    names = [path.removeprefix("src/").removesuffix(".py").replace("/", ".") for path in modules]
    wrong = [name for name in names if doctest.testmod(importlib.import_module(name)).failed]
    expect_none(wrong, "correct the example")
