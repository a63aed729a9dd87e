"""Disks that fill, disks that drag, clocks that jump, while callers never stop.

    python -m bench faults                       # seven minutes, as root on Linux
    python -m bench faults --fault "full disk"   # some of it

Each fault goes on under rights checks, claims and the worker's routine. Its row says what stopped
and for how long, what callers got instead, how long good answers took to come back. After each,
what callers were told is compared with what is there: one difference and it fails.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console

from bench.faults import clocks
from bench.faults.files import full_home
from bench.faults.ground import Ballast, lay_out, small_disks, spend_wal
from bench.faults.slow import slow_flushes
from bench.faults.verdict import judge
from bench.faults.watch import KINDS, Row, watch
from bench.machinery import rempart, save_results
from bench.siege.chores import Clerk
from bench.siege.ground import Fortress, open_fortress
from bench.siege.load import Load, Told

RELAY_PORT: Final = 28_527
SECONDS: Final = 20.0
FULL_DATA: Final = "full disk: PostgreSQL's data"
FULL_WAL: Final = "full disk: PostgreSQL's WAL"
FULL_HOME: Final = "full disk: the home"
WATCHED: Final = "flushes followed, not slowed"
SLOW: Final = "slow disk: each flush waits 200 ms"
HANGS: Final = "slow disk: each flush waits 20 s"
JOBS: Final = ("seal_segments", "back_up")

_console = Console()


def run(wanted: Sequence[str] = ()) -> None:
    """Try each fault, print and save its row; fail on the first difference."""
    rows: list[Row] = []

    def is_wanted(fault: str) -> bool:
        return not wanted or any(words in fault for words in wanted)

    def keep(row: Row) -> None:
        rows.append(row)
        _show(row)

    with small_disks() as base:
        home, told = lay_out(base), Told()
        with open_fortress(home, relay_port=RELAY_PORT) as fortress:
            rempart(home, "backup", "key", str(base / "backup.key"))
            fortress.wait_until_up()
            for fault in (WATCHED, SLOW, HANGS, FULL_HOME, FULL_DATA, FULL_WAL):
                if is_wanted(fault):
                    keep(_try(fault, base, fortress, told))
            fortress.stop()
            if is_wanted(clocks.FAULT):
                for row in clocks.jump(fortress.ground, told, base):
                    keep(row)
    report(rows, told)


def _try(fault: str, base: Path, fortress: Fortress, told: Told) -> Row:
    notes: list[str] = []

    @contextmanager
    def full_wal() -> Iterator[None]:
        with Ballast(base / "wal"):
            spend_wal(fortress.database)
            yield

    faults: dict[str, Callable[[], AbstractContextManager[object]]] = {
        WATCHED: lambda: slow_flushes(fortress.cluster, 0),
        SLOW: lambda: slow_flushes(fortress.cluster, 200),
        HANGS: lambda: slow_flushes(fortress.cluster, 20_000),
        FULL_HOME: lambda: full_home(
            fortress.database, fortress.ground.home.path, JOBS, notes.append
        ),
        FULL_DATA: lambda: Ballast(base / "data"),
        FULL_WAL: full_wal,
    }

    def mend() -> str | None:
        fortress.wait_until_up()
        return "`rempart serve` was started again"

    with ExitStack() as stack:
        stack.enter_context(Load(fortress.ground, fortress.port, told))
        if fault != FULL_HOME:
            stack.enter_context(Clerk(fortress))
        row = watch(fault, told, faults[fault](), seconds=SECONDS, mend=mend)
    row.wrong = judge(fortress.ground, told)
    row.notes += notes
    return row


def report(rows: Sequence[Row], told: Told) -> None:
    """Keep the figures.

    Raises:
        SystemExit: something was lost, or is not what was told.
    """
    _console.print(f"{len(told.receipts):,} receipts, {len(told.claims):,} claims")
    figures = {
        "rows": [asdict(row) for row in rows],
        "receipts": len(told.receipts),
        "claims": len(told.claims),
    }
    _console.print(f"saved in {save_results('faults', figures)}")
    wrong = [f"{row.fault}: {one}" for row in rows for one in row.wrong]
    if wrong:
        raise SystemExit("; ".join(wrong))


def _show(row: Row) -> None:
    words = [f"{row.fault}, {row.seconds:.0f} s; lost: {'; '.join(row.wrong) or 'nothing'}"]
    for kind in KINDS:
        if kind in row.answers:
            words.append(
                f"{kind}s: {row.answers[kind]:,.0f}/s, {row.p50_ms[kind]:,.0f} ms,"
                f" p99 {row.p99_ms[kind]:,.0f} ms, silent {row.silences[kind]:.1f} s at most"
            )
        elif kind in row.silences:
            words.append(f"{kind}s: none, silent {row.silences[kind]:.1f} s")
    words += [f"instead: {count:,} {what}" for what, count in row.turned_away.items()]
    words.append(f"good answers {row.back_s:.1f} s after its end")
    _console.print("\n  ".join([*words, *row.notes]), markup=False, highlight=False, soft_wrap=True)
