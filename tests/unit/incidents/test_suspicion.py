"""What points to accounts, and how much less is said of accounts nobody named."""

import pytest

from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.evidence import Session, SessionTally
from rempart.incidents.suspicion import (
    HELD_WITHIN_MS,
    Doubt,
    DoubtKind,
    HeldMoment,
    find_held_sessions,
    read_doubt,
    temper_verdicts,
)
from rempart.kernel.errors import InvalidRequest

MINUTE = 60_000


def judged(account_ref: int, verdict: Verdict, *, is_overruled: bool = False) -> SessionVerdict:
    return SessionVerdict(
        session_ref=10 * account_ref,
        account_ref=account_ref,
        verdict=verdict,
        signals=(),
        is_overruled=is_overruled,
    )


def tally(session_ref: int, *, first: int, last: int, account_ref: int = 1, key: str = "7"):
    session = Session(
        session_ref=session_ref, account_ref=account_ref, address="", agent="", key=key
    )
    return SessionTally(
        session=session,
        lookups=2,
        typed=0,
        presences=0,
        nobody=0,
        known_faces=0,
        first_ms=first,
        last_ms=last,
        gap_squares=0,
    )


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (DoubtKind.ADDRESS, " 2001:DB8::1 ", "2001:db8::1"),
        (DoubtKind.ESTABLISHMENT, "12345678900011", "12345678900011"),
        (DoubtKind.ESTABLISHMENT, "2A0000017", "2A0000017"),
        (DoubtKind.SOFTWARE, "officine-nord", "officine-nord"),
        (DoubtKind.EVERYBODY, "whatever", ""),
    ],
)
def test_what_points_to_accounts_is_read(kind, text, value):
    assert read_doubt(kind, text) == Doubt(kind=kind, value=value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (DoubtKind.ADDRESS, "198.18.0.1/24"),
        (DoubtKind.ADDRESS, "the café opposite"),
        (DoubtKind.ESTABLISHMENT, "123"),
        (DoubtKind.SOFTWARE, "two words"),
        (DoubtKind.SOFTWARE, ""),
    ],
)
def test_what_cannot_point_to_anything_is_refused_without_being_repeated(kind, text):
    with pytest.raises(InvalidRequest) as refused:
        read_doubt(kind, text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(
    ("verdict", "tempered"),
    [
        (Verdict.THIEF, Verdict.MIXED),
        (Verdict.MIXED, Verdict.OWNER),
        (Verdict.OWNER, Verdict.OWNER),
    ],
)
def test_of_an_account_nobody_named_one_degree_less_is_said(verdict, tempered):
    assert temper_verdicts([judged(1, verdict)], {1})[0].verdict is tempered
    assert temper_verdicts([judged(1, verdict)], {2})[0].verdict is verdict


def test_whoever_answers_for_a_verdict_in_writing_is_heard_whole():
    ruled = judged(1, Verdict.THIEF, is_overruled=True)
    assert temper_verdicts([ruled], {1}) == (ruled,)


def test_a_session_alone_at_work_when_the_guard_held_is_the_one_that_was_held():
    sessions = [tally(1, first=0, last=10 * MINUTE), tally(2, first=60 * MINUTE, last=70 * MINUTE)]
    assert find_held_sessions(sessions, [HeldMoment(account_ref=1, t_ms=65 * MINUTE, key="7")]) == {
        2
    }
    just_after = HeldMoment(account_ref=1, t_ms=10 * MINUTE + HELD_WITHIN_MS, key="7")
    assert find_held_sessions(sessions, [just_after]) == {1}


@pytest.mark.parametrize(
    "moment",
    [
        HeldMoment(account_ref=1, t_ms=30 * MINUTE, key="7"),
        HeldMoment(account_ref=1, t_ms=5 * MINUTE, key="8"),
        HeldMoment(account_ref=2, t_ms=5 * MINUTE, key="7"),
    ],
)
def test_a_moment_outside_with_another_key_or_of_another_account_convicts_nobody(moment):
    assert find_held_sessions([tally(1, first=0, last=10 * MINUTE)], [moment]) == frozenset()


def test_two_sessions_at_once_say_nothing_since_one_may_be_the_owners():
    both = [tally(1, first=0, last=10 * MINUTE), tally(2, first=0, last=10 * MINUTE)]
    moment = HeldMoment(account_ref=1, t_ms=5 * MINUTE, key="7")
    assert find_held_sessions(both, [moment]) == frozenset()
