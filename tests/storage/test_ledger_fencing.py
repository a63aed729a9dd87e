"""One writer at a time, on a server that keeps its word, on a log that agrees with itself (I5)."""

import asyncio
from typing import Any

import pytest
from tests.ledger_samples import (
    Clock,
    check_ledger,
    connect,
    make_drafts,
    make_signer,
    open_writer,
    read_rows,
    replace_in_query,
    run,
)

from rempart.disclosure import batch as batch_module
from rempart.kernel.errors import InconsistentRecord, LedgerFenced, LedgerUnavailable, SetupError
from rempart.storage import ledger_opening, ledger_writer
from rempart.storage.connect import Database
from rempart.storage.ledger_writer import LedgerWriter, Receipt
from rempart.workflows.ledger.audit_ledger import audit_ledger

# ---------------------------------------------------------------- one writer only


def test_a_second_writer_of_a_log_is_refused_while_the_first_lives(database: Database):
    async def scenario() -> None:
        writer = await open_writer(database)
        with pytest.raises(LedgerUnavailable, match="another process"):
            await open_writer(database)
        await writer.append(make_drafts(1))
        await writer.close()
        await (await open_writer(database)).close()

    run(scenario)


async def make_zombie(database: Database) -> tuple[LedgerWriter, LedgerWriter]:
    """A writer that lost its lock without knowing, and the one that took its log over."""
    zombie = await open_writer(database)
    await zombie.append(make_drafts(5))
    await zombie._connection.fetchval("SELECT pg_advisory_unlock_all()")
    return zombie, await open_writer(database)


@pytest.mark.parametrize("successor_writes_first", [True, False])
def test_a_zombie_is_fenced_and_writes_nothing(database: Database, successor_writes_first: bool):
    async def scenario() -> None:
        zombie, writer = await make_zombie(database)
        if successor_writes_first:
            await writer.append(make_drafts(2))
        with pytest.raises(LedgerFenced, match="stop"):
            await zombie.append(make_drafts(3))
        assert not zombie.is_usable
        with pytest.raises(LedgerUnavailable, match="finished"):
            await zombie.append(make_drafts(3))
        if not successor_writes_first:
            await writer.append(make_drafts(2))
        await writer.close()

    run(scenario)
    check_ledger(database, 7)


def test_a_zombie_keeps_no_checkpoint(database: Database):
    async def scenario() -> None:
        zombie, writer = await make_zombie(database)
        with pytest.raises(LedgerFenced):
            await zombie.write_checkpoint()
        await writer.close()

    run(scenario)
    check_ledger(database, 5)


