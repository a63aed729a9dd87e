"""What one insurer is told: changes, conclusions, bounds, whose names, who is a minor."""

from datetime import UTC, date, datetime, timedelta

import pytest

from rempart.incidents.coverage import Coverage, Hole, HoleKind
from rempart.incidents.evidence import Window
from rempart.incidents.exposure import Tier
from rempart.incidents.packages import (
    Assurance,
    Bounds,
    Change,
    Conclusion,
    Counts,
    IdentityState,
    LogRoot,
    PackageState,
    Told,
    check_can_ask,
    check_can_drop,
    check_can_withdraw,
    compute_bounds,
    decide_change,
    decide_conclusion,
    decide_identity,
    decide_is_minor,
    describe_assurance,
)
from rempart.incidents.sealing_keys import (
    KeyStanding,
    KeyState,
    SealingKey,
    check_is_proposed,
    decide_standing,
    find_key_in_force,
)
from rempart.kernel.errors import Conflict, NotAllowed

WINDOW = Window(starts_ms=0, ends_ms=10)
A, B = Told(Tier.A, 3, 1), Told(Tier.B, 3, 1)
AT = datetime(2026, 11, 23, tzinfo=UTC)


def make_hole(hidden: int | None = 4, insurers: frozenset[int] | None = None) -> Hole:
    return Hole(
        kind=HoleKind.ACCOUNT_GAP,
        source="log",
        from_ms=0,
        to_ms=10,
        hidden=hidden,
        insurers=insurers,
    )


def assure(*holes: Hole, insurer_id: int = 1) -> Assurance:
    root = LogRoot(origin="o", size=1, root="00", t_ms=1, note="n")
    return Assurance(
        logs=(root,),
        coverage=Coverage(window=WINDOW, holes=holes),
        statement={"from_ms": 0, "holes": [{"insurers": [2]}]},
        insurer_id=insurer_id,
    )


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (None, A, Change.ADDED),
        (A, None, Change.REMOVED),
        (B, A, Change.RAISED),
        (A, B, Change.LOWERED),
        (A, Told(Tier.A, 7, 1), Change.CHANGED),
        (B, Told(Tier.A, 7, 1), Change.RAISED),
        (A, A, None),
        (None, None, None),
    ],
)
def test_what_changed_of_somebody(before: Told | None, after: Told | None, change: Change | None):
    assert decide_change(before, after) is change


@pytest.mark.parametrize(
    ("persons", "holes", "conclusion"),
    [
        (0, [], Conclusion.NONE),
        (0, [make_hole()], Conclusion.UNKNOWN),
        (0, [make_hole(insurers=frozenset({2}))], Conclusion.NONE),
        (1, [make_hole()], Conclusion.PERSONS),
    ],
)
def test_none_is_said_only_of_a_record_without_a_hole(
    persons: int, holes: list[Hole], conclusion: Conclusion
):
    assert decide_conclusion(persons, assure(*holes)) is conclusion


def test_bounds_take_what_a_hole_may_hide():
    counts = Counts(persons_a=2, persons_b=3, persons_c=5)
    assert compute_bounds(counts, assure()) == Bounds(lowest=2, best=5, highest=10)
    assert compute_bounds(counts, assure(make_hole(4))).highest == 14
    assert compute_bounds(counts, assure(make_hole(None))).highest is None


def test_one_insurer_is_not_told_whose_other_persons_a_hole_may_hide():
    told = describe_assurance(assure(make_hole(insurers=frozenset({1, 2}))))
    assert [sorted(hole) for hole in told["holes"]] == [
        ["from_ms", "hidden", "kind", "source", "to_ms"]
    ]
    assert describe_assurance(assure(make_hole(insurers=frozenset({2}))))["holes"] == []


