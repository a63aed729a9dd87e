"""Claims of whom an incident exposed: what does not look like their other care, and what does."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.claims.exposed_care import (
    FLAGGED,
    LEAST_PAST,
    POINTS,
    Care,
    UnusualKind,
    WatchedClaim,
    decide_flag,
    find_reasons,
)

DAY = date(2026, 11, 2)


def care(place: int = 1, *, department: str = "69", days: int = 0, cents: int = 3_000) -> Care:
    return Care(
        establishment_ref=place,
        department=department,
        care_on=DAY - timedelta(days=days),
        billed_cents=cents,
    )


def claim(one: Care, *, is_checked: bool = True, by_suspect: bool = False) -> WatchedClaim:
    return WatchedClaim(care=one, is_checked=is_checked, by_suspect=by_suspect)


USUAL = [care(days=60), care(days=120), care(2, days=200)]


def kinds(watched: WatchedClaim, past: list[Care]) -> list[str]:
    return [one.kind.value for one in find_reasons(watched, past)]


@pytest.mark.parametrize(
    ("watched", "past", "expected"),
    [
        (claim(care()), USUAL, []),
        (claim(care(9)), USUAL, ["new_biller"]),
        (claim(care(9, department="13")), USUAL, ["far", "new_biller"]),
        (claim(care(9, department="")), USUAL, ["new_biller"]),
        (claim(care(cents=9_000)), USUAL, ["amount"]),
        (claim(care(cents=8_999)), USUAL, []),
        (claim(care(cents=4_999)), [care(days=d, cents=100) for d in (40, 50, 60)], []),
        (claim(care(), is_checked=False), USUAL, ["unchecked"]),
        (claim(care(), by_suspect=True), USUAL, ["attacker"]),
        # Too short a past: neither the place nor the price is compared.
        (claim(care(9, department="13", cents=99_000)), USUAL[:2], []),
        # Care of more than two years ago is no usual care.
        (claim(care(9)), [care(days=800), care(days=900), care(days=1000)], []),
        # Three establishments never seen before, within two weeks.
        (claim(care(7)), [*USUAL, care(8, days=3), care(9, days=-5)], ["burst", "new_biller"]),
        (claim(care(7)), [*USUAL, care(8, days=3), care(9, days=20)], ["new_biller"]),
        # One's own practice is none of them, however many others are new.
        (claim(care(1)), [*USUAL, care(8, days=3), care(9, days=4), care(10, days=5)], []),
    ],
)
def test_what_is_unusual(watched, past, expected):
    assert kinds(watched, past) == expected


def test_a_claim_of_a_thief_who_bills_elsewhere_without_asking_is_flagged():
    reasons = find_reasons(claim(care(9, department="13"), is_checked=False), USUAL)
    assert decide_flag(reasons) == 5
    assert [one.kind for one in reasons] == [
        *(UnusualKind.FAR, UnusualKind.UNCHECKED),
        UnusualKind.NEW_BILLER,
    ]


def test_an_account_of_the_incident_is_enough_and_a_new_dentist_is_not():
    assert decide_flag(find_reasons(claim(care(), by_suspect=True), USUAL)) >= FLAGGED
    assert decide_flag(find_reasons(claim(care(9, cents=90_000)), USUAL)) == 0


def test_the_amount_says_what_was_seen_and_what_is_usual():
    [reason] = find_reasons(claim(care(cents=12_000)), USUAL)
    assert (reason.observed, reason.usual) == (12_000, 3_000)


PAST = st.lists(
    st.builds(
        Care,
        establishment_ref=st.integers(1, 5),
        department=st.sampled_from(["", "13", "69", "971"]),
        care_on=st.dates(DAY - timedelta(days=1200), DAY + timedelta(days=30)),
        billed_cents=st.integers(0, 100_000),
    ),
    max_size=12,
)


@given(past=PAST, checked=st.booleans(), suspect=st.booleans(), place=st.integers(1, 6))
def test_order_changes_nothing_and_points_are_those_of_the_table(past, checked, suspect, place):
    watched = claim(care(place), is_checked=checked, by_suspect=suspect)
    reasons = find_reasons(watched, past)
    assert reasons == find_reasons(watched, list(reversed(past)))
    assert all(one.points == POINTS[one.kind] for one in reasons)
    assert len({one.kind for one in reasons}) == len(reasons)
    if len(past) < LEAST_PAST:
        assert not {one.kind for one in reasons} & {UnusualKind.FAR, UnusualKind.AMOUNT}


@given(past=PAST)
def test_care_like_any_other_of_the_same_practice_is_never_flagged(past):
    mine = [*past, care(days=30), care(days=90), care(days=150)]
    assert decide_flag(find_reasons(claim(care()), mine)) == 0


def test_mutation_a_lighter_threshold_would_flag_a_new_practice_that_asked_nothing():
    reasons = find_reasons(claim(care(9), is_checked=False), USUAL)
    assert decide_flag(reasons) == 0
    assert sum(one.points for one in reasons) == FLAGGED - 1
