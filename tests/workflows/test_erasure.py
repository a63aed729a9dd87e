"""Erasing openings: proofs still verify, the audit stays sound, and nothing else takes one away."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.archive_samples import (
    approve,
    begin_log,
    list_segments,
    make_archive,
    write_entries,
)
from tests.database_copies import copied_database

from rempart.disclosure.acts import (
    Erase,
    Statement,
    compute_indexes_digest,
    compute_statement_digest,
    draft_act,
)
from rempart.disclosure.checkpoint import parse_checkpoint
from rempart.disclosure.differences import Difference
from rempart.disclosure.note import parse_note
from rempart.disclosure.proof import make_node_reader, prove_inclusion, verify_inclusion
from rempart.disclosure.tree import split_hashes
from rempart.storage.connect import Database
from rempart.storage.segments import erase_openings, read_tiles
from rempart.workflows.ledger.audit_ledger import audit_ledger
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments
from rempart.workflows.retention.erase_openings import run_erasures

SIZE = 1024
NOTHING = Erase(log=1, ground="x", signers=(1, 2), count=0, digest="0" * 64)


@pytest.fixture(scope="module")
def written(template: Database) -> Iterator[Database]:
    with copied_database(template, "written_for_erasure") as database:
        begin_log(database)
        write_entries(database, SIZE)
        yield database


@pytest.fixture
def database(written: Database) -> Iterator[Database]:
    with copied_database(written, "erasure") as database:
        yield database


@pytest.fixture
def archive(database: Database, reachable_path: Path) -> Archive:
    return make_archive(database, reachable_path / "segments")


def find(database: Database, archive: Archive) -> list[Difference]:
    with database.transaction("auditor") as tx:
        return audit_ledger(tx, store=archive.store).differences


def append_act(archive: Archive, template: Statement) -> int:
    """Record an act as somebody would who has the key of the acts log and minds no rule."""
    draft, _ = draft_act(NOTHING, account_ref=0, session_ref=0, request_id=bytes(16))
    digest = compute_statement_digest(template)
    forged = draft._replace(
        lookup_key=digest[:16], data_version=int.from_bytes(digest[16:24], signed=True)
    )
    return archive.acts.append([(forged, template)])[0].index


def state_erasure(indexes: list[int], **changes: object) -> Statement:
    body = {
        "log": 1,
        "ground": "objection: D-2026-1",
        "signers": [71, 72],
        "count": len(indexes),
        "digest": compute_indexes_digest(indexes),
        **changes,
    }
    return Statement(5, json.dumps(body, sort_keys=True, separators=(",", ":")))


def test_with_one_opening_in_a_hundred_erased_every_proof_verifies_and_the_audit_is_sound(
    archive: Archive, database: Database
):
    indexes = sorted(random.Random(8).sample(range(3, SIZE), SIZE // 100))
    list(seal_segments(archive, log_id=1, segment=0))
    list(seal_segments(archive, log_id=1, segment=1))
    list(cool_segments(archive, before_ms=list_segments(database)[0].last_ms + 1))
    approve(database, indexes)
    list(run_erasures(archive))
    assert find(database, archive) == []
    with database.transaction("archivist") as tx:
        [note] = tx.execute(
            "SELECT note FROM ledger.checkpoint WHERE log_id = 1 ORDER BY size DESC LIMIT 1"
        ).fetchone()
        signed = parse_checkpoint(parse_note(note).text)
        tiles = read_tiles(tx, 1, 0, range(SIZE // 256))
    read_node = make_node_reader(SIZE, lambda level, n: tiles[n])
    for index in range(SIZE):
        verify_inclusion(
            prove_inclusion(index, SIZE, read_node),
            index=index,
            size=signed.size,
            leaf_hash=split_hashes(tiles[index // 256])[index % 256],
            root=signed.root,
        )


def test_an_act_with_one_signer_excuses_nothing(archive: Archive, database: Database):
    act = append_act(archive, state_erasure([500], signers=[71]))
    with database.transaction("owner") as tx:
        tx.execute("INSERT INTO ledger.erased VALUES (1, 500, 0, %s)", [act])
        tx.execute("DELETE FROM ledger.entry WHERE log_id = 1 AND idx = 500")
    found = find(database, archive)
    assert {(one.rule, one.table) for one in found} == {("act", "statement"), ("signers", "erased")}


def test_an_act_with_the_same_signer_twice_excuses_nothing(archive: Archive, database: Database):
    act = append_act(archive, state_erasure([500], signers=[71, 71]))
    with database.transaction("owner") as tx:
        tx.execute("INSERT INTO ledger.erased VALUES (1, 500, 0, %s)", [act])
        tx.execute("DELETE FROM ledger.entry WHERE log_id = 1 AND idx = 500")
    assert ("signers", "erased") in {(one.rule, one.table) for one in find(database, archive)}


def test_an_act_of_two_people_excuses_what_it_states_and_no_more(
    archive: Archive, database: Database
):
    act = append_act(archive, state_erasure([500]))
    with database.transaction("owner") as tx:
        tx.execute("INSERT INTO ledger.erased VALUES (1, 501, 0, %s)", [act])
        tx.execute("DELETE FROM ledger.entry WHERE log_id = 1 AND idx = 501")
    [found] = find(database, archive)
    assert (found.rule, found.table) == ("erasure", "erased")


def test_an_act_that_was_not_carried_out_is_told_and_is_no_difference(
    archive: Archive, database: Database
):
    append_act(archive, state_erasure([500]))
    with database.transaction("auditor") as tx:
        verdict = audit_ledger(tx, store=archive.store)
    assert verdict.is_sound
    assert verdict.unfinished == ["act 0 erases and was not carried out"]


@pytest.mark.parametrize(
    ("statement", "indexes", "reason"),
    [
        (state_erasure([500]), [501], "does not state these"),
        (state_erasure([500]), [500, 500], "does not state these"),
        (state_erasure([500], count=2), [500], "does not state these"),
        (state_erasure([500], signers=[71]), [500], "does not state these"),
        (state_erasure([500], signers=[71, 71]), [500], "does not state these"),
        (state_erasure([1]), [1], "only answers"),
        (state_erasure([5000]), [5000], "unfinished last tile"),
    ],
)
def test_the_database_erases_nothing_but_what_the_act_of_two_people_states(
    archive: Archive, database: Database, statement: Statement, indexes: list[int], reason: str
):
    act = append_act(archive, statement)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=reason),
        database.transaction("archivist") as tx,
    ):
        erase_openings(tx, act, indexes)


def test_the_database_erases_nothing_without_an_act_or_while_a_file_holds_it(
    archive: Archive, database: Database
):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="no such act"),
        database.transaction("archivist") as tx,
    ):
        erase_openings(tx, 3, [500])
    list(seal_segments(archive, log_id=1, segment=0))
    with database.transaction("owner") as tx:
        tx.execute("UPDATE ledger.statement SET body = replace(body, '1', '2')")
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="no such act"),
        database.transaction("archivist") as tx,
    ):
        tx.execute("SELECT ledger.cool_segment(1::smallint, 0)")
    act = append_act(archive, state_erasure([100]))
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="a file still holds"),
        database.transaction("archivist") as tx,
    ):
        erase_openings(tx, act, [100])


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.entry WHERE idx = 500",
        "UPDATE ledger.entry SET person_ref = 0 WHERE idx = 500",
        "INSERT INTO ledger.erased VALUES (1, 500, 0, 0)",
        "INSERT INTO ledger.segment SELECT * FROM ledger.segment",
        "UPDATE ledger.segment SET state = 'dropped'",
        "SELECT ledger.detach_segment(1::smallint, 0)",
        "DROP TABLE ledger.entry_1_0",
    ],
)
@pytest.mark.parametrize("login", ["archivist", "gateway", "recorder", "portals"])
def test_nobody_takes_an_opening_away_by_hand(database: Database, login: str, statement: str):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        database.transaction(login) as tx,  # type: ignore[arg-type]
    ):
        tx.execute(statement)
