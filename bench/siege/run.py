"""A thousand kills: a whole installation under mixed load, hit again and again, and judged.

    python -m bench siege --kills 1000

Rights checks and claims through the front, the worker at a campaign, a purge, payments, sealing;
two gateways, portals, PostgreSQL, sessions of it and `serve` itself are killed with -9 at random
moments. After each round of kills everything that callers, people, banks and auditors were told is
compared with what is there. One difference and it fails.
"""

import random
import shutil
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.machinery import DATA, save_results
from bench.notices import settle_all
from bench.siege.chores import Clerk, Round
from bench.siege.ground import TARGETS, Fortress, open_fortress
from bench.siege.load import Load, Told
from bench.siege.verdict import judge

A_ROUND: Final = 50
# Seldom: it takes everything with it, and everything has to come back.
WEIGHTS: Final = {"serve and all its parts": 1, "postgresql": 2}
USUAL_WEIGHT: Final = 4
MEAN_PAUSE_S: Final = 1.5
DONE_WITHIN_S: Final = 600
RELAY_PORT: Final = 28_526

_console = Console()


@dataclass
class Siege:
    """What was hit so far, and what callers noticed of it: longest silences, by target."""

    hits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    silences: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )


def run(*, kills: int, seed: int = 1) -> None:
    """Besiege, print, save; fail on the first difference."""
    home = DATA / "siege"
    shutil.rmtree(home, ignore_errors=True)
    dice, told, siege, rounds = random.Random(seed), Told(), Siege(), list[Round]()
    with open_fortress(home, relay_port=RELAY_PORT) as fortress:
        fortress.wait_until_up()
        while sum(siege.hits.values()) < kills:
            one = Round(fortress, len(rounds))
            rounds.append(one)
            most = min(A_ROUND, kills - sum(siege.hits.values()))
            _play(fortress, one, siege, told, dice, most=most)
            wrong = judge(fortress, told, rounds)
            _console.print(
                f"{sum(siege.hits.values()):,} kills: {len(told.receipts):,} receipts,"
                f" {len(told.claims):,} claims, {told.repeated:,} requests sent again,"
                f" {told.refused:,} refused by the guard: "
                + ("; ".join(wrong) or "nothing lost, nothing twice")
            )
            if wrong:
                raise SystemExit(f"the siege found: {'; '.join(wrong)} {told.strange}")
    _report(siege, told)


def _play(
    fortress: Fortress, one: Round, siege: Siege, told: Told, dice: random.Random, *, most: int
) -> None:
    one.prepare()
    weights = [WEIGHTS.get(target, USUAL_WEIGHT) for target in TARGETS]
    done = 0
    with Load(fortress.ground, fortress.port, told), Clerk(fortress):
        told.take_silences()
        while done < most:
            time.sleep(dice.expovariate(1 / MEAN_PAUSE_S))
            [target] = dice.choices(TARGETS, weights)
            if not fortress.hit(target, dice):
                continue  # it is still down from the last time
            done += 1
            siege.hits[target] += 1
            # Half of the time the next blow falls while it is down.
            if dice.random() < 0.5:
                fortress.wait_until_up()
                time.sleep(0.5)
                for kind, silence in told.take_silences().items():
                    siege.silences[target][kind].append(silence)
        fortress.wait_until_up()
        told.take_silences()
    _come_to_an_end(fortress, one)


def _come_to_an_end(fortress: Fortress, one: Round) -> None:
    """Wait until all that was begun is done; nobody is hit meanwhile."""
    limit = time.monotonic() + DONE_WITHIN_S
    with Clerk(fortress):
        while not one.is_over():
            if time.monotonic() > limit:
                raise SystemExit("what was begun did not come to an end: see `rempart jobs list`")
            time.sleep(1)
            # Nobody is hit now: what is handed over is said to be within moments.
            settle_all(fortress.installation, after=timedelta(seconds=30))
    time.sleep(2)


def _report(siege: Siege, told: Told) -> None:
    table = Table(
        "Killed with -9", "Times", "Checks: silence, median", "longest", "Claims: longest"
    )
    for target in TARGETS:
        checks = siege.silences[target]["check"] or [0.0]
        claims = siege.silences[target]["claim"] or [0.0]
        table.add_row(
            *(target, str(siege.hits[target]), f"{statistics.median(checks):.1f} s"),
            *(f"{max(checks):.1f} s", f"{max(claims):.1f} s"),
        )
    _console.print(table)
    figures = {
        "kills": dict(siege.hits),
        "receipts": len(told.receipts),
        "claims": len(told.claims),
        "sent_again": told.repeated,
        "refused_by_the_guard": told.refused,
        "longest_silences": {
            target: {kind: max(seconds) for kind, seconds in one.items() if seconds}
            for target, one in siege.silences.items()
        },
    }
    _console.print(f"saved in {save_results('siege', figures)}")
