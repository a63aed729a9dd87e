"""The country on one machine: loaded, asked beside a thirtieth of it, fed while asked, purged.

    python -m bench national --members 33000000

Needs some 60 GB of disk. What was loaded stays: the same command goes on, and measures again; what
left in the purge has left. Rounds on both bases are interleaved, and questions are about more
people than a round asks for: few pages are in memory because they were asked for before.
"""

import asyncio
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from bench import closed_loop, open_loop
from bench.machinery import DATA, Stopwatch, rempart, save_results, synthesise
from bench.open_loop import Latencies, make_requests
from bench.processors import read_group_memory
from bench.rights_checks import CALLERS, INSURERS, Ground, prepare, running_gateway
from rempart.wiring.database import Installation
from rempart.wiring.retention import open_keeper
from rempart.wiring.settings import Settings
from rempart.workflows.retention.plan_retention import begin_plan, plan_all
from rempart.workflows.retention.run_retention import run_retention

FEW: Final = 1_000_000
ROUNDS: Final = 3
ABOUT: Final = 400_000
FED: Final = 5_000_000
NATIONAL_PEAK: Final = 375
NEW_INSURER: Final = "9999999999"
TARGET_RATIO: Final = 0.8

_console = Console()


def run(*, members: int, seconds: float) -> None:
    """Go through the stages; print and save each as it ends."""
    with _loaded(FEW) as few, _loaded(members) as many:
        _tell_sizes(many, members)
        _compare(few, many, members, seconds)
        _feed_while_asked(many, seconds)
        _purge(many, members)


@contextmanager
def _loaded(members: int) -> Iterator[Ground]:
    """Hold a base up; say how long loading took if this did it."""
    with Stopwatch() as synthesis:
        synthesise(members, insurers=INSURERS)
    with prepare(members, questions_about=ABOUT) as ground:
        curve = _read_curve(ground)
        lines, seconds = curve[-1]
        _console.print(
            f"{members:,} people written in {synthesis.seconds:,.0f} s (none the second time);"
            f" {lines:,} lines were loaded in {seconds:,.0f} s: {lines / seconds:,.0f} a second"
        )
        save_results(f"national-load-{members}", {"members": members, "curve": curve})
        yield ground


def _read_curve(ground: Ground) -> list[tuple[int, float]]:
    """Return, feed after feed, how many lines were in the base and after how many seconds."""
    with ground.database.transaction("owner") as tx:
        return tx.execute(
            "SELECT (sum(rows_applied) OVER told)::bigint,"
            " extract(epoch FROM published_at - min(started_at) OVER ())::float8"
            " FROM rights.feed_version WHERE state = 'published' AND insurer_id <= %s"
            " WINDOW told AS (ORDER BY feed_version) ORDER BY feed_version",
            (INSURERS,),
        ).fetchall()


def _tell_sizes(ground: Ground, members: int) -> None:
    """Say what the base takes on disk, by table."""
    with ground.database.transaction("owner") as tx:
        rows = tx.execute(
            "SELECT schemaname || '.' || relname, pg_total_relation_size(relid)"
            " FROM pg_statio_user_tables ORDER BY 2 DESC LIMIT 8"
        ).fetchall()
        [(whole,)] = tx.execute("SELECT pg_database_size(current_database())").fetchall()
    table = Table("Table", "GB", "Bytes a person")
    for name, size in (*rows, ("all", whole)):
        table.add_row(name, f"{size / 1e9:.1f}", f"{size / members:,.0f}")
    _console.print(table)
    save_results("national-sizes", {"members": members, "bytes": dict(rows), "all": whole})


def _compare(few: Ground, many: Ground, members: int, seconds: float) -> None:
    """Ask both bases in turn."""
    found: dict[int, list[float]] = {FEW: [], members: []}
    waits: dict[int, list[float]] = {FEW: [], members: []}
    memory = 0.0
    for _ in range(ROUNDS):
        for size, ground in ((FEW, few), (members, many)):
            with running_gateway(ground) as gateway:
                _ask(gateway.port, ground, 2)
                took = _ask(gateway.port, ground, seconds)
                memory = max(memory, read_group_memory(gateway.pid))
            found[size].append(took.per_second)
            waits[size].append(took.p99_ms)
    ratio = statistics.median(
        large / small for small, large in zip(found[FEW], found[members], strict=True)
    )
    for size in found:
        _console.print(
            f"{size:,} people: {statistics.median(found[size]):,.0f} checks a second,"
            f" p99 {statistics.median(waits[size]):.0f} ms with {CALLERS} callers"
        )
    _console.print(f"ratio {ratio:.2f} (target {TARGET_RATIO}); the gateway holds {memory:,.0f} MB")
    figures = {"per_second": found, "p99_ms": waits, "ratio": ratio, "gateway_mb": memory}
    save_results("national-checks", {"members": members, **figures})