@pytest.mark.parametrize(
    ("stated_by", "state"),
    [
        (None, IdentityState.GONE),
        (1, IdentityState.KNOWN),
        (2, IdentityState.ELSEWHERE),
    ],
)
def test_whose_names_may_be_given(stated_by: int | None, state: IdentityState):
    assert decide_identity(1, stated_by) is state


@pytest.mark.parametrize(
    ("birth_date", "minor"),
    [
        ("20081123", False),  # eighteen that day
        ("20081124", True),
        ("20081122", False),
        ("20090101", True),
        ("20071231", False),
        ("20081901", None),  # a month that no calendar has, in the year that decides
        ("20080500", None),
        ("20101901", True),
        ("19421901", False),
        ("", None),
        ("bonjour!", None),
    ],
)
def test_who_is_a_minor(birth_date: str, minor: bool | None):
    assert decide_is_minor(birth_date, on=date(2026, 11, 23)) is minor


def test_what_may_be_asked_withdrawn_and_dropped():
    check_can_ask(PackageState.MADE)
    for state, words in (
        (PackageState.WAITING, "certificate"),
        (PackageState.ASKED, "already"),
        (PackageState.SENT, "already"),
        (PackageState.WITHDRAWN, "already"),
    ):
        with pytest.raises(Conflict, match=words):
            check_can_ask(state)
    check_can_withdraw(PackageState.SENT, 2, 2)
    with pytest.raises(Conflict, match="rest on this one"):
        check_can_withdraw(PackageState.SENT, 1, 2)
    with pytest.raises(Conflict, match="was sent"):
        check_can_withdraw(PackageState.MADE, 1, 1)
    check_can_drop(exercise=False)
    with pytest.raises(NotAllowed, match="exercise"):
        check_can_drop(exercise=True)


def make_key(ref: int = 1, **changes: object) -> SealingKey:
    values: dict[str, object] = {
        "key_ref": ref,
        "insurer_id": 1,
        "certificate": b"c",
        "fingerprint": b"f",
        "subject": "CN=Essai",
        "starts_at": AT - timedelta(days=10),
        "ends_at": AT + timedelta(days=10),
        "state": KeyState.APPROVED,
        "proposed_by": 5,
        "proposed_by_name": "",
        "proposed_at": AT - timedelta(days=9),
        "active_from": AT - timedelta(days=8),
    }
    return SealingKey(**{**values, **changes})  # type: ignore[arg-type]


def test_the_newest_certificate_in_force_is_sealed_for():
    old, new = make_key(1), make_key(2, active_from=AT - timedelta(days=1))
    assert find_key_in_force([old, new], at=AT) is new
    assert find_key_in_force([new, old], at=AT) is new
    assert find_key_in_force([], at=AT) is None
    assert find_key_in_force([new], at=new.ends_at) is None


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, KeyStanding.IN_FORCE),
        ({"active_from": AT}, KeyStanding.IN_FORCE),
        ({"active_from": AT + timedelta(seconds=1)}, KeyStanding.COOLING),
        ({"starts_at": AT + timedelta(days=1)}, KeyStanding.COOLING),
        ({"ends_at": AT}, KeyStanding.EXPIRED),
        ({"state": KeyState.PROPOSED, "active_from": None}, KeyStanding.PROPOSED),
        ({"state": KeyState.REFUSED}, KeyStanding.REFUSED),
        ({"state": KeyState.REVOKED}, KeyStanding.REVOKED),
    ],
)
def test_what_a_certificate_is_worth(changes: dict[str, object], standing: KeyStanding):
    key = make_key(**changes)
    assert decide_standing(key, [key], at=AT) is standing


def test_a_certificate_is_replaced_by_a_newer_one():
    old, new = make_key(1), make_key(2, active_from=AT)
    assert decide_standing(old, [old, new], at=AT) is KeyStanding.REPLACED


def test_nobody_decides_on_a_certificate_twice():
    check_is_proposed(make_key(state=KeyState.PROPOSED))
    with pytest.raises(Conflict):
        check_is_proposed(make_key())
