"""Do refusals take the same time whether the person exists or not? A test of two samples.

    python -m bench.refusal_timing --each 4000

One caller asks about people it never asked about before, one after the other, kinds mixed at
random: strangers, people whose contract ended, people suspended, by typed identifiers; wrong codes
of the electronic card, about strangers, people who have one and people who have none; then, while
all rights are cut, typed questions and cards of strangers and of people. The Kolmogorov-Smirnov
distance between the times of two kinds is how well the best threshold tells one from the other: 0
not at all, 1 always. The two halves of the strangers give what chance alone makes of it.
"""

import argparse
import http.client
import json
import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from rich.console import Console
from rich.table import Table
from scripts.gateway_process import GatewayProcess
from tests.api.world import ENDED, SUSPENDED, Person, card_body, populate, typed_body

from bench.machinery import DATA, running_database, save_results
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.rights.lookup import CardCode
from rempart.storage.connect import Database
from rempart.storage.presence import CodeSeal
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

TARGET = 0.05
STRANGER = "stranger"
CHANCE = "chance alone"
CUT_WITHIN_S = 3
# Fewer than the wrong codes after which a caller must wait.
FORGET_EVERY = 30


@dataclass(frozen=True)
class Question:
    """What is asked of one kind of people, and what refuses them."""

    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Round:
    """Questions that nobody must tell apart by their time.

    Args:
        name: Of the round.
        questions: In any order; the kind to compare the others with is STRANGER.
        status: What answers all of them.
        words: What is in all answers.
    """

    name: str
    questions: Sequence[Question]
    status: int = 200
    words: bytes = b'"not_open"'


def run(*, each: int) -> None:
    """Measure, print the distances, save them."""
    home = DATA / "refusal-timing"
    shutil.rmtree(home, ignore_errors=True)
    crowd = Crowd(each)
    with running_database(home) as database:
        world = populate(database, Home.open(home), crowd.known)
        give_electronic_cards(database, world.home, crowd.with_code)
        gateway = GatewayProcess(Settings(home=home, database_url=database.url()))
        gateway.start()
        ask = Asking(database, gateway.port, world.make_headers())
        found = {one.name: ask.run(one) for one in crowd.list_open_rounds()}
        cut_everything(database)
        time.sleep(CUT_WITHIN_S)
        found |= {one.name: ask.run(one) for one in crowd.list_cut_rounds()}
        gateway.stop()
    shutil.rmtree(home)
    distances = {name: compare(times) for name, times in found.items()}
    _print(distances, found)
    path = save_results("refusal-timing", {"each": each, "distances": distances})
    Console().print(f"saved in {path}")


class Crowd:
    """People of each kind, nobody asked about twice.

    Args:
        each: How many of a kind.
    """

    def __init__(self, each: int) -> None:
        self._each, self._taken = each, 0
        self.strangers = self._take(ENDED, 2)
        self.ended, self.suspended = self._take(ENDED), self._take(SUSPENDED)
        self.code_strangers = self._take(ENDED, 2)
        self.with_code, self.without_code = self._take(SUSPENDED), self._take(SUSPENDED)

    @property
    def known(self) -> tuple[Person, ...]:
        """Those the database is to know."""
        return (*self.ended, *self.suspended, *self.with_code, *self.without_code)

    def list_open_rounds(self) -> list[Round]:
        """Return the rounds while everything answers."""
        typed = {STRANGER: self.strangers, "ended": self.ended, "suspended": self.suspended}
        codes = {
            STRANGER: self.code_strangers,
            "wrong code": self.with_code,
            "no electronic card": self.without_code,
        }
        return [
            Round("typed", _list_questions(typed, _make_typed)),
            Round("six digits", _list_questions(codes, _make_code)),
        ]

    def list_cut_rounds(self) -> list[Round]:
        """Return the rounds while rights are cut: nobody is looked up, strangers may be again."""
        people = {STRANGER: self.strangers, "suspended": self.suspended}
        return [
            Round(name, _list_questions(people, make), 503, b"rights_cut")
            for name, make in (("typed, cut", _make_typed), ("card, cut", _make_card))
        ]

    def _take(self, model: Person, times: int = 1) -> list[Person]:
        first, self._taken = self._taken, self._taken + times * self._each
        return [_make_person(model, number) for number in range(first, self._taken)]


