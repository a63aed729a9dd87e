"""What the guard costs: processor time of one look-up, and memory of one account.

Look-ups are in memory, no file is read while time is counted. Beside it, the same loop with no
guard and with a leaky bucket of new faces.
"""

import gc
import itertools
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.guard_baselines import NewFaceBucket, NoGuard
from bench.machinery import DATA, save_results
from rempart.exchange.guard_columns import Ref
from rempart.guard import Account, Guard, Lookup
from rempart.synth.traffic import BEGIN_MS, write_traffic
from rempart.synth.traffic_parameters import TrafficParameters
from rempart.workflows.guard.replay_guard import Judge, open_month

TARGET_US = 15.0
ACCOUNTS, SEED = 400, 10
MANY_ACCOUNTS, FACES = 100_000, 20
SAMPLE = 100_000


def run() -> None:
    """Measure, print, save."""
    path = DATA / "guard-engine"
    write_traffic(
        TrafficParameters(accounts=ACCOUNTS, seed=SEED, per_kind=1, per_pace=1, distributed=4), path
    )
    month = open_month(path / "events.parquet", accounts=path / "accounts.parquet")
    lookups = [lookup for part in month.events.read() for lookup in part.lookups]
    judges: dict[str, Callable[[], Judge]] = {
        "no guard": NoGuard,
        "leaky bucket of new faces": NewFaceBucket,
        "guard": Guard,
    }
    table = Table(title=f"{len(lookups):,} look-ups of {ACCOUNTS} accounts, one core")
    table.add_column("judge")
    table.add_column("µs / look-up", justify="right")
    each_us = {}
    for name, make in judges.items():
        judge = make()
        judge.start(month.accounts, (), BEGIN_MS)
        each_us[name] = _time(judge, lookups)
        table.add_row(name, f"{each_us[name]:.2f}")
    known_us, new_us, new_share = _time_apart(month.accounts, lookups)
    table.add_row("guard, a known face", f"{known_us:.2f}")
    table.add_row(f"guard, a new face ({new_share:.0%} of them)", f"{new_us:.2f}")
    bytes_each = _weigh_accounts()
    console = Console()
    console.print(table)
    console.print(f"{bytes_each:,.0f} bytes for each account with {FACES} known faces")
    verdict = "met" if each_us["guard"] <= TARGET_US else "MISSED"
    console.print(f"target of {TARGET_US:.0f} µs: {verdict}")
    saved = save_results(
        "guard-engine",
        {
            "lookups": len(lookups),
            "microseconds": each_us,
            "known_us": known_us,
            "new_us": new_us,
            "new_share": new_share,
            "bytes_per_account": bytes_each,
        },
    )
    console.print(f"saved in {saved}")


def _time(judge: Judge, lookups: Sequence[Lookup]) -> float:
    decide = judge.decide
    gc.collect()
    started = time.process_time()
    for lookup in lookups:
        decide(lookup)
    return 1e6 * (time.process_time() - started) / len(lookups)


def _time_apart(
    accounts: Sequence[Account], lookups: Sequence[Lookup]
) -> tuple[float, float, float]:
    """Return the time of a known face, of a new one, and the share of new ones."""
    guard = Guard()
    guard.start(accounts, (), BEGIN_MS)
    met: set[tuple[Ref, Ref]] = set()
    known, new = [], 0
    for lookup in lookups:
        face = lookup.account, lookup.subject
        if face in met:
            known.append(lookup)
        else:
            new += 1
        if guard.decide(lookup).answer:
            met.add(face)
    last_ms, some = lookups[-1].time_ms, lookups[:SAMPLE]
    # Known to the guard by now, and asked again on its last day.
    again = [lookup._replace(time_ms=last_ms) for lookup in known[-SAMPLE:]]
    fresh = [one._replace(time_ms=last_ms, subject=-(10**12) - n) for n, one in enumerate(some)]
    return _time(guard, again), _time(guard, fresh), new / len(lookups)


def _weigh_accounts() -> float:
    """Return the memory of one account more, in bytes, counted over many."""
    guard = Guard()
    guard.start((), (), BEGIN_MS)
    before = _resident_bytes()
    subjects = itertools.count(1)
    for account in range(MANY_ACCOUNTS):
        guard.add(Account(account, "pharmacy", account % 96))
        for _ in range(FACES):
            guard.decide(
                Lookup(BEGIN_MS + account, account, next(subjects), 1, 7, True, account, 1, True)
            )
    return (_resident_bytes() - before) / MANY_ACCOUNTS


def _resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
