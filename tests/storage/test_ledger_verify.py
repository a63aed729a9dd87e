"""Any changed byte of evidence is detected and located to its row (I3); gaps are seen (I4).

Every falsification is made by the owner of the tables, in a transaction that is rolled back.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.ledger_samples import (
    Clock,
    find_differences,
    list_places,
    make_drafts,
    make_signer,
    open_writer,
    rewrite_with_tile,
    run,
)

from rempart.disclosure.note import NoteSigner
from rempart.kernel.errors import NotFound
from rempart.storage.connect import Database, Transaction
from rempart.workflows.ledger.audit_ledger import LedgerVerdict, Trust, audit_ledger

# 2 full tiles and an unfinished one; 3 sessions; some 11 checkpoints.
ENTRIES = 703
LAST = ENTRIES - 1

# Columns that the tree does not commit to: docs/reference/ledger-format.md lists them.
OPERATIONAL = {("head", "epoch"), ("log", "opened_at")}


def change(tx: Transaction, table: str, column: str, where: str) -> None:
    """Change a value as little as its type allows."""
    [kind] = tx.execute(
        "SELECT data_type FROM information_schema.columns"
        " WHERE table_schema = 'ledger' AND table_name = %s AND column_name = %s",
        [table, column],
    ).fetchone()
    new = {
        "smallint": f"{column} + 1",
        "integer": f"{column} + 100",
        "bigint": f"{column} # 1024",
        "bytea": f"set_byte({column}, 9, get_byte({column}, 9) # 1)",
        "uuid": f"(overlay({column}::text placing"
        f" CASE substr({column}::text, 1, 1) WHEN '0' THEN '1' ELSE '0' END from 1 for 1))::uuid",
        "text": f"overlay({column} placing"
        f" CASE substr({column}, 3, 1) WHEN 'x' THEN 'y' ELSE 'x' END from 3 for 1)",
    }[kind]
    done = tx.execute(f"UPDATE ledger.{table} SET {column} = {new} WHERE {where}")
    assert done.rowcount == 1


def list_columns(tx: Transaction, table: str) -> list[str]:
    rows = tx.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'ledger' AND table_name = %s ORDER BY ordinal_position",
        [table],
    )
    return [name for (name,) in rows if (table, name) not in OPERATIONAL]


def allow_moves(tx: Transaction) -> None:
    """Take away what would hinder a falsifier with the owner's rights."""
    tx.execute("SELECT ledger.ensure_segment(2::smallint, 0)")
    tx.execute("ALTER TABLE ledger.head DROP CONSTRAINT head_log_id_fkey")
    tx.execute("ALTER TABLE ledger.edge DROP CONSTRAINT edge_log_id_fkey")


def test_a_log_as_it_was_written_is_sound(ledger: Transaction):
    verdict = audit_ledger(ledger)
    assert verdict.is_sound
    [verified] = verdict.logs
    assert (verified.entries, verified.tiles, verified.sessions) == (ENTRIES, 2, 3)
    assert verified.checkpoints > 5


def test_the_auditor_verifies_and_can_write_nothing(ledger_database: Database):
    with ledger_database.transaction("auditor") as tx:
        assert audit_ledger(tx).is_sound
        privileges = tx.execute(
            "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee = 'rempart_auditor'"
        ).fetchall()
    assert privileges == [("SELECT",)]


# Where one change of a row must be found, for any of its columns but its key.
ROWS = [
    ("entry", "idx = 0", (0,)),
    ("entry", "idx = 255", (255,)),
    ("entry", "idx = 300", (300,)),
    ("entry", "idx = 600", (600,)),
    ("entry", f"idx = {LAST}", (LAST,)),
    ("tile", "n = 1", (0, 1)),
    ("session", "session_ref = 500001", (500_001,)),
    ("head", "true", ()),
    ("edge", "true", ()),
    ("insurer_counter", "insurer_id = 3", (3,)),
]