def test_mutation_without_compare_and_swap_a_zombie_gets_its_receipts(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    replace_in_query(
        monkeypatch, ledger_writer, "append_batch", "AND epoch = $2 AND size = $3", "AND $2 > 0"
    )

    async def scenario() -> list[Receipt]:
        zombie, _ = await make_zombie(database)
        zombie._checkpoint_due_ms = 1 << 62
        return await zombie.append(make_drafts(3))

    assert len(run(scenario)) == 3


def test_mutation_without_the_lock_a_second_writer_is_let_in(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    replace_in_query(monkeypatch, ledger_opening, "lock_log", "$2)", "$2) OR true")

    async def scenario() -> None:
        await open_writer(database)
        await open_writer(database)

    run(scenario)


def test_two_batches_at_a_time_are_a_mistake_of_the_caller(database: Database):
    async def scenario() -> None:
        writer = await open_writer(database)
        first = asyncio.create_task(writer.append(make_drafts(1)))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one batch at a time"):
            await writer.append(make_drafts(1))
        await first
        await writer.close()

    run(scenario)
    check_ledger(database, 1)


# ---------------------------------------------------------------- what it refuses to start on


def test_a_server_that_does_not_wait_for_its_disk_is_refused(database: Database):
    with database.connect("admin", autocommit=True) as admin:
        admin.execute("ALTER ROLE rempart_gateway SET synchronous_commit = off")
        try:
            with pytest.raises(SetupError, match="Set synchronous_commit = on"):
                run(lambda: open_writer(database))
        finally:
            admin.execute("ALTER ROLE rempart_gateway RESET synchronous_commit")


def test_a_server_without_checksums_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch):
    asked = "current_setting('data_checksums')"
    replace_in_query(monkeypatch, ledger_opening, "load_guarantees", asked, "'off'")
    with pytest.raises(SetupError, match="pg_checksums"):
        run(lambda: open_writer(database))


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_a_power_cut_empties_is_refused_unless_its_file_says_it_may_be(
    database: Database, monkeypatch: pytest.MonkeyPatch, setting: str
):
    run(lambda: open_writer(database))  # the server of these tests says so
    replace_in_query(
        monkeypatch, ledger_opening, "load_guarantees", "'rempart.throwaway'", "'no.such'"
    )
    with pytest.raises(SetupError, match="fsync is off"):
        run(lambda: open_writer(database))
    other = "full_page_writes" if setting == "fsync" else "fsync"
    asked = f"current_setting('{other}')"
    replace_in_query(monkeypatch, ledger_opening, "load_guarantees", asked, "'on'")
    with pytest.raises(SetupError, match=f"{setting} is off"):
        run(lambda: open_writer(database))


def test_mutation_a_role_that_calls_the_server_throwaway_is_not_believed(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    with database.connect("admin", autocommit=True) as admin:
        admin.execute("ALTER ROLE rempart_gateway SET rempart.throwaway = on")
    try:
        with pytest.raises(SetupError, match="fsync is off"):
            run(lambda: open_writer(database))
        given = "one LIKE 'rempart.throwaway=%'"
        replace_in_query(monkeypatch, ledger_opening, "load_guarantees", given, "false")
        run(lambda: open_writer(database))
    finally:
        with database.connect("admin", autocommit=True) as admin:
            admin.execute("ALTER ROLE rempart_gateway RESET ALL")


def test_the_guarantee_is_pinned_for_the_connection(database: Database):
    async def scenario() -> str:
        writer = await open_writer(database)
        with database.connect("admin", autocommit=True) as admin:
            admin.execute("ALTER ROLE rempart_gateway SET synchronous_commit = off")
            admin.execute("ALTER ROLE rempart_gateway RESET synchronous_commit")
        source = await writer._connection.fetchval(
            "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'"
        )
        await writer.close()
        return source

    assert run(scenario) == "session"


def test_a_log_of_another_key_is_refused(database: Database):
    async def scenario() -> None:
        await (await open_writer(database)).close()
        connection = await connect(database)
        with pytest.raises(SetupError, match="another name or key"):
            await LedgerWriter.open(
                connection, log_id=1, signers=[make_signer(2)], clock_ms=Clock()
            )
        assert connection.is_closed()

    run(scenario)


def test_a_database_without_a_ledger_is_refused_with_what_to_do(database: Database):
    with database.transaction("owner") as tx:
        tx.execute("DROP TABLE ledger.head")
    with pytest.raises(SetupError, match="rempart db migrate"):
        run(lambda: open_writer(database))


@pytest.mark.parametrize(
    ("falsify", "what"),
    [
        ("UPDATE ledger.entry SET person_ref = 1 WHERE idx = 310", "rows and tiles"),
        ("UPDATE ledger.tile SET hashes = set_byte(hashes, 0, 0)", "rows and tiles"),
        ("DELETE FROM ledger.entry WHERE idx = 319", "holds 63 hashes"),
        ("DELETE FROM ledger.tile", "holds 0 hashes"),
        (
            "UPDATE ledger.head SET root = set_byte(root, 0, get_byte(root, 0) # 1)",
            "root of its head",
        ),
        (
            "UPDATE ledger.checkpoint SET root = set_byte(root, 0, get_byte(root, 0) # 1)",
            "other root",
        ),
        ("UPDATE ledger.checkpoint SET size = 400", "signed at 400 entries and has 320"),
    ],
)
def test_a_log_that_does_not_agree_with_itself_is_not_continued(
    database: Database, falsify: str, what: str
):
    async def write() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(320))
        await writer.close()

    run(write)
    with database.transaction("owner") as tx:
        tx.execute(falsify)
    with pytest.raises(InconsistentRecord, match=what):
        run(lambda: open_writer(database))


def test_a_head_that_was_rolled_back_to_before_what_was_signed_is_not_continued(database: Database):
    """A backup older than the last checkpoint kept elsewhere would fork the log."""
    heads = []

    async def write() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(256))
        heads.extend(read_rows(database, "SELECT size, root FROM ledger.head"))
        await writer.append(make_drafts(10))
        await writer.close()

    run(write)
    with database.transaction("owner") as tx:
        tx.execute("UPDATE ledger.head SET size = %s, root = %s", heads[0])
    with pytest.raises(InconsistentRecord, match="signed at 266 entries and has 256"):
        run(lambda: open_writer(database))


