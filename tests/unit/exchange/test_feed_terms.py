"""The table of terms, from the feed's short form and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.exchange.feed_terms import format_feed_terms, parse_feed_terms
from rempart.kernel.findings import BadValue
from rempart.rights.coverage import Forfait, Rate, TicketModerateur
from rempart.tariffs.domains import DOMAINS

circuits = st.none() | st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True)
terms = st.one_of(
    st.builds(Rate, rate_bp=st.integers(1, 100_000), circuit=circuits),
    st.builds(Forfait, amount_cents=st.integers(1, 10_000_000), circuit=circuits),
    st.builds(TicketModerateur, circuit=circuits),
)


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


@given(st.dictionaries(st.sampled_from(sorted(DOMAINS)), terms, min_size=1))
def test_a_table_that_is_written_reads_back_the_same(domains):
    assert parse_feed_terms(format_feed_terms(domains)) == domains
