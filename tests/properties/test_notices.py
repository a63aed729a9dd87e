"""Every person's letter lists exactly the fields of the exposure list, whatever they are."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.notice_samples import PERSON, write_notice

from rempart.disclosure.fields import FIELD_LABELS, FIELDS_OF_PROFESSIONALS, Field, format_fields
from rempart.notices.assembly import Notice, check_can_send, format_text
from rempart.notices.facts import PersonFacts, Relation, clean_name
from rempart.notices.lint import lint_notice
from rempart.notices.media import Medium

LANGUAGES = st.sampled_from(["fr", "en"])
PERSONAL = st.sampled_from([Medium.LETTER, Medium.EMAIL])
OF_MEMBERS = [field for field in FIELD_LABELS if not field & FIELDS_OF_PROFESSIONALS]


@st.composite
def draw_person(draw: st.DrawFn) -> PersonFacts:
    """A person of whom some fields were read, others proved unread, and others neither."""
    is_professional = draw(st.booleans())
    fields = draw(
        st.lists(
            st.sampled_from(list(FIELD_LABELS) if is_professional else OF_MEMBERS),
            min_size=1,
            unique=True,
        )
    )
    count = draw(st.integers(1, len(fields)))
    exposed, rest = sum(fields[:count]), sum(fields[count:])
    return replace(
        PERSON,
        recipient=draw(st.text(max_size=40)),
        relation=Relation.PROFESSIONAL if is_professional else Relation.MEMBER,
        exposed=Field(exposed),
        not_exposed=Field(rest),
    )


def list_items(notice: Notice, block_id: str) -> list[str]:
    return [item for one in notice.blocks if one.block_id == block_id for item in one.items]


def lists_the_truth(notice: Notice, person: PersonFacts) -> bool:
    """Tell whether a notice lists what was read, all of it, and nothing else."""
    return list_items(notice, "exposed") == format_fields(person.exposed, notice.language) and (
        list_items(notice, "not_exposed") == format_fields(person.not_exposed, notice.language)
    )


@given(person=draw_person(), medium=PERSONAL, language=LANGUAGES)
def test_a_letter_lists_exactly_what_was_read_and_has_no_fault(person, medium, language):
    notice = write_notice(person, medium=medium, language=language)
    check_can_send(notice)
    assert lists_the_truth(notice, person)
    findings = lint_notice(
        format_text(notice), medium=medium, language=language, exposed=person.exposed
    )
    # A name may be any words at all: what is said of it is not the text's fault.
    unnamed = [one for one in findings if clean_name(person.recipient) not in (one.excerpt or "-")]
    assert [one.rule.code for one in unnamed] == []


@pytest.mark.parametrize("gap", [1, -1])
def test_mutation_a_letter_with_a_field_more_or_less_is_noticed(gap):
    told = PERSON.exposed | Field.GUARANTEES if gap > 0 else PERSON.exposed & ~Field.NIR
    assert lists_the_truth(write_notice(), PERSON)
    assert not lists_the_truth(write_notice(replace(PERSON, exposed=told)), PERSON)


@given(st.text(max_size=400))
def test_any_text_can_be_read_and_every_finding_has_its_place(text):
    lines = text.split("\n")
    for found in lint_notice(text):
        assert 1 <= found.line <= len(lines)
        assert 1 <= found.column <= len(lines[found.line - 1]) + 1


@given(st.text(max_size=200))
def test_a_name_is_one_line_of_letters(name):
    cleaned = clean_name(name)
    assert cleaned == clean_name(cleaned)
    assert all(one.isalpha() or one in "'’- " for one in cleaned)
