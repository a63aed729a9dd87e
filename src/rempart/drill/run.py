"""One drill from end to end: keys, traffic, incident, list, comparison with the truth.

The truth is what the robots' answered questions find in the database. It is worked out after the
list is written, from the script that only this package holds. Leaves nothing behind but an exercise
incident and what the ledger keeps: every key it made is revoked, also when it is interrupted.
"""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from rempart.disclosure.fields import Field
from rempart.drill.cast import Ask, Person, Professional
from rempart.drill.measure import compare_with_truth, compute_persons_per_account
from rempart.drill.plan import Script, make_script
from rempart.drill.portal_2024 import Leak, index_by_nir, measure_leak, measure_portal
from rempart.drill.replay import OK, Progress, Tape, check_ready, play
from rempart.drill.report import Findings, RobotFigures, make_report
from rempart.incidents.evidence import Window
from rempart.kernel.errors import SetupError
from rempart.rights.lookup import canonical_typed, compute_raw_lookup_key
from rempart.storage.connect import Database
from rempart.workflows.create_client import NewClient, mint_key, revoke_client
from rempart.workflows.declare_incident import declare_incident
from rempart.workflows.expose_persons import ExposureAnswer, expose_persons, recount_exposure
from rempart.workflows.measure_exercise import (
    FoundPerson,
    draw_timeline,
    find_accounts,
    find_persons,
    list_insurer_names,
    save_exercise_report,
)

TITLE: Final = "Exercice : janvier 2024 rejoué"
# Operators never know the first second: the window opens this part of the drill before the attack.
SLACK: Final = 0.05
SLICES: Final = 60
SHORTEST_SLICE_MS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one drill is asked for."""

    stolen: int
    professionals: int
    seconds: float
    seed: int
    url: str
    care_date: date


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A professional of the drill and the key made for it."""

    professional: Professional
    account_ref: int
    client: NewClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a drill gives: the incident, and the report kept with it."""

    incident_id: int
    report: dict[str, Any]


def run_drill(
    database: Database,
    lookup_secret: bytes,
    people: Sequence[Person],
    professionals: Sequence[Professional],
    options: Options,
    *,
    say: Callable[[str], None],
    progress: Callable[[Script], Progress],
) -> Outcome:
    """Run one drill.

    Args:
        database: The database of the gateway that is asked.
        lookup_secret: The home's lookup key, to work out the truth.
        people: Everybody of the synthetic set, former members included.
        professionals: The synthetic professionals; those without an account are passed over.
        options: What is asked for.
        say: Called with one line per step.
        progress: Given the script, returns what is told of each reply.

    Raises:
        SetupError: no gateway answers, or too few professionals have an account.
    """
    asyncio.run(check_ready(options.url))
    with _enrol(database, professionals, options) as cast:
        script = make_script(
            people,
            [enrolled.professional for enrolled in cast],
            stolen=options.stolen,
            seconds=options.seconds,
            seed=options.seed,
        )
        say(f"{len(script.asks)} questions by {len(cast)} professionals, {options.seconds:g} s")
        keys = [enrolled.client.key for enrolled in cast]
        tape = asyncio.run(_play(script, keys, options, progress(script)))
    if not any(tape.statuses[n] for n, ask in enumerate(script.asks) if ask.robot is not None):
        raise KeyboardInterrupt  # stopped before the attack: there is nothing to answer for
    say("the operator declares the incident: the stolen accounts, and about when")
    answer = _answer(database, script, tape, [cast[caller].account_ref for caller in script.stolen])
    say("the answer is compared with the truth")
    report = _measure(database, lookup_secret, people, script, tape, answer, options)
    with database.transaction("analyst") as tx:
        save_exercise_report(tx, answer.incident_id, report)
    return Outcome(incident_id=answer.incident_id, report=report)


@contextmanager
def _enrol(
    database: Database, professionals: Sequence[Professional], options: Options
) -> Iterator[list[Enrolled]]:
    """Give keys to the professionals of the drill, and take them back whatever happens."""
    with database.transaction("analyst") as tx:
        accounts = find_accounts(tx, [professional.rpps for professional in professionals])
    known = [professional for professional in professionals if professional.rpps in accounts]
    if len(known) < options.professionals:
        raise SetupError(
            f"{len(known)} of the professionals have an account, {options.professionals} are asked "
            "for: load more with `rempart client load`, or ask for fewer with --professionals"
        )
    chosen = Random(options.seed).sample(known, options.professionals)  # noqa: S311 - a play
    # A crash before the keys are revoked leaves keys that end by themselves.
    lifetime = timedelta(seconds=options.seconds) + timedelta(minutes=10)
    with database.transaction("portals") as tx:
        cast = [
            Enrolled(
                professional,
                accounts[professional.rpps],
                mint_key(
                    tx,
                    account_ref=accounts[professional.rpps],
                    kind="portal",
                    label=TITLE,
                    lifetime=lifetime,
                ),
            )
            for professional in chosen
        ]
    try:
        yield cast
    finally:
        with database.transaction("portals") as tx:
            for enrolled in cast:
                revoke_client(tx, enrolled.client.client_ref)


async def _play(script: Script, keys: Sequence[str], options: Options, progress: Progress) -> Tape:
    """Play the script; a first Ctrl-C ends the traffic: what was shown is still answered for."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
        loop.add_signal_handler(signal.SIGINT, stop.set)
    try:
        return await play(
            script,
            keys,
            url=options.url,
            care_date=options.care_date.isoformat(),
            stop=stop,
            progress=progress,
        )
    finally:
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)


