"""What was really shown to the robots, and the figures that follow from it.

The truth is what the robots' questions find in the database. It is worked out after the list is
written, from the script that only the drill holds. Refuses to correct the list.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from rempart.disclosure.fields import Field
from rempart.drill.blast import measure_blasts, measure_cost
from rempart.drill.cast import Identifiers, Person, type_identifiers
from rempart.drill.measure import compare_with_truth
from rempart.drill.past import Past
from rempart.drill.plan import Script
from rempart.drill.portal_2024 import Leak, index_by_nir, measure_leak, measure_portal
from rempart.drill.replay import NOT_SENT, OK, REFUSALS, Tape
from rempart.drill.report import Findings, RobotFigures, make_report
from rempart.incidents.exposure import ExposedPerson
from rempart.kernel.errors import SetupError
from rempart.rights.lookup import canonical_card, canonical_typed, compute_raw_lookup_key
from rempart.storage.connect import Database
from rempart.workflows.incidents.expose_persons import ExposureAnswer
from rempart.workflows.incidents.measure_exercise import (
    FoundPerson,
    draw_timeline,
    find_persons,
    list_insurer_names,
)

SLICES: Final = 60
# How many people are looked for, to know whether the set is the one that was loaded.
SAMPLE: Final = 100


def check_loaded(database: Database, lookup_secret: bytes, people: Sequence[Person]) -> None:
    """Refuse to play people who could not be shown: every figure would be right and empty.

    Raises:
        SetupError: less than half of a sample is in the database.
    """
    covered = [person for person in people if person.covered]
    some = covered[:: max(1, len(covered) // SAMPLE)]
    keys = {compute_key(lookup_secret, type_identifiers(person)) for person in some}
    with database.transaction("analyst") as tx:
        found = find_persons(tx, keys)
    if len(found) < len(keys) / 2:
        raise SetupError(
            f"of {len(keys)} people of the synthetic set, {len(found)} are in the database: load "
            "its feeds with `rempart feed import-all`, or give the set that was loaded with --data"
        )


def find_shown(
    database: Database, lookup_secret: bytes, asked: Iterable[Identifiers]
) -> dict[Identifiers, FoundPerson]:
    """Return whom identifiers find; those that find nobody are left out."""
    keys = {identifiers: compute_key(lookup_secret, identifiers) for identifiers in set(asked)}
    with database.transaction("analyst") as tx:
        found = find_persons(tx, set(keys.values()))
    return {identifiers: found[key] for identifiers, key in keys.items() if key in found}


def measure_drill(
    database: Database,
    lookup_secret: bytes,
    people: Sequence[Person],
    *,
    script: Script,
    tape: Tape,
    answer: ExposureAnswer,
    variants: Mapping[str, Collection[ExposedPerson]],
    contained_ms: Mapping[int, Sequence[int]],
    past: Past | None,
) -> dict[str, Any]:
    """Compare the list with the truth and write the drill's report.

    Args:
        database: The database of the gateway that was asked.
        lookup_secret: The home's lookup key.
        people: Everybody of the synthetic set.
        script: What was to be asked.
        tape: What came back.
        answer: The list, already written.
        variants: The list as more facts would have it, by what they are.
        contained_ms: When the guard held each account, by rank.
        past: What the weeks before cost, which were judged in memory; None: there were none.
    """
    whom = find_shown(
        database, lookup_secret, (a.identifiers for a in script.asks if a.robot is not None)
    )
    found = [whom.get(a.identifiers) if a.robot is not None else None for a in script.asks]
    truth = _list_shown(script, tape, found, at_home=True)
    elsewhere = _list_shown(script, tape, found, at_home=False)
    families = index_by_nir(people)
    wanted = _list_wanted(script)
    portal = [measure_portal(families, one).persons for one in wanted]
    blasts = measure_blasts(script, tape, found=found, contained_ms=contained_ms, portal=portal)
    with database.transaction("analyst") as tx:
        names = list_insurer_names(tx)
        timeline = draw_timeline(
            tx,
            answer.incident_id,
            from_ms=tape.started_ms,
            to_ms=tape.ended_ms,
            slice_ms=max(1, -(-(tape.ended_ms - tape.started_ms) // SLICES)),
        )
    return make_report(
        Findings(
            answer=answer,
            accuracy=compare_with_truth(answer.persons, truth),
            variants={name: compare_with_truth(one, truth) for name, one in variants.items()},
            recall_elsewhere=compare_with_truth(answer.persons, elsewhere).recall,
            truth=Counter(person.insurer_id for person in truth),
            insurer_names=names,
            portal=measure_portal(families, (one for some in wanted for one in some)),
            rempart=_measure_ours(answer, truth),
            robots=tuple(
                _count_robot(script, tape, number, found, portal[number])
                for number in range(len(script.attacks))
            ),
            blasts=tuple(blasts),
            cost=measure_cost(script, tape, contained_ms=contained_ms),
            past=past,
            timeline=timeline,
            lawful=_count_lawful(script, tape),
            script=script,
            interrupted=tape.interrupted,
        )
    )


def compute_key(lookup_secret: bytes, sent: Identifiers) -> UUID:
    """Compute what identifiers are looked up by."""
    if sent.card_code:
        canonical = canonical_card(sent.card_code.replace("-", ""))
    else:
        canonical = canonical_typed(
            sent.amc_number, sent.insured_nir[:13], sent.birth_date, str(sent.birth_rank)
        )
    return UUID(bytes=compute_raw_lookup_key(lookup_secret, canonical))


def _list_shown(
    script: Script, tape: Tape, found: Sequence[FoundPerson | None], *, at_home: bool
) -> dict[FoundPerson, int]:
    """List whom robots were shown, and which fields; those on owners' machines or not."""
    shown: dict[FoundPerson, int] = {}
    for number, (person, ask) in enumerate(zip(found, script.asks, strict=True)):
        if person is None or tape.statuses[number] != OK or ask.robot is None:
            continue
        if at_home or not script.attacks[ask.robot].is_at_home:
            shown[person] = shown.get(person, 0) | tape.fields.get(number, 0)
    return shown


