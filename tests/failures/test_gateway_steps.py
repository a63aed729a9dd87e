"""Every step of a rights check breaks twice: it failed, and it was done but we were told it failed.

Whatever breaks: the caller gets a 503 with Retry-After, nothing is half-written, the gateway mends
itself, and the same request sent again is answered once.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.api.reading import PATH, cut_receipt, read_entries
from tests.api.running import Gateway, wait_until_ready
from tests.api.world import COVERED, ENDED, World, typed_body

from rempart.disclosure.entry import Kind
from rempart.kernel.errors import LedgerFenced, LedgerUnavailable, Unavailable
from rempart.storage.gateway import SheetReader
from rempart.storage.gateway_accounts import GatewayAccounts
from rempart.storage.ledger_writer import LedgerWriter
from rempart.workflows.ledger.audit_ledger import audit_ledger

KEY = {"Idempotency-Key": "3f2b6a1e-1d0f-4f43-9a38-0a3a8f3ad9c1"}
STEPS = {
    "bearers": (GatewayAccounts, "_fetch"),
    "sessions": (SheetReader, "load_sessions"),
    "sheets": (SheetReader, "load"),
    "entries": (LedgerWriter, "append"),
}


class Breaker:
    """Breaks one step once: before it is done, or just after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def break_once(self, step: str, when: str) -> None:
        owner, name = STEPS[step]
        method: Callable[..., Any] = getattr(owner, name)
        broken = [True]

        async def fail_once(*args: Any, **options: Any) -> Any:
            if not broken:
                return await method(*args, **options)
            broken.clear()
            if when == "it was done":
                await method(*args, **options)
            raise (LedgerUnavailable if owner is LedgerWriter else Unavailable)("broken")

        self._monkeypatch.setattr(owner, name, fail_once)


@pytest.fixture
def breaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Breaker]:
    return Breaker(monkeypatch)


def ask(gateway: Gateway, **headers: str) -> Any:
    return gateway.post(PATH, json=typed_body(COVERED), headers=headers)


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never happened")


def check_sound(world: World) -> None:
    with world.database.transaction("auditor") as tx:
        assert audit_ledger(tx).is_sound


@pytest.mark.parametrize("when", ["it failed", "it was done"])
@pytest.mark.parametrize("step", STEPS)
def test_a_broken_step_is_a_503_and_the_repetition_is_answered_once(
    gateway: Gateway, world: World, breaker: Breaker, step: str, when: str
) -> None:
    breaker.break_once(step, when)
    broken = ask(gateway, **KEY)
    assert (broken.status_code, broken.headers["retry-after"]) == (503, "2")
    assert broken.json()["code"] in {"unavailable", "ledger_unavailable"}
    wait_until_ready(gateway)
    replies = [ask(gateway, **KEY) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert cut_receipt(replies[0].content) == cut_receipt(replies[1].content)
    assert [entry.kind for entry in read_entries(world.database)] == [Kind.SESSION, Kind.DISCLOSE]
    check_sound(world)


def test_without_a_key_the_repetition_is_another_entry_never_a_lost_one(
    gateway: Gateway, world: World, breaker: Breaker
) -> None:
    breaker.break_once("entries", "it was done")
    assert ask(gateway).status_code == 503
    wait_until_ready(gateway)
    assert ask(gateway).status_code == 200
    kinds = [entry.kind for entry in read_entries(world.database)]
    assert kinds == [Kind.SESSION, Kind.DISCLOSE, Kind.DISCLOSE]


def test_mutation_an_answer_that_does_not_wait_for_its_commit_is_noticed(
    gateway: Gateway, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = LedgerWriter.append
    late: list[asyncio.Task[Any]] = []

    async def answer_first(writer: LedgerWriter, drafts: Any, **options: Any) -> None:
        async def commit_later() -> None:
            await asyncio.sleep(0.3)
            await append(writer, drafts, **options)

        late.append(asyncio.create_task(commit_later()))

    monkeypatch.setattr(LedgerWriter, "append", answer_first)
    reply = ask(gateway)
    assert reply.status_code == 200
    assert len(read_entries(world.database)) <= reply.json()["receipt"]["index"]
    time.sleep(0.6)


def test_a_fenced_gateway_stops_and_answers_nothing_more(
    gateway: Gateway, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[bool] = []
    app: Any = gateway.app
    keeper = app.state["gateway"].keeper
    monkeypatch.setattr(keeper, "_stop", lambda: stopped.append(True))
    with world.database.transaction("admin") as tx:
        tx.execute("UPDATE ledger.head SET epoch = epoch + 1")  # what another writer does first
    replies = [ask(gateway) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [503, 503]
    assert [reply.json()["code"] for reply in replies] == ["ledger_unavailable"] * 2
    wait_for(lambda: stopped == [True])
    assert gateway.get("/readyz").json() == {"database": True, "ledger": False}
    assert read_entries(world.database) == []


def test_a_second_gateway_on_the_same_log_answers_nothing(
    gateway: Gateway, open_gateway: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.api.running.wait_until_ready", lambda _: None)
    with open_gateway() as second:
        give_up = time.monotonic() + 30
        while (reply := ask(second)).json()["code"] == "unavailable":  # it connects, first
            assert reply.status_code == 503
            assert time.monotonic() < give_up
            time.sleep(0.1)
        assert (reply.status_code, reply.json()["code"]) == (503, "ledger_unavailable")
        assert second.get("/readyz").status_code == 503
        assert ask(gateway).status_code == 200
        gateway.__exit__(None, None, None)
        wait_until_ready(second)
        assert ask(second).status_code == 200
    check_sound(world)


def test_a_quiet_gateway_keeps_a_checkpoint_within_a_second(gateway: Gateway, world: World) -> None:
    for person in (COVERED, ENDED):
        gateway.post(PATH, json=typed_body(person))
    time.sleep(1)
    with world.database.transaction("auditor") as tx:
        [(size,)] = tx.execute("SELECT max(size) FROM ledger.checkpoint").fetchall()
    assert size == 3


def test_closing_keeps_a_checkpoint_of_everything(open_gateway: Any, world: World) -> None:
    with open_gateway() as gateway:
        ask(gateway)
    with world.database.transaction("auditor") as tx:
        [(size,)] = tx.execute("SELECT max(size) FROM ledger.checkpoint").fetchall()
    assert size == 2
    check_sound(world)


@pytest.mark.parametrize("error", [LedgerFenced("fenced"), KeyError("bug")])
def test_an_opening_that_fails_is_tried_again(
    open_gateway: Any, world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    opened = LedgerWriter.open
    failures = [error] * 3

    async def fail_thrice(*args: Any, **options: Any) -> LedgerWriter:
        if failures:
            await args[0].close()
            raise failures.pop()
        return await opened(*args, **options)

    monkeypatch.setattr(LedgerWriter, "open", fail_thrice)
    with open_gateway() as gateway:
        assert ask(gateway).status_code == 200
