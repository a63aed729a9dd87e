import re
from datetime import date

import pytest

from rempart.kernel.findings import BadValue
from rempart.rights.engagement import compute_expiry, format_engagement, parse_engagement

KEY = bytes(range(32))
LAST_LOG = 2**12 - 1
LAST_INDEX = 2**34 - 1


@pytest.mark.parametrize(("log_id", "index"), [(0, 0), (1, 17), (LAST_LOG, LAST_INDEX), (3, 2**24)])
def test_a_number_leads_back_to_its_ledger_entry(log_id, index):
    number = format_engagement(KEY, log_id, index)
    assert re.fullmatch(r"RP(-[0-9A-HJKMNP-TV-Z]{4}){4}", number)
    assert parse_engagement(KEY, number) == (log_id, index)


def test_a_number_copied_by_hand_is_forgiven():
    number = format_engagement(KEY, 1, 17)
    assert parse_engagement(KEY, number.lower().replace("0", "o").replace("-", " ")) == (1, 17)


@pytest.mark.parametrize("position", range(16))
def test_changing_any_letter_is_noticed(position):
    letters = list(format_engagement(KEY, 1, 17).replace("-", "")[2:])
    letters[position] = "2" if letters[position] != "2" else "3"
    with pytest.raises(BadValue, match="engagement"):
        parse_engagement(KEY, "RP" + "".join(letters))


def test_the_prefix_is_part_of_the_number():
    with pytest.raises(BadValue):
        parse_engagement(KEY, "XX" + format_engagement(KEY, 1, 17)[2:])


def test_another_installations_number_is_refused():
    with pytest.raises(BadValue):
        parse_engagement(bytes(32), format_engagement(KEY, 1, 17))


@pytest.mark.parametrize(
    "text", ["", "RP", "RP-0000-0000-0000", "XX-0000-0000-0000-0000", "RP-UUUU-0000-0000-0000"]
)
def test_what_is_not_a_number_is_refused(text):
    with pytest.raises(BadValue):
        parse_engagement(KEY, text)


@pytest.mark.parametrize(
    ("log_id", "index"), [(-1, 0), (LAST_LOG + 1, 0), (0, -1), (0, LAST_INDEX + 1)]
)
def test_an_entry_that_does_not_fit_is_refused(log_id, index):
    with pytest.raises(ValueError, match="does not fit"):
        format_engagement(KEY, log_id, index)


def test_an_engagement_is_worth_payment_for_thirty_days():
    assert compute_expiry(date(2026, 11, 22)) == date(2026, 12, 22)
