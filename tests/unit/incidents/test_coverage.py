"""How whole is the record? Counters without a gap, and who may be told D."""

from collections import Counter
from dataclasses import replace

import pytest

from rempart.incidents.bounds import Bounds, compute_bounds, compute_insurer_bounds
from rempart.incidents.coverage import (
    AccountEvidence,
    Coverage,
    Hole,
    HoleKind,
    LogEvidence,
    SignedState,
    compute_ledger_coverage,
    format_coverage,
    parse_coverage,
)
from rempart.incidents.evidence import Window
from rempart.incidents.exposure import ExposedPerson, Tier

DAY_MS = 86_400_000
WINDOW = Window(starts_ms=10 * DAY_MS, ends_ms=13 * DAY_MS)
SIGNED = SignedState(size=100, root="ab", t_ms=1)
LOG = LogEvidence(
    log_id=1, origin="log/1", begins=SIGNED, ends=SIGNED, is_still=False, unreadable=0
)
# Ten entries before the window, twenty in it, and one after.
ACCOUNT = AccountEvidence(log_id=1, account_ref=7, before=10, first=11, last=30, count=20, after=31)


def find_holes(log: LogEvidence = LOG, account: AccountEvidence = ACCOUNT) -> list[tuple]:
    coverage = compute_ledger_coverage(WINDOW, [log], [account])
    return [(hole.kind, hole.hidden) for hole in coverage.holes]


LEDGER = {
    "a whole log": (LOG, ACCOUNT, []),
    "an account that did nothing": (
        LOG,
        replace(ACCOUNT, before=0, first=0, last=0, count=0, after=None),
        [],
    ),
    "numbers that nobody explains": (
        LOG,
        replace(ACCOUNT, count=18),
        [(HoleKind.ACCOUNT_GAP, 2)],
    ),
    "others' entries are erased, and this account's numbers have no gap": (
        replace(LOG, unreadable=500),
        ACCOUNT,
        [],
    ),
    "three of its own are erased": (
        replace(LOG, unreadable=500),
        replace(ACCOUNT, count=17),
        [(HoleKind.ACCOUNT_GAP, 3)],
    ),
    "its first ones of the window are erased": (
        replace(LOG, unreadable=2),
        replace(ACCOUNT, first=13, count=18),
        [(HoleKind.ACCOUNT_GAP, 2)],
    ),
    "its last ones are, as the next one shows": (
        replace(LOG, unreadable=2),
        replace(ACCOUNT, last=28, count=18),
        [(HoleKind.ACCOUNT_GAP, 2)],
    ),
    "nothing follows its last one, and something cannot be read": (
        replace(LOG, unreadable=2),
        replace(ACCOUNT, after=None),
        [(HoleKind.UNREADABLE_TAIL, None)],
    ),
    "all that it did may be in a lost segment": (
        replace(LOG, unreadable=9),
        replace(ACCOUNT, before=0, first=0, last=0, count=0, after=5),
        [(HoleKind.ACCOUNT_GAP, 4)],
    ),
    "numbers lost before the window do not count twice": (
        replace(LOG, unreadable=2),
        replace(ACCOUNT, before=3),
        [(HoleKind.ACCOUNT_GAP, 2)],
    ),
    "more entries than numbers": (
        LOG,
        replace(ACCOUNT, first=11, last=12),
        [(HoleKind.ACCOUNT_GAP, None)],
    ),
    "numbers lost before a window that is all there": (LOG, replace(ACCOUNT, before=3), []),
    "the end is not signed yet": (replace(LOG, ends=None), ACCOUNT, [(HoleKind.UNSIGNED, 0)]),
    "nothing was written since the last signature": (
        replace(LOG, ends=None, is_still=True),
        ACCOUNT,
        [],
    ),
}


@pytest.mark.parametrize("story", LEDGER)
def test_a_ledger_has_the_holes_that_its_numbers_show(story):
    log, account, holes = LEDGER[story]
    assert find_holes(log, account) == holes


def person(ref: int, tier: Tier, insurer_id: int = 1) -> ExposedPerson:
    return ExposedPerson(
        insurer_id=insurer_id,
        person_ref=ref,
        tier=tier,
        fields=1,
        lookups=1,
        sessions=(1,),
        gained=1,
    )


LIST = [person(1, Tier.A), person(2, Tier.B), person(3, Tier.C), person(4, Tier.A, 2)]
BY_TIER = Counter((one.insurer_id, one.tier) for one in LIST)


def with_hole(hidden: int | None, insurers: frozenset[int] | None = None) -> Coverage:
    hole = Hole(
        kind=HoleKind.ACCOUNT_GAP, source="x", from_ms=0, to_ms=1, hidden=hidden, insurers=insurers
    )
    return Coverage(window=WINDOW, holes=(hole,))


def test_a_hole_of_one_insurers_people_hides_nobody_elses():
    coverage = with_hole(None, frozenset({4}))
    assert not coverage.covers(4)
    assert coverage.covers(5)
    assert (coverage.count_hidden(4), coverage.count_hidden(5)) == (None, 0)


@pytest.mark.parametrize("insurers", [None, frozenset({4})])
def test_what_is_written_of_a_coverage_decides_the_same(insurers):
    coverage = with_hole(3, insurers)
    again = parse_coverage(format_coverage(coverage))
    assert (again.holes, again.window) == (coverage.holes, coverage.window)


def test_bounds_are_the_confirmed_the_probable_and_whoever_may_be_hidden():
    assert compute_bounds(BY_TIER, Coverage(window=WINDOW)) == Bounds(lower=2, best=3, upper=4)
    assert compute_bounds(BY_TIER, with_hole(5)) == Bounds(lower=2, best=3, upper=9)
    assert compute_bounds(BY_TIER, with_hole(None)) == Bounds(lower=2, best=3, upper=None)


def test_each_insurer_has_its_own_bounds_those_without_anybody_too():
    bounds = compute_insurer_bounds(BY_TIER, with_hole(2, frozenset({2, 3})), [1, 2, 3])
    assert bounds == {
        1: Bounds(lower=1, best=2, upper=3),
        2: Bounds(lower=1, best=1, upper=3),
        3: Bounds(lower=0, best=0, upper=2),
    }


def test_bounds_that_go_down_are_refused():
    with pytest.raises(ValueError, match="go up"):
        Bounds(lower=2, best=1, upper=3)
    with pytest.raises(ValueError, match="go up"):
        Bounds(lower=1, best=3, upper=2)
