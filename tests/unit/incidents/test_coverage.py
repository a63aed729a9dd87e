"""How whole is the record? Counters without a gap, days without a line, and who may be told D."""

from dataclasses import replace
from datetime import date

import pytest

from rempart.incidents.bounds import Bounds, compute_bounds, compute_insurer_bounds
from rempart.incidents.coverage import (
    AccountEvidence,
    Coverage,
    DeclaredSource,
    Hole,
    HoleKind,
    LogEvidence,
    SignedState,
    compute_ledger_coverage,
    compute_sources_coverage,
    format_coverage,
    parse_coverage,
)
from rempart.incidents.evidence import Window
from rempart.incidents.exposure import ExposedPerson, Tier, count_tiers

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


def source(*days: int, **changes: object) -> DeclaredSource:
    made = DeclaredSource(
        name="access.log",
        from_ms=WINDOW.starts_ms,
        to_ms=WINDOW.ends_ms,
        days=frozenset(date(1970, 1, 1 + day) for day in days),
    )
    return replace(made, **changes)


SOURCES = {
    "every day": ([source(10, 11, 12)], []),
    "nothing given": ([], [(HoleKind.NO_SOURCE, 10, 13)]),
    "a missing day": ([source(10, 12)], [(HoleKind.DAY_MISSING, 11, 12)]),
    "a day declared quiet": ([source(10, 12, quiet_days=frozenset({date(1970, 1, 12)}))], []),
    "declared for two days of three": (
        [source(10, 11, to_ms=12 * DAY_MS)],
        [(HoleKind.NO_SOURCE, 12, 13)],
    ),
    "begins too late": ([source(11, 12, from_ms=11 * DAY_MS)], [(HoleKind.NO_SOURCE, 10, 11)]),
    "two that follow each other": (
        [source(12, from_ms=12 * DAY_MS), source(10, 11, to_ms=12 * DAY_MS)],
        [],
    ),
    "another month": (
        [source(3, from_ms=3 * DAY_MS, to_ms=4 * DAY_MS)],
        [(HoleKind.NO_SOURCE, 10, 13)],
    ),
    "lines that cannot be read": (
        [source(10, 11, 12, unreadable=4)],
        [(HoleKind.UNREADABLE_LINES, 10, 13)],
    ),
}


@pytest.mark.parametrize("story", SOURCES)
def test_declared_logs_have_the_holes_of_their_days(story):
    sources, holes = SOURCES[story]
    found = compute_sources_coverage(WINDOW, sources).holes
    assert [(h.kind, h.from_ms // DAY_MS, h.to_ms // DAY_MS) for h in found] == holes


def test_a_hole_of_one_insurers_log_hides_nobody_elses_people():
    coverage = compute_sources_coverage(
        WINDOW,
        [source(10, 11, 12), source(10, 12, name="b", insurers=frozenset({4}))],
    )
    assert not coverage.covers(4)
    assert coverage.covers(5)
    assert (coverage.count_hidden(4), coverage.count_hidden(5)) == (None, 0)


def test_what_is_written_of_a_coverage_decides_the_same():
    coverage = compute_sources_coverage(
        WINDOW, [source(10, 12, insurers=frozenset({4}), unreadable=3)]
    )
    again = parse_coverage(format_coverage(coverage))
    assert (again.holes, again.window) == (coverage.holes, coverage.window)


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


def with_hole(hidden: int | None, insurers: frozenset[int] | None = None) -> Coverage:
    hole = Hole(
        kind=HoleKind.ACCOUNT_GAP, source="x", from_ms=0, to_ms=1, hidden=hidden, insurers=insurers
    )
    return Coverage(window=WINDOW, holes=(hole,))


def test_bounds_are_the_confirmed_the_probable_and_whoever_may_be_hidden():
    assert compute_bounds(count_tiers(LIST), Coverage(window=WINDOW)) == Bounds(
        lower=2, best=3, upper=4
    )
    assert compute_bounds(count_tiers(LIST), with_hole(5)) == Bounds(lower=2, best=3, upper=9)
    assert compute_bounds(count_tiers(LIST), with_hole(None)) == Bounds(lower=2, best=3, upper=None)


def test_each_insurer_has_its_own_bounds_those_without_anybody_too():
    bounds = compute_insurer_bounds(count_tiers(LIST), with_hole(2, frozenset({2, 3})), [1, 2, 3])
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
