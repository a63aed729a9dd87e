"""One drill from end to end: accounts, past, traffic, incident, list, comparison with the truth.

Leaves nothing behind but an exercise incident, its accounts and what the ledger keeps: the software
it registered is revoked, also when it is interrupted, and the guard forgets its accounts unless it
is asked to keep them. Refuses to tell whoever judges what it knows of the robots.
"""

import asyncio
import contextlib
import functools
import secrets as randomness
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from rempart.disclosure.acts import COMMAND_LINE
from rempart.drill.calendar import Calendar, find_instant
from rempart.drill.cast import Person, Professional
from rempart.drill.claims import invent_claims
from rempart.drill.gateway import HOST, draw_ticket, running_gateway
from rempart.drill.past import Past, judge_past, make_seer, name_account, tell_past
from rempart.drill.plan import Script, make_script
from rempart.drill.replay import OK, LookIn, Progress, Tape, play
from rempart.drill.review import Operator
from rempart.drill.truth import check_loaded, compute_key, find_shown, measure_drill
from rempart.drill.wallet import Enrolment, Wallet
from rempart.incidents.evidence import Window
from rempart.incidents.exposure import ExposedPerson
from rempart.rights.lookup import compute_stranger
from rempart.rights.presence import OPEN, PresencePolicy
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.accounts.register_software import end_exercise, register_exercise
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.incidents.exercise_accounts import forget_accounts, open_doubles, save_pasts
from rempart.workflows.incidents.expose_persons import (
    ExposureAnswer,
    expose_persons,
    recount_exposure,
)
from rempart.workflows.incidents.measure_exercise import expose_with_facts, save_exercise_report
from rempart.workflows.ledger.record_act import ActsLog
from rempart.workflows.rights.bound_presence import lend_policy, take_back_policies

TITLE: Final = "Exercice : les vols de comptes connus, joués contre la garde"
GATEWAYS_KNOW_AFTER_S: Final = 2.5
_MOST_CONSULTED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one drill is asked for.

    Args:
        accounts: How many accounts work, stolen ones included.
        per_kind: How many accounts each kind of attack has stolen.
        calendar: The days.
        seed: Same seed, same script.
        policy: For whom the players must prove presence.
        is_guarded: Whether the installation's guard is on: without it, nobody has a past.
        keep: Whether the guard keeps the exercise's accounts, for the console.
    """

    accounts: int
    per_kind: int
    calendar: Calendar
    seed: int
    policy: PresencePolicy = OPEN
    is_guarded: bool = True
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a drill gives: the incident, the report kept with it, the card shown most often."""

    incident_id: int
    report: dict[str, Any]
    consulted: tuple[str, ...] = field(repr=False)


