"""What is remembered of unfinished tiles is right for every size, and for this log only."""

import hashlib
import random

import pytest

from rempart.disclosure.publishing import TileAddress
from rempart.disclosure.tree import HASH_SIZE, TILE_WIDTH, compute_perfect_root, split_hashes
from rempart.kernel.errors import InconsistentRecord
from rempart.storage import ledger_tiles
from rempart.storage.connect import Database, Transaction
from rempart.storage.ledger_tiles import UnfinishedTiles, make_stored_node_reader

LOG_ID = 7
FULL = 40


def make_tile(name: object) -> bytes:
    """Return a tile that looks like any other."""
    return b"".join(
        hashlib.sha256(f"{name} {place}".encode()).digest() for place in range(TILE_WIDTH)
    )


def save_tiles(database: Database, name: str, places: range, *, log_id: int = LOG_ID) -> None:
    """Put full tiles of leaves in the place of any that are there."""
    with database.connect("admin", autocommit=True) as admin, admin.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ledger.tile VALUES (%s, 0, %s, %s)"
            " ON CONFLICT (log_id, level, n) DO UPDATE SET hashes = excluded.hashes",
            [(log_id, n, make_tile(f"{name} {n}")) for n in places],
        )


def expect(name: str, width: int) -> bytes:
    """Return what an unfinished tile above these leaves holds."""
    return b"".join(
        compute_perfect_root(split_hashes(make_tile(f"{name} {n}"))) for n in range(width)
    )


@pytest.fixture
def tx(database: Database):
    """A reader of what is published."""
    save_tiles(database, "first", range(FULL))
    with database.transaction("cosigner") as transaction:
        yield transaction


def load(tx: Transaction, unfinished: UnfinishedTiles, width: int, *, log_id: int = LOG_ID):
    return unfinished.load(tx, log_id, TileAddress(1, 0, width))


def check_every_size(tx: Transaction, unfinished: UnfinishedTiles) -> None:
    """Ask for sizes in any order, each twice at least."""
    widths = [*range(1, FULL + 1), *range(1, FULL + 1)]
    random.Random(5).shuffle(widths)
    for width in widths:
        assert load(tx, unfinished, width) == expect("first", width)


def test_what_was_kept_for_one_size_is_never_served_for_another(tx):
    check_every_size(tx, UnfinishedTiles())


def test_mutation_a_memory_that_does_not_cut_to_the_size_is_seen(tx, monkeypatch):
    unfinished = UnfinishedTiles()
    load(tx, unfinished, FULL)
    whole = expect("first", FULL)
    monkeypatch.setattr(unfinished, "load", lambda *_: whole)
    with pytest.raises(AssertionError):
        check_every_size(tx, unfinished)


def test_a_log_that_grows_costs_only_what_was_added(tx, monkeypatch):
    asked: list[range] = []
    work_out = ledger_tiles._work_out

    def count(tx, log_id, level, below):
        asked.append(below)
        return work_out(tx, log_id, level, below)

    monkeypatch.setattr(ledger_tiles, "_work_out", count)
    unfinished = UnfinishedTiles()
    for width in (30, 30, 33, 20):
        load(tx, unfinished, width)
    assert [len(below) for below in asked] == [30, 1, 4, 1]


def test_another_log_in_the_same_place_is_read_afresh(database, tx):
    unfinished = UnfinishedTiles()
    load(tx, unfinished, 30)
    save_tiles(database, "restored", range(FULL))
    for width in (30, 31, 12):
        assert load(tx, unfinished, width) == expect("restored", width)


def test_mutation_a_memory_that_is_believed_serves_the_log_that_was(database, tx, monkeypatch):
    unfinished = UnfinishedTiles()
    load(tx, unfinished, 30)
    save_tiles(database, "restored", range(FULL))
    monkeypatch.setattr(ledger_tiles, "_work_out", lambda *_: expect("first", 30)[29 * HASH_SIZE :])
    assert load(tx, unfinished, 30) == expect("first", 30)


def test_logs_are_told_apart(database, tx):
    save_tiles(database, "other", range(FULL), log_id=8)
    unfinished = UnfinishedTiles()
    assert load(tx, unfinished, 9) == expect("first", 9)
    assert load(tx, unfinished, 9, log_id=8) == expect("other", 9)


def test_no_more_is_remembered_than_was_said(database, tx):
    unfinished = UnfinishedTiles(most=2)
    for log_id in (8, 9, 10):
        save_tiles(database, f"log {log_id}", range(2), log_id=log_id)
        load(tx, unfinished, 2, log_id=log_id)
        assert unfinished.count <= 2
    assert load(tx, unfinished, 2, log_id=8) == expect("log 8", 2)


def test_a_tile_that_is_missing_below_is_not_remembered_around(database, tx):
    unfinished = UnfinishedTiles()
    with database.connect("admin", autocommit=True) as admin:
        admin.execute("DELETE FROM ledger.tile WHERE log_id = 7 AND n = 4")
    assert load(tx, unfinished, 9) == expect("first", 4)
    assert unfinished.count == 0
    read_node = make_stored_node_reader(tx, LOG_ID, 9 * TILE_WIDTH, unfinished)
    with pytest.raises(InconsistentRecord, match="hashes of tile 1/0 are missing"):
        read_node(11, 0)
