"""Every step of the writer breaks twice: it failed, and it was done but we were told it failed.

Whatever breaks: no receipt is given, the writer is finished, the next one finds a log that agrees
with itself, everything acknowledged is in it, and no size was ever signed with two roots.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest
from tests.ledger_samples import Clock, connect, make_draft, make_drafts, make_signer, run

from rempart.disclosure.checkpoint import parse_checkpoint
from rempart.disclosure.entry import Draft
from rempart.disclosure.note import NoteSigner
from rempart.kernel.errors import LedgerUnavailable
from rempart.storage import ledger_writer
from rempart.storage.connect import Database
from rempart.storage.ledger_writer import LedgerWriter
from rempart.storage.queries import load_queries
from rempart.workflows.ledger.audit_ledger import audit_ledger

NAMES = {text: name for name, text in load_queries("ledger_writer").items()}
BEFORE, AFTER = "it failed", "it was done"


class BreakingConnection:
    """A connection that is cut at one step: before the step is sent, or after it was done."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._break: tuple[str, str] | None = None
        self.steps: list[str] = []

    def break_at(self, step: str, when: str) -> None:
        self._break = (step, when)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._connection, name)
        if name not in ("fetch", "fetchrow", "fetchval", "execute"):
            return value

        async def forward(query: str, *arguments: Any, **options: Any) -> Any:
            step = NAMES[query]
            self.steps.append(step)
            if self._break == (step, BEFORE):
                self._cut()
            result = await value(query, *arguments, **options)
            if self._break == (step, AFTER):
                self._cut()
            return result

        return forward

    def _cut(self) -> None:
        self._connection.terminate()
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle")


class RecordingSigner(NoteSigner):
    """A signer that remembers which root it signed at which size."""

    def __init__(self) -> None:
        signer = make_signer()
        super().__init__(signer.name, bytes([1] * 32))
        self.signed: dict[int, set[bytes]] = {}

    def sign(self, text: str) -> str:
        checkpoint = parse_checkpoint(text)
        self.signed.setdefault(checkpoint.size, set()).add(checkpoint.root)
        return super().sign(text)