def run_drill(
    database: Database,
    home: Home,
    acts: ActsLog,
    people: Sequence[Person],
    professionals: Sequence[Professional],
    options: Options,
    *,
    say: Callable[[str], None],
    progress: Callable[[Script], Progress],
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run one drill.

    Args:
        database: The database of the installation.
        home: Its home.
        acts: Its acts log.
        people: Everybody of the synthetic set, former members included.
        professionals: The synthetic professionals, of whom doubles play.
        options: What is asked for.
        say: Called with one line per step.
        progress: Given the script, returns what is told of each reply.
        environment: What the gateway of the exercise is started with; by default ours.

    Raises:
        SetupError: the people are not those of this database, or too few accounts are asked for.
    """
    lookup_secret = home.key("lookup")
    check_loaded(database, lookup_secret, people)
    say("the script: who asks what, when, from where, with what software")
    script = make_script(
        people,
        accounts=options.accounts,
        per_kind=options.per_kind,
        calendar=options.calendar,
        seed=options.seed,
    )
    played = _perform(
        database, home, script, professionals, options, say, progress(script), environment
    )
    say("the operator declares the incident: the stolen accounts, and about when")
    stolen = [played.account_refs[caller] for caller in script.stolen]
    answer = _answer(database, acts, script, played.tape, stolen)
    say("the same with what an installation knows besides: claims, and the weeks before")
    variants = _answer_with_facts(database, lookup_secret, acts, script, played, answer.incident_id)
    say("the answer is compared with the truth")
    report = measure_drill(
        database,
        lookup_secret,
        people,
        script=script,
        tape=played.tape,
        answer=answer,
        variants=variants,
        contained_ms=played.contained_ms,
        past=played.past,
    )
    report["policy"] = {**options.policy._asdict(), "guard": options.is_guarded}
    with database.transaction("analyst") as tx:
        save_exercise_report(tx, answer.incident_id, report)
    return Outcome(
        incident_id=answer.incident_id,
        report=report,
        consulted=_list_consulted(script, played.tape),
    )


class _Played(NamedTuple):
    """What a performance leaves to be measured."""

    account_refs: Sequence[int]
    past: Past | None
    tape: Tape
    contained_ms: Mapping[int, Sequence[int]]


def _perform(
    database: Database,
    home: Home,
    script: Script,
    professionals: Sequence[Professional],
    options: Options,
    say: Callable[[str], None],
    progress: Progress,
    environment: Mapping[str, str] | None,
) -> _Played:
    """Open the accounts, judge their past, play the script; take everything back.

    Raises:
        KeyboardInterrupt: stopped before the attack: there is nothing to answer for.
    """
    calendar = options.calendar
    ticket = draw_ticket(home, begins_ms=find_instant(calendar.played_day, 0))
    with (
        _enrol(database, script, professionals, log_id=ticket.log_id, keep=options.keep) as cast,
        _bound(database, cast, options.policy, say),
    ):
        past = None
        if options.is_guarded:
            say(f"{calendar.history} days of the past, judged in memory")
            past = _live_past(database, home.key("lookup"), script, cast.account_refs)
            ticket = msgspec.structs.replace(ticket, rules=past.rules)
        operator = Operator(
            lambda: database.transaction("registrar"), cast.account_refs, _find_thefts(script)
        )
        with running_gateway(home, ticket, environment=environment) as port:
            say(
                f"{len(script.asks)} questions of {calendar.quiet} quiet and "
                f"{calendar.attacked} attacked days, by {len(script.professions)} accounts"
            )
            wallet = Wallet(ticket.issuer, cast, attacks=script.attacks)
            tape = asyncio.run(_play(script, wallet, port, progress, operator.look_in))
    if not any(tape.statuses[n] for n, ask in enumerate(script.asks) if ask.robot is not None):
        raise KeyboardInterrupt
    return _Played(cast.account_refs, past, tape, operator.contained_ms)


def _live_past(
    database: Database, lookup_secret: bytes, script: Script, account_refs: Sequence[int]
) -> Past:
    """Judge the weeks before what is played, and keep what the guard learnt."""
    whom = find_shown(database, lookup_secret, (ask.identifiers for ask in script.past))
    seer = make_seer(
        lookup_secret,
        account_refs,
        whom,
        functools.cache(lambda sent: compute_stranger(compute_key(lookup_secret, sent).bytes)),
    )
    past = judge_past(
        map(name_account, account_refs, script.professions),
        map(seer.see, script.past),
        first_day=script.calendar.first_day,
        played_day=script.calendar.played_day,
    )
    with database.transaction("gateway") as tx:
        save_pasts(tx, past.pasts, dict(zip(account_refs, script.professions, strict=True)))
    return past


def _find_thefts(script: Script) -> dict[int, int]:
    """Return since when each stolen account is, by rank."""
    thefts: dict[int, int] = {}
    for ask in script.asks:
        if ask.robot is not None:
            thefts.setdefault(ask.caller, ask.at_ms)
    return thefts


def _list_consulted(script: Script, tape: Tape) -> tuple[str, ...]:
    """Return the codes of the cards that were answered for, the most often first."""
    shown = Counter(
        ask.identifiers.card_code
        for ask, status in zip(script.asks, tape.statuses, strict=True)
        if status == OK and ask.identifiers.card_code and ask.robot is None
    )
    return tuple(card for card, _count in shown.most_common(_MOST_CONSULTED))


@contextmanager
def _enrol(
    database: Database,
    script: Script,
    professionals: Sequence[Professional],
    *,
    log_id: int,
    keep: bool,
) -> Iterator[Enrolment]:
    """Open the accounts and register a software; revoke it whatever happens.

    A crash before it is revoked leaves a software that has no key, and tokens that no gateway
    accepts: their issuer was the exercise's. What the guard keeps of the accounts is nobody's.
    """
    doubles = _choose_doubles(script, professionals)
    with database.transaction("registrar") as tx:
        account_refs = open_doubles(tx, doubles, draw=randomness.randbelow)
        client_id, client_ref = register_exercise(tx, label=TITLE)
    try:
        yield Enrolment(
            client_id=client_id, client_ref=client_ref, account_refs=tuple(account_refs)
        )
    finally:
        with database.transaction("registrar") as tx:
            end_exercise(tx, client_ref)
        if not keep:
            with database.transaction("gateway") as tx:
                forget_accounts(tx, account_refs, log_id=log_id)


def _choose_doubles(script: Script, professionals: Sequence[Professional]) -> list[tuple[str, str]]:
    """Name each account after a professional of the same profession, marked as a double."""
    names: dict[str, list[str]] = {}
    for one in professionals:
        names.setdefault(one.profession, []).append(one.name)
    doubles = []
    for rank, profession in enumerate(script.professions):
        known = names.get(profession) or ["Compte"]
        doubles.append((profession, f"{known[rank % len(known)]} (exercice {rank + 1})"))
    return doubles


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


async def _play(
    script: Script, wallet: Wallet, port: int, progress: Progress, look_in: LookIn
) -> Tape:
    """Play the script; a first Ctrl-C ends the traffic: what was shown is still answered for."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
        loop.add_signal_handler(signal.SIGINT, stop.set)
    try:
        return await play(
            script, wallet, host=HOST, port=port, stop=stop, progress=progress, look_in=look_in
        )
    finally:
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)