@pytest.mark.parametrize(("table", "where", "key"), ROWS)
def test_every_evidential_column_is_watched(
    ledger: Transaction, table: str, where: str, key: tuple[int, ...]
):
    columns = list_columns(ledger, table)
    assert columns
    for column in columns:
        with ledger.transaction(force_rollback=True):
            allow_moves(ledger)
            change(ledger, table, column, where)
            differences = find_differences(ledger)
            assert (table, key) in list_places(differences) or column in (
                *("log_id", "idx", "n", "level", "session_ref"),
                *("size", "insurer_id"),
            ), f"{table}.{column} {differences}"
            assert any(found.table == table for found in differences), f"{table}.{column}"


def test_every_column_of_every_checkpoint_is_watched(ledger: Transaction):
    sizes = [size for (size,) in ledger.execute("SELECT size FROM ledger.checkpoint ORDER BY size")]
    for size in sizes:
        for column in list_columns(ledger, "checkpoint"):
            with ledger.transaction(force_rollback=True):
                change(ledger, "checkpoint", column, f"size = {size}")
                found = {
                    row
                    for table, row in list_places(find_differences(ledger))
                    if table == "checkpoint"
                }
                if column in ("size", "log_id"):
                    assert found, column
                else:
                    assert found == {(size,)}, column


def test_a_changed_key_of_the_log_is_told_as_such(ledger: Transaction):
    for column, value in (("vkey", make_signer(2).verifier.vkey), ("origin", "other.invalid")):
        with ledger.transaction(force_rollback=True):
            ledger.execute(f"UPDATE ledger.log SET {column} = %s", [value])
            assert ("log", ()) in list_places(find_differences(ledger))


def test_a_change_is_found_nowhere_else(ledger: Transaction):
    for column in ("person_ref", "account_ref", "acct_seq", "salt", "t_ms", "fields"):
        with ledger.transaction(force_rollback=True):
            change(ledger, "entry", column, "idx = 300")
            [found] = find_differences(ledger)
            assert (found.row, found.columns) == ({"idx": 300}, (column,))
    with ledger.transaction(force_rollback=True):
        ledger.execute("UPDATE ledger.entry SET account_ref = 1, person_ref = 2 WHERE idx = 300")
        [found] = find_differences(ledger)
        assert (found.row, found.columns) == ({"idx": 300}, ())


def test_every_bit_of_one_tile_is_watched(ledger: Transaction):
    for place in (0, 31, 32, 4000, 8191):
        with ledger.transaction(force_rollback=True):
            ledger.execute(
                "UPDATE ledger.tile SET hashes ="
                " set_byte(hashes, %(at)s, get_byte(hashes, %(at)s) # 128) WHERE n = 0",
                {"at": place},
            )
            [found] = find_differences(ledger)
            assert (found.table, found.row) == ("tile", {"level": 0, "n": 0})
            assert f"hash {place // 32} was" in found.message


Falsify = Callable[[Transaction], Any]


def execute(*statements: str) -> Falsify:
    return lambda tx: [tx.execute(statement) for statement in statements]


