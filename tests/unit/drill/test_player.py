"""How a script is played: in order, at its simulated time, with the patience of those who ask."""

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from rempart.accounts.tokens import Bearer
from rempart.drill.attacks import Attack
from rempart.drill.calendar import Calendar, find_instant
from rempart.drill.cast import Ask, Identifiers, Place
from rempart.drill.plan import Script
from rempart.drill.replay import (
    FORBIDDEN,
    NO_ANSWER,
    NOT_SENT,
    OK,
    PERSISTENCE,
    UNAUTHORIZED,
    UNAVAILABLE,
    Tape,
    play,
)
from rempart.drill.wallet import Enrolment, Wallet
from rempart.drill.wire import Wire
from rempart.gateway.signatures import PublicKey
from rempart.gateway.tokens import TokenReader
from rempart.guard.lookups import DAY_MS, HOUR_MS
from rempart.kernel.errors import Unavailable
from rempart.workflows.accounts.issue_token import API_PATH, Issuer, build_public_jwk

CALENDAR = Calendar(ends_day=20_002, history=0, quiet=1, attacked=1)
BEGINS_MS = find_instant(CALENDAR.played_day, 0)
ISSUER = Issuer(url="https://play.exercise.invalid", key_seed=bytes(32))
Answer = Callable[[int, int], int]
"""From the rank of the request and its simulated instant to a status."""


class Stage:
    """A gateway that answers what it is told to, and remembers when it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked_ms: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.calls: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.append(asyncio.current_task())  # type: ignore[arg-type]
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except asyncio.IncompleteReadError:
                writer.close()
                await writer.wait_closed()
                return
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(headers["Content-Length"]))
            at_ms = int(headers["rempart-exercise-ms"])
            status = self._answer(len(self.asked_ms), at_ms)
            self.asked_ms.append(at_ms)
            self.headers.append(headers)
            nonce = "DPoP-Nonce: fresh\r\n" if status == UNAUTHORIZED else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{nonce}content-length: 2\r\n\r\n{{}}".encode())


def make_script(times: list[tuple[int, int | None]]) -> Script:
    """A script of questions at simulated milliseconds from the beginning, each a robot's or not."""
    place, sent = Place("198.18.0.1", "Cabinet/1.0"), Identifiers(card_code="7K3M00000000ABCDWXYZ")
    return Script(
        seed=1,
        calendar=CALENDAR,
        professions=("nurse",),
        past=(),
        asks=tuple(Ask(BEGINS_MS + at, 0, place, sent, "MEDG", robot) for at, robot in times),
        attacks=(Attack(name="list", caller=0), Attack(name="mimic", caller=0)),
    )


