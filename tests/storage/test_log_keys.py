"""A log's key is changed, a lost log goes on as another: what signs what, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.ledger_samples import check_ledger, make_drafts, read_rows, run

from rempart.cli.main import cli
from rempart.disclosure.acts import COMMAND_LINE, About, LedgerRead
from rempart.disclosure.checkpoint import verify_checkpoint
from rempart.disclosure.note import NoteRefused, NoteSigner, NoteVerifier
from rempart.kernel.errors import LedgerUnavailable, SetupError
from rempart.storage.connect import Database
from rempart.storage.ledger_writer import LedgerWriter
from rempart.storage.log_opener import LogOpener
from rempart.wiring.acts import open_acts_log
from rempart.wiring.home import Home
from rempart.wiring.log_signers import format_origin, load_signers
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.audit_ledger import audit_ledger
from rempart.workflows.ledger.record_act import record_act

READ = LedgerRead(
    question="who-saw", purpose="essai", from_ms=0, to_ms=9, about=About(kind="persons", count=1)
)


@pytest.fixture
def own_home(reachable_path: Path, home: Home) -> Home:
    """A home of this test alone, whose passwords are those of the tests' server."""
    fresh = Home.create(reachable_path / "home")
    passwords = home.path / "secrets/passwords.json"
    (fresh.path / "secrets/passwords.json").write_bytes(passwords.read_bytes())
    return fresh


