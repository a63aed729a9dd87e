"""`rempart ledger audit`: what it prints, and how it ends."""

import json

import pytest
from click.testing import CliRunner, Result
from tests.ledger_samples import make_drafts, make_signer, open_writer, run

from rempart.cli.main import cli
from rempart.storage.connect import Database


@pytest.fixture
def ledger(
    database: Database, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Database:
    """A database with two logs, that the command finds by its environment."""

    async def write() -> None:
        for log_id in (1, 2):
            writer = await open_writer(database, log_id=log_id)
            await writer.append(make_drafts(300))
            await writer.close()

    run(write)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return database


def falsify(database: Database, statement: str) -> None:
    with database.transaction("owner") as tx:
        tx.execute(statement)


def audit(*options: str) -> Result:
    return CliRunner().invoke(cli, ["ledger", "audit", *options])


def test_a_sound_ledger_is_said_to_be_sound_with_what_was_read(ledger: Database):
    result = audit()
    assert result.exit_code == 0, result.output
    assert "log 1 (rempart.invalid/00000000/log/1): 300 entries, 1 tiles, 1 checkpoints" in (
        result.stdout
    )
    assert "OK: the ledger is what was recorded" in result.stdout


def test_a_difference_is_told_with_its_place(ledger: Database):
    falsify(ledger, "UPDATE ledger.entry SET outcome = 5 WHERE log_id = 2 AND idx = 17")
    result = audit()
    assert result.exit_code == 1
    assert "DIFFERENT entry, log 2, idx 17 [outcome]: the row was changed" in result.stdout
    assert "NOT SOUND: 1 differences" in result.stdout
    assert audit("--log", "1").exit_code == 0


def test_a_program_reads_the_same(ledger: Database):
    falsify(ledger, "DELETE FROM ledger.entry WHERE log_id = 1 AND idx >= 290")
    result = audit("--json")
    assert result.exit_code == 1
    verdict = json.loads(result.stdout)
    assert verdict["sound"] is False
    assert verdict["difference_count"] == 1
    [found] = verdict["differences"]
    assert found == {
        "table": "entry",
        "log_id": 1,
        "row": {"idx": 290},
        "columns": [],
        "rule": "missing_row",
        "message": "entries 290 to 299 are missing",
    }
    assert [log["entries"] for log in verdict["logs"]] == [300, 300]


def test_many_differences_are_counted_and_the_first_shown(ledger: Database):
    falsify(ledger, "UPDATE ledger.entry SET person_ref = 1, outcome = 4")
    result = audit()
    assert result.exit_code == 1
    assert result.stdout.count("DIFFERENT entry") == 50
    assert "... and 550 more" in result.stdout


def test_the_key_one_holds_is_compared_with_the_databases(ledger: Database):
    assert audit("--vkey", make_signer(1).verifier.vkey).exit_code == 0
    assert audit("--vkey", make_signer(3).verifier.vkey).exit_code == 1
    refused = audit("--vkey", "nonsense")
    assert refused.exit_code == 2
    assert "three parts" in refused.stderr


def test_what_could_not_be_verified_is_not_called_sound(
    ledger: Database, monkeypatch: pytest.MonkeyPatch
):
    missing = audit("--log", "9")
    assert missing.exit_code == 2
    assert "there is no log 9" in missing.stderr
    falsify(ledger, "DROP TABLE ledger.session")
    dropped = audit()
    assert dropped.exit_code == 2
    assert "the database stopped the verification (UndefinedTable)" in dropped.stderr
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:nothing@127.0.0.1:1/rempart")
    away = audit()
    assert away.exit_code == 2
    assert "[unavailable]" in away.stderr
