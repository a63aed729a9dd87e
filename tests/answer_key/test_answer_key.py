"""Who pays what, settled twice: by the engine and by the answer key, to the cent.

A few thousand bills here; `python -m bench claims-key` settles a hundred thousand.
"""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from tests.answer_key.comparison import compare

from rempart.claims import adjudication, amo, limits
from rempart.claims.benefit_table import Per
from rempart.tariffs.care import ACTS

SEED, BILLS = 2026, 4_000
"""As many as take a few seconds."""


@pytest.fixture(scope="module")
def compared():
    return compare(SEED, BILLS)


def test_the_engine_and_the_answer_key_give_the_same_cents_and_counters(compared):
    _, found = compared
    assert not found, found[0]


def test_the_drawn_bills_meet_every_act_and_every_rule(compared):
    met, _ = compared
    assert met["bills"] == BILLS
    assert {f"act {code}" for code in ACTS} <= set(met)
    for what in (
        "exoneration ald", "exoneration maternity", "exoneration work_accident", "local regime",
        "outside the pathway", "withheld", "settled by compulsory insurance", "two contracts pay",
        "nothing left",
    ):  # fmt: skip
        assert met[what] > 10, what


def test_the_answer_key_shares_nothing_with_the_engine():
    """Only the comparison and this file may know the product; the key may not."""
    knows = {"comparison.py", "test_answer_key.py"}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        modules = {
            name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            for name in _list_imports(node)
        }
        if path.name not in knows:
            assert not any(name.split(".")[0] == "rempart" for name in modules), path.name


def _list_imports(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _count_everything(account, limit, ground, granted):
    """Count the units that were refused too."""
    COUNT(account, limit, ground, limits.Granted(granted.cents, ground.line.quantity))


RATE, BASE, LEVY, FLAT = amo.find_rate_bp, amo.find_base_cents, amo.find_levy, amo._find_flat
LOCAL, COUNT = amo.find_local_bp, adjudication.count_use
MUTATIONS = {
    "another rate for dental care": (
        amo, "find_rate_bp", lambda rate, day: RATE(rate, day) + 100 * (rate == "dental")
    ),
    "the tariff of yesterday": (
        amo, "find_base_cents", lambda code, day: BASE(code, day.replace(day=1))
    ),
    "no local regime for dental care": (
        amo, "find_local_bp", lambda rate, day: 0 if rate == "dental" else LOCAL(rate, day)
    ),
    "no franchise on transport": (
        amo, "find_levy", lambda levied, day: None if levied == "transport" else LEVY(levied, day)
    ),
    "the pathway from eighteen": (amo, "_PATHWAY_YEARS", 18),
    "minors are withheld from too": (amo, "ADULT_YEARS", 16),
    "a participation for each costly act": (
        amo, "_find_flat", lambda line, together: FLAT(line, (line,))
    ),
    "weak medicines in full in a long illness": (amo, "_NEVER_FULL", {}),
    "units refused are counted": (adjudication, "count_use", _count_everything),
    "limits of a day are not counted": (
        adjudication, "count_use",
        lambda account, one, ground, granted: (
            None if one.per is Per.DAY else COUNT(account, one, ground, granted)
        ),
    ),
    "glasses after a year": (
        limits, "RENEWALS",
        {name: type(rows)(replace(row, months=12) for row in rows.rows)
         for name, rows in limits.RENEWALS.items()},
    ),
    "early glasses are refused": (
        limits, "_OPTICAL", "nothing",
    ),
}  # fmt: skip
"""One rule of the engine changed at a time."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutation_a_rule_that_changes_is_noticed(monkeypatch, name):
    module, attribute, changed = MUTATIONS[name]
    monkeypatch.setattr(module, attribute, changed)
    _, found = compare(SEED, BILLS, most=1)
    assert found
