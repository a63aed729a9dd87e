"""Plays a script against a gateway over HTTP, each question at its time.

Lawful software waits when it is asked to; robots do not, and what they are refused is counted.
Refuses to keep an answer: only its status is remembered.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

from rempart.drill.cast import Ask, format_question
from rempart.drill.plan import Script
from rempart.drill.wallet import Wallet
from rempart.kernel.errors import SetupError

PATH: Final = "/v1/rights-checks"
NOT_SENT: Final = 0
NO_ANSWER: Final = -1
OK: Final = 200
UNAUTHORIZED: Final = 401
TOO_MANY: Final = 429
FORBIDDEN: Final = 403
UNAVAILABLE: Final = 503
# A person tries again once or twice, then does something else.
PATIENCE: Final = 2
TIMEOUT_S: Final = 10
ONE_CONNECTION: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1)

Progress = Callable[[int, int], None]
"""Told after each reply: how many lawful questions and how many of the robots' are done."""


@dataclass(slots=True)
class Tape:
    """What came back: one status per question of the script, in its order.

    `delays_ms` holds the time to each answer; `refusals` counts the 403, 429, 503 a question
    met.
    """

    started_ms: int
    ended_ms: int = 0
    interrupted: bool = False
    statuses: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)


async def check_ready(url: str) -> None:
    """Make sure a gateway answers.

    Raises:
        SetupError: it does not, or says that it is not ready.
    """
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            reply = await client.get(f"{url}/readyz")
    except httpx.TransportError as failure:
        raise SetupError(
            f"no gateway answers at {url}: start it with `rempart serve`, or give --gateway-url"
        ) from failure
    if reply.status_code != OK:
        raise SetupError(f"the gateway at {url} is not ready ({reply.status_code}): see its output")


async def play(
    script: Script,
    wallet: Wallet,
    *,
    url: str,
    care_date: str,
    stop: asyncio.Event,
    progress: Progress,
    at_once: int = 48,
) -> Tape:
    """Ask every question of a script at its time.

    Args:
        script: The script.
        wallet: What lets each player in.
        url: Where the gateway answers.
        care_date: The date of care of every question, ISO 8601.
        stop: Once set, nothing more is sent; what was sent is waited for.
        progress: Called as replies come.
        at_once: How many questions may wait for an answer at the same time.

    Returns:
        The tape. Questions not sent have the status 0; those that met no HTTP answer, -1.
    """
    player = _Player(script, wallet, url, care_date, stop, progress)
    return await player.play(at_once)


class _Player:
    """One performance: a stage manager gives the cues, a fixed number of hands ask."""

    def __init__(
        self,
        script: Script,
        wallet: Wallet,
        url: str,
        care_date: str,
        stop: asyncio.Event,
        progress: Progress,
    ) -> None:
        self._script = script
        self._wallet = wallet
        self._url = f"{url}{PATH}"
        self._tls = ssl.create_default_context()
        self._care_date = care_date
        self._stop = stop
        self._progress = progress
        self._cues: asyncio.Queue[int] = asyncio.Queue()
        self._done = [0, 0]
        count = len(script.asks)
        self._tape = Tape(
            started_ms=int(time.time() * 1000), statuses=[NOT_SENT] * count, refusals=[0] * count
        )
        self._start = asyncio.get_running_loop().time()

    async def play(self, at_once: int) -> Tape:
        hands = [asyncio.create_task(self._ask_on_cue()) for _ in range(at_once)]
        try:
            await self._give_cues()
            await self._cues.join()
        finally:
            for hand in hands:
                hand.cancel()
            await asyncio.gather(*hands, return_exceptions=True)
        self._tape.interrupted = self._stop.is_set()
        self._tape.ended_ms = int(time.time() * 1000) + 1
        return self._tape

    async def _give_cues(self) -> None:
        for number, ask in enumerate(self._script.asks):
            wait = ask.at_s - self._elapsed()
            if wait > 0 and await self._stopped_within(wait):
                return
            if self._stop.is_set():
                return
            self._cues.put_nowait(number)

    async def _ask_on_cue(self) -> None:
        # A connection per hand: one pool for all would look through every connection each time.
        async with httpx.AsyncClient(
            timeout=TIMEOUT_S, limits=ONE_CONNECTION, trust_env=False, verify=self._tls
        ) as client:
            while True:
                number = await self._cues.get()
                try:
                    await self._ask(client, number)
                finally:
                    self._cues.task_done()

    async def _ask(self, client: httpx.AsyncClient, number: int) -> None:
        ask = self._script.asks[number]
        body = format_question(ask, care_date=self._care_date)
        for _ in range(1 + PATIENCE):
            status, wait_s = await self._send(client, ask, body)
            self._tape.statuses[number] = status
            if status not in (TOO_MANY, UNAVAILABLE, FORBIDDEN):
                break
            self._tape.refusals[number] += 1
            if status == FORBIDDEN:
                break  # presence is asked for: asking again without it changes nothing
            waits = ask.robot is None and self._elapsed() + wait_s < self._script.shift.seconds
            if not waits or await self._stopped_within(wait_s):
                break
        self._done[ask.robot is not None] += 1
        self._progress(*self._done)

    async def _send(
        self, client: httpx.AsyncClient, ask: Ask, body: bytes, *, again: bool = True
    ) -> tuple[int, float]:
        """Send one question; return its status and how long one is asked to wait."""
        headers = {
            **self._wallet.make_headers(ask, PATH),
            "Content-Type": "application/json",
            "X-Forwarded-For": ask.place.address,
            "User-Agent": ask.place.agent,
        }
        sent_s = self._elapsed()
        try:
            reply = await client.post(self._url, content=body, headers=headers)
        except httpx.TransportError:
            return NO_ANSWER, 0
        self._wallet.note_nonce(reply.headers.get("DPoP-Nonce"))
        if reply.status_code == UNAUTHORIZED and "DPoP-Nonce" in reply.headers and again:
            # The gateway gives its nonce with the refusal: robots read the same documentation.
            return await self._send(client, ask, body, again=False)
        if reply.status_code == OK:
            self._tape.delays_ms.append((self._elapsed() - sent_s) * 1000)
        return reply.status_code, float(reply.headers.get("Retry-After", "1"))

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._start

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), timeout=seconds)
        except TimeoutError:
            return False
        return True