class World:
    """One log, its clock and its signer, and what was acknowledged so far."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.signer = RecordingSigner()
        self.acknowledged: dict[int, Draft] = {}
        self.connection: BreakingConnection

    async def connect(self) -> BreakingConnection:
        self.connection = BreakingConnection(await connect(self.database))
        return self.connection

    async def open(self, connection: Any = None) -> LedgerWriter:
        return await LedgerWriter.open(
            connection or await self.connect(),
            log_id=1,
            signers=[self.signer],
            clock_ms=self.clock,
        )

    async def open_patiently(self) -> LedgerWriter:
        """Open the log once the server has noticed that the connection before is gone."""
        for _ in range(200):
            try:
                return await self.open()
            except LedgerUnavailable:
                await asyncio.sleep(0.05)
        return await self.open()

    async def append(self, writer: LedgerWriter, drafts: Sequence[Draft]) -> None:
        receipts = await writer.append(drafts)
        self.acknowledged |= dict(zip([one.index for one in receipts], drafts, strict=True))

    def check(self, *sizes: int) -> None:
        """Check all that a crash must leave; the log may have any of these sizes."""
        with self.database.transaction("auditor") as tx:
            verdict = audit_ledger(tx)
            assert verdict.is_sound, verdict.differences
            assert verdict.logs[0].entries in sizes
            stored = dict(tx.execute("SELECT idx, uuid_send(request_id) FROM ledger.entry"))
        for index, draft in self.acknowledged.items():
            assert stored[index] == draft.request_id
        assert all(len(roots) == 1 for roots in self.signer.signed.values())


Operation = Callable[[World, LedgerWriter], Awaitable[object]]


async def append(world: World, writer: LedgerWriter) -> None:
    # New accounts, so that their counters are looked up; a new second, so a checkpoint is due.
    drafts = [make_draft(number, account_ref=7000 + number) for number in range(20)]
    await world.append(writer, drafts)


async def write_checkpoint(world: World, writer: LedgerWriter) -> None:
    await writer.write_checkpoint()


async def close(world: World, writer: LedgerWriter) -> None:
    await writer.close()


# Operation, step, when it breaks, entries of the broken batch that the log then holds.
BROKEN = [
    (append, "save_checkpoint", BEFORE, 0),
    (append, "save_checkpoint", AFTER, 0),
    (append, "ensure_segment", BEFORE, 0),
    (append, "ensure_segment", AFTER, 0),
    (append, "load_account_counters", BEFORE, 0),
    (append, "load_account_counters", AFTER, 0),
    (append, "append_batch", BEFORE, 0),
    (append, "append_batch", AFTER, 20),
    (write_checkpoint, "save_checkpoint", BEFORE, 0),
    (write_checkpoint, "save_checkpoint", AFTER, 0),
    (close, "save_checkpoint", BEFORE, 0),
    (close, "save_checkpoint", AFTER, 0),
]


@pytest.mark.parametrize(("operation", "step", "when", "kept"), BROKEN)
def test_a_step_that_breaks_ends_the_writer_and_loses_nothing(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    operation: Operation,
    step: str,
    when: str,
    kept: int,
):
    world = World(database)

    async def scenario() -> None:
        writer = await world.open()
        await world.append(writer, make_drafts(300))
        world.clock.now_ms += 2000
        monkeypatch.setattr(ledger_writer, "SEGMENT_AHEAD", 1 << 24)
        world.connection.break_at(step, when)
        with pytest.raises(LedgerUnavailable):
            await operation(world, writer)
        assert not writer.is_usable
        with pytest.raises(LedgerUnavailable, match="finished"):
            await writer.append(make_drafts(1))
        writer = await world.open_patiently()
        assert writer.size == 300 + kept
        await world.append(writer, make_drafts(10, first=5000))
        await writer.close()

    run(scenario)
    world.check(310 + kept)


def list_steps(database: Database, operation: Operation) -> list[str]:
    world = World(database)

    async def scenario() -> list[str]:
        writer = await world.open()
        await world.append(writer, make_drafts(300))
        world.clock.now_ms += 2000
        world.connection.steps.clear()
        await operation(world, writer)
        return world.connection.steps

    return run(scenario)


@pytest.mark.parametrize("operation", [append, write_checkpoint, close])
def test_no_step_of_the_writer_is_left_out_of_the_table(
    database: Database, monkeypatch: pytest.MonkeyPatch, operation: Operation
):
    monkeypatch.setattr(ledger_writer, "SEGMENT_AHEAD", 1 << 24)
    steps = set(list_steps(database, operation))
    if operation is append:
        steps.add("ensure_segment")  # made by the first batch already, under this look-ahead
    assert steps == {step for which, step, _, _ in BROKEN if which is operation}


OPENING = [
    "load_guarantees",
    "pin_settings",
    "lock_log",
    "declare_log",
    "load_log",
    "take_over",
    "load_tail",
    "load_tiles",
    "load_last_checkpoint",
    "load_insurer_counters",
    "ensure_segment",
]


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("step", OPENING)
def test_an_opening_that_breaks_leaves_the_log_to_the_next(
    database: Database, step: str, when: str
):
    world = World(database)

    async def scenario() -> list[str]:
        writer = await world.open()
        await world.append(writer, make_drafts(300))
        await writer.close()
        connection = await world.connect()
        connection.break_at(step, when)
        with pytest.raises(LedgerUnavailable):
            await world.open(connection)
        writer = await world.open_patiently()
        await world.append(writer, make_drafts(10))
        await writer.close()
        return world.connection.steps

    steps = run(scenario)
    assert set(OPENING) <= set(steps)
    world.check(310)


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_the_very_first_opening_may_break_too(database: Database, when: str):
    world = World(database)

    async def scenario() -> None:
        connection = await world.connect()
        connection.break_at("declare_log", when)
        with pytest.raises(LedgerUnavailable):
            await world.open(connection)
        writer = await world.open_patiently()
        await world.append(writer, make_drafts(1))
        await writer.close()

    run(scenario)
    world.check(1)


# ------------------------------------------------------ the server's side


Harm = Callable[[asyncio.Task[Any], int, asyncpg.Connection], Awaitable[None]]


async def terminate_backend(task: asyncio.Task[Any], pid: int, admin: asyncpg.Connection) -> None:
    await admin.fetchval("SELECT pg_terminate_backend($1)", pid)


async def cancel_statement(task: asyncio.Task[Any], pid: int, admin: asyncpg.Connection) -> None:
    await admin.fetchval("SELECT pg_cancel_backend($1)", pid)


async def cancel_the_caller(task: asyncio.Task[Any], pid: int, admin: asyncpg.Connection) -> None:
    task.cancel()


async def wait(task: asyncio.Task[Any], pid: int, admin: asyncpg.Connection) -> None:
    """Nothing but time passes."""


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (terminate_backend, LedgerUnavailable),
        (cancel_statement, LedgerUnavailable),
        (cancel_the_caller, asyncio.CancelledError),
        (wait, LedgerUnavailable),
    ],
)
def test_a_batch_stopped_while_it_waits_for_the_server_is_not_acknowledged(
    database: Database, monkeypatch: pytest.MonkeyPatch, harm: Harm, error: type[BaseException]
):
    world = World(database)
    monkeypatch.setattr(ledger_writer, "COMMIT_TIMEOUT_S", 1.0)

    async def scenario() -> None:
        writer = await world.open()
        await world.append(writer, make_drafts(5))
        await writer.write_checkpoint()
        pid = writer._connection.get_server_pid()
        admin = await asyncpg.connect(**database.asyncpg_kwargs("admin"))
        blocker = await asyncpg.connect(**database.asyncpg_kwargs("admin"))
        await blocker.execute("BEGIN; SELECT 1 FROM ledger.head FOR UPDATE")
        task = asyncio.create_task(world.append(writer, make_drafts(5)))
        while not await admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        await harm(task, pid, admin)
        with pytest.raises(error):
            await task
        assert not writer.is_usable
        await blocker.close()
        await admin.close()
        writer = await world.open_patiently()
        await world.append(writer, make_drafts(5))
        await writer.close()

    run(scenario)
    # A server that was not told may still have committed the batch that nobody waits for.
    world.check(len(world.acknowledged), len(world.acknowledged) + 5)


WARN = """
    CREATE FUNCTION ledger.warn() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE WARNING 'might not have been replicated'; RETURN NULL; END $$;
    CREATE TRIGGER warn AFTER UPDATE OF size ON ledger.head EXECUTE FUNCTION ledger.warn();
