"""In whose hands was a session: the owner's, a thief's, or both?

In January 2024 the owners of the stolen logins kept working. A question by account would name their
own patients with the thief's victims, so sessions are judged, never accounts. Two sums are made for
each session of a suspect account: the signs that a thief is in it and the signs that its owner is.
Both are kept with every value, so that anybody can redo the sum by hand.

Points are decibans, ten times the decimal logarithm of odds: 10 points mean "ten times likelier",
20 "a hundred times". Nothing uses an absolute speed or hour: a session is compared with its
account's own past, because a hospital's usual pace would be a robot's for a nurse. A fact that
nobody recorded gives no sign, for or against.

Sessions are judged twice: the addresses of those found a thief's the first time are a sign the
second time. There is no third: an address found the second time convicts nobody.

Refuses to judge by account, to look at who the persons are, and to keep quiet about a sign.

Source: S24 (a genuine access has an explanation), S25 (find the intruder's sessions first, assume
more was taken unless the record proves otherwise), S29 (decibans), S48 (signs for and against).
"""

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rempart.incidents.evidence import Habit, SessionTally
from rempart.incidents.signs import Rule, Signal, weigh_signs

RULES_VERSION: Final = "2026-11.2"
# A hundred to one: the sum from which a thief, or an owner, is held to have been there.
PRESENT_POINTS: Final = 20
# A thousand to one: the sum from which a thief is held to have been there alone, when nothing,
# not even a usual software, speaks for the owner.
ALONE_POINTS: Final = 30
TRACE_POINTS: Final = 5