def perform(
    script: Script, answer: Answer, *, look_in: Callable[[int], None] = lambda now_ms: None
) -> tuple[Tape, Stage, list[tuple[int, int]]]:
    stage, told = Stage(answer), []

    async def look(now_ms: int) -> None:
        look_in(now_ms)

    async def run() -> Tape:
        server = await asyncio.start_server(stage.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        wallet = Wallet(
            ISSUER,
            Enrolment(client_id="exercise-1", client_ref=5, account_refs=(7,)),
            attacks=script.attacks,
        )
        async with server:
            tape = await play(
                script,
                wallet,
                host="127.0.0.1",
                port=port,
                stop=asyncio.Event(),
                progress=lambda lawful, robots: told.append((lawful, robots)),
                look_in=look,
                at_once=4,
            )
            await asyncio.gather(*stage.calls)
            return tape

    return asyncio.run(run()), stage, told


def test_each_question_carries_its_instant_and_they_come_in_order():
    script = make_script([(n * 90_000, None) for n in range(30)])
    tape, stage, told = perform(script, lambda rank, at_ms: OK)
    assert stage.asked_ms == [ask.at_ms for ask in script.asks]
    assert tape.statuses == [OK] * 30
    assert told[-1] == (30, 0)
    assert (tape.started_ms, tape.ended_ms) == (BEGINS_MS, stage.asked_ms[-1] + 1)


def test_an_operator_looks_in_once_an_hour_while_nothing_is_asked():
    rounds: list[int] = []
    script = make_script([(HOUR_MS // 2, None), (HOUR_MS * 5 // 2, None)])
    seen = []

    def answer(rank: int, at_ms: int) -> int:
        seen.append(len(rounds))
        return OK

    tape, _, _ = perform(script, answer, look_in=rounds.append)
    assert rounds == [BEGINS_MS + HOUR_MS, BEGINS_MS + 2 * HOUR_MS, tape.ended_ms]
    assert seen == [0, 2]


def test_a_robot_that_is_refused_rests_and_comes_back_and_owners_do_not():
    times = [(n * 60_000, 0) for n in range(600)] + [(n * 60_000 + 1, None) for n in range(600)]
    script = make_script(sorted(times, key=lambda one: one[0]))
    tape, _, _ = perform(script, lambda rank, at_ms: FORBIDDEN)
    robots = [s for ask, s in zip(script.asks, tape.statuses, strict=True) if ask.robot == 0]
    assert robots[:PERSISTENCE] == [FORBIDDEN] * PERSISTENCE
    # Ten hours: it comes back after one hour, then two, then four.
    assert robots.count(FORBIDDEN) == PERSISTENCE + 3
    assert len(tape.held_back) == robots.count(NOT_SENT)
    owners = [s for ask, s in zip(script.asks, tape.statuses, strict=True) if ask.robot is None]
    assert owners == [FORBIDDEN] * 600


def test_a_robot_that_is_answered_again_takes_heart():
    script = make_script([(n * 60_000, 0) for n in range(240)])
    tape, _, _ = perform(script, lambda rank, at_ms: OK if rank == PERSISTENCE else FORBIDDEN)
    sent = [n for n, status in enumerate(tape.statuses) if status != NOT_SENT]
    assert sent[PERSISTENCE] == PERSISTENCE - 1 + 60, "an hour later"
    assert tape.statuses[sent[PERSISTENCE]] == OK
    assert sent[PERSISTENCE + 1 :][:PERSISTENCE] == list(
        range(sent[PERSISTENCE] + 1, sent[PERSISTENCE] + 1 + PERSISTENCE)
    )


def test_the_nonce_a_gateway_asks_for_is_used_from_then_on():
    script = make_script([(0, None), (90_000, None)])
    tape, stage, _ = perform(script, lambda rank, at_ms: UNAUTHORIZED if rank == 0 else OK)
    assert tape.statuses == [OK, OK]
    assert len(stage.asked_ms) == 3


def test_a_gateway_that_is_away_is_asked_again_a_few_times():
    tape, stage, _ = perform(make_script([(0, None)]), lambda rank, at_ms: UNAVAILABLE)
    assert tape.statuses == [UNAVAILABLE]
    assert len(stage.asked_ms) == 3


def test_a_thief_signs_with_a_key_of_its_own_unless_it_sits_on_the_owners_machine():
    script = make_script([(0, None), (90_000, 0), (180_000, 1)])
    _, stage, _ = perform(script, lambda rank, at_ms: OK)
    reader = TokenReader(
        PublicKey(build_public_jwk(ISSUER.key_seed)),
        issuer=ISSUER.url,
        audience=ISSUER.url + API_PATH,
    )
    now_ms = int(time.time() * 1000)
    tokens = [
        reader.read(headers["Authorization"].removeprefix("DPoP ").encode(), now_ms=now_ms)[0]
        for headers in stage.headers
    ]
    owner, thief, at_home = (token.binding.thumbprint for token in tokens)
    assert owner == at_home != thief
    assert {token.bearer for token in tokens} == {Bearer(5, 7)}


def test_a_connection_that_ends_is_no_answer_and_the_next_question_opens_another():
    async def run() -> tuple[int, str]:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        wire = Wire("127.0.0.1", port)
        async with server:
            for _ in range(2):
                with pytest.raises(Unavailable, match="does not answer"):
                    await wire.post("/", {}, b"{}")
        return NO_ANSWER, "closed"

    assert asyncio.run(run()) == (NO_ANSWER, "closed")


def test_a_week_of_robots_resting_is_bounded_by_a_day():
    script = make_script([(n * 600_000, 0) for n in range(7 * 144)])
    tape, _, _ = perform(script, lambda rank, at_ms: FORBIDDEN)
    sent = [script.asks[n].at_ms for n, s in enumerate(tape.statuses) if s != NOT_SENT]
    assert max(b - a for a, b in pairwise(sent)) <= DAY_MS + 600_000