def _answer(
    database: Database, acts: ActsLog, script: Script, tape: Tape, account_refs: Sequence[int]
) -> ExposureAnswer:
    """Do what an operator would: declare, then ask who. Nothing here knows the script's robots."""
    # Operators never know the first second: the window opens with the day.
    starts_ms = min(find_instant(script.calendar.attack_day, 0), tape.ended_ms - 1)
    window = Window(starts_ms=starts_ms, ends_ms=tape.ended_ms)
    with database.transaction("analyst") as tx:
        incident_id = declare_incident(
            tx, title=TITLE, window=window, account_refs=account_refs, exercise=True
        )
    with database.transaction("analyst") as tx:
        answer = expose_persons(tx, incident_id, acts=acts, by=COMMAND_LINE)
        recount_exposure(tx, answer, acts=acts, by=COMMAND_LINE)
    return answer


def _answer_with_facts(
    database: Database,
    lookup_secret: bytes,
    acts: ActsLog,
    script: Script,
    played: _Played,
    incident_id: int,
) -> dict[str, tuple[ExposedPerson, ...]]:
    """Say what the list would be with what honest owners bill, with the weeks before, with both."""
    stolen = set(script.stolen)
    asks = [ask for ask in script.asks if ask.robot is None and ask.caller in stolen]
    past = [ask for ask in script.past if ask.caller in stolen]
    whom = find_shown(database, lookup_secret, (ask.identifiers for ask in (*asks, *past)))
    claims = invent_claims(script, played.tape, whom, played.account_refs)
    before = tell_past(past, whom, played.account_refs)
    variants: dict[str, dict[str, Any]] = {
        "with_claims": {"claims": claims},
        "with_past": {"before": before},
        "with_past_and_claims": {"claims": claims, "before": before},
    }
    found = {}
    for name, facts in variants.items():
        with database.transaction("analyst") as tx:
            found[name] = expose_with_facts(tx, incident_id, **facts, acts=acts, by=COMMAND_LINE)
    return found
