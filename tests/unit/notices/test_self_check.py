"""The self-check by card: its holder reads one answer, a stranger learns nothing."""

import json
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.notices import self_check
from rempart.notices.facts import Certainty, Doubt
from rempart.notices.self_check import (
    ALIKE,
    ENTRY_BYTES,
    SealedAnswer,
    choose_bits,
    compute_prefix,
    fill_buckets,
    read_bucket,
    seal_answer,
)
from rempart.rights.card import CardSerial

SALT = bytes(range(16))
AMC = "775000001"
ANSWER = SealedAnswer(
    place=1,
    certainty=Certainty.CONFIRMED,
    doubt=None,
    exposed=EIGHT_FIELDS_OF_2024,
    not_exposed=Field.BANK_DETAILS,
    number=2,
)
DOUBTFUL = SealedAnswer(
    place=3,
    certainty=Certainty.POSSIBLE,
    doubt=Doubt.HOLE_IN_THE_LOGS,
    exposed=Field.NIR,
    not_exposed=Field(0),
    number=1,
)


def draw_with(seed: int) -> Callable[[int], bytes]:
    """Return what draws bytes, the same for one seed."""
    return random.Random(seed).randbytes


def make_list(
    secrets: list[bytes], cards: int, seed: int = 1, salt: bytes = SALT
) -> tuple[int, list[bytes]]:
    """Return the bits and the buckets of a list in which each secret has one answer."""
    draw = draw_with(seed)
    bits = choose_bits(cards)
    entries = [
        (
            compute_prefix(AMC, CardSerial.of(secret), bits),
            seal_answer(salt, secret, ANSWER, draw(12)),
        )
        for secret in secrets
    ]
    return bits, list(fill_buckets(entries, bits, draw))


SECRETS = st.lists(st.binary(min_size=16, max_size=16), max_size=40, unique=True)


@given(secrets=SECRETS, cards=st.integers(0, 3000), stranger=st.binary(min_size=16, max_size=16))
def test_each_holder_reads_their_own_answer_and_a_stranger_reads_none(secrets, cards, stranger):
    bits, buckets = make_list(secrets, cards)
    for secret in secrets:
        bucket = buckets[compute_prefix(AMC, CardSerial.of(secret), bits)]
        assert read_bucket(bucket, SALT, secret) == [ANSWER]
    if stranger not in secrets:
        assert not any(read_bucket(bucket, SALT, stranger) for bucket in buckets)


@given(secrets=SECRETS, cards=st.integers(0, 3000))
def test_every_bucket_is_as_long_as_the_others_and_never_shorter_than_k(secrets, cards):
    _bits, buckets = make_list(secrets, cards)
    assert len({len(bucket) for bucket in buckets}) == 1
    assert len(buckets[0]) >= ALIKE * ENTRY_BYTES


@given(cards=st.integers(0, 40_000_000))
def test_at_least_k_cards_share_what_a_browser_sends(cards):
    bits = choose_bits(cards)
    assert bits == 0 or cards >> bits >= ALIKE
    assert cards >> (bits + 1) < ALIKE or bits == self_check.MOST_BITS


@pytest.mark.parametrize(
    ("cards", "bits"), [(0, 0), (511, 0), (512, 1), (1023, 1), (1024, 2), (1_000_000, 11)]
)
def test_one_more_bit_from_twice_as_many_cards(cards, bits):
    assert choose_bits(cards) == bits


def test_a_crowded_bucket_makes_all_of_them_longer():
    draw = draw_with(2)
    entries = [(0, seal_answer(SALT, draw(16), ANSWER, draw(12))) for _ in range(ALIKE + 1)]
    first, second = fill_buckets(entries, 1, draw)
    assert len(first) == len(second) == (ALIKE + 64) * ENTRY_BYTES


def test_a_family_is_told_line_by_line_out_of_one_bucket():
    draw, secret = draw_with(3), bytes(16)
    entries = [(0, seal_answer(SALT, secret, one, draw(12))) for one in (DOUBTFUL, ANSWER)]
    [bucket] = fill_buckets(entries, 0, draw)
    assert read_bucket(bucket, SALT, secret) == [ANSWER, DOUBTFUL]


def test_an_answer_looks_like_a_decoy():
    """Nothing compresses, nothing repeats: an entry of a real answer is as random as the others."""
    draw = draw_with(4)
    real = b"".join(seal_answer(SALT, draw(16), ANSWER, draw(12)) for _ in range(400))
    assert len(zlib.compress(real, 9)) >= len(real)
    counts = [real.count(value) for value in range(256)]
    assert max(counts) < 2 * len(real) / 256


def test_a_serial_opens_nothing():
    """The insurer's staff, and the list of revoked cards, know serials: they find no entry."""
    secret = bytes(range(16))
    _bits, [bucket] = make_list([secret], 10)
    serial = CardSerial.of(secret).value
    assert read_bucket(bucket, SALT, serial + bytes(6)) == []
    assert serial not in bucket


