"""Properties of card codes, engagement numbers and lookup keys."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.kernel.findings import BadValue
from rempart.rights.engagement import format_engagement, parse_engagement
from rempart.rights.lookup import CardCode, compute_lookup_key

KEY = bytes(range(32))
logs = st.integers(0, 2**12 - 1)
indexes = st.integers(0, 2**34 - 1)
cards = st.integers(0, 2**100 - 1).map(CardCode.from_number)


@given(log_id=logs, index=indexes)
def test_an_engagement_number_leads_back_to_its_entry(log_id, index):
    assert parse_engagement(KEY, format_engagement(KEY, log_id, index)) == (log_id, index)


@given(text=st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=16, max_size=16))
def test_a_number_made_up_is_refused(text):
    with pytest.raises(BadValue):
        parse_engagement(KEY, f"RP{text}")


@given(text=st.text())
def test_no_text_makes_the_parsers_fail_otherwise_than_by_refusing(text):
    for parse in (CardCode.parse, lambda one: parse_engagement(KEY, one)):
        with contextlib.suppress(BadValue):
            parse(text)


@given(card=cards)
def test_a_card_code_is_read_as_printed(card):
    assert CardCode.parse(card.format()) == card
    assert CardCode.parse(card.format().lower().replace("-", " ")) == card


@given(left=cards, right=cards)
def test_two_cards_have_two_keys(left, right):
    same = compute_lookup_key(KEY, left) == compute_lookup_key(KEY, right)
    assert same is (left == right)
