"""« Mes données » : what is kept about a member, where it is in its life, until when and why.

Computed by the rules that take things out, from the same facts. Refuses to give a day that nobody
knows yet: the rule is said instead.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.findings import Language
from rempart.retention.fields import OF_PERSON, Fact, Field, Phase
from rempart.retention.lives import Facts, Keeping, decide_keeping
from rempart.retention.schedule import Schedule, load_default_text, parse_schedule
from rempart.retention.terms import Event, Interruption, Suspension
from rempart.storage import own_copies, retention_runs
from rempart.storage.connect import Transaction
from rempart.storage.own_copies import Mine, Move
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = ["Held", "Move", "OwnData", "Reason", "describe_held", "read_own_data"]

# What interrupts or suspends; portability is in the end of the contract already.
MOVING: Final = frozenset({"interruption", "suspension"})
# What the member is shown, in this order.
SHOWN: Final = (
    *(Field.CIVIL, Field.NIR, Field.NUMBERS, Field.CONTACT, Field.COVERAGE, Field.CARD),
    *(Field.ACCOUNT, Field.CARE, Field.PAYMENT, Field.LIMITS, Field.PROMISE, Field.LOOKUPS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that keeps something.

    Args:
        words: Why, in the words of the schedule.
        source: The text it cites.
        until: Last day on which it keeps it; None: it depends on what has not happened yet.
    """

    words: str
    source: str
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One kind of data about the member.

    Args:
        field: Which.
        phase: In use, in the archive, or gone.
        gone_after: Last day on which it is kept anywhere; None: nobody knows yet.
        reasons: The rules that keep it, or kept it, in the order of the schedule.
        archived_after: Last day in the base before it goes to the archive; None: it does not go
            there, is there, or nobody knows yet.
        is_overdue: Its time is over, and the next run that is approved takes it out.
    """

    field: Field
    phase: Phase
    gone_after: date | None
    reasons: tuple[Reason, ...]
    archived_after: date | None = None
    is_overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnData:
    """What is kept about a member.

    Args:
        held: Kinds of data.
        is_held_back: Something keeps all of it for now, such as a trial.
        is_restricted: They asked that it be kept and not used.
        schedule: The title of the rules.
        moves: What moved their periods, in the order it happened.
    """

    held: tuple[Held, ...]
    is_held_back: bool
    is_restricted: bool
    schedule: str
    moves: tuple[Move, ...] = ()


def read_own_data(tx: Transaction, asker: Asker, language: Language) -> OwnData:
    """Return what is kept about the member, until when and why.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.READ_OWN_DATA, now=asker.now)
    schedule = _read_schedule(retention_runs.load_schedule(tx) or load_default_text())
    mine = own_copies.read_mine(tx)
    today = asker.today
    held = () if mine is None else describe_held(schedule, mine, on=today, language=language)
    return OwnData(
        held=held,
        is_held_back=mine is not None and mine.held,
        is_restricted=mine is not None and mine.restricted,
        schedule=schedule.en if language == "en" else schedule.fr,
        moves=() if mine is None else tuple(sorted(mine.moves, key=lambda one: one.starts_on)),
    )


def describe_held(
    schedule: Schedule, mine: Mine, *, on: date, language: Language
) -> tuple[Held, ...]:
    """Return each kind of data with its phase, its last day and its reasons.

    Of claims, the last day is that of the latest one: earlier ones leave earlier.
    """
    there: Mapping[Field, bool] = {
        **dict.fromkeys((Field.CIVIL, Field.NIR, Field.NUMBERS, Field.CONTACT), mine.has_identity),
        Field.COVERAGE: mine.has_coverage,
        Field.CARD: mine.has_card,
        Field.ACCOUNT: mine.has_account,
        **dict.fromkeys((Field.CARE, Field.PAYMENT, Field.LIMITS), mine.claims > 0),
        Field.PROMISE: True,
        Field.LOOKUPS: True,
    }
    found = []
    events = [_make_event(one) for one in mine.moves if one.kind in MOVING]
    for field in SHOWN:
        is_active = there[field] and field not in mine.gone
        # Of somebody who came back, the archive may still hold what the base has again.
        is_archived = field in mine.archived and not is_active
        if not is_active and not is_archived:
            found.append(Held(field=field, phase=Phase.GONE, gone_after=None, reasons=()))
            continue
        keeping = decide_keeping(schedule, field, _list_facts(field, mine), on=on, events=events)
        found.append(
            Held(
                field=field,
                # What is due to leave is there until it is taken out.
                phase=Phase.ARCHIVE if is_archived else Phase.ACTIVE,
                gone_after=keeping.gone_after,
                reasons=_list_reasons(schedule, keeping, on=on, language=language),
                archived_after=_find_archived_after(keeping, is_archived=is_archived),
                is_overdue=keeping.gone_after is not None and keeping.gone_after < on,
            )
        )
    return tuple(found)


def _make_event(move: Move) -> Event:
    if move.kind == "interruption":
        return Interruption(on=move.starts_on)
    return Suspension(starts_on=move.starts_on, ends_on=move.ends_on)


def _list_reasons(
    schedule: Schedule, keeping: Keeping, *, on: date, language: Language
) -> tuple[Reason, ...]:
    until = {term.rule.code: term.last_day for term in keeping.terms}
    return tuple(
        Reason(
            words=rule.en if language == "en" else rule.fr,
            source=rule.source,
            until=until.get(rule.code),
        )
        for rule in schedule.list_rules(keeping.field, on=on)
    )


def _find_archived_after(keeping: Keeping, *, is_archived: bool) -> date | None:
    goes_there = any(term.rule.phase is Phase.ARCHIVE for term in keeping.terms)
    if is_archived or not goes_there or keeping.phase is not Phase.ACTIVE:
        return None
    return keeping.until if keeping.until != keeping.gone_after else None


def _list_facts(field: Field, mine: Mine) -> Facts:
    if field in OF_PERSON:
        facts: dict[Fact, date | None] = {Fact.CONTRACT_END: mine.contract_end}
        if mine.last_payment is not None:
            # Another payment may come as long as the contract runs.
            facts[Fact.LAST_PAYMENT] = mine.last_payment if mine.contract_end else None
        return facts
    if field in (Field.CARE, Field.PAYMENT, Field.LIMITS):
        return {Fact.SETTLED: mine.latest_on, Fact.CARE: mine.latest_on}
    return {Fact.SETTLED: None, Fact.LOOKUP: None}


@functools.lru_cache(maxsize=4)
def _read_schedule(text: str) -> Schedule:
    return parse_schedule(text)