def _list_wanted(script: Script) -> list[list[Identifiers]]:
    """List what each robot wanted to ask, whether it was let or not."""
    wanted: list[list[Identifiers]] = [[] for _ in script.attacks]
    for ask in script.asks:
        if ask.robot is not None:
            wanted[ask.robot].append(ask.identifiers)
    return wanted


def _measure_ours(answer: ExposureAnswer, truth: Collection[FoundPerson]) -> Leak:
    """Add up what Rempart showed of the persons really shown: nothing of it had been typed."""
    fields = {(p.insurer_id, p.person_ref): Field(p.fields) for p in answer.persons}
    shown = [fields.get((p.insurer_id, p.person_ref), Field.RIGHTS_STATUS) for p in truth]
    return measure_leak((mask, mask) for mask in shown)


def _count_robot(
    script: Script,
    tape: Tape,
    number: int,
    found: Sequence[FoundPerson | None],
    persons_2024: int,
) -> RobotFigures:
    mine = [n for n, ask in enumerate(script.asks) if ask.robot == number and tape.statuses[n]]
    shown = {found[n] for n in mine if tape.statuses[n] == OK} - {None}
    return RobotFigures(
        kind=script.attacks[number].name,
        account=number + 1,
        sent=len(mine),
        answered=sum(tape.statuses[n] == OK for n in mine),
        refused=sum(tape.statuses[n] in REFUSALS for n in mine),
        persons=len(shown),
        persons_2024=persons_2024,
    )


def _count_lawful(script: Script, tape: Tape) -> dict[str, int]:
    statuses = [
        status
        for ask, status in zip(script.asks, tape.statuses, strict=True)
        if ask.robot is None and status != NOT_SENT
    ]
    return {
        "sent": len(statuses),
        "answered": sum(status == OK for status in statuses),
        "refused": sum(status in REFUSALS for status in statuses),
    }