@pytest.fixture
def installed(
    own_home: Home, database: Database, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A database that commands find by their environment."""
    for name, value in {**environment, "REMPART_HOME": str(own_home.path)}.items():
        monkeypatch.setenv(name, value)
    return database


def make_opener(database: Database, home: Home, log_id: int = 1) -> LogOpener:
    now = iter(range(1_700_000_000_000, 1_900_000_000_000, 10_000))
    return LogOpener(
        connection=database.asyncpg_kwargs("gateway"),
        log_id=log_id,
        signers=load_signers(home, log_id),
        clock_ms=lambda: next(now),
    )


def write(database: Database, home: Home, count: int, log_id: int = 1) -> str:
    """Append as a gateway would, and return the checkpoint it leaves."""

    async def scenario() -> str:
        writer = await make_opener(database, home, log_id).open()
        for _ in range(3):
            await writer.append(make_drafts(count))
        await writer.close()
        return writer.checkpoint

    return run(scenario)


def rotate(log_id: int = 1, reason: str = "annuel") -> Result:
    return CliRunner().invoke(
        cli, ["ledger", "rotate-key", "--log", str(log_id), "--reason", reason]
    )


def recover(*options: str, log_id: int = 1, successor: int = 5) -> Result:
    arguments = ["--log", str(log_id), "--as", str(successor), "--reason", "incendie", *options]
    return CliRunner().invoke(cli, ["ledger", "recover", *arguments])


def list_notes(database: Database, log_id: int) -> list[tuple[int, str]]:
    query = f"SELECT size, note FROM ledger.checkpoint WHERE log_id = {log_id} ORDER BY size"
    return read_rows(database, query)


def signs(note: str, verifier: NoteVerifier) -> bool:
    try:
        verify_checkpoint(note, verifier, origin=verifier.name)
    except NoteRefused:
        return False
    return True


def list_verifiers(home: Home, log_id: int) -> list[NoteVerifier]:
    return [
        NoteSigner(format_origin(home, log_id), seed).verifier for seed in home.log_keys(log_id)
    ]


# ---------------------------------------------------------------- keys


def test_a_log_is_signed_by_the_key_of_its_time(installed: Database, own_home: Home):
    write(installed, own_home, 90)
    for _ in range(2):
        assert rotate().exit_code == 0
        write(installed, own_home, 90)
    keys = list_verifiers(own_home, 1)
    starts = [0, 270, 540]
    assert read_rows(installed, "SELECT log_id, from_size, vkey FROM ledger.log_key") == [
        (1, size, key.vkey) for size, key in zip(starts[1:], keys[1:], strict=True)
    ]
    for size, note in list_notes(installed, 1):
        signer = max(place for place, start in enumerate(starts) if size > start)
        assert [signs(note, key) for key in keys] == [place == signer for place in range(3)]
    check_ledger(installed, 810 + 2)


def test_the_acts_log_changes_its_own_key(installed: Database, own_home: Home, settings: Settings):
    def act() -> str:
        acts = open_acts_log(settings, own_home, installed)
        return record_act(acts, READ, by=COMMAND_LINE).checkpoint

    before = act()
    result = rotate(0)
    assert result.exit_code == 0, result.output
    after = act()
    old, new = list_verifiers(own_home, 0)
    assert (signs(before, old), signs(after, new), signs(after, old)) == (True, True, False)
    notes = dict(list_notes(installed, 0))
    # The act that changes the key is the last entry the old one signs.
    assert sorted(notes) == [1, 2, 3]
    assert [signs(notes[size], old) for size in (1, 2, 3)] == [True, True, False]
    check_ledger(installed, 3)


def test_a_log_may_change_its_key_before_its_first_entry(installed: Database, own_home: Home):
    run(lambda: open_and_close(make_opener(installed, own_home)))
    assert rotate().exit_code == 0
    write(installed, own_home, 3)
    check_ledger(installed, 9 + 1)


async def open_and_close(opener: LogOpener) -> LedgerWriter:
    writer = await opener.open()
    await writer.close()
    return writer


def test_the_size_where_keys_meet_is_signed_once(installed: Database, own_home: Home):
    left = write(installed, own_home, 5)
    rotate()
    writer = run(lambda: open_and_close(make_opener(installed, own_home)))
    assert writer.checkpoint == left
    assert [size for size, _ in list_notes(installed, 1)].count(15) == 1


def test_a_replaced_key_may_be_taken_away(installed: Database, own_home: Home):
    write(installed, own_home, 5)
    rotate()
    (own_home.path / "keys/log-1.ed25519").unlink()
    write(installed, own_home, 5)
    check_ledger(installed, 30 + 1)


def test_a_log_whose_gateway_runs_keeps_its_key(installed: Database, own_home: Home):
    write(installed, own_home, 1)

    async def scenario() -> Result:
        writer = await make_opener(installed, own_home).open()
        result = rotate_in_thread()
        await writer.close()
        return result

    result = run(scenario)
    assert isinstance(result.exception, LedgerUnavailable)
    assert read_rows(installed, "TABLE ledger.log_key") == []


def rotate_in_thread() -> Result:
    """Run the command where no event loop runs."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(rotate).result()


def test_a_log_that_does_not_exist_is_not_made(installed: Database):
    assert rotate(9).exit_code != 0
    assert read_rows(installed, "TABLE ledger.log") == []


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "deux\nlignes"])
def test_a_change_says_why_in_one_line(installed: Database, reason: str):
    assert rotate(reason=reason).exit_code == 2


def test_a_crash_after_the_new_keys_file_leaves_the_old_key_in_place(
    installed: Database, own_home: Home
):
    write(installed, own_home, 5)
    own_home.draw_log_key(1)
    write(installed, own_home, 5)
    [old, _] = list_verifiers(own_home, 1)
    assert all(signs(note, old) for _, note in list_notes(installed, 1))
    assert rotate().exit_code == 0
    write(installed, own_home, 5)
    check_ledger(installed, 45 + 1)


def test_a_home_without_the_present_key_does_not_sign(installed: Database, own_home: Home):
    write(installed, own_home, 5)
    rotate()
    (own_home.path / "keys/log-1.2.ed25519").unlink()
    with pytest.raises(SetupError, match="another name or key"):
        run(lambda: open_and_close(make_opener(installed, own_home)))


