"""Properties of a rights check, over many people, without a database."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.api.memory_desk import NOW_MS, make_asked, make_desk
from tests.api.reading import cut_receipt, read_fields
from tests.api.world import TODAY, Person, Spell, make_person

from rempart.disclosure.entry import Kind, Outcome, Purpose
from rempart.tariffs.domains import DOMAINS
from rempart.workflows.rights.check_rights import check_rights
from rempart.workflows.rights.rights_desk import Answered, Question

days = st.integers(-800, 400).map(lambda days: TODAY + timedelta(days=days))


@st.composite
def spells(draw: st.DrawFn) -> tuple[Spell, ...]:
    """Up to three coverages that do not overlap, some suspended."""
    bounds = sorted(draw(st.lists(days, min_size=2, max_size=6, unique=True)))
    made = []
    for starts_on, ends_on in zip(bounds[::2], bounds[1::2], strict=False):
        spell = Spell(
            starts_on=starts_on,
            ends_on=ends_on,
            terms=draw(st.sampled_from(["full", "pharmacy"])),
        )
        if draw(st.booleans()):
            spell = Spell(starts_on=starts_on, ends_on=ends_on, suspended=(starts_on, ends_on))
        made.append(spell)
    return tuple(made)


@st.composite
def people(draw: st.DrawFn) -> Person:
    """Somebody, with a history."""
    return make_person(
        draw(st.integers(1, 999)),
        *draw(spells()),
        birth_rank=draw(st.integers(1, 9)),
        birth_date=draw(st.sampled_from(["19840512", "19421901", "20000229"])),
    )


@st.composite
def questions(draw: st.DrawFn, crowd: list[Person]) -> Question:
    """A question about one of the crowd, or about nobody."""
    person = draw(st.sampled_from([*crowd, make_person(0)]))
    return Question(
        identifiers=draw(st.sampled_from([person.typed, person.card])),
        domain=draw(st.sampled_from(list(DOMAINS.values()))),
        care_date=draw(days),
        purpose=draw(st.sampled_from(Purpose)),
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Person], list[Question]]:
    """A crowd and the questions asked about it in one batch."""
    crowd = draw(st.lists(people(), min_size=1, max_size=5, unique_by=lambda p: p.nir.number))
    return crowd, draw(st.lists(questions(crowd), min_size=1, max_size=12))


def ask(crowd, batch):
    """Check a batch; return the answers and the entries of answers, in order."""
    desk, _, ledger = make_desk(*crowd)
    asked = [make_asked(question) for question in batch]
    answers = asyncio.run(check_rights(desk, asked, now_ms=NOW_MS, today=TODAY))
    assert all(isinstance(answer, Answered) for answer in answers)
    return answers, [draft for draft in ledger.drafts if draft.kind != Kind.SESSION]


@given(scenes())
def test_each_answer_has_one_entry_with_the_fields_of_its_bytes(scene):
    crowd, batch = scene
    answers, drafts = ask(crowd, batch)
    assert len(drafts) == len(answers) == len(batch)
    assert [draft.fields for draft in drafts] == [read_fields(a.body) for a in answers]


@given(scenes())
def test_no_answer_holds_an_identifier_that_the_caller_did_not_send(scene):
    crowd, batch = scene
    answers, _ = ask(crowd, batch)
    for question, answer in zip(batch, answers, strict=True):
        sent = f"{question.care_date}{question.care_date:%Y%m%d}"
        for person in crowd:
            for secret in (
                person.nir.number,
                person.birth_date,
                person.card.code,
                person.card.format(),
                str(person.person_ref),
                str(person.person_ref + 1_000_000),
            ):
                assert secret in sent or secret.encode() not in answer.body


@given(scenes())
def test_typed_refusals_of_one_domain_and_day_are_the_same_bytes(scene):
    crowd, batch = scene
    answers, drafts = ask(crowd, batch)
    seen: dict[object, set[bytes]] = {}
    for question, answer, draft in zip(batch, answers, drafts, strict=True):
        if question.mode.name == "TYPED" and draft.outcome != Outcome.OPEN:
            key = (question.domain, question.care_date)
            seen.setdefault(key, set()).add(cut_receipt(answer.body))
    assert all(len(bodies) == 1 for bodies in seen.values())


@given(scenes())
def test_rights_are_open_exactly_when_a_contract_covers_the_day_and_the_domain(scene):
    crowd, batch = scene
    _, drafts = ask(crowd, batch)
    for question, draft in zip(batch, drafts, strict=True):
        covered = any(
            spell.starts_on <= question.care_date <= spell.ends_on
            and not spell.suspended[0] <= question.care_date <= spell.suspended[1]
            and question.domain.code
            in ({"PHAR", "OPTI", "MEDG"} if spell.terms == "full" else {"PHAR"})
            for person in crowd
            if question.identifiers in (person.typed, person.card)
            for spell in person.spells
        )
        assert (draft.outcome == Outcome.OPEN) == covered