def _answer(
    database: Database, script: Script, tape: Tape, account_refs: Sequence[int]
) -> ExposureAnswer:
    """Do what an operator would: declare, then ask who. Nothing here knows the script's robots."""
    shift = script.shift
    opens_s = shift.attack_from_s - SLACK * shift.seconds
    starts_ms = min(tape.started_ms + int(opens_s * 1000), tape.ended_ms - 1)
    window = Window(starts_ms=starts_ms, ends_ms=tape.ended_ms)
    with database.transaction("analyst") as tx:
        incident_id = declare_incident(
            tx, title=TITLE, window=window, account_refs=account_refs, exercise=True
        )
    with database.transaction("analyst") as tx:
        answer = expose_persons(tx, incident_id)
        recount_exposure(tx, answer)
    return answer


def _measure(
    database: Database,
    lookup_secret: bytes,
    people: Sequence[Person],
    script: Script,
    tape: Tape,
    answer: ExposureAnswer,
    options: Options,
) -> dict[str, Any]:
    robots = [n for n, ask in enumerate(script.asks) if ask.robot is not None and tape.statuses[n]]
    answered = {
        n: _compute_key(lookup_secret, script.asks[n]) for n in robots if tape.statuses[n] == OK
    }
    slice_ms = max(SHORTEST_SLICE_MS, -(-(tape.ended_ms - tape.started_ms) // SLICES))
    with database.transaction("analyst") as tx:
        found = find_persons(tx, set(answered.values()))
        names = list_insurer_names(tx)
        timeline = draw_timeline(
            tx,
            answer.incident_id,
            from_ms=tape.started_ms,
            to_ms=tape.ended_ms,
            slice_ms=slice_ms,
        )
    shown: list[set[FoundPerson]] = [set() for _ in script.robots]
    for n, key in answered.items():
        robot = script.asks[n].robot
        if robot is not None and key in found:
            shown[robot].add(found[key])
    truth = frozenset[FoundPerson]().union(*shown)
    per_account = {
        caller: frozenset[FoundPerson]().union(
            *(shown[n] for n, robot in enumerate(script.robots) if robot.caller == caller)
        )
        for caller in script.stolen
    }
    families = index_by_nir(people)
    mean, worst = compute_persons_per_account(per_account)
    return make_report(
        Findings(
            answer=answer,
            accuracy=compare_with_truth(answer.persons, truth),
            truth=Counter(person.insurer_id for person in truth),
            insurer_names=names,
            mean_persons=mean,
            worst_persons=worst,
            portal=measure_portal(families, (script.asks[n].identifiers for n in robots)),
            rempart=_measure_ours(answer, truth),
            robots=tuple(
                _count_robot(script, tape, number, families, persons=len(shown[number]))
                for number in range(len(script.robots))
            ),
            timeline=timeline,
            lawful=_count_lawful(script, tape),
            stolen_accounts=len(script.stolen),
            professionals=options.professionals,
            seed=options.seed,
            seconds=options.seconds,
            hours=script.shift.hours,
            interrupted=tape.interrupted,
        )
    )


def _compute_key(lookup_secret: bytes, ask: Ask) -> UUID:
    typed = ask.identifiers
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
        persons_2024=measure_portal(families, (script.asks[n].identifiers for n in mine)).persons,
    )


def _count_lawful(script: Script, tape: Tape) -> dict[str, int]:
    mine = [n for n, ask in enumerate(script.asks) if ask.robot is None and tape.statuses[n]]
    return {
        "sent": len(mine),
        "answered": sum(tape.statuses[n] == OK for n in mine),
        "refused": sum(tape.refusals[n] for n in mine),
    }
