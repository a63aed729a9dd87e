"""Each line of the threat model has its letters of STRIDE and a test that is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
STRIDE = (ROOT / "docs" / "reference" / "stride.md").read_text("utf-8")
REFERENCE = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def list_rows(page: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the section and the cells of each row of a page's tables."""
    section, head = "", True
    for line in page.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        if line.startswith("|---"):
            head = False
        elif line.startswith("| ") and not head:
            yield section, [cell.strip() for cell in line.strip("| ").split(" | ")]
        elif line.startswith("#"):
            head = True


def list_threats(page: str) -> list[tuple[str, str]]:
    """Return the section and the first cell of each row."""
    return [(section, cells[0]) for section, cells in list_rows(page)]


def find_faults(page: str) -> list[str]:
    """Return the rows whose letters or tests are not what they must be."""
    faults = []
    for _, (threat, letters, shown) in list_rows(page):
        if not letters or set(letters.split()) - set("STRIDE"):
            faults.append(f"{threat}: {letters}")
        named = REFERENCE.findall(shown)
        if not named and "not** stopped" not in shown:
            faults.append(f"{threat}: no test")
        faults += [f"{threat}: {file}::{name}" for file, name in named if not is_there(file, name)]
    return faults


def is_there(file: str, name: str) -> bool:
    """Tell whether a test exists."""
    path = ROOT / "tests" / file
    if not path.is_file():
        return False
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(isinstance(node, kinds) and node.name == name for node in nodes)


def test_each_threat_has_its_line():
    assert list_threats(STRIDE) == list_threats(MODEL)
    assert len(list_threats(MODEL)) > 80


def test_each_line_names_its_letters_and_a_test_that_exists():
    assert find_faults(STRIDE) == []


def test_what_nothing_stops_is_said_by_the_model_too():
    told = {cells[0]: " ".join(cells) for _, cells in list_rows(MODEL)}
    open_ones = [cells[0] for _, cells in list_rows(STRIDE) if not REFERENCE.search(cells[2])]
    assert [one for one in open_ones if "stopped" not in told[one] and one not in KEYS] == []


# Whoever holds it opens: that is what a key is for; the model says where to keep it.
KEYS = {"the key that opens backups"}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (
            "| x | S | `tidy/test_stride.py::test_nobody_wrote` |",
            "x: tidy/test_stride.py::test_nob",
        ),
        ("| x | S | `tidy/nowhere.py::test_a` |", "x: tidy/nowhere.py::test_a"),
        ("| x | Q | `tidy/test_stride.py::test_each_threat_has_its_line` |", "x: Q"),
        ("| x | S | we are careful |", "x: no test"),
    ],
)
def test_mutation_a_line_without_its_test_is_told(row, fault):
    [told] = find_faults(f"## A\n\n| threat | STRIDE | shown by |\n|---|---|---|\n{row}\n")
    assert told.startswith(fault)


def test_mutation_a_threat_without_its_line_is_told():
    rule = "|---|---|---|---|\n"
    longer = MODEL.replace(rule, f"{rule}| somebody new | a key | all | nothing |\n", 1)
    assert set(list_threats(longer)) - set(list_threats(STRIDE)) == {("Attackers", "somebody new")}
