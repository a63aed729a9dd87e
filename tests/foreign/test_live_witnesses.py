"""I6: a fork and a rollback are refused live, by a witness in Go that is not ours, and by ours.

The log is written by the gateway's own writer, backed up, continued, cosigned, and then taken up
again from the backup under the same key: what a restored backup or an insider would do.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.foreign.conftest import Build, serve_portals
from tests.foreign.own_witness import OwnWitness
from tests.ledger_samples import check_ledger, make_drafts, make_signer, open_writer, run
from tests.witness_samples import grow_log

from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.note import parse_note
from rempart.disclosure.witness import AddCheckpoint, KnownWitness, Quorum, format_add_checkpoint
from rempart.exchange.witness_client import WitnessClient
from rempart.storage.connect import Database
from rempart.storage.ledger_publishing import list_alarms, load_last_checkpoint
from rempart.storage.roles import prepare_database
from rempart.wiring.home import Home
from rempart.witness.store import WitnessStore
from rempart.workflows.ledger.cosign_ledger import Outcome, Round, cosign_ledger
from rempart.workflows.ledger.publish_ledger import read_published_checkpoint


@pytest.fixture
def go_witness(build_go: Build) -> Iterator[KnownWitness]:
    """A running witness that shares no code with ours."""
    command = [str(build_go("witness")), make_signer().verifier.vkey, make_signer(2).verifier.vkey]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        vkey, url = process.stdout.readline().split()
        yield KnownWitness(label="Go", verifier=CosignatureVerifier.parse(vkey), url=url)
        process.stdin.close()


@pytest.fixture
def own_witness(tmp_path: Path) -> OwnWitness:
    return OwnWitness(tmp_path / "witness", [make_signer(n).verifier.vkey for n in (1, 2)])


def ask(database: Database, *witnesses: KnownWitness) -> list[Outcome]:
    """One round of the cosigning process."""
    with WitnessClient() as client:
        tools = Round(
            transaction=lambda: database.transaction("cosigner"),
            ask=client,
            now_ms=lambda: 1_700_000_000_000,
        )
        return cosign_ledger(tools, Quorum(witnesses=witnesses, needed=min(1, len(witnesses))))


def results(outcomes: list[Outcome]) -> set[str]:
    return {outcome.result for outcome in outcomes}


def restore(database: Database, to: Database) -> None:
    """Copy a database as a backup would, and give the copy its rights."""
    with database.renamed("postgres").connect("admin", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {to.name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {to.name} OWNER rempart_owner TEMPLATE {database.name}")
    with to.connect("admin", autocommit=True) as admin:
        prepare_database(admin)


def append_others(database: Database, count: int) -> None:
    """Continue the log with other entries than before: another history."""

    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(count, first=1_000_000))
        await writer.close()

    run(scenario)


def check_fork_is_refused(
    make_database: Callable[[], Database], *witnesses: KnownWitness
) -> Database:
    """Cosign, roll back, see the rollback refused; fork, see the fork refused. Return the fork."""
    database, backup = make_database(), make_database()
    grow_log(database, 300)
    assert results(ask(database, *witnesses)) == {"cosigned"}
    restore(database, backup)
    grow_log(database, 400, 5)
    assert results(ask(database, *witnesses)) == {"cosigned"}
    assert results(ask(database, *witnesses)) == {"cosigned"}  # asked again: still the same tree
    with database.transaction("cosigner") as tx:
        quorum = Quorum(witnesses=witnesses, needed=len(witnesses))
        note = read_published_checkpoint(tx, 1, quorum)
    assert note is not None
    assert len(parse_note(note).signatures) == 1 + len(witnesses)

    # Rolled back: the witnesses have seen more than we show.
    assert results(ask(backup, *witnesses)) == {"rollback"}
    # Continued otherwise, up to the very size that was cosigned, and beyond.
    append_others(backup, 405)
    assert results(ask(backup, *witnesses)) == {"fork"}
    append_others(backup, 100)
    assert results(ask(backup, *witnesses)) == {"fork"}
    with backup.transaction("cosigner") as tx:
        alarms = list_alarms(tx)
    assert {(alarm.reason, alarm.size) for alarm in alarms} == {
        ("rollback", 300),
        ("fork", 705),
        ("fork", 805),
    }
    assert len(alarms) == 3 * len(witnesses)
    # The true log goes on undisturbed.
    grow_log(database, 7)
    assert results(ask(database, *witnesses)) == {"cosigned"}
    return backup


def test_a_foreign_witness_refuses_the_fork_and_the_rollback(
    make_database: Callable[[], Database], go_witness: KnownWitness
):
    check_fork_is_refused(make_database, go_witness)


def test_our_witness_refuses_the_same_and_keeps_the_evidence(
    make_database: Callable[[], Database], own_witness: OwnWitness
):
    with own_witness.running():
        check_fork_is_refused(make_database, own_witness.known)
    evidence = WitnessStore(own_witness.directory)
    found = evidence.list_evidence()
    evidence.close()
    assert [one.request.partition("\n\n")[2].split("\n")[1] for one in found] == ["705", "805"]


def test_mutation_without_a_witness_the_fork_goes_unseen(make_database: Callable[[], Database]):
    """Every other check is passed: this is what the witness is for."""
    database, backup = make_database(), make_database()
    grow_log(database, 300)
    restore(database, backup)
    append_others(backup, 405)
    assert ask(backup) == []
    check_ledger(backup, 705)


def test_mutation_a_witness_whose_memory_is_lost_signs_the_fork(
    make_database: Callable[[], Database], own_witness: OwnWitness
):
    """Why a witness that lost its state takes a new name."""
    with own_witness.running():
        backup = check_fork_is_refused(make_database, own_witness.known)
    store = WitnessStore(own_witness.directory)
    store._db.execute("DELETE FROM seen")
    store.close()
    with own_witness.running():
        assert results(ask(backup, own_witness.known)) == {"cosigned"}


DYING = """
import os, signal, sys
from rempart.wiring.http_server import serve
from rempart.witness.app import create_app
from rempart.witness.store import WitnessStore

