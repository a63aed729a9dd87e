"""What was really shown to the robots, and the figures that follow from it.

The truth is what the robots' answered questions find in the database. It is worked out after the
list is written, from the script that only the drill holds. Refuses to correct the list.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from rempart.disclosure.fields import Field
from rempart.drill.cast import Identifiers, Person, type_identifiers
from rempart.drill.measure import compare_with_truth, compute_persons_per_account
from rempart.drill.plan import Script
from rempart.drill.portal_2024 import Leak, index_by_nir, measure_leak, measure_portal
from rempart.drill.replay import NOT_SENT, OK, Tape
from rempart.drill.report import Findings, RobotFigures, make_report
from rempart.kernel.errors import SetupError
from rempart.rights.lookup import canonical_typed, compute_raw_lookup_key
from rempart.storage.connect import Database, Transaction
from rempart.workflows.expose_persons import ExposureAnswer
from rempart.workflows.measure_exercise import (
    FoundPerson,
    draw_timeline,
    find_persons,
    list_insurer_names,
)

SLICES: Final = 60
SHORTEST_SLICE_MS: Final = 250
# How many people are looked for, to know whether the set is the one that was loaded.
SAMPLE: Final = 100


def check_loaded(database: Database, lookup_secret: bytes, people: Sequence[Person]) -> None:
    """Refuse to play people who could not be shown: every figure would be right and empty.

    Raises:
        SetupError: less than half of a sample is in the database.
    """
    covered = [person for person in people if person.covered]
    some = covered[:: max(1, len(covered) // SAMPLE)]
    keys = {_compute_key(lookup_secret, type_identifiers(person)) for person in some}
    with database.transaction("analyst") as tx:
        found = find_persons(tx, keys)
    if len(found) < len(keys) / 2:
        raise SetupError(
            f"of {len(keys)} people of the synthetic set, {len(found)} are in the database: load "
            "its feeds with `rempart feed import-all`, or give the set that was loaded with --data"
        )


def measure_drill(
    database: Database,
    lookup_secret: bytes,
    people: Sequence[Person],
    *,
    script: Script,
    tape: Tape,
    answer: ExposureAnswer,
) -> dict[str, Any]:
    """Compare the list with the truth and write the drill's report.

    Args:
        database: The database of the gateway that was asked.
        lookup_secret: The home's lookup key.
        people: Everybody of the synthetic set.
        script: What was to be asked.
        tape: What came back.
        answer: The list, already written.
    """
    slice_ms = max(SHORTEST_SLICE_MS, -(-(tape.ended_ms - tape.started_ms) // SLICES))
    with database.transaction("analyst") as tx:
        shown = _find_shown(tx, lookup_secret, script, tape)
        names = list_insurer_names(tx)
        timeline = draw_timeline(
            tx,
            answer.incident_id,
            from_ms=tape.started_ms,
            to_ms=tape.ended_ms,
            slice_ms=slice_ms,
        )
    truth = _join(shown)
    per_account = {
        caller: _join(shown[n] for n, robot in enumerate(script.robots) if robot.caller == caller)
        for caller in script.stolen
    }
    mean, worst = compute_persons_per_account(per_account)
    families = index_by_nir(people)
    return make_report(
        Findings(
            answer=answer,
            accuracy=compare_with_truth(answer.persons, truth),
            truth=Counter(person.insurer_id for person in truth),
            insurer_names=names,
            mean_persons=mean,
            worst_persons=worst,
            portal=measure_portal(families, _list_sent(script, tape, range(len(script.robots)))),
            rempart=_measure_ours(answer, truth),
            robots=tuple(
                _count_robot(script, tape, number, families, persons=len(shown[number]))
                for number in range(len(script.robots))
            ),
            timeline=timeline,
            lawful=_count_lawful(script, tape),
            script=script,
            interrupted=tape.interrupted,
        )
    )


def _find_shown(
    tx: Transaction, lookup_secret: bytes, script: Script, tape: Tape
) -> list[set[FoundPerson]]:
    """Find the persons each robot's answered questions were about."""
    answered = [
        (ask.robot, _compute_key(lookup_secret, ask.identifiers))
        for ask, status in zip(script.asks, tape.statuses, strict=True)
        if ask.robot is not None and status == OK
    ]
    found = find_persons(tx, {key for _, key in answered})
    shown: list[set[FoundPerson]] = [set() for _ in script.robots]
    for robot, key in answered:
        if key in found:
            shown[robot].add(found[key])
    return shown


def _list_sent(script: Script, tape: Tape, robots: Container[int]) -> list[Identifiers]:
    """List what robots sent, answered or refused."""
    return [
        ask.identifiers
        for ask, status in zip(script.asks, tape.statuses, strict=True)
        if ask.robot is not None and ask.robot in robots and status != NOT_SENT
    ]


def _join(shown: Iterable[set[FoundPerson]]) -> frozenset[FoundPerson]:
    return frozenset[FoundPerson]().union(*shown)


def _compute_key(lookup_secret: bytes, typed: Identifiers) -> UUID:
    canonical = canonical_typed(
        typed.amc_number, typed.insured_nir[:13], typed.birth_date, str(typed.birth_rank)
    )
    return UUID(bytes=compute_raw_lookup_key(lookup_secret, canonical))


def _measure_ours(answer: ExposureAnswer, truth: frozenset[FoundPerson]) -> Leak:
    """Add up what Rempart showed of the persons really shown: nothing of it had been typed."""
    fields = {(p.insurer_id, p.person_ref): Field(p.fields) for p in answer.persons}
    shown = [fields.get((p.insurer_id, p.person_ref), Field.RIGHTS_STATUS) for p in truth]
    return measure_leak((mask, mask) for mask in shown)


def _count_robot(
    script: Script,
    tape: Tape,
    number: int,
    families: Mapping[str, tuple[Person, ...]],
    *,
    persons: int,
) -> RobotFigures:
    mine = [n for n, ask in enumerate(script.asks) if ask.robot == number and tape.statuses[n]]
    return RobotFigures(
        kind=str(script.robots[number].kind),
        account=script.stolen.index(script.robots[number].caller) + 1,
        sent=len(mine),
        answered=sum(tape.statuses[n] == OK for n in mine),
        refused=sum(tape.refusals[n] for n in mine),
        persons=persons,
        persons_2024=measure_portal(families, _list_sent(script, tape, {number})).persons,
    )


def _count_lawful(script: Script, tape: Tape) -> dict[str, int]:
    mine = [n for n, ask in enumerate(script.asks) if ask.robot is None and tape.statuses[n]]
    return {
        "sent": len(mine),
        "answered": sum(tape.statuses[n] == OK for n in mine),
        "refused": sum(tape.refusals[n] for n in mine),
    }
