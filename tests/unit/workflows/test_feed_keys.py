"""The keys of a feed: whole columns give what one value would, and what the gateway computes."""

import pytest

from rempart.rights.lookup import canonical_card, canonical_typed, compute_raw_lookup_key
from rempart.workflows.feeds.keys import FeedKeys, make_hmac

AMC = "9900000017"
LOOKUP_KEY = bytes(range(32))
KEYS = FeedKeys(AMC, LOOKUP_KEY, bytes(32))
NIRS = ["2840500123456", "", "284052A123456"]
BIRTHS = ["19840501", "19840502", "19840503"]
RANKS = ["1", "1", "2"]
CARDS = ["00000000000000000001", "", "00000000000000000002"]


def test_a_column_of_typed_identifiers_has_the_keys_the_gateway_looks_up():
    expected = [
        compute_raw_lookup_key(LOOKUP_KEY, canonical_typed(AMC, nir, birth, rank)) if nir else b""
        for nir, birth, rank in zip(NIRS, BIRTHS, RANKS, strict=True)
    ]
    assert KEYS.typed_column(NIRS, BIRTHS, RANKS) == expected
    assert KEYS.typed(NIRS[0], BIRTHS[0], RANKS[0]) == expected[0]


def test_a_column_of_cards_has_the_keys_the_gateway_looks_up():
    expected = [
        compute_raw_lookup_key(LOOKUP_KEY, canonical_card(card)) if card else b"" for card in CARDS
    ]
    assert KEYS.card_column(CARDS) == expected
    assert KEYS.card(CARDS[0]) == expected[0]


def test_a_column_without_numbers_has_no_keys():
    assert KEYS.typed_column(["", ""], BIRTHS[:2], RANKS[:2]) == [b"", b""]


def test_a_key_longer_than_a_block_is_refused():
    with pytest.raises(ValueError, match="64 bytes"):
        make_hmac(bytes(65))
