"""What an incident suspects: accounts that somebody names, or only what points to accounts.

A place, an address, a software or the hours alone accuse nobody: they say whose sessions are looked
at, and what is found there is a doubt. Refuses to confirm anything about an account nobody named.
"""

import enum
import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.evidence import SessionTally
from rempart.kernel.errors import InvalidRequest

# A guard decides while a look-up waits: its instant is within its session's, or right after.
HELD_WITHIN_MS: Final = 60_000
_PLACE: Final = re.compile(r"[0-9]{14}|[0-9][0-9AB][0-9]{7}", re.ASCII).fullmatch
_SOFTWARE: Final = re.compile(r"[A-Za-z0-9._-]{1,120}", re.ASCII).fullmatch


class How(enum.StrEnum):
    """How an account came to be looked at."""

    NAMED = "named"
    """Somebody named it."""
    STOLEN = "stolen"
    """An operator established that it was stolen."""
    DOUBTED = "doubted"
    """Only a place, an address, a software or the hours point to it."""


class DoubtKind(enum.StrEnum):
    """What points to accounts."""

    EVERYBODY = "everybody"
    ESTABLISHMENT = "establishment"
    ADDRESS = "address"
    SOFTWARE = "software"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Something that points to accounts; `value` is empty for everybody of the window."""

    kind: DoubtKind
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMoment:
    """When the guard held an account, and with which key or software it came in."""

    account_ref: int
    t_ms: int
    key: str


def read_doubt(kind: DoubtKind, text: str) -> Doubt:
    """Read what somebody suspects.

    Raises:
        InvalidRequest: it cannot be one; the message does not repeat it.
    """
    value = text.strip()
    match kind:
        case DoubtKind.EVERYBODY:
            return Doubt(kind=kind)
        case DoubtKind.ADDRESS:
            try:
                return Doubt(kind=kind, value=str(ipaddress.ip_address(value)))
            except ValueError:
                raise _refuse("address: write an IP address, as 192.0.2.10") from None
        case DoubtKind.ESTABLISHMENT:
            if not _PLACE(value):
                raise _refuse("establishment: write its FINESS or SIRET number")
            return Doubt(kind=kind, value=value)
        case DoubtKind.SOFTWARE:
            if not _SOFTWARE(value):
                raise _refuse("software: write its public name, as in the list of software")
            return Doubt(kind=kind, value=value)


def temper_verdicts(
    verdicts: Iterable[SessionVerdict], doubted: Collection[int]
) -> tuple[SessionVerdict, ...]:
    """Say one degree less of the sessions of accounts that nobody named.

    A thief found by sums alone may be one in ten thousand accounts: what was shown is probable, not
    confirmed; where both might be, it cannot be excluded. Who answers for a verdict in writing is
    heard whole.

    Args:
        verdicts: What the sums say.
        doubted: The accounts that only a doubt points to.
    """
    return tuple(
        replace(one, verdict=_LESS[one.verdict])
        if one.account_ref in doubted and not one.is_overruled
        else one
        for one in verdicts
    )


def find_held_sessions(
    tallies: Iterable[SessionTally], held: Iterable[HeldMoment]
) -> frozenset[int]:
    """Find the sessions that the guard held of accounts established as stolen.

    A moment is one session's when that session alone, of those of the account with the same key,
    was at work then. Two at once say nothing: one of them may be the owner's.

    Args:
        tallies: The sessions of the window.
        held: When accounts established as stolen were held.
    """
    sessions = list(tallies)
    found = set()
    for moment in held:
        at_work = [one.session.session_ref for one in sessions if _is_at_work(one, moment)]
        if len(at_work) == 1:
            found.add(at_work[0])
    return frozenset(found)


_LESS: Final = {
    Verdict.THIEF: Verdict.MIXED,
    Verdict.MIXED: Verdict.OWNER,
    Verdict.OWNER: Verdict.OWNER,
}


def _is_at_work(tally: SessionTally, moment: HeldMoment) -> bool:
    session = tally.session
    return (
        session.account_ref == moment.account_ref
        and session.key == moment.key
        and tally.first_ms - HELD_WITHIN_MS <= moment.t_ms <= tally.last_ms + HELD_WITHIN_MS
    )


def _refuse(words: str) -> InvalidRequest:
    field, _colon, hint = words.partition(": ")
    return InvalidRequest(words, ((field, hint),))
