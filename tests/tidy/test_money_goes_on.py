"""No step of containment reaches money: what pays and gets paid knows nothing of holds."""

import ast
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src/rempart"
# What holds accounts, cuts services or judges look-ups.
HOLDS = (
    "rempart.guard",
    "rempart.accounts.containment",
    "rempart.workflows.rights.posture",
    "rempart.workflows.guard.contain",
    "rempart.workflows.rights.cut_services",
    "rempart.storage.containment",
    "rempart.storage.guard",
)
MONEY = ("bank", "iban", "payment", "claim", "tariff", "settlement")


def find_money(sources: Path) -> list[Path]:
    """Return the modules of pages, workflows and storage about money: their name or folder says."""
    return [
        file
        for directory in ("workflows", "storage", "portals/views", "accounts", "kernel", "tariffs")
        for file in sorted((sources / directory).rglob("*.py"))
        if any(word in str(file.relative_to(sources)) for word in MONEY)
    ]


def list_imports(source: str) -> set[str]:
    """Return every module, and every name of one, that a source imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def reaches_holds(source: str) -> bool:
    """Say whether a source asks whether somebody is held."""
    return any(
        name == hold or name.startswith(f"{hold}.")
        for name in list_imports(source)
        for hold in HOLDS
    )


def test_what_is_about_money_is_found():
    names = {file.stem for file in find_money(SOURCES)}
    assert {"change_bank_details", "take_claims", "close_run"} <= names


def test_what_pays_and_gets_paid_never_asks_whether_an_account_is_held():
    assert [str(file) for file in find_money(SOURCES) if reaches_holds(file.read_text())] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "from rempart.workflows.rights.posture import Posture",
        "from rempart.accounts import containment",
        "import rempart.guard.engine",
    ],
)
def test_mutation_a_payment_that_waits_for_a_review_is_noticed(wrong):
    assert reaches_holds(wrong)
