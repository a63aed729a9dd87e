"""Lots of claims in a file: read back as written; a bad claim falls alone, a bad lot whole."""

import tracemalloc
from dataclasses import replace
from datetime import date
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.claims.claim import Basket, ClaimLine, Correction, Exoneration
from rempart.exchange.b2_file import format_lot, read_lots, stream_lots
from rempart.exchange.billed_claim import BilledClaim
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.nir import Nir
from rempart.rights.lookup import TypedIdentifiers
from rempart.tariffs.care import ACTS

DAY = date(2026, 3, 2)
FINESS = "750000012"


def make_claim(number, *lines, **more):
    lines = lines or (
        ClaimLine(
            number=1, act=ACTS["CS"], care_date=DAY, billed_cents=4_500, base_cents=3_000,
            amo_cents=2_100,
        ),
    )  # fmt: skip
    given_values = {
        "invoice": f"{number:09d}",
        "identifiers": TypedIdentifiers(
            amc_number=AmcNumber.parse("9900000001"),
            insured_nir=Nir.parse("284050000100104"),
            birth_date=BirthDate("19840512"),
            birth_rank=BirthRank.parse("1"),
        ),
        "lines": lines,
        "birth_date": "19840512",
        "asked_amc_cents": tuple(900 for _ in lines),
    }
    return BilledClaim(**given_values | more)


GLASSES = ClaimLine(
    number=2, act=ACTS["VER"], care_date=DAY, billed_cents=15_000, base_cents=10, amo_cents=6,
    quantity=2, basket=Basket.FREE, equipment="1", correction=Correction.SIMPLE,
    exoneration=Exoneration.ALD,
)  # fmt: skip
CLAIMS = [
    make_claim(1),
    make_claim(2, engagement="RP0123456789ABCDEF", in_pathway=False),
    make_claim(3, replace(GLASSES, number=1), GLASSES, pec="PEC1"),
]


def write(claims=CLAIMS, number=7):
    return list(format_lot(number, FINESS, DAY, claims))


def read(lines):
    return list(read_lots([line.encode("latin-1") + b"\r\n" for line in lines]))


def drop_place(claim):
    return replace(claim, at=None)


def test_a_lot_is_read_back_as_it_was_written():
    [lot] = read(write())
    assert (lot.number, lot.finess, lot.made_on, lot.at) == (7, FINESS, DAY, 1)
    assert lot.is_whole
    assert (lot.findings, lot.refused) == ([], 0)
    assert [drop_place(claim) for claim in lot.claims] == CLAIMS
    assert [claim.at for claim in lot.claims] == [2, 6, 10]


def test_several_lots_follow_one_another_and_empty_lines_are_nothing():
    lots = read([*write(), "", *write([CLAIMS[0]], 8), "   "])
    assert [(lot.number, len(lot.claims), lot.is_whole) for lot in lots] == [
        (7, 3, True),
        (8, 1, True),
    ]


def put(line, at, text):
    return line[: at - 1] + text + line[at - 1 + len(text) :]


@pytest.mark.parametrize(
    ("place", "at", "text", "field", "rule"),
    [
        (1, 25, "99", "nir", "nir_key"),
        (1, 102, "0", "birth_rank", "birth_rank"),
        (2, 4, "1984X512", "birth_date", "birth_date_format"),
        (3, 70, "260231", "care_date", "b2_field"),
        (3, 76, "ZZZ  ", "act", "act_unknown"),
        (3, 81, "00", "act", "b2_act"),
        (3, 8, "Q", "basket", "b2_field"),
        (4, 58, "00004501", "total_cents", "b2_total"),
        (1, 102, "X", "birth_rank", "b2_field"),
        (4, 66, "XXXXXXXX", "amo_cents", "b2_field"),
    ],
)
def test_a_claim_that_is_wrong_falls_alone_and_says_where(place, at, text, field, rule):
    lines = write()
    lines[place] = put(lines[place], at, text)
    [lot] = read(lines)
    assert lot.is_whole
    assert [drop_place(claim) for claim in lot.claims] == CLAIMS[1:]
    assert lot.refused == 1
    assert (field, rule) in {(one.field, one.rule) for one in lot.findings}
    assert all(one.line is not None and 2 <= one.line <= 5 for one in lot.findings)


@pytest.mark.parametrize("place", range(1, 13))
def test_a_line_that_is_missing_makes_the_lot_wrong(place):
    lines = write()
    del lines[place]
    [lot] = read(lines)
    assert not lot.is_whole
    assert lot.findings


def test_a_line_twice_makes_the_lot_wrong():
    lines = write()
    [lot] = read([*lines[:3], *lines[2:]])
    assert not lot.is_whole


def test_a_file_that_stops_early_is_told():
    for lines in (write()[:-1], write()[:4]):
        *_, last = read(lines)
        assert not last.is_whole
        assert last.findings[-1].rule == "b2_unfinished"


def test_a_lot_that_begins_in_another_cuts_it():
    first, second = read([*write()[:-1], *write([CLAIMS[0]], 8)])
    assert (first.number, first.is_whole) == (7, False)
    assert (second.number, second.is_whole) == (8, True)


def test_lines_outside_a_lot_are_told():
    [stray, lot] = read([write()[3], *write([CLAIMS[0]])])
    assert stray.findings[0].rule == "b2_order"
    assert not stray.is_whole
    assert lot.is_whole


def test_a_claim_of_a_million_acts_falls_alone_and_is_not_kept():
    """Two million lines may be one claim, and the gateway that reads them has others to answer."""
    start, person, act, end = [line.encode("latin-1") for line in write([CLAIMS[0]])[1:5]]
    before, *rest = [line.encode("latin-1") for line in write(CLAIMS[1:])]
    acts = 60_000
    tracemalloc.start()
    *claims, lot = stream_lots([before, start, person, *repeat(act, acts), end, *rest])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4_000_000
    assert (len(claims), lot.refused) == (2, 1)
    assert {one.rule for one in lot.findings} == {"claim_lines", "b2_total"}


def test_a_finding_never_repeats_what_was_read():
    lines = write()
    lines[1] = put(lines[1], 12, "2840500001X01")
    [lot] = read(lines)
    assert not any("2840500001" in f"{one.message}{one.advice}" for one in lot.findings)


@given(st.lists(st.binary(max_size=140), max_size=12))
def test_no_bytes_make_it_fall(pieces):
    assert not any(lot.is_whole for lot in read_lots(pieces))


@given(st.data())
def test_a_lot_with_characters_changed_is_told_or_says_something_else(data):
    lines = write()
    place = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(1, 128))
    before = lines[place]
    lines[place] = put(before, at, data.draw(st.sampled_from("0 9XÉ\x00")))
    lots = read(lines)
    claims = [drop_place(claim) for lot in lots if lot.is_whole for claim in lot.claims]
    if claims == CLAIMS:
        return
    assert any(lot.findings or not lot.is_whole for lot in lots) or lines[place] != before