@pytest.mark.parametrize(
    ("falsify", "expected"),
    [
        (execute("DELETE FROM ledger.entry WHERE idx >= 690"), ("entry", (690,))),
        (execute("DELETE FROM ledger.entry WHERE idx = 0"), ("entry", (0,))),
        (execute("DELETE FROM ledger.entry WHERE idx BETWEEN 250 AND 260"), ("entry", (250,))),
        (execute("DELETE FROM ledger.tile WHERE n = 0"), ("tile", (0, 0))),
        (execute("DELETE FROM ledger.session WHERE session_ref = 500002"), ("session", (500_002,))),
        (execute("DELETE FROM ledger.head"), ("head", ())),
        (execute("DELETE FROM ledger.edge"), ("edge", ())),
        (execute("DELETE FROM ledger.checkpoint WHERE size = 703"), ("edge", ())),
        (
            execute("DELETE FROM ledger.insurer_counter WHERE insurer_id = 2"),
            ("insurer_counter", (2,)),
        ),
        (
            execute(
                "INSERT INTO ledger.entry SELECT (jsonb_populate_record(entry,"
                " jsonb_build_object('idx', 703))).* FROM ledger.entry WHERE idx = 702"
            ),
            ("entry", (703,)),
        ),
        (
            execute(
                "INSERT INTO ledger.session SELECT 99, account_ref, client_ref, opened_ms, method,"
                " address, agent FROM ledger.session LIMIT 1"
            ),
            ("session", (99,)),
        ),
        (
            execute(
                "INSERT INTO ledger.tile SELECT log_id, 0, 2, hashes FROM ledger.tile WHERE n = 1"
            ),
            ("tile", (0, 2)),
        ),
        (
            execute(
                "INSERT INTO ledger.tile SELECT log_id, 1, 0, hashes FROM ledger.tile WHERE n = 1"
            ),
            ("tile", (1, 0)),
        ),
        (
            execute(
                "INSERT INTO ledger.tile SELECT log_id, 7, 0, hashes FROM ledger.tile WHERE n = 1"
            ),
            ("tile", (7, 0)),
        ),
        (
            execute(
                "INSERT INTO ledger.checkpoint SELECT log_id, 704, t_ms, root, note"
                " FROM ledger.checkpoint WHERE size = 703"
            ),
            ("checkpoint", (704,)),
        ),
        (
            execute(
                "INSERT INTO ledger.checkpoint SELECT log_id, 0, t_ms, root, note"
                " FROM ledger.checkpoint WHERE size = 703"
            ),
            ("checkpoint", (0,)),
        ),
        (
            execute(
                "INSERT INTO ledger.checkpoint SELECT log_id, 600, t_ms, root, note"
                " FROM ledger.checkpoint WHERE size = 703"
            ),
            ("checkpoint", (600,)),
        ),
        (
            execute("INSERT INTO ledger.insurer_counter VALUES (1, 8, 703, 1)"),
            ("insurer_counter", (8,)),
        ),
        (
            execute("INSERT INTO ledger.insurer_counter VALUES (1, 8, 3, 1)"),
            ("insurer_counter", (8,)),
        ),
        (
            execute(
                "SELECT ledger.ensure_segment(4::smallint, 0)",
                "INSERT INTO ledger.entry SELECT (jsonb_populate_record(entry,"
                " jsonb_build_object('log_id', 4))).* FROM ledger.entry WHERE idx = 702",
            ),
            ("entry", ()),
        ),
        (execute("UPDATE ledger.head SET size = size - 1"), ("head", ())),
        (execute("UPDATE ledger.head SET size = size + 1"), ("head", ())),
        (execute("UPDATE ledger.head SET size = 500"), ("entry", (500,))),
        (
            execute(
                "DELETE FROM ledger.head",
                "DELETE FROM ledger.edge",
                "DELETE FROM ledger.log",
            ),
            ("checkpoint", ()),
        ),
    ],
)
def test_missing_and_added_rows_are_found(
    ledger: Transaction, falsify: Falsify, expected: tuple[str, tuple[int, ...]]
):
    falsify(ledger)
    assert expected in list_places(find_differences(ledger))


def test_every_checkpoint_that_is_taken_away_is_missed(ledger: Transaction):
    sizes = [size for (size,) in ledger.execute("SELECT size FROM ledger.checkpoint ORDER BY size")]
    for before, size in zip([0, *sizes], sizes, strict=False):
        with ledger.transaction(force_rollback=True):
            ledger.execute("DELETE FROM ledger.checkpoint WHERE size = %s", [size])
            found = list_places(find_differences(ledger))
            assert ("checkpoint", (before,)) in found or ("edge", ()) in found


def test_two_entries_that_change_places_are_both_found(ledger: Transaction):
    ledger.execute("UPDATE ledger.entry SET idx = 10000 WHERE idx = 100")
    ledger.execute("UPDATE ledger.entry SET idx = 100 WHERE idx = 101")
    ledger.execute("UPDATE ledger.entry SET idx = 101 WHERE idx = 10000")
    assert {("entry", (100,)), ("entry", (101,))} <= list_places(find_differences(ledger))


def test_a_rewrite_of_row_and_tile_is_located_between_two_checkpoints(
    ledger: Transaction,
):
    sizes = [size for (size,) in ledger.execute("SELECT size FROM ledger.checkpoint ORDER BY size")]
    after = next(size for size in sizes if size > 300)
    before = max(size for size in sizes if size <= 300)
    rewrite_with_tile(ledger, 300)
    differences = find_differences(ledger)
    assert ("checkpoint", (after,)) in list_places(differences)
    [root] = [found for found in differences if found.rule == "root"]
    assert f"entries {before} to {after - 1}" in root.message
    assert f"to size {ENTRIES}" in root.message


