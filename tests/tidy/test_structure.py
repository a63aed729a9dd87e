"""Where things live: no drawer for what has no name, a pure core, imports that go down only."""

import ast
from pathlib import Path

import pytest
from importlinter import configuration
from importlinter.application import use_cases

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
DRAWERS = {"utils", "util", "common", "helpers", "helper", "services", "service", "core", "misc"}
PURE = (
    "kernel",
    "tariffs",
    "accounts",
    "rights",
    "disclosure",
    "guard",
    "claims",
    "incidents",
    "notices",
    "settlement",
)
# What would make the same call give another answer tomorrow, or touch the outside.
IMPURE_NAMES = {"open", "print", "input"}
IMPURE_ATTRIBUTES = {
    *("now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter"),
    *("urandom", "uuid1", "uuid4", "token_bytes", "randbytes", "getenv"),
    *("read_text", "read_bytes", "write_text", "write_bytes"),
}
# The data files that come with the package are read once, when it is loaded.
MAY_READ = {"src/rempart/tariffs/data_files.py"}


def find_drawers(paths: list[str]) -> list[str]:
    """Return modules and packages whose name says nothing."""
    return [
        path for path in paths if {part.removesuffix(".py") for part in path.split("/")} & DRAWERS
    ]


def is_pure(path: str) -> bool:
    """Tell whether a file belongs to the functional core."""
    return path.startswith(tuple(f"src/rempart/{part}/" for part in PURE)) and path not in MAY_READ


def find_impure_calls(tree: ast.Module) -> list[str]:
    """Return calls of clocks, chance, environment or files."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id=name) if name in IMPURE_NAMES:
                found.append(f"{node.lineno} {name}")
            case ast.Attribute(attr=name) if name in IMPURE_ATTRIBUTES:
                found.append(f"{node.lineno} {name}")
    return found


def follows_contracts(config: Path) -> bool:
    """Tell whether imports follow the contracts of a configuration file; says why on stdout."""
    configuration.configure()
    return use_cases.lint_imports(config_filename=str(config), cache_dir=None, no_logo=True)


def test_the_rule_sees_a_drawer():
    assert find_drawers(["src/rempart/core/x.py", "src/rempart/rights/utils.py"])
    assert not find_drawers(["src/rempart/rights/coverage.py"])


def test_no_module_is_a_drawer(product, expect_none):
    found = find_drawers([file.path for file in product])
    expect_none(found, "name the notion it holds")


@pytest.mark.parametrize(
    "code",
    ["date.today()", "datetime.now(UTC)", "time.time()", "os.urandom(8)", "open('x')", "print(1)"],
)
def test_the_rule_sees_a_clock_chance_or_a_file(code):
    assert find_impure_calls(ast.parse(code))


def test_the_core_reads_no_clock_no_chance_and_no_file(product, expect_none):
    found = [
        f"{file.path}:{call}"
        for file in product
        if is_pure(file.path)
        for call in find_impure_calls(file.parse())
    ]
    expect_none(found, "take it as an argument")


def test_every_layer_imports_only_what_is_below(capsys):
    assert follows_contracts(PYPROJECT), capsys.readouterr().out


def test_the_rule_sees_an_import_that_goes_up(tmp_path, capsys, monkeypatch):
    package = tmp_path / "upside"
    for layer, text in (("kernel", "import upside.rights"), ("rights", "")):
        (package / layer).mkdir(parents=True)
        (package / layer / "__init__.py").write_text(text)
    (package / "__init__.py").write_text("")
    (tmp_path / "setup.cfg").write_text(
        "[importlinter]\nroot_package = upside\n[importlinter:contract:1]\nname = layers\n"
        "type = layers\ncontainers = upside\nlayers =\n    rights\n    kernel\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert not follows_contracts(tmp_path / "setup.cfg")
    assert "upside.kernel is not allowed to import upside.rights" in capsys.readouterr().out
