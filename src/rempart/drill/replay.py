"""Plays a script against the gateway of an exercise over HTTP, in the order of simulated time.

Each question carries its instant: the gateway's clock follows the questions, so that a week takes a
minute and a slow machine changes nothing but the wait. Robots that are refused again and again come
back later, as thieves do. Refuses to keep an answer: its status is, and which fields it carried.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from rempart.drill.calendar import find_date, find_instant
from rempart.drill.cast import Ask, format_question
from rempart.drill.plan import Script
from rempart.drill.wallet import Wallet
from rempart.drill.wire import Reply, Wire
from rempart.exchange.rights_answer import read_fields
from rempart.guard.lookups import DAY_MS, HOUR_MS
from rempart.kernel.errors import Unavailable
from rempart.wiring.exercise import TIME_HEADER

PATH: Final = "/v1/rights-checks"
NOT_SENT: Final = 0
NO_ANSWER: Final = -1
OK: Final = 200
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
TOO_MANY: Final = 429
UNAVAILABLE: Final = 503
REFUSALS: Final = frozenset({FORBIDDEN, TOO_MANY, UNAVAILABLE})
# Questions that wait for an answer at the same time span this much simulated time at most.
WINDOW_MS: Final = 60_000
# So many refusals in a row, and a robot rests: an hour, then twice as long, a day at most.
PERSISTENCE: Final = 10
_FIRST_REST_MS: Final = HOUR_MS
_LONGEST_REST_MS: Final = DAY_MS
_TRIES: Final = 3
_PAUSE_S: Final = 0.2

Progress = Callable[[int, int], None]
"""Told after each reply: how many lawful questions and how many of the robots' are done."""

LookIn = Callable[[int], Awaitable[None]]
"""Called once every simulated hour, while nothing is asked, with the instant: the operator's."""


@dataclass(slots=True)
class Tape:
    """What came back: one status per question of the script, in its order.

    `fields` has the bitmap of what each answer to a robot carried, by its bytes; `held_back` says
    which questions a robot did not ask because it had given up for a while.
    """

    statuses: list[int]
    started_ms: int
    ended_ms: int
    interrupted: bool = False
    held_back: set[int] = field(default_factory=set)
    fields: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Mood:
    """A robot's patience: refusals in a row, until when it rests, how long the next rest is."""

    refusals: int = 0
    rests_until_ms: int = 0
    rest_ms: int = _FIRST_REST_MS


async def play(
    script: Script,
    wallet: Wallet,
    *,
    host: str,
    port: int,
    stop: asyncio.Event,
    progress: Progress,
    look_in: LookIn,
    at_once: int = 24,
) -> Tape:
    """Ask every question of a script, in order.

    Args:
        script: The script.
        wallet: What lets each player in.
        host: Where the gateway of the exercise listens.
        port: On which port.
        stop: Once set, nothing more is sent; what was sent is waited for.
        progress: Called as replies come.
        look_in: The operator, once an hour.
        at_once: How many questions may wait for an answer at the same time.

    Returns:
        The tape. Questions not sent have the status 0; those that met no HTTP answer, -1.
    """
    wires = [Wire(host, port) for _ in range(at_once)]
    player = _Player(script, wallet, stop, progress, look_in)
    try:
        return await player.play(wires)
    finally:
        for wire in wires:
            await wire.close()


