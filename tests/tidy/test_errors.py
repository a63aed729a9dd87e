"""Errors: caught by name, and every code documented."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"
BROAD = {"Exception", "BaseException"}
# The outermost layers: what escapes there would leave a caller without answer, or kill a process.
MAY_CATCH_ALL = {
    "src/rempart/gateway/app.py",  # the task that keeps house goes on
    "src/rempart/gateway/batching.py",  # no waiting caller is left without an answer
    "src/rempart/gateway/claim_routes.py",  # an anonymous 500, and the bug is logged
    "src/rempart/gateway/door.py",  # an anonymous 500, and the bug is logged
    "src/rempart/gateway/keeper.py",  # the task that opens the ledger tries again
    "src/rempart/gateway/offline_routes.py",  # an anonymous 500, and the bug is logged
    "src/rempart/gateway/pec_routes.py",  # an anonymous 500, and the bug is logged
    "src/rempart/gateway/remittances.py",  # an anonymous 500, and the bug is logged
    "src/rempart/jobs/work.py",  # what failed is described in our own words, for whoever runs it
    "src/rempart/gateway/token_endpoint.py",  # an anonymous 500, and the bug is logged
}
ROW = re.compile(r"^\| `(?P<code>[a-z_]+)` \| (?P<status>\d{3}) \| (.+) \| (.+) \|$", re.MULTILINE)


def find_broad_catches(tree: ast.Module) -> list[int]:
    """Return the lines that catch everything and do not raise it again once cleaned up."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(type=kind, body=[*_, last]):
                kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
                broad = any(one is None or is_broad(one) for one in kinds)
                caught = broad and not (isinstance(last, ast.Raise) and last.exc is None)
            case ast.Call(func=function, args=kinds):
                suppresses = ast.unparse(function).endswith("suppress")
                caught = suppresses and any(is_broad(one) for one in kinds)
            case _:
                caught = False
        if caught:
            found.append(node.lineno)
    return found


def is_broad(kind: ast.expr) -> bool:
    """Tell whether a name stands for every exception."""
    return isinstance(kind, ast.Name) and kind.id in BROAD


def list_codes(trees: Iterable[ast.Module]) -> dict[str, int]:
    """Return the code and the status of every error class, inherited ones included."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known: dict[str, tuple[str, int]] = {"RempartError": ("error", 500)}
    while True:
        ready = [
            (node, parent)
            for node in classes
            for parent in (ast.unparse(base) for base in node.bases)
            if parent in known and node.name not in known
        ]
        if not ready:
            return dict(known.values())
        for node, parent in ready:
            code, status = known[parent]
            values = dict(list_constants(node))
            known[node.name] = (values.get("code", code), values.get("status", status))


def list_constants(node: ast.ClassDef) -> Iterable[tuple[str, object]]:
    """Yield the constants a class sets in its body."""
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value)):
                yield name, value


@pytest.mark.parametrize(
    "code",
    [
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept: pass",
        "try: f()\nexcept (OSError, BaseException) as e: g(e)",
        "try: f()\nexcept Exception as e: raise KeyError from e",
        "with contextlib.suppress(Exception): f()",
    ],
)
def test_the_rule_sees_a_net_that_catches_everything(code):
    assert find_broad_catches(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "try: f()\nexcept (OSError, ValueError): pass",
        "try: f()\nexcept BaseException:\n    close()\n    raise",
    ],
)
def test_the_rule_lets_named_errors_and_clean_ups_pass(code):
    assert not find_broad_catches(ast.parse(code))


def test_only_the_outermost_layers_catch_everything(product, expect_none):
    catching = {file.path for file in product if find_broad_catches(file.parse())}
    expect_none(catching - MAY_CATCH_ALL, "name the errors, or add the file to the closed list")


def test_the_list_of_outermost_layers_is_not_longer_than_needed(product):
    present = {file.path for file in product}
    catching = {file.path for file in product if find_broad_catches(file.parse())}
    assert MAY_CATCH_ALL & present <= catching


def test_codes_are_found_through_inheritance():
    code = (
        "class A(RempartError):\n    code = 'a'\n    status = 400\n"
        "class B(A):\n    code: ClassVar[str] = 'b'\n"
        "class C(ValueError):\n    code = 'c'\n"
    )
    assert list_codes([ast.parse(code)]) == {"error": 500, "a": 400, "b": 400}


def test_every_code_is_documented_with_its_status(product):
    documented = {row["code"]: int(row["status"]) for row in ROW.finditer(PAGE.read_text("utf-8"))}
    assert documented == list_codes(file.parse() for file in product)


def test_codes_are_documented_in_alphabetical_order():
    codes = [row["code"] for row in ROW.finditer(PAGE.read_text("utf-8"))]
    assert codes == sorted(codes)
