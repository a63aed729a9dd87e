"""Whatever an employer tells: no cover overlaps, portability is capped, what is called adds up."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rempart.employers.movements import (
    Group,
    Join,
    Leave,
    Stay,
    Structure,
    begin_stay,
    check_movements,
    end_stay,
    find_leaver,
)
from rempart.employers.statements import Covered, Price, compute_month, compute_statement
from rempart.kernel.periods import Period, add_months
from rempart.rights.portability import PORTABILITY_MONTHS

TODAY = date(2026, 11, 23)
CONTRACT = Period(date(2025, 1, 1))
PRICED = dict.fromkeys(Structure, CONTRACT.starts_on)
DAYS = st.dates(date(2025, 6, 1), date(2027, 8, 1))
NUMBERS = st.sampled_from(["1", "2", "3"])


@st.composite
def movements(draw):
    day, number = draw(DAYS), draw(NUMBERS)
    if draw(st.booleans()):
        return Leave(line=0, staff_number=number, left_on=day, ported=draw(st.booleans()))
    worked = timedelta(days=draw(st.integers(0, 1_000)))
    structure = draw(st.sampled_from(Structure))
    return Join(
        line=0, staff_number=number, joined_on=day, work_from=day - worked, structure=structure
    )


def apply(told, check=check_movements, end=end_stay):
    """Apply movements one by one, those that are possible."""
    stays: dict[str, list[Stay]] = {}
    for one in told:
        group = Group(period=CONTRACT, stays=stays, waiting=frozenset(), priced=PRICED)
        if check([one], group, today=TODAY):
            continue
        own = stays.setdefault(one.staff_number, [])
        if isinstance(one, Join):
            own.append(begin_stay(one))
        else:
            found = find_leaver(one, own)
            assert isinstance(found, Stay)
            own[own.index(found)] = end(found, one, CONTRACT)
    return stays


def overlaps(stays) -> bool:
    return any(
        one.period.overlaps(other.period)
        for own in stays.values()
        for place, one in enumerate(own)
        for other in own[place + 1 :]
    )


def is_capped(stay: Stay) -> bool:
    if stay.left_on is None or stay.cover_ends_on is None:
        return stay.cover_ends_on is None
    months = PORTABILITY_MONTHS
    whole = add_months(stay.left_on, months)
    length = stay.left_on - stay.work_from + timedelta(days=62)  # rounded up, and a long month
    return stay.left_on <= stay.cover_ends_on <= min(whole, stay.left_on + length)


@given(st.lists(movements(), max_size=12))
def test_movements_never_give_overlapping_cover_nor_portability_beyond_the_cap(told):
    stays = apply(told)
    assert not overlaps(stays)
    assert all(is_capped(stay) for own in stays.values() for stay in own)


def test_mutation_a_join_that_is_not_checked_overlaps():
    day = date(2026, 6, 1)
    join = Join(line=0, staff_number="1", joined_on=day, work_from=day, structure=Structure.SINGLE)
    assert not overlaps(apply([join, join]))
    assert overlaps(apply([join, join], check=lambda *_values, **_options: []))


def test_mutation_a_portability_of_thirteen_months_is_noticed():
    def longer(stay, leave, _contract):
        last = add_months(leave.left_on, PORTABILITY_MONTHS + 1)
        return Stay(
            staff_number=stay.staff_number,
            work_from=stay.work_from,
            joined_on=stay.joined_on,
            left_on=leave.left_on,
            cover_ends_on=last,
        )

    day = date(2026, 6, 1)
    join = Join(
        line=0,
        staff_number="1",
        joined_on=day,
        work_from=day - timedelta(days=900),
        structure=Structure.SINGLE,
    )
    leave = Leave(line=0, staff_number="1", left_on=date(2026, 9, 1), ported=True)
    [fair] = apply([join, leave])["1"]
    assert is_capped(fair)
    [long] = apply([join, leave], end=longer)["1"]
    assert not is_capped(long)


COVERS = st.builds(
    lambda structure, joined_on, worked, ported: Covered(
        structure=structure,
        joined_on=joined_on,
        left_on=None if worked is None else joined_on + timedelta(days=worked),
        cover_ends_on=None if worked is None else joined_on + timedelta(days=worked + ported),
    ),
    st.sampled_from(Structure),
    st.dates(date(2026, 1, 1), date(2026, 10, 1)),
    st.none() | st.integers(0, 200),
    st.integers(0, 300),
)
PRICES = st.builds(
    lambda structure, month, cents: Price(
        structure=structure, starts_on=date(2026, month, 1), monthly_cents=cents
    ),
    st.sampled_from(Structure),
    st.integers(1, 12),
    st.integers(0, 20_000),
)


@given(st.lists(st.tuples(st.lists(COVERS, max_size=5), st.lists(PRICES, max_size=4)), min_size=1))
def test_what_was_called_for_a_month_is_what_is_due_for_it_to_the_cent(known):
    """Month after month, everything about the past may have changed."""
    called: dict = {}
    for month, (covered, prices) in zip(range(1, 13), known, strict=False):
        first = date(2026, month, 1)
        issued = [date(2026, past, 1) for past in range(1, month)]
        for line in compute_statement(covered, prices, first, called, issued=issued):
            before = called.get((line.about, line.structure), (0, 0, 0))
            told = (line.active, line.ported, line.amount_cents)
            called[line.about, line.structure] = tuple(map(sum, zip(before, told, strict=True)))
        for past in range(1, month + 1):
            about = date(2026, past, 1)
            due = sum(line.amount_cents for line in compute_month(covered, prices, about))
            sums = [cents for (when, _), (_, _, cents) in called.items() if when == about]
            assert due == sum(sums)