"""


def test_a_commit_with_a_warning_is_not_acknowledged(database: Database):
    """Cancelling the wait for a standby makes COMMIT succeed with a warning only."""
    world = World(database)
    with database.transaction("owner") as tx:
        tx.execute(WARN)

    async def scenario() -> None:
        writer = await world.open()
        with pytest.raises(LedgerUnavailable, match="might not have been replicated"):
            await world.append(writer, make_drafts(5))
        assert not writer.is_usable

    run(scenario)
    assert world.acknowledged == {}


def test_mutation_a_writer_deaf_to_warnings_acknowledges(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    world = World(database)
    monkeypatch.setattr(LedgerWriter, "_check_warnings", lambda self: None)
    with database.transaction("owner") as tx:
        tx.execute(WARN)

    async def scenario() -> None:
        await world.append(await world.open(), make_drafts(5))

    run(scenario)
    assert len(world.acknowledged) == 5


async def append_until_one_waits(
    world: World, writer: LedgerWriter, admin: asyncpg.Connection
) -> asyncio.Task[None]:
    """Append until a commit waits for the standby: the server takes a new setting in its time."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    for _ in range(500):
        task = asyncio.create_task(world.append(writer, make_drafts(5)))
        while not task.done():
            if await admin.fetchval(waiting):
                return task
            await asyncio.sleep(0.01)
        await task
    raise AssertionError("no commit ever waited")


def test_a_standby_that_was_not_waited_for_is_noticed(database: Database):
    """The same with the server's own warning: a standby that does not exist, a wait cut short."""
    world = World(database)

    async def scenario() -> None:
        writer = await world.open()
        await world.append(writer, make_drafts(5))
        await writer.write_checkpoint()
        admin = await asyncpg.connect(**database.asyncpg_kwargs("admin"))
        await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await admin.execute("SELECT pg_reload_conf()")
        try:
            task = await append_until_one_waits(world, writer, admin)
            pid = writer._connection.get_server_pid()
            await admin.fetchval("SELECT pg_cancel_backend($1)", pid)
            with pytest.raises(LedgerUnavailable, match="the database warned"):
                await task
        finally:
            await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await admin.execute("SELECT pg_reload_conf()")
            await admin.close()
        writer = await world.open_patiently()
        assert writer.size == len(world.acknowledged) + 5
        await writer.close()

    run(scenario)
    world.check(len(world.acknowledged) + 5)


def keep_writing_after_two_days_back(world: World) -> int:
    """Put the clock back under a writer that never rests; return how many checkpoints it kept."""

    async def scenario() -> int:
        writer = await world.open()
        await world.append(writer, make_drafts(5))
        world.clock.now_ms += 2000
        await world.append(writer, make_drafts(5, first=5000))
        world.clock.now_ms -= 2 * 86_400_000
        world.connection.steps.clear()
        for number in range(8):
            world.clock.now_ms += 500
            await world.append(writer, make_drafts(10, first=100 * number))
        await writer.close()
        return world.connection.steps[:-1].count("save_checkpoint")

    return run(scenario)


def test_a_clock_put_back_by_two_days_holds_no_checkpoint_up(database: Database):
    world = World(database)
    assert keep_writing_after_two_days_back(world) in {3, 4}
    world.check(90)


def test_mutation_checkpoints_that_wait_for_the_clock_leave_two_days_to_read_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        LedgerWriter, "_is_checkpoint_due", lambda self: self._t_ms >= self._checkpoint_due_ms
    )
    assert keep_writing_after_two_days_back(World(database)) <= 1