def test_a_note_signed_by_another_key_is_refused(ledger: Transaction):
    thief = NoteSigner(make_signer().name, bytes(32))
    [note] = ledger.execute("SELECT note FROM ledger.checkpoint WHERE size = 703").fetchone()
    text = note.rpartition("\n\n")[0] + "\n"
    ledger.execute("UPDATE ledger.checkpoint SET note = %s WHERE size = 703", [thief.sign(text)])
    [found] = find_differences(ledger)
    assert (found.table, found.rule, found.columns) == ("checkpoint", "signature", ("note",))


def test_a_database_whose_key_was_replaced_does_not_pass_for_the_trusted_one(ledger: Transaction):
    trusted = make_signer().verifier
    assert audit_ledger(ledger, trust=Trust(keys=[trusted])).is_sound
    thief = NoteSigner(trusted.name, bytes(32)).verifier
    differences = audit_ledger(ledger, trust=Trust(keys=[thief])).differences
    assert [(one.table, one.columns) for one in differences] == [("log", ("vkey",))]
    unknown = NoteSigner("elsewhere.invalid", bytes(32)).verifier
    [found] = audit_ledger(ledger, trust=Trust(keys=[unknown])).differences
    assert "no log is called elsewhere.invalid" in found.message


def test_a_log_that_does_not_exist_is_not_called_sound(ledger: Transaction):
    with pytest.raises(NotFound, match="no log 5"):
        audit_ledger(ledger, log_id=5)


def test_one_log_is_verified_alone(ledger: Transaction):
    verdict: LedgerVerdict = audit_ledger(ledger, log_id=1)
    assert verdict.is_sound
    assert [one.log_id for one in verdict.logs] == [1]


def test_an_empty_ledger_is_sound(database: Database):
    with database.transaction("auditor") as tx:
        assert audit_ledger(tx).is_sound


async def write_nothing(database: Database) -> None:
    await (await open_writer(database)).close()


def test_a_log_without_entries_is_sound(database: Database):
    run(lambda: write_nothing(database))
    with database.transaction("auditor") as tx:
        verdict = audit_ledger(tx)
    assert verdict.is_sound
    assert verdict.logs[0].entries == 0


def test_what_the_writer_adds_meanwhile_is_not_a_difference(database: Database):
    """The state is read first; then the log grows by tiles, checkpoints and counters."""

    async def write_and_verify() -> LedgerVerdict:
        clock = Clock()
        writer = await open_writer(database, clock=clock)
        await writer.append(make_drafts(300))
        await writer.write_checkpoint()

        def grow(*_: object) -> None:
            asyncio.run_coroutine_threadsafe(more(), loop).result()

        async def more() -> None:
            for _ in range(3):
                clock.now_ms += 1200
                await writer.append(make_drafts(300, 1000))
            await writer.write_checkpoint()

        loop = asyncio.get_running_loop()
        with database.transaction("auditor") as tx:
            verdict = await asyncio.to_thread(audit_ledger, tx, on_progress=grow)
        await writer.close()
        return verdict

    verdict = run(write_and_verify)
    assert verdict.is_sound, verdict.differences
    assert verdict.logs[0].entries == 300


async def write_large_log(database: Database) -> None:
    clock = Clock()
    writer = await open_writer(database, clock=clock)
    for first in range(0, 65_536 + 600, 4134):
        clock.now_ms += 300
        await writer.append(make_drafts(4134, first))
    await writer.close()


def test_a_tile_of_the_second_level_is_watched_too(database: Database):
    run(lambda: write_large_log(database))
    with database.connect("owner") as tx:
        verdict = audit_ledger(tx)
        assert verdict.is_sound
        assert verdict.logs[0].tiles == 259
        tx.execute("UPDATE ledger.entry SET person_ref = 3 WHERE idx = 65000")
        tx.execute("UPDATE ledger.tile SET hashes = set_byte(hashes, 64, 0) WHERE level = 1")
        assert list_places(find_differences(tx)) == {("entry", (65_000,)), ("tile", (1, 0))}
        tx.execute("DELETE FROM ledger.tile WHERE level = 1")
        assert ("tile", (1, 0)) in list_places(find_differences(tx))
        tx.rollback()
