"""Rights checks with the guard on and off, side by side: what judging every look-up costs.

    python -m bench guarded --members 20000

Two kinds of traffic: each account asks for people it knows seven times in ten, as practices do
(detection.md, section 4, weighted by volume), or for somebody new every time, which is the worst.
Rounds are interleaved. Processor time is told beside throughput: a busy machine changes it less.
The base is made anew each time: in one that was measured on before, everybody is known.
"""

import shutil
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from scripts.gateway_process import FACTORY, GatewayProcess

from bench import closed_loop
from bench.closed_loop import Throughput
from bench.machinery import DATA, save_results
from bench.processors import read_group_seconds, read_named_seconds
from bench.rights_checks import CALLERS, Ground, prepare
from rempart.wiring.settings import Settings

ROUNDS = 3
KNOWN_SHARE = 0.7
GENEROUS = "bench.generous_guard:create_app"
TARGET_RATIO = 0.9
PRACTICE = ("panel", str(KNOWN_SHARE))


@dataclass(frozen=True)
class Measured:
    """One measure: throughput, and processor time per check."""

    throughput: Throughput
    gateway_us: float
    database_us: float


@dataclass(frozen=True)
class Round:
    """The same traffic without and with a guard, twice."""

    practice_off: Measured
    practice_on: Measured
    new_off: Measured
    new_on: Measured


def run(*, members: int, seconds: float) -> None:
    """Measure, print the ratios, save them."""
    home = DATA / f"home-guarded-{members}"
    shutil.rmtree(home, ignore_errors=True)
    with prepare(members, home) as ground:
        rounds = [_play_round(ground, seconds, first=number == 0) for number in range(ROUNDS)]
    practice = _ratio(rounds, lambda one: one.practice_on, lambda one: one.practice_off)
    new = _ratio(rounds, lambda one: one.new_on, lambda one: one.new_off)
    _print(rounds, practice, new)
    path = save_results(
        f"guarded-checks-{members}",
        {
            "members": members,
            "known_share": KNOWN_SHARE,
            "rounds": [asdict(one) for one in rounds],
            "ratio_practice": practice,
            "ratio_all_new": new,
        },
    )
    Console().print(f"saved in {path}")


def _play_round(ground: Ground, seconds: float, *, first: bool) -> Round:
    off, on = (FACTORY, "off"), (GENEROUS, "on")
    if first:
        # Everybody meets their own people once.
        _measure(ground, on, max(seconds, 15), ("walk",))
    return Round(
        practice_off=_measure(ground, off, seconds, PRACTICE),
        practice_on=_measure(ground, on, seconds, PRACTICE),
        new_off=_measure(ground, off, seconds, ()),
        new_on=_measure(ground, on, seconds, ()),
    )


def _measure(
    ground: Ground, kind: tuple[str, str], seconds: float, traffic: tuple[str, ...]
) -> Measured:
    factory, guard = kind
    settings = Settings(home=ground.home.path, database_url=ground.database.url())
    gateway = GatewayProcess(settings, factory, guard=guard)
    gateway.start()
    try:
        _ask(gateway, ground, 2, traffic)
        before = _read_processors(gateway)
        throughput = _ask(gateway, ground, seconds, traffic)
        after = _read_processors(gateway)
    finally:
        gateway.stop()
    gateway_us, database_us = (
        (late - early) * 1e6 / throughput.answered
        for early, late in zip(before, after, strict=True)
    )
    return Measured(throughput, gateway_us, database_us)


def _ask(
    gateway: GatewayProcess, ground: Ground, seconds: float, traffic: tuple[str, ...]
) -> Throughput:
    return closed_loop.measure(
        gateway.port,
        ground.questions,
        ground.tokens,
        callers=CALLERS,
        seconds=seconds,
        traffic=traffic,
    )


def _read_processors(gateway: GatewayProcess) -> tuple[float, float]:
    return read_group_seconds(gateway.pid), read_named_seconds("rempart_gateway")


Pick = Callable[[Round], Measured]


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _ratio(rounds: list[Round], on: Pick, off: Pick) -> float:
    return _median(on(one).throughput.per_second / off(one).throughput.per_second for one in rounds)


def _print(rounds: list[Round], practice: float, new: float) -> None:
    table = Table(title=f"Rights checks with a guard, median of {len(rounds)} rounds")
    for column in ("", "per second", "p50 ms", "p99 ms", "failed", "gateway µs", "database µs"):
        table.add_column(column, justify="left" if not column else "right")
    picks: tuple[tuple[str, Pick], ...] = (
        (f"{KNOWN_SHARE:.0%} known, guard off", lambda one: one.practice_off),
        (f"{KNOWN_SHARE:.0%} known, guard on", lambda one: one.practice_on),
        ("all new, guard off", lambda one: one.new_off),
        ("all new, guard on", lambda one: one.new_on),
    )
    for name, pick in picks:
        measures = [pick(one) for one in rounds]
        table.add_row(
            name,
            f"{_median(one.throughput.per_second for one in measures):,.0f}",
            f"{_median(one.throughput.p50_ms for one in measures):.1f}",
            f"{_median(one.throughput.p99_ms for one in measures):.1f}",
            str(sum(one.throughput.failed for one in measures)),
            f"{_median(one.gateway_us for one in measures):.0f}",
            f"{_median(one.database_us for one in measures):.0f}",
        )
    console = Console()
    console.print(table)
    console.print(
        f"with the guard on: {practice:.2f} of the throughput ({new:.2f} when every face is new);"
        f" target ≥ {TARGET_RATIO}"
    )
