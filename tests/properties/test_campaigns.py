"""Whatever was read of whom: a message lists exactly that, to whoever may read it, once."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.notice_samples import INCIDENT

from rempart.disclosure.fields import FIELD_LABELS, FIELDS_OF_PROFESSIONALS, Field, format_fields
from rempart.notices.assembly import assemble_notice, check_can_send
from rempart.notices.campaigns import CampaignKind, Untold
from rempart.notices.contacts import Channel, Contact, ContactFlag
from rempart.notices.facts import PersonFacts, Relation
from rempart.notices.media import Medium
from rempart.storage.campaigns import StoredPerson
from rempart.workflows.notices.prepare_campaign import Target, decide_target

TODAY = date(2024, 2, 5)
MEMBERS_FIELDS = [one for one in FIELD_LABELS if not one & FIELDS_OF_PROFESSIONALS]
fields = st.lists(st.sampled_from(MEMBERS_FIELDS), min_size=1).map(
    lambda some: int(sum(set(some), Field(0)))
)
tiers = st.sampled_from(["A", "B", "C"])
days = st.one_of(st.none(), st.integers(-4000, 400).map(lambda n: TODAY + timedelta(days=n)))


@st.composite
def exposures(draw: st.DrawFn) -> tuple[StoredPerson, Contact | None]:
    """Somebody listed, or who was: what was read of them, how they are reached, what they know."""
    shown = draw(fields)
    told = draw(st.booleans())
    contact = None
    if draw(st.integers(0, 9)):
        flags = ContactFlag(draw(st.integers(0, sum(ContactFlag))))
        contact = Contact(recipient="Camille Exemple", person="Lou", flags=flags)
    person = StoredPerson(
        person_ref=1,
        tier=draw(st.one_of(st.none(), tiers)) if told else draw(tiers),
        fields=shown,
        lost=shown & draw(st.integers(0, 2**63 - 1)),
        former_number=1 if told else None,
        former_written_on=date(2024, 2, 3) if told else None,
        former_certainty=draw(tiers) if told else None,
        former_fields=draw(fields) if told else None,
        sealed=None,
        household=None,
        flags=None,
        language=None,
        last_day=draw(days),
        has_space=draw(st.booleans()),
        wanted_channel=draw(st.sampled_from([None, *Channel])),
        wanted_language=None,
        wanted_variant=None,
    )
    return person, contact


def make_facts(target: Target) -> PersonFacts:
    return PersonFacts(
        recipient="Camille Exemple",
        relation=target.relation,
        certainty=target.saying.certainty,
        exposed=target.saying.exposed,
        not_exposed=target.saying.not_exposed,
        authenticity_code="0000",
        doubt=target.saying.doubt,
        person="Lou" if target.relation is Relation.MINOR else "",
        departure=target.departure,
        corrects=None if target.former is None else target.former.written_on,
    )


@given(exposures(), st.booleans(), st.sampled_from(["fr", "en"]))
def test_a_letter_lists_exactly_the_fields_of_the_exposure_list(drawn, is_whole, language):
    person, contact = drawn
    target = decide_target(person, contact, is_whole=is_whole, today=TODAY)
    if isinstance(target, Untold) or (target.relation is Relation.FORMER and not target.departure):
        return
    notice = assemble_notice(INCIDENT, make_facts(target), medium=Medium.LETTER, language=language)
    check_can_send(notice)
    listed = {block.block_id: list(block.items) for block in notice.blocks}
    if person.tier is None:
        assert "exposed" not in listed
    else:
        assert listed["exposed"] == format_fields(person.lost or person.fields, language)
    never_read = listed.get("not_exposed", [])
    assert not set(never_read) & set(format_fields(person.fields, language))
    assert is_whole or not never_read


@given(exposures(), st.integers(1, 2**9 - 1), st.booleans(), st.sampled_from(["fr", "en"]))
def test_a_professional_s_letter_lists_exactly_theirs(drawn, some, is_whole, language):
    person, contact = drawn
    own = some << 30 & int(FIELDS_OF_PROFESSIONALS)
    listed = person._replace(fields=own, lost=own, last_day=None, has_space=False)
    target = decide_target(listed, contact, is_whole=is_whole, today=TODAY, is_professional=True)
    if isinstance(target, Untold):
        return
    notice = assemble_notice(INCIDENT, make_facts(target), medium=Medium.LETTER, language=language)
    check_can_send(notice)
    items = [list(one.items) for one in notice.blocks if one.block_id == "exposed"]
    assert items == ([] if person.tier is None else [format_fields(own, language)])
    assert target.relation is Relation.PROFESSIONAL
    assert not target.saying.not_exposed


@given(exposures(), st.booleans())
def test_nobody_is_told_what_they_know_and_nobody_concerned_is_left_out(drawn, is_whole):
    person, contact = drawn
    target = decide_target(person, contact, is_whole=is_whole, today=TODAY)
    lost = person.lost or person.fields
    knows = (person.former_certainty, person.former_fields) == (person.tier, lost)
    if person.tier is not None:
        assert (target is Untold.TOLD_ALREADY) == knows
    elif is_whole:
        assert isinstance(target, Target)
        assert target.saying.kind is CampaignKind.RETRACTION
    else:
        assert target is Untold.CANNOT_EXCLUDE


@given(exposures())
def test_nothing_is_sent_to_the_dead_nor_to_an_address_that_is_protected(drawn):
    person, contact = drawn
    if contact is None:
        return
    for flag in (ContactFlag.DECEASED, ContactFlag.PROTECTED):
        flagged = replace(contact, flags=contact.flags | flag)
        target = decide_target(person, flagged, is_whole=True, today=TODAY)
        if isinstance(target, Target):
            assert target.way.held is not None or target.way.channel is Channel.SPACE
