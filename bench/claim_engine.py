"""What sharing a claim out costs: processor time of the pure engine, no database and no file.

Bills are those of the answer key, in memory before time is counted. Beside the engine, the same
loop without contracts (the AMO part alone), and one that only walks over the lines. `run_key`
settles them all a second time by the answer key and compares, to the cent.
"""

import cProfile
import gc
import pstats
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from tests.answer_key.comparison import compare, draw_members, read_engine_tables

from bench.machinery import save_results
from rempart.claims.adjudication import Contract, adjudicate_claim
from rempart.claims.claim import Claim
from rempart.claims.counters import Counters
from rempart.kernel.errors import Conflict
from rempart.kernel.periods import Period

SEED = 7
SHOWN = 12
ROUNDS = 3


class _Case(NamedTuple):
    """One claim, and what it is shared out on."""

    claim: Claim
    contracts: list[Contract]
    levies: Counters


def run(*, claims: int) -> None:
    """Measure, print, save."""
    lines = sum(len(case.claim.lines) for case in _prepare(claims))
    ways: dict[str, Callable[[_Case], object]] = {
        "a walk over the lines": lambda case: [line.billed_cents for line in case.claim.lines],
        "AMO alone": lambda case: adjudicate_claim(case.claim, (), case.levies),
        "engine": lambda case: adjudicate_claim(case.claim, case.contracts, case.levies),
    }
    # Counters fill up as claims pass: each round has its own.
    seconds = {
        name: min(_time(way, _prepare(claims)) for _ in range(ROUNDS)) for name, way in ways.items()
    }
    table = Table(title=f"{claims:,} claims of {lines:,} lines, one process")
    for column in ("", "claims / s", "µs / line"):
        table.add_column(column, justify="left" if not column else "right")
    for name, took in seconds.items():
        table.add_row(name, f"{claims / took:,.0f}", f"{1e6 * took / lines:.2f}")
    console = Console()
    console.print(table)
    costs = _profile(_prepare(min(claims, 10_000)))
    for name, share in costs:
        console.print(f"{share:6.1%}  {name}")
    saved = save_results(
        "claim-engine",
        {
            "claims": claims,
            "lines": lines,
            "claims_per_second": {name: claims / took for name, took in seconds.items()},
            "microseconds_per_line": {name: 1e6 * took / lines for name, took in seconds.items()},
            "profile": dict(costs),
        },
    )
    console.print(f"saved in {saved}")


def run_key(*, claims: int) -> None:
    """Settle claims by the engine and by the answer key.

    Raises:
        Conflict: they do not give the same.
    """
    started = time.monotonic()
    met, found = compare(SEED, claims)
    took = time.monotonic() - started
    if found:
        first = found[0]
        raise Conflict(f"bill {first.bill}, {first.where}: {first.engine} and {first.key}")
    saved = save_results(
        "claims-key", {"claims": met["bills"], "lines": met["lines"], "met": dict(met)}
    )
    Console().print(
        f"{met['bills']:,} claims of {met['lines']:,} lines are the same to the cent, and counters "
        f"too, in {took:.0f} s; saved in {saved}"
    )


def _prepare(claims: int) -> list[_Case]:
    tables = {
        code: replace(versions[-1], period=Period(versions[0].period.starts_on))
        for code, versions in read_engine_tables().items()
    }
    cases = []
    for member in draw_members(SEED, claims):
        contracts = [Contract(tables[code], day, Counters()) for code, day in member.contracts]
        levies = Counters()
        cases += [_Case(claim, contracts, levies) for claim in member.claims]
    return cases


def _time(way: Callable[[_Case], object], cases: Sequence[_Case]) -> float:
    gc.collect()
    started = time.process_time()
    for case in cases:
        way(case)
    return time.process_time() - started


def _profile(cases: Sequence[_Case]) -> list[tuple[str, float]]:
    """Return the functions that cost most in themselves, with their share."""
    profile = cProfile.Profile()
    with profile:
        for case in cases:
            adjudicate_claim(case.claim, case.contracts, case.levies)
    stats = pstats.Stats(profile)
    rows = stats.stats.items()  # type: ignore[attr-defined]
    whole = sum(own for _, (_, _, own, _, _) in rows)
    costs = sorted(((own / whole, name[2]) for name, (_, _, own, _, _) in rows), reverse=True)
    return [(name, share) for share, name in costs[:SHOWN]]