settle = WitnessStore.settle

def settle_and_die(self, submission, **given):
    settle(self, submission, **given)
    os.kill(os.getpid(), signal.SIGKILL)

WitnessStore.settle = settle_and_die
"""


def test_a_witness_killed_between_saving_and_answering_never_signs_another_root(
    database: Database, own_witness: OwnWitness, tmp_path: Path
):
    grow_log(database, 300)
    (tmp_path / "dying.py").write_text(DYING)
    start = (
        f"import dying; dying.serve('asgi', 'dying:create_app', '127.0.0.1', {own_witness.port})"
    )
    with own_witness.running("-c", start, PYTHONPATH=str(tmp_path)):
        assert results(ask(database, own_witness.known)) == {"unreachable"}
    store = WitnessStore(own_witness.directory)
    assert store._db.execute("SELECT size FROM seen").fetchall() == [(300,)]
    store.close()
    with own_witness.running():
        # Another tree of that size is refused; ours is cosigned, though the answer never came.
        signer = make_signer()
        with database.transaction("cosigner") as tx:
            last = load_last_checkpoint(tx, 1)
        assert last
        forged = sign_checkpoint(signer, Checkpoint(signer.name, 300, bytes(32)))
        with WitnessClient() as client:
            url = own_witness.known.url
            assert client.add_checkpoint(url, AddCheckpoint(0, (), forged)).status == 409
            assert client.add_checkpoint(url, AddCheckpoint(300, (), forged)).status == 422
        assert results(ask(database, own_witness.known)) == {"cosigned"}


def test_a_witness_that_is_away_delays_nothing_but_its_own_line(
    database: Database, go_witness: KnownWitness
):
    grow_log(database, 10)
    away = KnownWitness(
        label="away",
        verifier=CosignatureVerifier("away.example/w", bytes(32)),
        url="http://127.0.0.1:9",
    )
    outcomes = ask(database, away, go_witness)
    assert [outcome.result for outcome in outcomes] == ["unreachable", "cosigned"]


def test_a_log_the_witness_does_not_follow_is_refused_without_alarm(
    database: Database, go_witness: KnownWitness
):
    grow_log(database, 10, log_id=3)
    [outcome] = ask(database, go_witness)
    assert (outcome.result, outcome.detail[:3]) == ("refused", "404")
    with database.transaction("cosigner") as tx:
        assert list_alarms(tx) == []


def test_the_command_asks_every_witness_and_tells_an_accusation_by_its_exit_code(
    make_database: Callable[[], Database],
    go_witness: KnownWitness,
    home: Home,
    tmp_path: Path,
):
    file = tmp_path / "witnesses.toml"
    file.write_text(
        f'quorum = 1\n[[witness]]\nname = "Go"\nvkey = "{go_witness.verifier.vkey}"\n'
        f'url = "{go_witness.url}"\n'
    )
    database, backup = make_database(), make_database()
    grow_log(database, 20)

    def cosign(asked: Database) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rempart", "ledger", "cosign", "--once"],
            env={
                **os.environ,
                "REMPART_HOME": str(home.path),
                "DATABASE_URL": asked.url(),
                "REMPART_WITNESSES_FILE": str(file),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    restore(database, backup)
    grow_log(database, 5)
    done = cosign(database)
    assert (done.returncode, "cosigned" in done.stdout) == (0, True), done.stderr
    refused = cosign(backup)
    assert refused.returncode == 3, refused.stderr
    assert "rollback" in refused.stdout
    assert "ALARM" in refused.stderr
    with serve_portals(backup, home) as url:
        assert go_witness.verifier.name in httpx.get(f"{url}/ledger/").text


def test_a_request_is_what_the_foreign_witness_reads(go_witness: KnownWitness):
    for body, status in (
        ("", 400),
        ("old 1\n\nnothing", 404),
        (format_add_checkpoint(AddCheckpoint(0, (), "unknown\n0\n\n")), 404),
    ):
        url = f"{go_witness.url}/add-checkpoint"
        assert httpx.post(url, content=body.encode()).status_code == status