def test_mutation_a_writer_that_forgets_what_was_signed_signs_one_size_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """A rollback, then another history: two receipts for one index, under two roots."""
    signed: list[Receipt] = []
    rolled_back = (
        "DELETE FROM ledger.entry WHERE idx >= 256; "
        "UPDATE ledger.head SET size = {size}, root = decode('{root}', 'hex')"
    )

    async def write(count: int, first: int) -> None:
        writer = await open_writer(database)
        writer._checkpoint_due_ms = 1 << 62
        signed.extend(await writer.append(make_drafts(count, first)))
        writer._usable = False  # killed: no last checkpoint

    run(lambda: write(256, 0))
    [(size, root)] = read_rows(database, "SELECT size, root FROM ledger.head")
    run(lambda: write(10, 256))

    async def close() -> None:
        await (await open_writer(database)).close()

    run(close)
    with database.transaction("owner") as tx:
        tx.execute(rolled_back.format(size=size, root=root.hex()))  # type: ignore[arg-type]
    with pytest.raises(InconsistentRecord, match="signed at 266 entries and has 256"):
        run(lambda: write(10, 900))
    replace_in_query(
        monkeypatch, ledger_opening, "load_last_checkpoint", "log_id = $1", "log_id = $1 AND false"
    )
    run(lambda: write(10, 900))
    first, second = signed[256], signed[266]
    assert first.index == second.index == 256
    assert first.checkpoint != second.checkpoint
    with database.transaction("auditor") as tx:
        assert not audit_ledger(tx).is_sound


def test_a_bit_that_flips_between_hashing_and_storing_is_caught_before_anything_is_signed(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    real = batch_module.compute_leaf_hashes
    calls = []

    def flip_once(rows: Any) -> list[bytes]:
        hashes = real(rows)
        calls.append(len(hashes))
        if len(calls) == 1:
            hashes[2] = bytes([hashes[2][0] ^ 1]) + hashes[2][1:]
        return hashes

    async def scenario() -> None:
        writer = await open_writer(database)
        monkeypatch.setattr(batch_module, "compute_leaf_hashes", flip_once)
        with pytest.raises(LedgerUnavailable, match="two roots"):
            await writer.append(make_drafts(5))
        assert not writer.is_usable
        await writer.close()

    run(scenario)
    check_ledger(database, 0)


def test_mutation_without_the_second_hash_a_flipped_bit_makes_the_log_unprovable(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    real = batch_module.compute_leaf_hashes

    def flip(rows: Any) -> list[bytes]:
        return [bytes([one[0] ^ 1]) + one[1:] for one in real(rows)]

    async def scenario() -> None:
        writer = await open_writer(database)
        monkeypatch.setattr(batch_module, "compute_leaf_hashes", flip)
        monkeypatch.setattr(ledger_writer, "check_batch", lambda tree, batch: None)
        await writer.append(make_drafts(5))
        await writer.close()

    run(scenario)
    with database.transaction("auditor") as tx:
        assert not audit_ledger(tx).is_sound
