"""Benefit tables as insurers write them: read whole, or everything wrong told with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benefit_samples import COMFORT

from rempart.claims.benefit_table import Pays, Per
from rempart.exchange.benefit_file import MOST_BYTES, read_benefit_tables

GOOD = """
[[table]]
code = "CONFORT"
from = 2026-01-01
responsible = true

[[table.limit]]
name = "osteopathy"
label = "Séances d’ostéopathie par an"
per = "year"
units = 3

[[table.limit]]
name = "lenses"
label = "Lentilles par an"
per = "year"
amount = "100,00"

[[table.benefit]]
label = "Ostéopathie"
acts = ["OST"]
pays = "forfait"
forfait = "40.00"
limits = ["osteopathy"]

[[table.benefit]]
label = "Médecins"
acts = ["domain:MEDG", "CS"]
pays = "rate_with_amo"
rate = "137,5 %"
optam = true

[[table.benefit]]
label = "Le reste"
acts = ["*"]
pays = "ticket_moderateur"
"""


def read(text, language="fr"):
    return read_benefit_tables(text.encode(), language)


def test_a_table_is_read_to_the_cent():
    [table] = read(GOOD).tables
    assert table.code == "CONFORT"
    assert table.responsible
    assert table.limits["osteopathy"].units == 3
    assert table.limits["lenses"].cents == 10_000
    assert table.limits["lenses"].per is Per.YEAR
    forfait, doctors, rest = table.benefits
    assert (forfait.pays, forfait.forfait_cents) == (Pays.FORFAIT, 4_000)
    assert doctors.rate_bp == 13_750
    assert rest.pays is Pays.TICKET_MODERATEUR
    assert COMFORT.by_act["OST"][0].pays is table.by_act["OST"][0].pays


WRONG = {
    "table_missing": "",
    "table_not_toml": GOOD + "\n[[table",
    "table_amount": GOOD.replace('"40.00"', '"40"'),
    "table_percent": GOOD.replace('"137,5 %"', '"beaucoup"'),
    "table_rate": GOOD.replace('rate = "137,5 %"\n', ""),
    "table_forfait": GOOD.replace('forfait = "40.00"\n', ""),
    "table_acts": GOOD.replace('"CS"', '"ZZZ"'),
    "table_limit": GOOD.replace('limits = ["osteopathy"]', 'limits = ["osteopathie"]'),
    "limit_either": GOOD.replace("units = 3", 'units = 3\namount = "10,00"'),
    "limit_renewal": GOOD.replace('per = "year"\nunits = 3', 'per = "renewal"\nunits = 1'),
    "table_limit_twice": GOOD.replace(
        'limits = ["osteopathy"]', 'limits = ["osteopathy", "osteopathy"]'
    ),
    "table_waiting": GOOD.replace(
        'limits = ["osteopathy"]', 'limits = ["osteopathy"]\nwaiting_months = 99999'
    ),
    "table_text": GOOD.replace('code = "CONFORT"', 'code = "CONF\\u0000"'),
    "table_negative": GOOD.replace("units = 3", "units = -3"),
    "table_dates": GOOD.replace("from = 2026-01-01", "from = 2026-01-01\nto = 2025-12-31"),
    "table_field": GOOD.replace("optam = true", "optam = 1"),
}


@pytest.mark.parametrize("rule", WRONG)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_wrong_is_told_with_its_place_and_what_to_do(rule, language):
    answer = read(WRONG[rule], language)
    assert answer.tables == ()
    [finding] = answer.findings
    assert finding.rule == rule
    assert finding.message
    assert finding.advice
    assert finding.field or rule == "table_not_toml"


def test_two_limits_of_one_name_and_labels_that_cannot_be_kept_are_refused():
    again = '[[table.limit]]\nname = "osteopathy"\nlabel = "x"\nper = "year"\nunits = 9\n\n'
    [finding] = read(GOOD.replace("[[table.benefit]]", again + "[[table.benefit]]", 1)).findings
    assert (finding.field, finding.rule) == ("table 1", "table_limit_twice")
    for part in ("limit", "benefit"):
        head, label, rest = GOOD.partition(f"[[table.{part}]]")
        [finding] = read(head + label + rest.replace('label = "', 'label = "\\u0000', 1)).findings
        assert (finding.field, finding.rule) == (f"table 1, {part} 1", "table_text")


def test_everything_wrong_is_told_at_once():
    text = GOOD.replace("units = 3", "units = -3").replace('"40.00"', '"40"')
    assert [one.field for one in read(text).findings] == ["table 1, limit 1", "table 1, benefit 1"]


def test_a_float_a_field_nobody_knows_and_a_stray_key_are_refused():
    for text in (
        GOOD.replace('"40.00"', "40.0"),
        GOOD.replace("optam = true", "optamm = true"),
        'title = "x"\n' + GOOD,
    ):
        assert read(text).findings


def test_a_file_that_is_too_long_is_refused_before_it_is_read():
    [finding] = read_benefit_tables(b"#" * (MOST_BYTES + 1)).findings
    assert finding.rule == "table_too_long"


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fall(content):
    answer = read_benefit_tables(content)
    assert bool(answer.tables) != bool(answer.findings)


@given(st.data())
def test_a_table_with_a_piece_cut_out_is_told_or_read(data):
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, len(GOOD)))
    answer = read(GOOD[:start] + GOOD[end:])
    assert bool(answer.tables) != bool(answer.findings)
