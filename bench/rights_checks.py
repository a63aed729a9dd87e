"""Rights checks over HTTP with a durable ledger, beside three baselines of the same run.

    python -m bench rights --members 1000000

The baselines: the same gateway with the ledger off, the same answering without a database, and a
bare SELECT by index. Rounds are interleaved, so that whatever else the machine does harms all of
them alike.
"""

import asyncio
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from scripts.gateway_process import FACTORY, GatewayProcess

from bench import bare_select, closed_loop, open_loop
from bench.callers import QUESTIONS, registered_software, write_questions
from bench.closed_loop import Throughput
from bench.machinery import DATA, rempart, running_database, save_results, synthesise
from bench.open_loop import Latencies, make_requests
from bench.processors import read_group_seconds, read_named_seconds
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

INSURERS = 100
ROUNDS = 3
CALLERS = 64
PACE = 1000
NO_DATABASE = "bench.no_database:create_app"
NO_LEDGER = "bench.no_ledger:create_app"
TARGET_PER_SECOND = 4000
TARGET_P99_MS = 50
TARGET_RATIO = 0.25


@dataclass(frozen=True)
class Ground:
    """Where everything is for one run."""

    home: Home
    database: Database
    questions: Path
    tokens: Path


@dataclass(frozen=True)
class Round:
    """One measure of each, one after the other."""

    checks: Throughput
    idempotent: Throughput
    no_database: Throughput
    no_ledger: Throughput
    selects_per_second: float
    gateway_us: float
    database_us: float


def run(*, members: int, seconds: float) -> None:
    """Measure, print the ratios, save them."""
    with prepare(members) as ground:
        rounds = [_play_round(ground, seconds) for _ in range(ROUNDS)]
        with running_gateway(ground) as gateway:
            requests = make_requests(
                ground.questions.read_text().splitlines(), ground.tokens.read_text().splitlines()
            )
            pace = asyncio.run(
                open_loop.measure(gateway.port, requests, per_second=PACE, seconds=2 * seconds)
            )
        rempart(ground.home.path, "ledger", "audit")
    _print(members, rounds, pace)
    path = save_results(
        f"rights-checks-{members}",
        {
            "members": members,
            "rounds": [asdict(one) for one in rounds],
            "open_loop": asdict(pace),
            "checks_per_second": _median(one.checks.per_second for one in rounds),
            "ratio_to_no_database": _ratio(rounds),
            "ratio_to_ledger_off": _ratio_to_ledger_off(rounds),
        },
    )
    Console().print(f"saved in {path}")


@contextmanager
def prepare(
    members: int, home_path: Path | None = None, *, questions_about: int = QUESTIONS
) -> Iterator[Ground]:
    """Load the members once into a home that is kept, and give the tokens of many accounts."""
    data_set = synthesise(members, insurers=INSURERS)
    home_path = home_path or DATA / f"home-{members}"
    with running_database(home_path) as database:
        rempart(home_path, "feed", "import-all", str(data_set))
        rempart(home_path, "client", "load", str(data_set / "professionals.csv"))
        questions, tokens = home_path / "questions.jsonl", home_path / "tokens.txt"
        write_questions(data_set, questions, about=questions_about)
        home = Home.open(home_path)
        with registered_software(database, home, tokens):
            yield Ground(home, database, questions, tokens)


@contextmanager
def running_gateway(ground: Ground, factory: str = FACTORY) -> Iterator[GatewayProcess]:
    """Run a gateway process."""
    settings = Settings(home=ground.home.path, database_url=ground.database.url())
    gateway = GatewayProcess(settings, factory)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


def _play_round(ground: Ground, seconds: float) -> Round:
    def ask(gateway: GatewayProcess, seconds: float, *, idempotent: bool = False) -> Throughput:
        return closed_loop.measure(
            gateway.port,
            ground.questions,
            ground.tokens,
            callers=CALLERS,
            seconds=seconds,
            idempotent=idempotent,
        )

    with running_gateway(ground) as gateway:
        ask(gateway, 2)
        before = _read_processors(gateway)
        checks = ask(gateway, seconds)
        after = _read_processors(gateway)
        idempotent = ask(gateway, seconds, idempotent=True)
    with running_gateway(ground, NO_DATABASE) as gateway:
        ask(gateway, 1)
        no_database = ask(gateway, seconds)
    with running_gateway(ground, NO_LEDGER) as gateway:
        ask(gateway, 1)
        no_ledger = ask(gateway, seconds)
    selects = bare_select.measure(ground.database, ground.home, seconds=seconds / 2)
    gateway_us, database_us = (
        (late - early) * 1e6 / checks.answered for early, late in zip(before, after, strict=True)
    )
    return Round(checks, idempotent, no_database, no_ledger, selects, gateway_us, database_us)


def _read_processors(gateway: GatewayProcess) -> tuple[float, float]:
    """Return the processor seconds used so far by the gateway, and by its database sessions."""
    return read_group_seconds(gateway.pid), read_named_seconds("rempart_gateway")


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _ratio(rounds: list[Round]) -> float:
    return _median(one.checks.per_second / one.no_database.per_second for one in rounds)


def _ratio_to_ledger_off(rounds: list[Round]) -> float:
    return _median(one.checks.per_second / one.no_ledger.per_second for one in rounds)


def _print(members: int, rounds: list[Round], pace: Latencies) -> None:
    table = Table(title=f"Rights checks, {members:,} members, median of {len(rounds)} rounds")
    for column in ("", "per second", "p50 ms", "p99 ms", "failed", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    bare = _median(one.selects_per_second for one in rounds)
    ways: Sequence[tuple[str, Callable[[Round], Throughput]]] = (
        ("same gateway without a database", lambda one: one.no_database),
        ("rights checks, ledger off", lambda one: one.no_ledger),
        ("rights checks, durable ledger", lambda one: one.checks),
        ("the same, each with an Idempotency-Key", lambda one: one.idempotent),
    )
    for name, pick in ways:
        measures = [pick(one) for one in rounds]
        ratio = _median(pick(one).per_second / one.no_database.per_second for one in rounds)
        table.add_row(
            name,
            f"{_median(one.per_second for one in measures):,.0f}",
            f"{_median(one.p50_ms for one in measures):.1f}",
            f"{_median(one.p99_ms for one in measures):.1f}",
            str(sum(one.failed for one in measures)),
            f"{ratio:.2f}",
        )
    table.add_row("bare SELECT by index", f"{bare:,.0f}", "", "", "", "")
    table.add_row(
        f"open loop at {PACE:,}/s",
        f"{pace.per_second:,.0f}",
        f"{pace.p50_ms:.1f}",
        f"{pace.p99_ms:.1f}",
        str(pace.failed),
        "",
    )
    console = Console()
    console.print(table)
    checks = _median(one.checks.per_second for one in rounds)
    console.print(
        f"processor time per check: gateway {_median(one.gateway_us for one in rounds):.0f} µs,"
        f" its database sessions {_median(one.database_us for one in rounds):.0f} µs;"
        f" {bare / checks:.1f} bare SELECTs take the time of one check;"
        f" the durable ledger leaves {_ratio_to_ledger_off(rounds):.2f} of what it is without"
    )
    console.print(
        f"targets: {TARGET_PER_SECOND:,}/s, p99 < {TARGET_P99_MS} ms at {PACE:,}/s,"
        f" ratio to no database ≥ {TARGET_RATIO}"
    )
