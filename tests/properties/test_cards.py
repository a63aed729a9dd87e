"""Cards, for any card: what is signed reads back, and no bit of it may change."""

from datetime import date, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests.card_samples import IN_FORCE, SIGNER, make_card, make_keys, make_list

from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.periods import Period
from rempart.kernel.synthetic import make_synthetic_amc_number
from rempart.rights import card_verdict
from rempart.rights.card import FIRST_DAY, Card, CardBeneficiary, PresenceCode
from rempart.rights.card_payload import PayloadRefused, decode_payload, encode_payload
from rempart.rights.card_signature import is_signed_by, read_symbol
from rempart.rights.card_verdict import CardColour, verify_card
from rempart.rights.coverage import Forfait, Rate, TicketModerateur
from rempart.tariffs.domains import DOMAINS

LABELS = st.text(alphabet="ABCXYZ0189./_- ", max_size=20)
CODES = st.text(alphabet="ABCDEFGHIJ0123456789", min_size=1, max_size=8)
SHARED = {"circuit": st.none() | CODES, "conditions": st.lists(CODES, max_size=7).map(tuple)}
TERMS = st.one_of(
    st.builds(Rate, rate_bp=st.integers(1, 100_000), **SHARED),
    st.builds(Forfait, amount_cents=st.integers(1, 10_000_000), **SHARED),
    st.builds(TicketModerateur, **SHARED),
)
GUARANTEES = st.lists(
    st.dictionaries(st.sampled_from(list(DOMAINS)), TERMS, max_size=15), min_size=1, max_size=8
)
DAYS = st.dates(FIRST_DAY, date(2190, 1, 1))


@st.composite
def draw_cards(draw: Any) -> Card:
    guarantees = draw(GUARANTEES)
    starts_on = draw(DAYS)
    validity = Period(starts_on, starts_on + timedelta(days=draw(st.integers(0, 400))))

    def draw_beneficiary() -> CardBeneficiary:
        days = (validity.ends_on - validity.starts_on).days
        first, last = sorted((draw(st.integers(0, days)), draw(st.integers(0, days))))
        day = validity.starts_on + timedelta(days=first)
        end = validity.starts_on + timedelta(days=last)
        year = draw(st.integers(1850, 2199))
        return CardBeneficiary(
            birth_date=BirthDate(f"{year}{draw(st.integers(0, 9999)):04}"),
            birth_rank=BirthRank(draw(st.integers(1, 9))),
            initial=draw(st.sampled_from(["", "A", "M", "Z"])),
            guarantee=draw(st.integers(0, len(guarantees) - 1)),
            starts_on=day if first else None,
            ends_on=end if last < days else None,
        )

    return Card(
        issued_on=draw(DAYS),
        validity=validity,
        amc_number=make_synthetic_amc_number(draw(st.integers(1, 9999))),
        convention_type=draw(LABELS),
        csr=draw(LABELS),
        responsible=draw(st.booleans()),
        member_number=draw(LABELS),
        secret=draw(st.binary(min_size=16, max_size=16)),
        guarantees=tuple(guarantees),
        beneficiaries=tuple(draw_beneficiary() for _ in range(draw(st.integers(1, 15)))),
    )


@given(card=draw_cards())
def test_any_card_reads_back_as_it_was_signed(card: Card):
    signed = read_symbol(SIGNER.sign(card))
    assert signed.card == card
    assert is_signed_by(signed, SIGNER.public_key)


@given(secret=st.binary(min_size=16, max_size=16), place=st.integers(1, 15))
def test_any_presence_code_reads_back(secret: bytes, place: int):
    presence = PresenceCode(secret, place)
    assert PresenceCode.parse(presence.format()) == presence


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_card_spelt_one_way_or_refused(data: bytes):
    try:
        card, key_id = decode_payload(data)
    except PayloadRefused:
        return
    assert encode_payload(card, key_id) == data


@given(data=st.binary(max_size=120), cut=st.integers(0, 200))
def test_bytes_that_begin_like_a_card_are_read_or_refused_too(data: bytes, cut: int):
    payload = encode_payload(make_card(3), SIGNER.key_id)
    try:
        card, key_id = decode_payload(payload[:cut] + data)
    except PayloadRefused:
        return
    assert encode_payload(card, key_id) == payload[:cut] + data


ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEXT = SIGNER.sign(make_card(3))


def flip(text: str, bit: int) -> str:
    """Change one bit of the letters after the prefix."""
    place, shift = 3 + bit // 5, bit % 5
    letter = ALPHABET[ALPHABET.index(text[place]) ^ 1 << shift]
    return text[:place] + letter + text[place + 1 :]


def check_no_flip_is_green() -> None:
    keys, revocations = make_keys(), make_list()
    for bit in range(5 * (len(TEXT) - 3)):
        verdict = verify_card(flip(TEXT, bit), keys, revocations, IN_FORCE)
        assert verdict.colour is CardColour.RED, bit
        assert verdict.card is None


def test_every_flipped_bit_is_refused():
    check_no_flip_is_green()


def test_mutation_a_verifier_that_skips_the_signature_lets_flips_through(
    monkeypatch: pytest.MonkeyPatch,
):
    def accept(*_: object) -> bool:
        return True

    monkeypatch.setattr(card_verdict, "is_signed_by", accept)
    with pytest.raises(AssertionError):
        check_no_flip_is_green()


@settings(max_examples=200)
@given(text=st.text(max_size=400))
def test_no_text_breaks_the_verifier_and_none_is_green(text: str):
    verdict = verify_card(text, make_keys(), make_list(), IN_FORCE)
    assert verdict.colour is not CardColour.GREEN
