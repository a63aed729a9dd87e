"""The writer of a log: contiguous, monotone, durable, alone; with the mutations that break it."""

from datetime import date
from typing import Any

import pytest
from tests.ledger_samples import (
    START_MS,
    Clock,
    check_ledger,
    make_draft,
    make_drafts,
    make_facts,
    make_key,
    make_signer,
    open_writer,
    read_rows,
    replace_in_query,
    run,
)

from rempart.disclosure.checkpoint import verify_checkpoint
from rempart.disclosure.session import draft_session
from rempart.storage import ledger_opening, ledger_writer
from rempart.storage.care import PecRow, PromiseMoved
from rempart.storage.connect import Database
from rempart.storage.ledger_writer import Receipt, Replay
from rempart.workflows.ledger.audit_ledger import audit_ledger

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
    assert read_rows(database, "SELECT count(*), min(idx), max(idx) FROM ledger.entry") == [
        (557, 0, 556)
    ]
    check_ledger(database, 557)


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
        [(root,)] = read_rows(database, "SELECT root FROM ledger.head")
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
    assert read_rows(database, f"SELECT {names} FROM ledger.entry WHERE idx = 1") == [tuple(draft)]
    # No account and no insurer: no number either.
    numbers = "SELECT acct_seq, ins_seq FROM ledger.entry ORDER BY idx"
    assert read_rows(database, numbers) == [(1, 1), (0, 0)]


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
        rows = read_rows(
            database,
            f"SELECT {column}, array_agg({number} ORDER BY idx) FROM ledger.entry GROUP BY 1",
        )
        for _, numbers in rows:
            assert numbers == list(range(1, len(numbers) + 1))
    check_ledger(database, 150)


def test_mutation_a_writer_that_forgets_where_insurers_stood_leaves_a_repeated_number(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    replace_in_query(
        monkeypatch, ledger_opening, "load_insurer_counters", "insurer_id <> 0", "false"
    )

    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(6))
        writer._connection.terminate()
        writer = await open_writer(database)
        await writer.append(make_drafts(6))
        await writer.close()

    run(scenario)
    with database.transaction("auditor") as tx:
        assert {found.rule for found in audit_ledger(tx).differences} >= {"ins_seq"}


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
        found = audit_ledger(tx).differences
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
        [found] = audit_ledger(tx).differences
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
        t_ms - START_MS
        for (t_ms,) in read_rows(database, "SELECT t_ms FROM ledger.entry ORDER BY idx")
    ]
    assert times == [0, 500, 500, 500, 500]
    check_ledger(database, 5)


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
        assert ("time", {"idx": 1}) in [(one.rule, one.row) for one in audit_ledger(tx).differences]


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
    assert read_rows(database, "SELECT * FROM ledger.session") == [tuple(facts)]
    assert read_rows(database, "SELECT answer, t_ms FROM ledger.replay") == [(b"answer", START_MS)]
    check_ledger(database, 3)


def test_a_promise_whose_predecessor_is_gone_writes_nothing_and_the_writer_goes_on(
    database: Database,
):
    promise = PecRow(
        *(1, 0, 1, 1, 1, 1, 1, "OPTI", date(2026, 11, 24), "agreed", date(2027, 1, 1), 1, 1, 1),
        *("[]", "[]", 1, 99, 0),
    )

    async def scenario() -> None:
        writer = await open_writer(database)
        with pytest.raises(PromiseMoved):
            await writer.append([make_draft(1)], pecs=[promise])
        [receipt] = await writer.append([make_draft(3)])
        assert receipt.index == 0
        await writer.close()

    run(scenario)
    check_ledger(database, 1)


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
    check_ledger(database, 1)


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
    check_ledger(database, 0)


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
    rows = read_rows(database, "SELECT size, t_ms FROM ledger.checkpoint ORDER BY size")
    assert [(size, t_ms - START_MS) for size, t_ms in rows] == [(1, 0), (11, 1000), (20, 1900)]
    check_ledger(database, 20)


def test_closing_keeps_a_last_checkpoint_and_an_idle_log_needs_no_other(database: Database):
    async def scenario() -> None:
        writer = await open_writer(database)
        await writer.append(make_drafts(3))
        await writer.close()
        await (await open_writer(database)).close()

    run(scenario)
    assert read_rows(database, "SELECT size FROM ledger.checkpoint") == [(3,)]


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
    check_ledger(database, size + 300)


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
    check_ledger(database, 66_136)


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
    assert read_rows(database, query) == [(True,)]


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
    check_ledger(database, 10)


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
    check_ledger(database, 615)
