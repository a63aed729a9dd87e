"""The writer of a log: contiguous, monotone, durable, alone; with the mutations that break it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from tests.ledger_samples import (
    START_MS,
    Clock,
    connect,
    make_draft,
    make_drafts,
    make_facts,
    make_key,
    make_signer,
    open_writer,
    run,
)

from rempart.disclosure import batch as batch_module
from rempart.disclosure.checkpoint import verify_checkpoint
from rempart.disclosure.session import draft_session
from rempart.kernel.errors import InconsistentRecord, LedgerFenced, LedgerUnavailable, SetupError
from rempart.storage import ledger_opening, ledger_writer
from rempart.storage.connect import Database
from rempart.storage.ledger_writer import LedgerWriter, Receipt, Replay
from rempart.workflows.verify_ledger import verify_ledger


def read(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.transaction("owner") as tx:
        return tx.execute(query).fetchall()


def check(database: Database, entries: int) -> None:
    with database.transaction("auditor") as tx:
        verdict = verify_ledger(tx)
    assert verdict.is_sound, verdict.differences
    assert sum(log.entries for log in verdict.logs) == entries


def mutate(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, old: str, new: str) -> None:
    """Replace a part of one query."""
    text = module._sql[name]
    assert old in text
    changed = {**module._sql, name: text.replace(old, new)}
    monkeypatch.setattr(module, "_sql", SimpleNamespace(**changed))


# ---------------------------------------------------------------- what a batch gets


def test_entries_are_numbered_from_zero_without_a_gap(database: Database):
    async def scenario() -> list[list[Receipt]]:
        writer = await open_writer(database)
        receipts = [await writer.append(make_drafts(count)) for count in (3, 1, 252, 1, 300)]
        assert writer.size == 557
        await writer.close()
        return receipts

    receipts = run(scenario)
    assert [one.index for batch in receipts for one in batch] == list(range(557))
    assert read(database, "SELECT count(*), min(idx), max(idx) FROM ledger.entry") == [
        (557, 0, 556)
    ]
    check(database, 557)


def test_a_receipt_carries_a_checkpoint_signed_for_a_size_that_includes_it(database: Database):
    async def scenario() -> list[Receipt]:
        writer = await open_writer(database)
        await writer.append(make_drafts(10))
        receipts = await writer.append(make_drafts(5))
        await writer.close()
        return receipts

    for receipt in run(scenario):
        signer = make_signer()
        signed = verify_checkpoint(receipt.checkpoint, signer.verifier, origin=receipt.origin)
        assert receipt.index < signed.size == 15
        [(root,)] = read(database, "SELECT root FROM ledger.head")
        assert signed.root == root


def test_what_was_asked_and_answered_is_kept_as_it_was_given(database: Database):
    draft = make_draft(4, care_day=-3, outcome=5, person_ref=0, insurer_id=0, account_ref=0)

    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append([make_draft(1), draft])
        await writer.close()

    run(scenario)
    names = ", ".join(
        f"uuid_send({name})" if name in ("lookup_key", "request_id") else name
        for name in draft._fields
    )
    assert read(database, f"SELECT {names} FROM ledger.entry WHERE idx = 1") == [tuple(draft)]
    # No account and no insurer: no number either.
    numbers = "SELECT acct_seq, ins_seq FROM ledger.entry ORDER BY idx"
    assert read(database, numbers) == [(1, 1), (0, 0)]


def test_each_account_and_each_insurer_is_numbered_without_a_gap_across_restarts(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ledger_writer, "ACCOUNTS_REMEMBERED", 2)

    async def scenario() -> None:
        for is_killed in (False, True, False, True, False):
            writer = await open_writer(database)
            for _ in range(5):
                await writer.append(make_drafts(6))
            if is_killed:
                writer._connection.terminate()  # no last checkpoint: the tail is read instead
            else:
                await writer.close()

    run(scenario)
    for column, number in (("account_ref", "acct_seq"), ("insurer_id", "ins_seq")):
        rows = read(
            database,
            f"SELECT {column}, array_agg({number} ORDER BY idx) FROM ledger.entry GROUP BY 1",
        )
        for _, numbers in rows:
            assert numbers == list(range(1, len(numbers) + 1))
    check(database, 150)


def test_mutation_a_writer_that_forgets_where_insurers_stood_leaves_a_repeated_number(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    mutate(monkeypatch, ledger_opening, "load_insurer_counters", "insurer_id <> 0", "false")

    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(6))
        writer._connection.terminate()
        writer = await open_writer(database)
        await writer.append(make_drafts(6))
        await writer.close()

    run(scenario)
    with database.transaction("auditor") as tx:
        assert {found.rule for found in verify_ledger(tx).differences} >= {"ins_seq"}


def test_mutation_a_writer_that_keeps_only_the_counters_it_moved_is_caught(database: Database):
    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(5))
        await writer.close()
        writer = await open_writer(database)
        await writer.append(make_drafts(5))
        writer._connection.terminate()
        writer = await open_writer(database)
        writer._moved_insurers.clear()
        await writer.append(make_drafts(1))
        await writer.close()

    run(scenario)
    with database.transaction("auditor") as tx:
        found = verify_ledger(tx).differences
    assert {(one.table, one.row["insurer_id"]) for one in found} == {
        ("insurer_counter", insurer_id) for insurer_id in (2, 3, 4, 5)
    }


def test_mutation_a_writer_that_skips_a_number_is_caught(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(8))
        writer._accounts[1002] += 1
        await writer.append(make_drafts(8))
        await writer.close()

    run(scenario)
    with database.transaction("auditor") as tx:
        [found] = verify_ledger(tx).differences
    assert (found.rule, found.row) == ("acct_seq", {"idx": 10})


def test_time_never_goes_back_even_when_the_clock_does(database: Database):
    clock = Clock()

    async def scenario() -> None:
        writer = await open_writer(database, clock=clock)
        for step in (0, 500, -90_000, 90_000):
            clock.now_ms += step
            await writer.append(make_drafts(1))
        await writer.close()
        clock.now_ms = 5
        writer = await open_writer(database, clock=clock)
        await writer.append(make_drafts(1))
        await writer.close()

    run(scenario)
    times = [
        t_ms - START_MS for (t_ms,) in read(database, "SELECT t_ms FROM ledger.entry ORDER BY idx")
    ]
    assert times == [0, 500, 500, 500, 500]
    check(database, 5)


def test_mutation_a_writer_that_believes_its_clock_is_caught(database: Database):
    async def scenario() -> None:
        clock = Clock()
        writer = await open_writer(database, clock=clock)
        await writer.append(make_drafts(1))
        clock.now_ms -= 10
        writer._t_ms = 0
        await writer.append(make_drafts(1))
        await writer.close()

    run(scenario)
    with database.transaction("auditor") as tx:
        assert ("time", {"idx": 1}) in [
            (one.rule, one.row) for one in verify_ledger(tx).differences
        ]


def test_a_session_is_kept_with_the_entry_that_commits_to_it_and_an_answer_with_its_batch(
    database: Database,
):
    facts = make_facts(3)
    opening = draft_session(facts, request_id=make_key(1))
    replay = Replay(facts.session_ref, make_key(2), b"digest", b"answer")

    async def scenario() -> None:
        writer = await open_writer(database)
        drafts = [opening, make_draft(3)]
        await writer.append(drafts, sessions=[facts], replays=[replay])
        # The first answer stays: it is the one that was sent.
        await writer.append([make_draft(4)], replays=[replay._replace(answer=b"other")])
        await writer.close()

    run(scenario)
    assert read(database, "SELECT * FROM ledger.session") == [tuple(facts)]
    assert read(database, "SELECT answer, t_ms FROM ledger.replay") == [(b"answer", START_MS)]
    check(database, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"person_ref": 1 << 63},
        {"insurer_id": 1 << 31},
        {"kind": 300},
        {"domain": 40_000},
        {"lookup_key": b"short"},
        {"request_id": bytes(17)},
        {"purpose": None},
    ],
)
def test_a_draft_that_cannot_be_stored_is_refused_and_the_writer_goes_on(
    database: Database, changes: dict[str, Any]
):
    async def scenario() -> None:
        writer = await open_writer(database)
        with pytest.raises(ValueError, match=r"fit its column|16 bytes"):
            await writer.append([make_draft(1), make_draft(2, **changes)])
        [receipt] = await writer.append([make_draft(3)])
        assert receipt.index == 0
        await writer.close()

    run(scenario)
    check(database, 1)


def test_facts_without_their_entry_and_an_entry_without_its_facts_are_refused(database: Database):
    facts = make_facts(1)
    opening = draft_session(facts, request_id=make_key(1))

    async def scenario() -> None:
        writer = await open_writer(database)
        for drafts, sessions in (
            ([opening], []),
            ([make_draft()], [facts]),
            ([opening], [facts._replace(address="192.0.2.8")]),
        ):
            with pytest.raises(ValueError, match="SESSION"):
                await writer.append(drafts, sessions=sessions)
        with pytest.raises(ValueError, match="at least one"):
            await writer.append([])
        await writer.close()

    run(scenario)
    check(database, 0)


# ---------------------------------------------------------------- checkpoints


def test_checkpoints_are_kept_at_most_once_a_second_and_when_asked(database: Database):
    clock = Clock()

    async def scenario() -> None:
        writer = await open_writer(database, clock=clock)
        for _ in range(20):
            await writer.append(make_drafts(1))
            clock.now_ms += 100
        note = await writer.write_checkpoint()
        assert await writer.write_checkpoint() == note == writer.checkpoint
        await writer.close()

    run(scenario)
    rows = read(database, "SELECT size, t_ms FROM ledger.checkpoint ORDER BY size")
    assert [(size, t_ms - START_MS) for size, t_ms in rows] == [(1, 0), (11, 1000), (20, 1900)]
    check(database, 20)


def test_closing_keeps_a_last_checkpoint_and_an_idle_log_needs_no_other(database: Database):
    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(3))
        await writer.close()
        await (await open_writer(database)).close()

    run(scenario)
    assert read(database, "SELECT size FROM ledger.checkpoint") == [(3,)]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513])
def test_a_log_is_taken_up_again_at_any_size(database: Database, size: int):
    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(size))
        await writer.close()
        writer = await open_writer(database)
        assert writer.size == size
        await writer.append(make_drafts(300))
        await writer.close()

    run(scenario)
    check(database, size + 300)


def test_a_log_of_three_levels_is_taken_up_again(database: Database):
    async def scenario() -> None:
        writer = await open_writer(database)
        for count in (40_000, 25_536, 300):
            await writer.append(make_drafts(count))
            await writer.close()
            writer = await open_writer(database)
        await writer.append(make_drafts(300))
        await writer.close()

    run(scenario)
    check(database, 66_136)


def test_the_next_segment_is_made_ahead_of_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ledger_writer, "SEGMENT_AHEAD", 1 << 24)

    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(1))
        await writer.close()

    run(scenario)
    query = "SELECT to_regclass('ledger.entry_1_1') IS NOT NULL"
    assert read(database, query) == [(True,)]


def test_a_segment_is_made_while_somebody_reads_the_ledger(database: Database):
    async def scenario() -> None:
        writer = await open_writer(database, log_id=2)
        await writer.append(make_drafts(1))
        await writer.close()

    with database.transaction("auditor") as reader:
        reader.execute("SELECT count(*) FROM ledger.entry")
        run(scenario)


def test_logs_are_independent_of_each_other(database: Database):
    async def scenario() -> None:
        writers = [await open_writer(database, log_id=log_id) for log_id in (1, 2)]
        for writer in writers:
            assert [one.index for one in await writer.append(make_drafts(5))] == list(range(5))
        for writer in writers:
            await writer.close()

    run(scenario)
    check(database, 10)


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
    check(database, 7)


def test_a_zombie_keeps_no_checkpoint(database: Database):
    async def scenario() -> None:
        zombie, writer = await make_zombie(database)
        with pytest.raises(LedgerFenced):
            await zombie.write_checkpoint()
        await writer.close()

    run(scenario)
    check(database, 5)


def test_mutation_without_compare_and_swap_a_zombie_gets_its_receipts(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    mutate(monkeypatch, ledger_writer, "append_batch", "AND epoch = $2 AND size = $3", "AND $2 > 0")

    async def scenario() -> list[Receipt]:
        zombie, _ = await make_zombie(database)
        zombie._checkpoint_due_ms = 1 << 62
        return await zombie.append(make_drafts(3))

    assert len(run(scenario)) == 3


def test_mutation_without_the_lock_a_second_writer_is_let_in(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    mutate(monkeypatch, ledger_opening, "lock_log", "$2)", "$2) OR true")

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
    check(database, 1)


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
    mutate(monkeypatch, ledger_opening, "load_guarantees", asked, "'off'")
    with pytest.raises(SetupError, match="pg_checksums"):
        run(lambda: open_writer(database))


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
            await LedgerWriter.open(connection, log_id=1, signer=make_signer(2), clock_ms=Clock())
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
        heads.extend(read(database, "SELECT size, root FROM ledger.head"))
        await writer.append(make_drafts(10))
        await writer.close()

    run(write)
    with database.transaction("owner") as tx:
        tx.execute("UPDATE ledger.head SET size = %s, root = %s", heads[0])
    with pytest.raises(InconsistentRecord, match="signed at 266 entries and has 256"):
        run(lambda: open_writer(database))


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
    check(database, 0)


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
        assert not verify_ledger(tx).is_sound


# ---------------------------------------------------------------- cost


def test_a_batch_of_known_accounts_is_one_round_trip(database: Database):
    asked: list[str] = []

    class Counting:
        """A connection that only does `fetchval`, and counts."""

        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def is_closed(self) -> bool:
            return False

        async def fetchval(self, query: str, *arguments: Any, **options: Any) -> Any:
            asked.append(query)
            return await self._connection.fetchval(query, *arguments, **options)

    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(7))
        await writer.append(make_drafts(7))
        writer._connection = Counting(writer._connection)
        facts = make_facts(1)
        await writer.append(
            [draft_session(facts, request_id=make_key(0)), *make_drafts(600)],
            sessions=[facts],
            replays=[Replay(1, make_key(5), b"d", b"a")],
        )

    run(scenario)
    assert asked == [ledger_writer._sql.append_batch]
    check(database, 615)
