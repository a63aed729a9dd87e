"""The insurers: sizes after the real concentration, dates, styles."""

from datetime import date

import pytest

from rempart.synth import FeedFormat, Parameters, plan
from rempart.synth.plan import moving_day


def test_twenty_insurers_of_a_hundred_hold_half_and_the_first_six_percent():
    sizes = [insurer.members for insurer in plan(Parameters(members=1_000_000)).insurers]
    assert sum(sizes) == 1_000_000
    assert sizes == sorted(sizes, reverse=True)
    assert 0.055 < sizes[0] / 1_000_000 < 0.065
    assert 0.48 < sum(sizes[:20]) / 1_000_000 < 0.52


def test_every_insurer_has_somebody_and_there_are_never_more_insurers_than_people():
    assert [i.members for i in plan(Parameters(members=3)).insurers] == [1, 1, 1]
    assert min(i.members for i in plan(Parameters(members=120)).insurers) >= 1


def test_some_agreements_began_in_2023_and_some_have_ended():
    insurers = plan(Parameters(members=100_000)).insurers
    assert 5 <= sum(i.agreement_start.year == 2023 for i in insurers) <= 15
    assert 2 <= sum(i.agreement_end is not None for i in insurers) <= 5
    assert all(i.agreement_end is None or i.agreement_start < i.agreement_end for i in insurers)


@pytest.mark.parametrize("today", [date(2010, 1, 1), date(2024, 2, 29), date(2060, 6, 1)])
def test_agreements_make_sense_on_any_day(today):
    for insurer in plan(Parameters(members=100_000, today=today)).insurers:
        assert insurer.agreement_start < (insurer.agreement_end or today)


def test_the_first_insurers_write_plainly_and_others_in_every_style():
    insurers = plan(Parameters(members=100_000)).insurers
    assert {(i.style.encoding, i.style.delimiter) for i in insurers[:5]} == {("utf-8", ";")}
    encodings = {i.style.encoding for i in insurers}
    assert encodings == {"utf-8", "utf-8-sig", "latin-1"}
    assert {i.style.delimiter for i in insurers} == {";", ",", "\t"}


def test_a_moving_household_leaves_one_insurer_for_one_other():
    insurers = plan(Parameters(members=100_000)).insurers
    left = [move for i in insurers for move in i.leaving]
    joined = [move for i in insurers for move in i.joining]
    assert len(set(left)) == len(left) > 500
    assert sorted(left) == sorted(joined)
    assert not any(set(i.leaving) & set(i.joining) for i in insurers)


def test_a_moving_day_is_past_and_within_six_years():
    parameters = Parameters(members=100_000)
    days = [(parameters.today - moving_day(move, parameters)).days for move in range(500)]
    assert 0 < min(days) <= max(days) < 6 * 365


def test_names_stay_different_at_the_largest_number_of_insurers():
    insurers = plan(Parameters(members=100_000, insurers=400)).insurers
    assert len({i.name for i in insurers}) == len({i.amc_number for i in insurers}) == 400


def test_professionals_follow_members_but_are_never_fewer_than_three_hundred():
    assert Parameters(members=1_000).professional_count == 300
    assert Parameters(members=1_000_000).professional_count == 3_000
    assert Parameters(members=1_000, professionals=12).professional_count == 12


@pytest.mark.parametrize(
    "wrong",
    [
        {"members": 0},
        {"insurers": 0},
        {"insurers": 401},
        {"professionals": 0},
        {"professionals": 900_001},
        {"today": date(1999, 1, 1)},
    ],
)
def test_impossible_parameters_are_refused_by_name(wrong):
    [name] = wrong
    with pytest.raises(ValueError, match=name):
        Parameters(**{"members": 10, **wrong})


def test_parameters_survive_being_written_and_read():
    parameters = Parameters(members=10, seed=3, feed_format=FeedFormat.PARQUET, delta=True)
    record = parameters.to_record()
    assert Parameters.from_record(record).to_record() == record


def test_an_unknown_amc_number_is_refused():
    with pytest.raises(KeyError):
        plan(Parameters(members=10)).find_insurer("9900000000")
