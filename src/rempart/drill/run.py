"""One drill from end to end: tokens, traffic, incident, list, comparison with the truth.

Leaves nothing behind but an exercise incident and what the ledger keeps: the software it registered
is revoked, also when it is interrupted. Refuses to tell whoever judges what it knows of the robots.
"""

import asyncio
import contextlib
import secrets as randomness
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, Final

from rempart.disclosure.acts import COMMAND_LINE
from rempart.drill.cast import Person, Professional
from rempart.drill.plan import Script, make_script
from rempart.drill.replay import OK, Progress, Tape, check_ready, play
from rempart.drill.truth import check_loaded, measure_drill
from rempart.drill.wallet import Enrolment, Wallet
from rempart.incidents.evidence import Window
from rempart.kernel.errors import SetupError
from rempart.rights.presence import OPEN, PresencePolicy
from rempart.storage.connect import Database
from rempart.workflows.bound_presence import lend_policy, take_back_policies
from rempart.workflows.declare_incident import declare_incident
from rempart.workflows.expose_persons import ExposureAnswer, expose_persons, recount_exposure
from rempart.workflows.issue_token import Issuer
from rempart.workflows.measure_exercise import find_accounts, save_exercise_report
from rempart.workflows.record_act import ActsLog
from rempart.workflows.register_software import end_exercise, register_exercise

TITLE: Final = "Exercice : janvier 2024 rejoué"
# Operators never know the first second: the window opens this part of the drill before the attack.
SLACK: Final = 0.05
GATEWAYS_KNOW_AFTER_S: Final = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one drill is asked for."""

    stolen: int
    professionals: int
    seconds: float
    seed: int
    url: str
    care_date: date
    policy: PresencePolicy = OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a drill gives: the incident, the report kept with it, the card shown most often."""

    incident_id: int
    report: dict[str, Any]
    consulted: str = field(repr=False)


def run_drill(
    database: Database,
    acts: ActsLog,
    lookup_secret: bytes,
    people: Sequence[Person],
    professionals: Sequence[Professional],
    options: Options,
    *,
    issuer: Issuer,
    say: Callable[[str], None],
    progress: Callable[[Script], Progress],
) -> Outcome:
    """Run one drill.

    Args:
        database: The database of the gateway that is asked.
        acts: Its acts log.
        lookup_secret: The home's lookup key, to work out the truth.
        people: Everybody of the synthetic set, former members included.
        professionals: The synthetic professionals; those without an account are passed over.
        options: What is asked for.
        issuer: Whose tokens the gateway accepts: the installation's address and its key.
        say: Called with one line per step.
        progress: Given the script, returns what is told of each reply.

    Raises:
        SetupError: no gateway answers, too few professionals have an account, or the people are not
            those of this database.
    """
    asyncio.run(check_ready(options.url))
    check_loaded(database, lookup_secret, people)
    with _enrol(database, professionals, options) as (cast, enrolment):
        script = make_script(
            people,
            cast,
            stolen=options.stolen,
            seconds=options.seconds,
            seed=options.seed,
        )
        say(f"{len(script.asks)} questions by {len(cast)} professionals, {options.seconds:g} s")
        wallet = Wallet(issuer, enrolment, robots=script.robots)
        with _bound(database, enrolment, options.policy, say):
            tape = asyncio.run(_play(script, wallet, options, progress(script)))
    if not any(tape.statuses[n] for n, ask in enumerate(script.asks) if ask.robot is not None):
        raise KeyboardInterrupt  # stopped before the attack: there is nothing to answer for
    say("the operator declares the incident: the stolen accounts, and about when")
    stolen = [enrolment.account_refs[caller] for caller in script.stolen]
    answer = _answer(database, acts, script, tape, stolen)
    say("the answer is compared with the truth")
    report = measure_drill(database, lookup_secret, people, script=script, tape=tape, answer=answer)
    report["policy"] = options.policy._asdict()
    with database.transaction("analyst") as tx:
        save_exercise_report(tx, answer.incident_id, report)
    return Outcome(
        incident_id=answer.incident_id, report=report, consulted=_find_consulted(script, tape)
    )


def _find_consulted(script: Script, tape: Tape) -> str:
    """Return the code of the card that was answered for most often; empty when none was."""
    shown = Counter(
        ask.identifiers.card_code
        for ask, status in zip(script.asks, tape.statuses, strict=False)
        if status == OK and ask.identifiers.card_code
    )
    return max(shown, key=lambda card: shown[card], default="")


@contextmanager
def _enrol(
    database: Database, professionals: Sequence[Professional], options: Options
) -> Iterator[tuple[list[Professional], Enrolment]]:
    """Register a software for the professionals of the drill; revoke it whatever happens.

    A crash before it is revoked leaves a software that has no key: nobody can ask for a token in
    its name, and those of the drill end within ten minutes.
    """
    with database.transaction("analyst") as tx:
        accounts = find_accounts(tx, [professional.rpps for professional in professionals])
    known = [professional for professional in professionals if professional.rpps in accounts]
    if len(known) < options.professionals:
        raise SetupError(
            f"{len(known)} of the professionals have an account, {options.professionals} are asked "
            "for: load more with `rempart client load`, or ask for fewer with --professionals"
        )
    chosen = Random(options.seed).sample(known, options.professionals)  # noqa: S311 - a play
    with database.transaction("registrar") as tx:
        client_id, client_ref = register_exercise(tx, label=TITLE)
    try:
        yield (
            chosen,
            Enrolment(
                client_id=client_id,
                client_ref=client_ref,
                account_refs=tuple(accounts[one.rpps] for one in chosen),
            ),
        )
    finally:
        with database.transaction("registrar") as tx:
            end_exercise(tx, client_ref)


@contextmanager
def _bound(
    database: Database, enrolment: Enrolment, policy: PresencePolicy, say: Callable[[str], None]
) -> Iterator[None]:
    """Bound what the players may type, for the length of the traffic.

    A crash before it is taken back leaves these accounts bounded: nothing is shown that should not
    be, and `rempart continuity policy` lists them.
    """
    if policy.is_open:
        yield
        return
    with database.transaction("registrar") as tx:
        lent = lend_policy(tx, policy, enrolment.account_refs, first_ref=randomness.randbits(61))
    say("presence is asked for: every gateway knows within two seconds")
    time.sleep(GATEWAYS_KNOW_AFTER_S)
    try:
        yield
    finally:
        with database.transaction("registrar") as tx:
            take_back_policies(tx, lent)


async def _play(script: Script, wallet: Wallet, options: Options, progress: Progress) -> Tape:
    """Play the script; a first Ctrl-C ends the traffic: what was shown is still answered for."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
        loop.add_signal_handler(signal.SIGINT, stop.set)
    try:
        return await play(
            script,
            wallet,
            url=options.url,
            care_date=options.care_date.isoformat(),
            stop=stop,
            progress=progress,
        )
    finally:
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)


def _answer(
    database: Database, acts: ActsLog, script: Script, tape: Tape, account_refs: Sequence[int]
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
        answer = expose_persons(tx, incident_id, acts=acts, by=COMMAND_LINE)
        recount_exposure(tx, answer, acts=acts, by=COMMAND_LINE)
    return answer
