"""A pack of cases is read to its end, or refused with the case that cannot be."""

import pytest

from rempart.exchange.regression_file import read_regression_pack
from rempart.kernel.errors import InvalidRequest

CASE = """
[[case]]
name = "Monture"
table = "CONFORT"
born = "19700101"
joined = 2020-01-01

[[case.line]]
act = "MON"
day = 2026-03-02
billed = "90,00"
base = "0,05"
"""


def test_a_case_is_read():
    [case] = read_regression_pack(CASE.encode())
    assert [line.billed_cents for line in case.claim.lines] == [9_000]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('base = "0,05"\n', "", "base de remboursement"),
        ("day = 2026-03-02", "day = 9999-03-02", "date des soins"),
        ('born = "19700101"', 'born = "17700101"', "année de naissance"),
    ],
)
def test_a_case_that_nobody_could_bill_is_refused_with_its_number(old, new, said):
    with pytest.raises(InvalidRequest, match=f"case 1: .*{said}"):
        read_regression_pack(CASE.replace(old, new).encode())


def test_who_joins_in_the_year_9999_has_joined_too_late():
    [case] = read_regression_pack(CASE.replace("joined = 2020", "joined = 9999").encode())
    assert case.joined_on.year == 2099