class Asking:
    """One caller on one connection.

    Args:
        database: Where the caller's tries are forgotten, so that it may go on guessing.
        port: The gateway's.
        let_in: Headers that let in.
    """

    def __init__(self, database: Database, port: int, let_in: Mapping[str, str]) -> None:
        self._database = database
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {**let_in, "Content-Type": "application/json"}

    def run(self, one: Round) -> dict[str, list[float]]:
        """Ask all questions of a round once, in a random order; return milliseconds by kind."""
        questions = list(one.questions)
        random.Random(one.name).shuffle(questions)
        times: dict[str, list[float]] = {question.kind: [] for question in questions}
        for number, question in enumerate(questions):
            if number % FORGET_EVERY == 0:
                self._forget_tries()
            body = json.dumps(question.body)
            started = time.perf_counter()
            self._connection.request("POST", "/v1/rights-checks", body, self._headers)
            reply = self._connection.getresponse()
            answer = reply.read()
            times[question.kind].append((time.perf_counter() - started) * 1000)
            if reply.status != one.status or one.words not in answer:
                raise RuntimeError(f"{one.name}, {question.kind}: {reply.status} is no refusal")
        return times

    def _forget_tries(self) -> None:
        with self._database.transaction("owner") as tx:
            tx.execute("DELETE FROM rights.code_caller")


def give_electronic_cards(database: Database, home: Home, people: Sequence[Person]) -> None:
    """Give people the secret of a rotating code."""
    seal = CodeSeal(home.key("presence"))
    rows = [(person.person_ref, seal.draw(person.person_ref)) for person in people]
    with database.transaction("owner") as tx, tx.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO rights.code_secret (person_ref, sealed) VALUES (%s, %s)", rows
        )


def cut_everything(database: Database) -> None:
    """Cut all rights, as two persons."""
    with database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO rights.cut (cut_ref, scope, reason, asked_by, approved_by, starts_at,"
            " review_at) VALUES (1, 'rights', 'incident', 1, 2, clock_timestamp(),"
            " now() + interval '1 day')"
        )


def compare(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the distance of each kind to the strangers, and what chance alone makes of it."""
    strangers = times[STRANGER]
    return {
        CHANCE: compute_distance(strangers[::2], strangers[1::2]),
        **{
            kind: compute_distance(strangers, found)
            for kind, found in times.items()
            if kind != STRANGER
        },
    }


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


def _list_questions(
    people: Mapping[str, Sequence[Person]], make: Callable[[Person], dict[str, Any]]
) -> list[Question]:
    return [Question(kind, make(person)) for kind, crowd in people.items() for person in crowd]


def _make_typed(person: Person) -> dict[str, Any]:
    return typed_body(person)


def _make_card(person: Person) -> dict[str, Any]:
    return card_body(person)


def _make_code(person: Person) -> dict[str, Any]:
    body = typed_body(person)
    code = {"mode": "code", "presence_digits": "999999"}
    return {**body, "identifiers": {**body["identifiers"], **code}}


def _print(
    distances: Mapping[str, Mapping[str, float]], times: Mapping[str, Mapping[str, list[float]]]
) -> None:
    table = Table(title="Times of refusals, one caller: distance to strangers")
    for column in ("round", "kind", "asked", "median ms", "distance"):
        table.add_column(column, justify="left" if column in {"round", "kind"} else "right")
    for name, kinds in times.items():
        for kind, found in kinds.items():
            distance = distances[name][CHANCE if kind == STRANGER else kind]
            median = sorted(found)[len(found) // 2]
            shown = f"({distance:.3f} by chance)" if kind == STRANGER else f"{distance:.3f}"
            table.add_row(name, kind, f"{len(found):,}", f"{median:.3f}", shown)
    Console().print(table)
    Console().print(f"target < {TARGET} above chance")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=4000, help="people of each kind")
    run(each=parser.parse_args().each)
