"""The witness over HTTP, in memory: statuses, bodies, what is kept, and that it saves first."""

import asyncio
import hashlib
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.unit.disclosure.test_witness import FORKED, LEAVES, LOG, make_note, prove

from rempart.cli.witness import witness as command
from rempart.disclosure.cosignature import CosignatureVerifier, Cosigner
from rempart.disclosure.note import parse_note
from rempart.disclosure.witness import (
    AddCheckpoint,
    format_add_checkpoint,
)
from rempart.kernel.errors import SetupError
from rempart.witness.app import MAX_BODY, Answer, Witness, WitnessApp, create_app
from rempart.witness.keys import create_key, load_key
from rempart.witness.store import WitnessStore

KEY = Cosigner("witness.example/w1", bytes([7] * 32))
TIME_S = 1_700_000_000


@pytest.fixture
def store(tmp_path: Path):
    store = WitnessStore(tmp_path)
    store.add_key(LOG.verifier.vkey)
    yield store
    store.close()


@pytest.fixture
def watcher(store: WitnessStore) -> Witness:
    return Witness(KEY, store, now_s=lambda: TIME_S)


def send(watcher: Witness, old: int, size: int, leaves: list[bytes] = LEAVES) -> Answer:
    proof = prove(old, size, leaves) if old < size else ()
    request = AddCheckpoint(old, proof, make_note(size, leaves))
    return watcher.add_checkpoint(format_add_checkpoint(request).encode())


def test_a_growing_log_is_cosigned_at_every_step(watcher: Witness):
    for old, size in ((0, 10), (10, 100), (100, 100), (100, 200)):
        answer = send(watcher, old, size)
        assert answer.status == 200, answer
        note = parse_note(make_note(size) + answer.body)
        assert KEY.verifier.verify(note).time_s == TIME_S


def test_another_old_size_is_told_the_right_one(watcher: Witness):
    send(watcher, 0, 100)
    assert send(watcher, 50, 200) == Answer(409, "100\n", "text/x.tlog.size")


def test_a_fork_is_refused_and_the_evidence_kept_once(watcher: Witness, store: WitnessStore):
    send(watcher, 0, 100)
    for _ in range(3):
        assert send(watcher, 100, 200, FORKED).status == 422
    (found,) = store.list_evidence()
    assert found.origin == LOG.name
    assert make_note(200, FORKED) in found.request
    assert found.seen_note is not None
    assert make_note(100) in found.seen_note
    assert send(watcher, 100, 200).status == 200


def test_no_size_is_ever_signed_with_two_roots(watcher: Witness):
    assert send(watcher, 0, 100).status == 200
    assert send(watcher, 0, 100, FORKED).status == 409
    assert send(watcher, 100, 100, FORKED).status == 422
    assert send(watcher, 100, 100).status == 200


def test_mutation_a_witness_that_forgets_signs_the_fork(watcher: Witness, store: WitnessStore):
    send(watcher, 0, 100)
    store._db.execute("DELETE FROM seen")
    assert send(watcher, 0, 100, FORKED).status == 200


class Peeking(Cosigner):
    """A key that looks, through another connection, at what is saved when it signs."""

    def __init__(self, directory: Path) -> None:
        super().__init__("witness.example/w1", bytes(32))
        self._directory = directory
        self.saved: list[Any] = []

    def cosign(self, text: str, *, time_s: int) -> str:
        other = sqlite3.connect(self._directory / "witness.sqlite3")
        self.saved = other.execute("SELECT size FROM seen").fetchall()
        other.close()
        return super().cosign(text, time_s=time_s)


def test_what_is_signed_is_saved_before(store: WitnessStore, tmp_path: Path):
    key = Peeking(tmp_path)
    assert send(Witness(key, store, now_s=lambda: TIME_S), 0, 10).status == 200
    assert key.saved == [(10,)]


def test_mutation_a_witness_that_signs_first_is_noticed(store: WitnessStore, tmp_path: Path):
    class Hasty(Witness):
        def add_checkpoint(self, body: bytes) -> Answer:
            text = body.decode().partition("\n\n")[2].partition("\n\n")[0] + "\n"
            self._cosigner.cosign(text, time_s=TIME_S)
            return super().add_checkpoint(body)

    key = Peeking(tmp_path)
    saved_first = []
    key_cosign = key.cosign
    key.cosign = lambda text, *, time_s: (  # type: ignore[method-assign]
        key_cosign(text, time_s=time_s),
        saved_first.append(key.saved),
    )[0]
    assert send(Hasty(key, store, now_s=lambda: TIME_S), 0, 10).status == 200
    assert saved_first[0] == []