def _ask(port: int, ground: Ground, seconds: float) -> closed_loop.Throughput:
    return closed_loop.measure(
        port, ground.questions, ground.tokens, callers=CALLERS, seconds=seconds
    )


def _feed_while_asked(ground: Ground, seconds: float) -> None:
    """Ask at the national peak, without and with a feed of five million lines coming in."""
    feed = _write_feed()
    requests = make_requests(
        ground.questions.read_text().splitlines(), ground.tokens.read_text().splitlines()
    )
    with running_gateway(ground) as gateway:

        def ask() -> Latencies:
            return asyncio.run(
                open_loop.measure(
                    gateway.port, requests, per_second=NATIONAL_PEAK, seconds=2 * seconds
                )
            )

        ask()
        alone, beside, spent = ask(), list[Latencies](), Stopwatch()

        def load() -> None:
            with spent:
                rempart(
                    ground.home.path,
                    *("feed", "import", str(feed), "--insurer", str(INSURERS + 1)),
                    *("--name", "Nouvelle"),
                )

        loading = threading.Thread(target=load)
        loading.start()
        while loading.is_alive():
            beside.append(ask())
        loading.join()
    worst = max(beside, key=lambda one: one.p99_ms)
    p99 = statistics.median(one.p99_ms for one in beside)
    _console.print(
        f"{NATIONAL_PEAK} checks a second: p99 {alone.p99_ms:.0f} ms; while {FED:,} lines are"
        f" imported ({spent.seconds:,.0f} s): {p99:.0f} ms, the worst {worst.p99_ms:.0f} ms,"
        f" {sum(one.failed for one in beside)} failed"
    )
    figures = {"alone_p99_ms": alone.p99_ms, "p99_ms": [one.p99_ms for one in beside]}
    save_results("national-feed", {**figures, "lines": FED, "seconds": spent.seconds})


def _write_feed() -> Path:
    """Write the feed of an insurer that the base does not know, once."""
    path = DATA / f"feed-{FED}.csv"
    if not path.exists():
        [source] = (synthesise(FED, insurers=1) / "feeds").glob("*.csv")
        with source.open("rb") as lines, path.with_suffix(".part").open("wb") as out:
            out.write(lines.readline())
            for line in lines:
                out.write(NEW_INSURER.encode() + line[len(NEW_INSURER) :])
        path.with_suffix(".part").rename(path)
    return path


def _purge(ground: Ground, members: int) -> None:
    """Plan the purge of the year, and carry it out."""
    at = Installation(
        settings=Settings(home=ground.home.path), home=ground.home, database=ground.database
    )
    keeper = open_keeper(at)
    with Stopwatch() as planned:
        with ground.database.transaction("keeper") as tx:
            run_id = begin_plan(tx, datetime.now(ZoneInfo("Europe/Paris")).date())
        progress = plan_all(lambda: ground.database.transaction("keeper"), run_id)
    if not progress.items:
        _console.print("nothing is due: it left when this was measured before")
        return
    with ground.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE retention.run SET state = 'approved', first_at = now(), second_by = 1,"
            " second_at = now() WHERE run_id = %s AND state = 'planned'",
            (run_id,),
        )
    with Stopwatch() as carried:
        ran = run_retention(keeper, run_id)
    fields = ran.archived + ran.deleted
    _console.print(
        f"purge: {fields:,} fields of {members:,} people, planned in {planned.seconds:,.0f} s,"
        f" carried out in {carried.seconds:,.0f} s: {fields / carried.seconds:,.0f} a second"
    )
    save_results(
        "national-purge",
        {"fields": fields, "planned_s": planned.seconds, "carried_s": carried.seconds},
    )