@pytest.mark.parametrize(
    ("falsify", "table"),
    [
        ("DELETE FROM ledger.log_key", "log_key"),
        ("UPDATE ledger.log_key SET from_size = from_size - 1", "log_key"),
        ("UPDATE ledger.log_key SET vkey = (SELECT vkey FROM ledger.log WHERE log_id = 1)",
         "log_key"),
        ("UPDATE ledger.log_key SET log_id = 0", "log_key"),
        ("UPDATE ledger.log_key SET act_idx = 7", "log_key"),
        ("UPDATE ledger.log_key SET act_log = 1", "log_key"),
        ("INSERT INTO ledger.log_key SELECT log_id, 99, vkey, 0, 1 FROM ledger.log_key", "log_key"),
        ("UPDATE ledger.statement SET body = replace(body, 'annuel', 'annuek')", "statement"),
        ("UPDATE ledger.statement SET kind = 8 WHERE kind = 7", "statement"),
        ("DELETE FROM ledger.statement", "statement"),
    ],
)  # fmt: skip
def test_mutation_a_key_or_its_act_that_is_changed_is_located(
    installed: Database, own_home: Home, falsify: str, table: str
):
    write(installed, own_home, 5)
    rotate()
    write(installed, own_home, 5)
    with installed.transaction("owner") as tx:
        tx.execute(falsify)
    with installed.transaction("auditor") as tx:
        found = audit_ledger(tx).differences
    assert table in {one.table for one in found}


# ---------------------------------------------------------------- recovery


def test_a_lost_log_is_given_up_and_goes_on_as_another(installed: Database, own_home: Home):
    write(installed, own_home, 5)
    result = recover()
    assert result.exit_code == 0, result.output
    assert "given up at 15 entries" in result.output
    assert "REMPART_LOG_ID=5" in result.output
    with pytest.raises(SetupError, match="REMPART_LOG_ID=5"):
        run(lambda: open_and_close(make_opener(installed, own_home)))
    write(installed, own_home, 5, log_id=5)
    check_ledger(installed, 15 + 1 + 15)


def test_a_checkpoint_kept_elsewhere_tells_how_far_the_lost_log_was(
    installed: Database, own_home: Home, tmp_path: Path
):
    write(installed, own_home, 5)
    kept = tmp_path / "checkpoint"
    kept.write_text(write(installed, own_home, 5), encoding="utf-8")
    with installed.transaction("owner") as tx:  # what a backup restores
        tx.execute("DELETE FROM ledger.checkpoint WHERE size > 15")
    assert "given up at 30 entries" in recover("--checkpoint", str(kept)).output


def test_a_checkpoint_that_is_not_the_logs_tells_nothing(
    installed: Database, own_home: Home, tmp_path: Path
):
    write(installed, own_home, 5)
    foreign = write(installed, own_home, 5, log_id=2)
    early = list_notes(installed, 1)[0][1]
    write(installed, own_home, 50)
    for place, note in enumerate((foreign, early, "nonsense")):
        file = tmp_path / str(place)
        file.write_text(note, encoding="utf-8")
        assert recover("--checkpoint", str(file)).exit_code != 0
    assert read_rows(installed, "TABLE ledger.statement") == []


def test_what_cannot_be_given_up_is_refused(installed: Database, own_home: Home):
    write(installed, own_home, 5)
    write(installed, own_home, 5, log_id=2)
    assert recover(log_id=9).exit_code != 0
    assert recover(successor=2).exit_code != 0
    assert recover(successor=1).exit_code != 0
    assert recover().exit_code == 0
    assert recover(successor=6).exit_code != 0
    assert recover(log_id=2, successor=5).exit_code != 0
    assert read_rows(installed, "SELECT count(*) FROM ledger.statement") == [(1,)]


def test_a_log_that_is_being_written_is_not_given_up(installed: Database, own_home: Home):
    write(installed, own_home, 5)

    async def scenario() -> int:
        from concurrent.futures import ThreadPoolExecutor

        writer = await make_opener(installed, own_home).open()
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(recover).result()
        await writer.close()
        return result.exit_code

    assert run(scenario) != 0


def test_openers_do_not_print_their_secret(installed: Database, own_home: Home):
    opener = replace(make_opener(installed, own_home), patience_s=1)
    assert installed.passwords["gateway"] not in repr(opener)