class Verdict(enum.StrEnum):
    """Whose session it was."""

    THIEF = "thief"
    MIXED = "mixed"
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrule:
    """What somebody answered for instead of the sums: a verdict, and why, in writing."""

    session_ref: int
    verdict: Verdict
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("a verdict is overruled with a written reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVerdict:
    """A verdict and all its reasons, signs of weight nought included.

    `is_overruled` says that somebody answers for the verdict instead of the sums; `usual_place`,
    that the session came from an address its account had used before the window.
    """

    session_ref: int
    account_ref: int
    verdict: Verdict
    signals: tuple[Signal, ...]
    is_overruled: bool = False

    @property
    def thief_points(self) -> int:
        """The weight of the signs that a thief is in the session."""
        return sum(signal.points for signal in self.signals if not signal.speaks_of_owner)

    @property
    def owner_points(self) -> int:
        """The weight of the signs that the owner is in the session."""
        return sum(signal.points for signal in self.signals if signal.speaks_of_owner)

    @property
    def usual_place(self) -> bool:
        """Whether the session came from an address its account had used before the window."""
        return any(s.rule is Rule.USUAL_ADDRESS and s.points > 0 for s in self.signals)


def judge_sessions(
    tallies: Iterable[SessionTally],
    habits: Mapping[int, Habit],
    *,
    overrules: Iterable[Overrule] = (),
    attack_addresses: Collection[str] = (),
) -> tuple[SessionVerdict, ...]:
    """Judge every session of an incident.

    A second pass adds the attack's addresses: those of sessions found a thief's in the first one,
    which no suspect account used before and no session held to be an owner's came from. Such an
    address speaks against the accounts it was found on, and against others once it was found on
    two: many telephones share one address. No session speaks against itself, and what the second
    pass finds is not used again.

    Args:
        tallies: The sessions of all suspect accounts, any order.
        habits: The past of each account; an account without one has none.
        overrules: What people answer for; the last one of a session holds. Its verdict counts in
            the first pass: an address it convicts or clears does so for others.
        attack_addresses: Addresses of the attack known from elsewhere.

    Returns:
        The verdicts, by session.
    """
    ruled = {overrule.session_ref: overrule for overrule in overrules}
    sessions = sorted(tallies, key=lambda tally: tally.session.session_ref)
    sessions = [_confirm(tally, ruled) for tally in sessions]
    pasts = {
        ref: habits.get(ref, Habit(account_ref=ref))
        for ref in {tally.session.account_ref for tally in sessions}
    }
    known = frozenset(attack_addresses)

    def judge(tally: SessionTally, found: Mapping[str, Mapping[int, int]]) -> SessionVerdict:
        account, address = tally.session.account_ref, tally.session.address
        others = found.get(address, {}).items()
        on = {theirs for session, theirs in others if session != tally.session.session_ref}
        is_attack = address in known or account in on or len(on) > 1
        verdict = decide_verdict(tally, pasts[account], from_attack=is_attack)
        return _overrule(verdict, ruled)

    first = [judge(tally, {}) for tally in sessions]
    found = _find_attack(zip(sessions, first, strict=True), pasts.values())
    return tuple(judge(tally, found) for tally in sessions)


def decide_verdict(
    tally: SessionTally, habit: Habit, *, from_attack: bool = False
) -> SessionVerdict:
    """Say in whose hands a session of a suspect account was, by itself: see `judge_sessions`.

    Args:
        tally: What the session did inside the incident's window.
        habit: The same account's past before the window. An empty past (a new account) says nothing
            of addresses and software, neither for nor against.
        from_attack: Whether it came from an address of the attack.

    Returns:
        The verdict, decided in this order: a thief beyond doubt and no trace of the owner (or, of
        a confirmed theft, no owner shown), THIEF; a thief shown, MIXED; only the owner, OWNER;
        neither shown, OWNER when the signs of the owner weigh as much or more, otherwise MIXED:
        what cannot be explained is not excluded.

    Raises:
        ValueError: tally and habit are of two accounts.
    """
    if tally.session.account_ref != habit.account_ref:
        raise ValueError("a session is judged against the past of its own account only")
    signals = weigh_signs(tally, habit, from_attack=from_attack)
    thief = sum(signal.points for signal in signals if not signal.speaks_of_owner)
    owner = sum(signal.points for signal in signals if signal.speaks_of_owner)
    return SessionVerdict(
        session_ref=tally.session.session_ref,
        account_ref=habit.account_ref,
        verdict=_decide_from_sums(thief, owner, is_confirmed=tally.confirmed_theft is True),
        signals=signals,
    )


def format_signals(signals: Sequence[Signal]) -> list[dict[str, object]]:
    """Write signs as plain data, the heaviest first, to be stored beside the verdict."""
    ordered = sorted(signals, key=lambda signal: (-signal.points, signal.rule))
    return [
        {
            "rule": str(signal.rule),
            "shows": "owner" if signal.speaks_of_owner else "thief",
            "value": round(signal.value, 3),
            "usual": None if signal.usual is None else round(signal.usual, 3),
            "points": signal.points,
        }
        for signal in ordered
    ]


def _decide_from_sums(thief: int, owner: int, *, is_confirmed: bool) -> Verdict:
    if thief >= ALONE_POINTS and owner < (PRESENT_POINTS if is_confirmed else TRACE_POINTS):
        return Verdict.THIEF
    if thief >= PRESENT_POINTS:
        return Verdict.MIXED
    if owner >= PRESENT_POINTS or owner >= thief:
        return Verdict.OWNER
    return Verdict.MIXED


def _confirm(tally: SessionTally, ruled: Mapping[int, Overrule]) -> SessionTally:
    """Note that a session somebody answers for as a thief's is an established theft."""
    overrule = ruled.get(tally.session.session_ref)
    is_theft = overrule is not None and overrule.verdict is Verdict.THIEF
    return replace(tally, confirmed_theft=True) if is_theft else tally


def _overrule(verdict: SessionVerdict, ruled: Mapping[int, Overrule]) -> SessionVerdict:
    overrule = ruled.get(verdict.session_ref)
    if overrule is None:
        return verdict
    return replace(verdict, verdict=overrule.verdict, is_overruled=True)


def _find_attack(
    judged: Iterable[tuple[SessionTally, SessionVerdict]], pasts: Iterable[Habit]
) -> dict[str, dict[int, int]]:
    """Return the attack's addresses, each with the sessions from there and their accounts."""
    innocent = {""}.union(*(habit.addresses for habit in pasts))
    guilty: dict[str, dict[int, int]] = {}
    for tally, verdict in judged:
        session = tally.session
        if verdict.verdict is Verdict.OWNER:
            innocent.add(session.address)
        elif verdict.verdict is Verdict.THIEF:
            guilty.setdefault(session.address, {})[session.session_ref] = session.account_ref
    return {address: found for address, found in guilty.items() if address not in innocent}
