"""The commands about canaries: what they plant, what they say, what they keep to themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.canary_samples import list_planted, make_population, publish_population
from tests.feed_samples import AMC, INSURER, TODAY

from rempart.cli.guard_canaries import canaries
from rempart.storage.connect import Database
from rempart.wiring.home import Home


@pytest.fixture
def call(
    database: Database,
    home: Home,
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    publish_population(database, home, tmp_path, make_population())
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(canaries, list(arguments))


def test_planting_counting_and_retiring(call: Callable[..., Any], database: Database):
    today = ("--today", f"{TODAY}")
    result = call("plant", "--insurer", AMC, "--count", "6", *today)
    assert result.exit_code == 0, result.output
    assert f"insurer {INSURER}: 6 people planted in" in result.stdout
    assert call("plant", "--count", "3", *today).exit_code == 0
    assert len(list_planted(database)) == 9
    assert "9 living, 0 renewed" in call("refresh", *today).stdout
    assert "2 will leave at the next refresh" in call("retire", "--count", "2").stdout
    shown = call("list").stdout
    assert "Mutuelle des Lilas" in shown
    assert not any(str(ref) in shown for ref in list_planted(database))


def test_revealing_needs_a_reason_and_leaves_an_entry(call: Callable[..., Any], database: Database):
    call("plant", "--insurer", AMC, "--count", "2", "--today", f"{TODAY}")
    assert call("list", "--reveal").exit_code == 2
    result = call("list", "--reveal", "--reason", "yearly review")
    assert result.exit_code == 0, result.output
    assert all(f";{ref};" in result.stdout for ref in list_planted(database))
    with database.transaction("owner") as tx:
        bodies = tx.execute("SELECT body FROM ledger.statement").fetchall()
    assert any("canaries" in body and "yearly review" in body for (body,) in bodies)


def test_an_insurer_nobody_knows_is_said_to_be(call: Callable[..., Any]):
    result = call("plant", "--insurer", "9900000991", "--count", "2")
    assert "no insurer has the AMC number" in str(result.exception)
    assert call("plant", "--insurer", "mutuelle", "--count", "2").exit_code == 2
    assert call("retire").exit_code == 2
