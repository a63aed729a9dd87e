"""Lines of 128 characters: written, read back, and refused when they are anything else."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.exchange.b2_lines import (
    ACT,
    FIELD,
    KIND,
    KINDS,
    LENGTH,
    WIDTH,
    BadField,
    format_line,
    parse_line,
)
from rempart.kernel.findings import BadValue

GOOD = {
    "line": 1, "basket": "F", "equipment": "01", "correction": None, "exoneration": None,
    "care_date": date(2026, 3, 2), "act": "VER", "quantity": 2, "coefficient": 100,
    "unit_cents": 7_500, "base_cents": 10, "rate": 60, "amo_cents": 6, "billed_cents": 15_000,
    "amc_cents": 12_000,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.title)
def test_the_fields_of_a_kind_fit_in_the_line_and_do_not_overlap(kind):
    places = sorted((field.at, field.at + field.width) for field in kind.fields)
    assert places[0][0] > len(kind.mark)
    assert places[-1][1] <= WIDTH + 1
    assert all(end <= start for (_, end), (start, _) in pairwise(places))


def test_a_line_is_where_the_public_descriptions_put_it():
    line = format_line(ACT, GOOD)
    assert len(line) == WIDTH
    assert line[69:75] == "260302"
    assert line[75:80] == "VER  "
    assert line[107:114] == "0000006"
    assert line[122:] == "012000"


def values_of(kind):
    def value(field):
        if field.form == "number":
            return st.integers(0, 10**field.width - 1)
        if field.form == "day":
            some = st.dates(date(2000, 1, 1), date(2099, 12, 31))
        else:
            some = st.from_regex(rf"[A-Z0-9]{{1,{field.width}}}", fullmatch=True)
        return some if field.required else st.none() | some

    return st.fixed_dictionaries({field.name: value(field) for field in kind.fields})


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.title)
@given(data=st.data())
def test_what_is_written_is_read_back(kind, data):
    values = data.draw(values_of(kind))
    line = format_line(kind, values)
    assert len(line) == WIDTH
    assert parse_line(line) == (kind, values)


@pytest.mark.parametrize(
    "wrong",
    [
        {"billed_cents": 10**8},
        {"billed_cents": -1},
        {"billed_cents": "12"},
        {"act": "TOOLONG"},
        {"act": None},
        {"act": " G"},
        {"act": "G\n"},
        {"care_date": date(1999, 1, 1)},
        {"care_date": None},
    ],
)
def test_a_value_that_does_not_fit_is_refused_not_cut(wrong):
    with pytest.raises(BadField) as refused:
        format_line(ACT, GOOD | wrong)
    assert refused.value.field in wrong
    assert refused.value.refusal is FIELD


@pytest.mark.parametrize(
    ("line", "refusal"),
    [("4" * 127, LENGTH), ("4" * 129, LENGTH), ("", LENGTH), ("7".ljust(128), KIND)],
)
def test_a_line_of_no_length_or_kind_is_refused(line, refusal):
    with pytest.raises(BadValue) as refused:
        parse_line(line)
    assert refused.value.refusal is refusal


@pytest.mark.parametrize(
    ("at", "put"), [(70, "261302"), (70, "      "), (108, "00-0006"), (76, "\x00    ")]
)
def test_a_field_that_cannot_be_is_refused_by_name(at, put):
    line = format_line(ACT, GOOD)
    with pytest.raises(BadField) as refused:
        parse_line(line[: at - 1] + put + line[at - 1 + len(put) :])
    assert refused.value.field in GOOD


@given(st.text(min_size=WIDTH, max_size=WIDTH))
def test_no_text_makes_it_fall(text):
    for line in (text, "4 " + text[2:], "2S" + text[2:]):
        try:
            kind, values = parse_line(line)
        except BadValue:
            continue
        assert set(values) == {field.name for field in kind.fields}
