"""The table of terms, from the feed's short form."""

import pytest

from rempart.exchange.feed_terms import parse_feed_terms
from rempart.kernel.findings import BadValue
from rempart.rights.coverage import Forfait, Rate, TicketModerateur


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PHAR=R100@IS", {"PHAR": Rate(rate_bp=10_000, circuit="IS")}),
        ("PHAR=R70.5", {"PHAR": Rate(rate_bp=7_050)}),
        ("PHAR=R0.05", {"PHAR": Rate(rate_bp=5)}),
        ("MEDG=T", {"MEDG": TicketModerateur()}),
        (" OPTI = F20000@IT ", {"OPTI": Forfait(amount_cents=20_000, circuit="IT")}),
    ],
)
def test_an_entry_is_read(text, expected):
    assert parse_feed_terms(text) == expected


@pytest.mark.parametrize("text", ["PHAR=R", "PHAR=R1,5", "PHAR=r100", "OPTI=F", "OPTI=F1.5", "="])
def test_what_is_not_understood_is_refused(text):
    with pytest.raises(BadValue):
        parse_feed_terms(text)