@given(secret=st.binary(min_size=16, max_size=16), more=st.integers(1, 8))
def test_a_longer_prefix_of_the_same_card_says_no_more_than_itself(secret, more):
    """Two lists of one insurer, whatever their bits: both tell what the longer one tells."""
    serial = CardSerial.of(secret)
    assert compute_prefix(AMC, serial, 4 + more) >> more == compute_prefix(AMC, serial, 4)


def test_nothing_links_two_lists():
    secret = bytes(16)
    _, [first] = make_list([secret], 10)
    _, [second] = make_list([secret], 10, seed=9, salt=bytes(16))
    cut = [{one[at : at + 16] for at in range(0, len(one), ENTRY_BYTES)} for one in (first, second)]
    assert not cut[0] & cut[1]
    assert read_bucket(second, SALT, secret) == []


def test_where_an_answer_stands_tells_nothing():
    """Entries are in the order of their random bytes: real ones are not first."""
    draw = draw_with(5)
    entries = [seal_answer(SALT, draw(16), ANSWER, draw(12)) for _ in range(8)]
    [bucket] = fill_buckets([(0, one) for one in entries], 0, draw)
    cut = [bucket[at : at + ENTRY_BYTES] for at in range(0, len(bucket), ENTRY_BYTES)]
    assert cut == sorted(cut)
    assert {cut.index(one) for one in entries} != set(range(8))


def test_a_changed_entry_is_refused():
    secret = bytes(16)
    _, [bucket] = make_list([secret], 10)
    tag = seal_answer(SALT, secret, ANSWER, bytes(12))[:16]
    at = bucket.index(tag) + 40
    changed = bucket[:at] + bytes([bucket[at] ^ 1]) + bucket[at + 1 :]
    with pytest.raises(ValueError, match="was changed"):
        read_bucket(changed, SALT, secret)


def test_nobody_who_is_not_concerned_is_in_a_list():
    with pytest.raises(ValueError, match="not concerned"):
        SealedAnswer(
            place=1,
            certainty=Certainty.EXCLUDED,
            doubt=None,
            exposed=Field(0),
            not_exposed=Field(0),
            number=1,
        )


def test_an_answer_prints_nothing():
    assert repr(ANSWER) == "<SealedAnswer>"


def test_mutation_short_buckets_tell_how_many_are_concerned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(self_check, "ALIKE", 1)
    monkeypatch.setattr(self_check, "_STEP", 1)
    draw = draw_with(6)
    few = [(0, seal_answer(SALT, draw(16), ANSWER, draw(12)))]
    many = [(0, seal_answer(SALT, draw(16), ANSWER, draw(12))) for _ in range(3)]
    assert len(fill_buckets(few, 0, draw)[0]) != len(fill_buckets(many, 0, draw)[0])


def test_mutation_a_key_from_the_serial_would_let_staff_read():
    """The key must come from what is printed on the card alone."""
    secret = bytes(range(16))
    stolen = CardSerial.of(secret).value + bytes(6)
    weak = seal_answer(SALT, stolen, ANSWER, bytes(12))
    [bucket] = fill_buckets([(0, weak)], 0, draw_with(7))
    assert read_bucket(bucket, SALT, stolen) == [ANSWER]


# ---------------------------------------------------------------- the documented format

PAGE = (Path(__file__).parents[3] / "docs/reference/self-check.md").read_text("utf-8")
VECTOR = json.loads(PAGE.partition("```json")[2].partition("```")[0])


def test_the_documented_vector_is_what_is_made():
    secret, salt = bytes.fromhex(VECTOR["secret"]), bytes.fromhex(VECTOR["salt"])
    serial = CardSerial.of(secret)
    said = VECTOR["answer"]
    answer = SealedAnswer(
        place=said["line"],
        certainty=Certainty(said["certainty"]),
        doubt=Doubt(said["doubt"]),
        exposed=Field(said["read"]),
        not_exposed=Field(said["not_read"]),
        number=said["package"],
    )
    assert serial.format() == VECTOR["serial"]
    assert {
        bits: compute_prefix(VECTOR["realm"], serial, int(bits)) for bits in VECTOR["prefixes"]
    } == VECTOR["prefixes"]
    entry = seal_answer(salt, secret, answer, bytes.fromhex(VECTOR["nonce"]))
    assert entry.hex() == VECTOR["entry"]
    assert len(entry) == ENTRY_BYTES
    assert read_bucket(entry, salt, secret) == [answer]


def test_the_documented_doubts_are_in_the_order_of_the_code():
    row = next(line for line in PAGE.splitlines() if line.startswith("| doubt |"))
    assert re.findall(r"`(\w+)`", row) == [one.value for one in Doubt]
    assert f"entries of {ENTRY_BYTES} bytes" in PAGE
    assert f"{ALIKE} entries at least" in PAGE
