"""A closed loop: so many callers, each asking again as soon as it is answered."""

import asyncio
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.open_loop import Caller, make_requests

SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Throughput:
    """How many answers a second, and what else came back."""

    per_second: float
    answered: int
    failed: int
    p50_ms: float
    p99_ms: float


def measure(
    port: int,
    questions: Path,
    tokens: Path,
    *,
    callers: int,
    seconds: float,
    idempotent: bool = False,
    traffic: tuple[str, ...] = (),
) -> Throughput:
    """Ask without pause: with wrk if it is installed, else with a loop of our own.

    Args:
        port: Of the gateway.
        questions: One a line.
        tokens: One a line.
        callers: How many ask at the same time.
        seconds: How long.
        idempotent: Whether each request has an Idempotency-Key (wrk only).
        traffic: Who asks about whom, as wrk.lua says (wrk only); at random by default.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        return asyncio.run(_ask_ourselves(port, questions, tokens, callers, seconds))
    found = subprocess.run(
        [
            *(wrk, "-t1", f"-c{callers}", f"-d{max(1, round(seconds))}", "--latency"),
            *("-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--", str(questions), str(tokens)),
            *(["idempotent"] if idempotent else traffic),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", found)
    return Throughput(
        per_second=float(_find(r"Requests/sec:\s+([\d.]+)", found)),
        answered=int(_find(r"(\d+) requests in", found)),
        failed=int(bad[1]) if bad else 0,
        p50_ms=_read_ms(_find(r"(?m)^\s+50%\s+(\S+)", found)),
        p99_ms=_read_ms(_find(r"(?m)^\s+99%\s+(\S+)", found)),
    )


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"wrk said something else:\n{text}")
    return found[1]


def _read_ms(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]


async def _ask_ourselves(
    port: int, questions: Path, tokens: Path, callers: int, seconds: float
) -> Throughput:
    requests = make_requests(questions.read_text().splitlines(), tokens.read_text().splitlines())
    loop = asyncio.get_running_loop()
    ends = time.perf_counter() + seconds
    took_ms: list[float] = []
    failed = 0

    async def ask_on(first: int) -> None:
        nonlocal failed
        _, caller = await loop.create_connection(Caller, "127.0.0.1", port)
        for n in range(first, 1 << 60, callers):
            began = time.perf_counter()
            if began >= ends:
                return
            failed += await caller.ask(requests[n % len(requests)]) != 200
            took_ms.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(ask_on(n) for n in range(callers)))
    took_ms.sort()
    return Throughput(
        per_second=len(took_ms) / seconds,
        answered=len(took_ms),
        failed=failed,
        p50_ms=took_ms[len(took_ms) // 2],
        p99_ms=took_ms[len(took_ms) * 99 // 100],
    )
