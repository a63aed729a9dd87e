from datetime import date

import pytest

from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.findings import BadValue


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("19800229", "19800229", id="as files carry it"),
        pytest.param("1980-02-29", "19800229", id="as databases write it"),
        pytest.param("29/02/1980", "19800229", id="as people write it"),
        pytest.param(" 19800229 ", "19800229", id="with spaces around"),
        pytest.param("19421901", "19421901", id="a lunar date: month 19"),
        pytest.param("19420000", "19420000", id="an unknown day and month"),
        pytest.param("18500101", "18500101", id="the first year"),
        pytest.param("21991231", "21991231", id="the last year"),
    ],
)
def test_a_birth_date_is_eight_characters(text, kept):
    assert BirthDate.parse(text).text == kept


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "birth_date_format"),
        ("1980", "birth_date_format"),
        ("198001011", "birth_date_format"),
        ("1980010l", "birth_date_format"),
        ("٠٩٨٠٠١٠١", "birth_date_format"),
        ("18491231", "birth_date_year"),
        ("22000101", "birth_date_year"),
    ],
)
def test_anything_else_is_refused_without_repeating_it(text, rule):
    with pytest.raises(BadValue) as refusal:
        BirthDate.parse(text)
    assert refusal.value.refusal.rule == rule
    assert not text or text not in str(refusal.value)


def test_a_lunar_date_has_no_calendar_day():
    lunar = BirthDate("19421901")
    assert lunar.calendar_date is None
    assert lunar.format() == "01/19/1942"
    assert BirthDate("19800229").calendar_date == date(1980, 2, 29)


@pytest.mark.parametrize("rank", range(1, 10))
def test_ranks_go_from_one_to_nine(rank):
    assert BirthRank.parse(f" {rank}") == BirthRank(rank)
    assert BirthRank(rank).format() == str(rank)


@pytest.mark.parametrize("text", ["0", "10", "", "a", "²", "1.0", "-1"])
def test_any_other_rank_is_refused(text):
    with pytest.raises(BadValue, match="rang de naissance"):
        BirthRank.parse(text)


@pytest.mark.parametrize("number", [0, 10])
def test_a_rank_cannot_be_built_outside_one_to_nine(number):
    with pytest.raises(BadValue):
        BirthRank(number)