class _Player:
    """One performance: a stage manager gives the cues, a fixed number of hands ask."""

    def __init__(
        self,
        script: Script,
        wallet: Wallet,
        stop: asyncio.Event,
        progress: Progress,
        look_in: LookIn,
    ) -> None:
        self._script = script
        self._wallet = wallet
        self._stop = stop
        self._progress = progress
        self._look_in = look_in
        self._cues: asyncio.Queue[int] = asyncio.Queue()
        self._done = [0, 0]
        self._moods = [_Mood() for _ in script.attacks]
        begins_ms = find_instant(script.calendar.played_day, 0)
        self._next_look_ms = begins_ms + HOUR_MS
        self._tape = Tape([NOT_SENT] * len(script.asks), begins_ms, begins_ms + 1)

    async def play(self, wires: list[Wire]) -> Tape:
        hands = [asyncio.create_task(self._ask_on_cue(wire)) for wire in wires]
        try:
            await self._give_cues(len(wires))
            await self._cues.join()
            await self._look_in(self._tape.ended_ms)
        finally:
            for hand in hands:
                hand.cancel()
            await asyncio.gather(*hands, return_exceptions=True)
        self._tape.interrupted = self._stop.is_set()
        return self._tape

    async def _give_cues(self, at_once: int) -> None:
        under_way: deque[int] = deque(maxlen=at_once)
        for number, ask in enumerate(self._script.asks):
            if self._stop.is_set():
                return
            while ask.at_ms >= self._next_look_ms:
                await self._cues.join()
                await self._look_in(self._next_look_ms)
                self._next_look_ms += HOUR_MS
            # Nobody asks a minute later what was not answered a minute before.
            if under_way and ask.at_ms - under_way[0] > WINDOW_MS:
                await self._cues.join()
                under_way.clear()
            if self._is_resting(ask):
                self._tape.held_back.add(number)
                self._tell(ask)
                continue
            while self._cues.qsize() >= at_once:
                await asyncio.sleep(0)
            under_way.append(ask.at_ms)
            self._tape.ended_ms = ask.at_ms + 1
            self._cues.put_nowait(number)

    async def _ask_on_cue(self, wire: Wire) -> None:
        while True:
            number = await self._cues.get()
            try:
                ask = self._script.asks[number]
                self._tape.statuses[number] = status = await self._ask(wire, number)
                self._take_to_heart(ask, refused=status in REFUSALS)
                self._tell(ask)
            finally:
                self._cues.task_done()

    async def _ask(self, wire: Wire, number: int) -> int:
        ask = self._script.asks[number]
        body = format_question(ask, care_date=find_date(ask.at_ms).isoformat())
        status = NO_ANSWER
        for _ in range(_TRIES):
            try:
                reply, again = await self._send(wire, ask, body)
            except Unavailable:
                return NO_ANSWER
            status = reply.status
            if not again:
                break
        if status == OK and ask.robot is not None:
            self._tape.fields[number] = read_fields(reply.body)
        return status

    async def _send(self, wire: Wire, ask: Ask, body: bytes) -> tuple[Reply, bool]:
        """Send one question; return the reply and whether it is worth sending again."""
        headers = {
            **self._wallet.make_headers(ask, PATH),
            "Content-Type": "application/json",
            "X-Forwarded-For": ask.place.address,
            "User-Agent": ask.place.agent,
            TIME_HEADER: str(ask.at_ms),
        }
        reply = await wire.post(PATH, headers, body)
        nonce = reply.headers.get("dpop-nonce")
        self._wallet.note_nonce(nonce)
        if reply.status == UNAVAILABLE:
            await asyncio.sleep(_PAUSE_S)
        # The gateway gives its nonce with the refusal: robots read the same documentation.
        is_asked_again = reply.status == UNAVAILABLE or (
            reply.status == UNAUTHORIZED and nonce is not None
        )
        return reply, is_asked_again

    def _is_resting(self, ask: Ask) -> bool:
        return ask.robot is not None and ask.at_ms < self._moods[ask.robot].rests_until_ms

    def _take_to_heart(self, ask: Ask, *, refused: bool) -> None:
        if ask.robot is None:
            return
        mood = self._moods[ask.robot]
        if not refused:
            mood.refusals, mood.rest_ms = 0, _FIRST_REST_MS
            return
        mood.refusals += 1
        if mood.refusals >= PERSISTENCE:
            mood.refusals = PERSISTENCE - 1  # the next one that is refused sends it away again
            mood.rests_until_ms = ask.at_ms + mood.rest_ms
            mood.rest_ms = min(2 * mood.rest_ms, _LONGEST_REST_MS)

    def _tell(self, ask: Ask) -> None:
        self._done[ask.robot is not None] += 1
        self._progress(*self._done)