def test_every_commit_is_on_disk_before_it_returns(store: WitnessStore):
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_two_processes_never_both_move_a_log(store: WitnessStore, tmp_path: Path):
    """The second waits for the first, then sees what it saved."""
    other = WitnessStore(tmp_path)
    first = Witness(KEY, store, now_s=lambda: TIME_S)
    second = Witness(KEY, other, now_s=lambda: TIME_S)
    assert send(first, 0, 10).status == 200
    assert send(second, 0, 20) == Answer(409, "10\n", "text/x.tlog.size")
    other.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"\xff", 400), (b"", 400), (format_add_checkpoint(AddCheckpoint(0, (), "x")).encode(), 400)],
)
def test_what_is_no_request_is_refused(watcher: Witness, body: bytes, status: int):
    assert watcher.add_checkpoint(body).status == status


def test_a_log_nobody_told_it_about_is_not_followed(tmp_path: Path):
    store = WitnessStore(tmp_path)
    assert send(Witness(KEY, store, now_s=lambda: TIME_S), 0, 1).status == 404
    store.close()


def call(app: WitnessApp, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def take(message: Any) -> None:
        sent.append(message)

    asyncio.run(app({"type": "http", "method": method, "path": path}, receive, take))
    return sent[0]["status"], sent[1]["body"]


def test_the_routes_are_those_of_the_protocol(watcher: Witness):
    app = WitnessApp(watcher)
    body = format_add_checkpoint(AddCheckpoint(0, (), make_note(10))).encode()
    assert call(app, "GET", "/add-checkpoint")[0] == 405
    assert call(app, "POST", "/add-checkpoint", bytes(MAX_BODY + 1))[0] == 400
    assert call(app, "GET", "/")[0] == 404
    origin = hashlib.sha256(LOG.name.encode()).hexdigest()
    assert call(app, "GET", f"/{origin}/checkpoint")[0] == 404
    status, line = call(app, "POST", "/add-checkpoint", body)
    assert status == 200
    status, note = call(app, "GET", f"/{origin}/checkpoint")
    assert (status, note) == (200, make_note(10).encode() + line)


def test_a_key_is_drawn_once_and_only_its_owner_reads_it(tmp_path: Path):
    made = create_key(tmp_path / "w", "witness.example/w1")
    assert load_key(tmp_path / "w").verifier.vkey == made.verifier.vkey
    mode = (tmp_path / "w" / "witness.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    with pytest.raises(SetupError, match="keeps its key"):
        create_key(tmp_path / "w", "witness.example/w1")
    with pytest.raises(SetupError, match="keygen"):
        load_key(tmp_path)
    with pytest.raises(SetupError, match="--name"):
        create_key(tmp_path / "x", "no good")
    (tmp_path / "w" / "witness.key").write_text("{}")
    with pytest.raises(SetupError, match="restore"):
        load_key(tmp_path / "w")


def test_the_commands_make_a_witness_that_follows_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = CliRunner().invoke
    place = ["--dir", str(tmp_path / "w")]
    made = run(command, ["keygen", *place, "--name", "witness.example/w1"])
    verifier = CosignatureVerifier.parse(made.stdout.strip())
    assert run(command, ["add-log", *place, LOG.verifier.vkey]).stdout == f"follows {LOG.name}\n"
    assert run(command, ["add-log", *place, verifier.vkey]).exit_code == 2
    monkeypatch.setitem(os.environ, "REMPART_WITNESS_DIR", str(tmp_path / "w"))
    app = create_app()
    fork = format_add_checkpoint(AddCheckpoint(10, (), make_note(20, FORKED))).encode()
    first = format_add_checkpoint(AddCheckpoint(0, (), make_note(10))).encode()
    assert [call(app, "POST", "/add-checkpoint", body)[0] for body in (first, fork)] == [200, 422]
    app._witness._store.close()
    shown = run(command, ["evidence", *place]).stdout
    assert "1 contradictions" in shown
    assert make_note(10) in shown
    assert run(command, ["serve", *place, "--listen", "nowhere"]).exit_code == 2
