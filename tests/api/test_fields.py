"""The entry says exactly which fields the bytes sent carry."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.reading import PATH, read_entry, read_fields
from tests.api.world import PEOPLE, STRANGER, card_body, typed_body

from rempart.exchange import rights_answer
from rempart.exchange.rights_answer import (
    Engagement,
    build_closed_answer,
    build_open_answer,
    compute_fields,
    encode_answer,
)
from rempart.kernel.periods import Period
from rempart.rights.answer import ShownReason
from rempart.rights.coverage import Coverage, Forfait, Rate, RightsOpen, Terms, TicketModerateur
from rempart.tariffs.domains import DOMAINS

texts = st.text(st.characters(codec="utf-8"), max_size=12)
terms_of_domain = st.one_of(
    st.builds(
        Rate,
        rate_bp=st.integers(1, 100_000),
        circuit=st.none() | texts,
        conditions=st.lists(texts, max_size=3).map(tuple),
    ),
    st.builds(Forfait, amount_cents=st.integers(1, 10_000_000), circuit=st.none() | texts),
    st.builds(TicketModerateur, conditions=st.lists(texts, max_size=3).map(tuple)),
)
coverage = Coverage(
    contract_ref=1,
    period=Period(date(2026, 1, 1)),
    terms=Terms(convention_type="", csr="", responsible=True, domains={}),
)
open_answers = st.builds(
    build_open_answer,
    terms_of_domain.map(lambda terms: RightsOpen(coverage, terms)),
    domain=st.sampled_from(list(DOMAINS.values())),
    care_date=st.dates(),
    engagement=st.builds(Engagement, texts, st.dates()),
)
closed_answers = st.builds(
    build_closed_answer,
    st.sampled_from(ShownReason),
    domain=st.sampled_from(list(DOMAINS.values())),
    care_date=st.dates(),
)


def carry(answer) -> int:
    """Read the fields from the bytes that would leave."""
    return read_fields(b'{"answer":%s}' % encode_answer(answer))


@given(open_answers | closed_answers)
def test_the_mask_of_an_answer_is_that_of_its_bytes(answer):
    assert compute_fields(answer) == carry(answer)


def test_mutation_an_answer_that_carries_more_than_its_mask_is_noticed(monkeypatch):
    class Talkative(msgspec.Struct, tag_field="rights", tag="closed"):
        domain: str
        care_date: date
        reason: str
        consigne: str
        engagement: str

    answer = Talkative("PHAR", date(2026, 1, 1), "not_open", "ask_for_card", "RP-0000")
    shapes = {Talkative: compute_fields(CLOSED)}  # the mask of the answer without the addition
    monkeypatch.setattr(rights_answer, "_FIELDS_OF_SHAPE", shapes)
    assert compute_fields(answer) != carry(answer)


CLOSED = build_closed_answer(
    ShownReason.NOT_OPEN, domain=DOMAINS["PHAR"], care_date=date(2026, 1, 1)
)


def test_an_answer_cannot_have_a_key_that_no_field_stands_for():
    class Indiscreet(msgspec.Struct, tag_field="rights", tag="open"):
        family_name: str

    with pytest.raises(KeyError, match="family_name"):
        rights_answer.add_fields(rights_answer.list_keys(Indiscreet))


def test_the_entry_has_the_mask_of_the_bytes_that_arrived(gateway, world):
    for person in (*PEOPLE, STRANGER):
        for body in (typed_body(person), card_body(person), typed_body(person, domain="OPTI")):
            reply = gateway.post(PATH, json=body)
            assert read_entry(world.database, reply).fields == read_fields(reply.content)
