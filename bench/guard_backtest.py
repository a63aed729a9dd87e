"""The guard beside simpler judges, over months it never saw: same look-ups, same scoring.

Development looked at seeds 1 to 15. The verdict is on seeds 21 to 25, looked at once, with every
figure of the generator moved. Mistakes are counted on the last week, whose first day is the
first theft: thresholds rest on the weeks before, without labels.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table

from bench.guard_baselines import (
    DailyCount,
    FixedLimits,
    NewFaceBucket,
    NoGuard,
    PresenceRequired,
    WithoutDepartments,
)
from bench.machinery import DATA, save_results
from rempart.guard import Guard, Policy
from rempart.synth.traffic import write_traffic
from rempart.synth.traffic_parameters import TrafficParameters
from rempart.workflows.guard.replay_guard import Judge, open_month, replay_month
from rempart.workflows.guard.score_replay import Score, compute_poisson_interval, score

MOVED = 1.25
REVIEW_HOURS = 4.0
WARM_UP_DAYS = 21
# Stolen accounts for each 5 000.
PER_KIND, PER_PACE, DISTRIBUTED = 12, 8, 40

Judges: TypeAlias = Mapping[str, Callable[[], Judge]]
Results: TypeAlias = dict[str, list[tuple[Score, float]]]

FIRST = "all kinds of thieves"
# What is changed in the generator, and who judges.
STREAMS: Mapping[str, tuple[Mapping[str, Any], Judges]] = {
    FIRST: (
        {},
        {
            "no guard": NoGuard,
            "30/min, 300/h, 1 500/day": FixedLimits,
            "daily count by profession": DailyCount,
            "leaky bucket of new faces": NewFaceBucket,
            "guard": Guard,
            "guard, presence for new faces": lambda: PresenceRequired(Guard()),
        },
    ),
    "thief at the owner's workstation, list of local people": (
        {"at_the_workstation": True, "local_victims": 1.0},
        {"leaky bucket of new faces": NewFaceBucket, "guard": Guard},
    ),
    "thief who asks about everybody twice": ({"asks_again": True}, {"guard": Guard}),
    "departments known of typed identifiers only": (
        {},
        {"guard": lambda: WithoutDepartments(Guard())},
    ),
    "a budget of 0.1 false containments": (
        {},
        {"guard": lambda: Guard(Policy(false_containments=0.1))},
    ),
}


def run(
    *,
    accounts: int,
    seeds: Sequence[int],
    variants: bool = True,
    judges: Sequence[str] = (),
    jobs: int = 1,
) -> None:
    """Measure, print a table for each seed and the mean, save them; of some judges if named."""
    console = Console(width=150)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        results = _replay_all(pool, FIRST, accounts, seeds, judges)
        for place, seed in enumerate(seeds):
            one = {name: [some[place]] for name, some in results.items()}
            console.print(_make_table(f"seed {seed}", one))
        console.print(_make_table(f"{len(seeds)} seeds", results))
        console.print(_make_kinds_table(results))
        others = {}
        for title in [title for title in STREAMS if title != FIRST and variants]:
            others[title] = _replay_all(pool, title, accounts, seeds)
            console.print(_make_table(f"{title}, {len(seeds)} seeds", others[title]))
            console.print(_make_kinds_table(others[title]))
    saved = save_results(
        f"guard-backtest-{accounts}",
        {
            "accounts": accounts,
            "seeds": list(seeds),
            "moved": MOVED,
            "budget_false_containments": Policy().false_containments,
            "judges": _describe(results),
            "variants": {title: _describe(some) for title, some in others.items()},
        },
    )
    console.print(f"saved in {saved}")


def _replay_all(
    pool: ProcessPoolExecutor,
    title: str,
    accounts: int,
    seeds: Sequence[int],
    only: Sequence[str] = (),
) -> Results:
    """Replay one kind of stream: every judge over every seed, or those named."""
    changes, known = STREAMS[title]
    judges = [name for name in known if not only or name in only]
    paths = [_write_month(accounts, seed, **changes) for seed in seeds]
    # The slowest first: the others fit in between.
    order = sorted(judges, key=lambda name: not name.startswith("guard"))
    futures = {name: [pool.submit(_replay, path, title, name) for path in paths] for name in order}
    return {name: [future.result() for future in futures[name]] for name in judges}


def _write_month(accounts: int, seed: int, **changes: Any) -> Path:
    share = accounts / 5_000
    name = "-".join(["guard", str(accounts), str(seed), *sorted(changes)])
    path = DATA / name
    write_traffic(
        TrafficParameters(
            accounts=accounts,
            seed=seed,
            moved=MOVED,
            per_kind=max(1, round(PER_KIND * share)),
            per_pace=max(1, round(PER_PACE * share)),
            distributed=max(2, round(DISTRIBUTED * share)),
            **changes,
        ),
        path,
    )
    return path


def _replay(path: Path, title: str, name: str) -> tuple[Score, float]:
    """Return the score, and microseconds for each look-up."""
    judge = STREAMS[title][1][name]()
    files = {name: path / f"{name}.parquet" for name in ("accounts", "canaries", "truth")}
    month = open_month(path / "events.parquet", **files)
    tally, seconds = replay_month(
        month, judge, review_hours=REVIEW_HOURS, warm_up_days=WARM_UP_DAYS
    )
    result = score(tally)
    print(
        f"{path.name}, {name}: {result.mean:.1f} persons, worst {result.worst}, best pace "
        f"{result.sweep:.0f}, {result.false_contained} false, refused {result.refused:.0f}",
        flush=True,
    )
    return result, 1e6 * seconds / tally.lookups


def _make_table(title: str, results: Results) -> Table:
    table = Table(title=title)
    table.add_column("judge")
    for name in (
        "persons / stolen account", "worst", "best patient pace", "false / 1 000 account-days",
        "95 %", "lawful refused / 100 000", "of owners contained", "µs",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for name, some in results.items():
        scores = [one for one, _ in some]
        low, high = _pool_interval(scores)
        table.add_row(
            name,
            f"{fmean(one.mean for one in scores):.1f}",
            f"{max(one.worst for one in scores):,}",
            f"{fmean(one.sweep for one in scores):.0f}",
            f"{_pool_false(scores):.2f}",
            f"{low:.2f}–{high:.2f}",
            f"{fmean(one.refused for one in scores):.0f}",
            f"{fmean(one.owner_refused for one in scores):.0f}",
            f"{fmean(each for _, each in some):.1f}",
        )
    return table


def _make_kinds_table(results: Results) -> Table:
    table = Table(
        title="persons per stolen account: mean (worst), accounts contained, median delay"
    )
    table.add_column("thief")
    for name in results:
        table.add_column(name, justify="right")
    kinds = [one.kind for one in next(iter(results.values()))[0][0].kinds]
    for kind in kinds:
        cells = []
        for some in results.values():
            found = _pool_kind([score for score, _ in some], kind)
            cell = f"{found['mean']:.1f} ({found['worst']}) {found['contained']:.0%}"
            if found["delay_s"] is not None:
                cell += f" {found['delay_s'] / 60:.1f} min"
            cells.append(cell)
        table.add_row(kind, *cells)
    return table


def _pool_kind(scores: Sequence[Score], kind: str) -> dict[str, Any]:
    ones = [one for some in scores for one in some.kinds if one.kind == kind]
    accounts = sum(one.accounts for one in ones)
    delays = [one.delay_s for one in ones if one.delay_s is not None]
    return {
        "accounts": accounts,
        "mean": sum(one.mean * one.accounts for one in ones) / accounts,
        "worst": max(one.worst for one in ones),
        "contained": sum(one.contained for one in ones) / accounts,
        "delay_s": fmean(delays) if delays else None,
    }


def _pool_false(scores: Sequence[Score]) -> float:
    return 1000 * sum(one.false_contained for one in scores) / _pool_days(scores)


def _pool_interval(scores: Sequence[Score]) -> tuple[float, float]:
    low, high = compute_poisson_interval(sum(one.false_contained for one in scores))
    return 1000 * low / _pool_days(scores), 1000 * high / _pool_days(scores)


def _pool_days(scores: Sequence[Score]) -> float:
    return sum(one.account_days for one in scores)


def _describe(results: Results) -> dict[str, Any]:
    return {
        name: {
            "mean": fmean(one.mean for one, _ in some),
            "worst": max(one.worst for one, _ in some),
            "sweep": fmean(one.sweep for one, _ in some),
            "false_rate": _pool_false([one for one, _ in some]),
            "interval": _pool_interval([one for one, _ in some]),
            "refused": fmean(one.refused for one, _ in some),
            "owner_refused": fmean(one.owner_refused for one, _ in some),
            "microseconds": fmean(each for _, each in some),
            "by_seed": [asdict(one) for one, _ in some],
        }
        for name, some in results.items()
    }
