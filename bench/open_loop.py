"""An open loop: requests leave when the plan says, whether or not the last ones were answered.

Latency counts from the planned instant, so that a stall of the server is charged to every request
it delayed, and not only to the one that met it (coordinated omission).
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.callers import CLIENT_CERT

CONNECTIONS = 64


@dataclass(frozen=True)
class Latencies:
    """What came back, and how long after it should have left."""

    answered: int
    failed: int
    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


class Caller(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or self._answer is None:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._buffer = b""
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed"))

    async def ask(self, request: bytes) -> int:
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


async def measure(
    port: int, requests: Sequence[bytes], *, per_second: int, seconds: float
) -> Latencies:
    """Send at a steady pace and tell the latencies."""
    loop = asyncio.get_running_loop()
    callers: asyncio.Queue[Caller] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        _, caller = await loop.create_connection(Caller, "127.0.0.1", port)
        callers.put_nowait(caller)
    took_ms: list[float] = []
    failed = 0

    async def ask(planned: float, request: bytes) -> None:
        nonlocal failed
        caller = await callers.get()
        try:
            status = await caller.ask(request)
        except OSError:
            failed += 1
            return
        callers.put_nowait(caller)
        took_ms.append((time.perf_counter() - planned) * 1000)
        failed += status != 200

    dice = random.Random(1)
    started = time.perf_counter()
    tasks = []
    for n in range(int(per_second * seconds)):
        planned = started + n / per_second
        delay = planned - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        tasks.append(asyncio.create_task(ask(planned, dice.choice(requests))))
    await asyncio.gather(*tasks)
    duration = time.perf_counter() - started
    took_ms.sort()
    return Latencies(
        answered=len(took_ms),
        failed=failed,
        per_second=len(took_ms) / duration,
        p50_ms=took_ms[len(took_ms) // 2],
        p99_ms=took_ms[len(took_ms) * 99 // 100],
        worst_ms=took_ms[-1],
    )


def make_requests(
    questions: Sequence[str], tokens: Sequence[str], *, path: str = "/v1/rights-checks"
) -> list[bytes]:
    """Write the requests as the bytes that leave."""
    dice = random.Random(2)
    return [
        (
            f"POST {path} HTTP/1.1\r\n"
            "Host: 127.0.0.1\r\n"
            f"Authorization: Bearer {dice.choice(tokens)}\r\n"
            f"Client-Cert: {CLIENT_CERT}\r\n"
            "Content-Type: application/json\r\n"
            "User-Agent: bench\r\n"
            f"Content-Length: {len(question)}\r\n\r\n{question}"
        ).encode()
        for question in questions
    ]
