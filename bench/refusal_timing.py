"""Do refusals take the same time whether the person exists or not? A test of two samples.

    python -m bench.refusal_timing --each 4000

One caller asks about people it never asked about before, one after the other, kinds mixed at
random: strangers, people whose contract ended, people suspended. The Kolmogorov-Smirnov distance
between the times of two kinds is how well the best threshold tells one from the other: 0 not at
all, 1 always. The two halves of the strangers give what chance alone makes of it.
"""

import argparse
import http.client
import json
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from rich.console import Console
from rich.table import Table
from scripts.gateway_process import GatewayProcess
from tests.api.world import ENDED, SUSPENDED, Person, populate, typed_body

from bench.machinery import DATA, running_database, save_results
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.rights.lookup import CardCode
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

TARGET = 0.05
STRANGER = "stranger"


def run(*, each: int) -> None:
    """Measure, print the distances, save them."""
    home = DATA / "refusal-timing"
    shutil.rmtree(home, ignore_errors=True)
    crowds = {
        STRANGER: [_make_person(ENDED, n) for n in range(2 * each)],
        "ended": [_make_person(ENDED, 2 * each + n) for n in range(each)],
        "suspended": [_make_person(SUSPENDED, 3 * each + n) for n in range(each)],
    }
    with running_database(home) as database:
        known = (*crowds["ended"], *crowds["suspended"])
        world = populate(database, Home.open(home), known)
        gateway = GatewayProcess(Settings(home=home, database_url=database.url()))
        gateway.start()
        times = _ask(gateway.port, world.make_headers(), crowds)
        gateway.stop()
    shutil.rmtree(home)
    strangers = times.pop(STRANGER)
    distances = {
        "chance alone": compute_distance(strangers[::2], strangers[1::2]),
        **{kind: compute_distance(strangers, found) for kind, found in times.items()},
    }
    _print(distances, {STRANGER: strangers, **times})
    path = save_results("refusal-timing", {"each": each, "distances": distances})
    Console().print(f"saved in {path}")


def compute_distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the Kolmogorov-Smirnov distance: the largest gap between the two distributions."""
    marks = sorted([(value, 1 / len(one)) for value in one] + [(v, -1 / len(other)) for v in other])
    gap = widest = 0.0
    for (value, weight), (following, _) in pairwise([*marks, (float("inf"), 0.0)]):
        gap += weight
        if value != following:
            widest = max(widest, abs(gap))
    return widest


def _make_person(model: Person, number: int) -> Person:
    return replace(
        model,
        person_ref=1_000_000 + number,
        nir=make_synthetic_nir(sex=2, year=1984, month=5, serial=number),
        card=CardCode.from_number(2**98 + number),
    )


def _ask(
    port: int, let_in: dict[str, str], crowds: dict[str, list[Person]]
) -> dict[str, list[float]]:
    """Ask about everybody once, in a random order, on one connection; return milliseconds."""
    asked = [(kind, person) for kind, crowd in crowds.items() for person in crowd]
    random.Random(1).shuffle(asked)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {**let_in, "Content-Type": "application/json"}
    times: dict[str, list[float]] = {kind: [] for kind in crowds}
    care_date = date.today().isoformat()  # noqa: DTZ011 - any day will do
    for kind, person in asked:
        body = json.dumps(typed_body(person, domain="PHAR", care_date=care_date))
        started = time.perf_counter()
        connection.request("POST", "/v1/rights-checks", body, headers)
        reply = connection.getresponse()
        answer = reply.read()
        times[kind].append((time.perf_counter() - started) * 1000)
        if reply.status != 200 or b'"not_open"' not in answer:
            raise RuntimeError(f"{kind}: {reply.status} is not a refusal")
    return times


def _print(distances: dict[str, float], times: dict[str, list[float]]) -> None:
    table = Table(title="Times of refusals, typed identifiers, one caller")
    for column in ("kind", "asked", "median ms", "distance to strangers"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind, found in times.items():
        distance = distances.get(kind)
        table.add_row(
            kind,
            f"{len(found):,}",
            f"{sorted(found)[len(found) // 2]:.3f}",
            "" if distance is None else f"{distance:.3f}",
        )
    Console().print(table)
    Console().print(f"chance alone: {distances['chance alone']:.3f}; target < {TARGET}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=4000, help="people of each kind")
    run(each=parser.parse_args().each)
