"""The public page of an incident: facts and questions, in both languages, complete or refused."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.notice_samples import INCIDENT, PUBLIC, SITUATIONS

from rempart.disclosure.fields import Field
from rempart.kernel.errors import InvalidRequest
from rempart.notices import incident_page
from rempart.notices.facts import Measure, PublicFacts
from rempart.notices.facts_json import (
    describe_facts,
    describe_public_facts,
    read_facts,
    read_public_facts,
)
from rempart.notices.incident_page import (
    LANGUAGES,
    MOST_QUESTIONS,
    IncidentPage,
    Question,
    check_can_publish,
    compute_page_digest,
    describe_page,
    format_page,
    lint_page,
    list_first_questions,
    read_page,
    write_page,
)

QUESTION = Question(
    question_fr="Ma carte marche-t-elle encore ?",
    answer_fr="Oui.\nRien ne change chez votre pharmacien.",
    question_en="Does my card still work?",
    answer_en="Yes.\nNothing changes at your pharmacy.",
)
PAGE = IncidentPage(
    facts=INCIDENT, about=PUBLIC, package_number=1, questions=(*list_first_questions(), QUESTION)
)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_first_draft_has_no_fault_in_either_language(situation):
    assert lint_page(replace(PAGE, facts=SITUATIONS[situation])) == []
    check_can_publish(replace(PAGE, facts=SITUATIONS[situation]), None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_insurers_questions_follow_what_the_facts_say(language):
    text = format_page(PAGE, language)
    asked, told = QUESTION.say(language)
    assert text.endswith(f"{asked}\n{told}\n")
    assert write_page(PAGE, language)[-1].title == asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_readers_are_told_first_what_changed(language):
    page = replace(PAGE, change_fr="Le nombre de personnes est revu.", change_en="New numbers.")
    assert format_page(page, language).startswith(page.say_change(language))


def test_a_page_that_lacks_what_the_law_asks_for_is_not_published(monkeypatch):
    monkeypatch.setattr(
        incident_page,
        "format_page",
        lambda page, _language: f"{page.facts.sender.name}. Nous suivons la situation.",
    )
    with pytest.raises(InvalidRequest, match="article 34"):
        check_can_publish(PAGE, None)


def test_mutation_without_the_linter_anything_is_published(monkeypatch):
    monkeypatch.setattr(incident_page, "format_page", lambda *_: "Rien.")
    monkeypatch.setattr(incident_page, "lint_page", lambda _page: [])
    check_can_publish(PAGE, None)


def test_another_version_says_what_changed():
    with pytest.raises(InvalidRequest, match="what changed"):
        check_can_publish(PAGE, PAGE)
    check_can_publish(replace(PAGE, change_fr="Deux questions.", change_en="Two questions."), PAGE)


def test_the_same_page_has_the_same_digest_and_another_has_another():
    assert compute_page_digest(PAGE) == compute_page_digest(read_page(describe_page(PAGE)))
    other = replace(PAGE, questions=PAGE.questions[:-1])
    assert compute_page_digest(other) != compute_page_digest(PAGE)


@pytest.mark.parametrize(
    "changes",
    [
        {"question_fr": ""},
        {"question_en": " "},
        {"question_fr": "x" * 201},
        {"question_fr": "Une\nautre ?"},
        {"question_fr": "Un \u202e retournement ?"},
        {"answer_fr": ""},
        {"answer_en": "y" * 1201},
        {"answer_fr": "une tabulation\t"},
        {"answer_fr": "\x00"},
    ],
)
def test_a_question_that_cannot_be_read_is_refused(changes):
    with pytest.raises(ValueError, match=r"question|answer"):
        replace(QUESTION, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"questions": (QUESTION, QUESTION)},
        {
            "questions": tuple(
                replace(QUESTION, question_fr=f"{n} ?", question_en=f"{n}?")
                for n in range(MOST_QUESTIONS + 1)
            )
        },
        {"change_fr": "Une seule langue."},
        {"change_fr": "Deux\nlignes", "change_en": "Two\nlines"},
    ],
)
def test_a_page_that_cannot_be_is_refused(changes):
    with pytest.raises(ValueError, match=r"questions|change"):
        replace(PAGE, **changes)


@given(
    version=st.integers(1, 99),
    update=st.none() | st.dates(date(2024, 2, 6), date(2030, 1, 1)),
    measures=st.lists(st.sampled_from(Measure), min_size=1, unique=True),
    is_open=st.booleans(),
)
def test_facts_come_back_from_json_as_they_were(version, update, measures, is_open):
    facts = replace(
        INCIDENT,
        version=version,
        next_update_on=update,
        measures=tuple(measures),
        is_space_open=is_open,
    )
    assert read_facts(describe_facts(facts)) == facts


@given(
    confirmed=st.integers(0, 10**8),
    more=st.integers(0, 10**8),
    most=st.none() | st.integers(0, 10**8),
)
def test_numbers_come_back_from_json_as_they_were(confirmed, more, most):
    held = confirmed + more
    about = PublicFacts(
        exposed=Field.NIR,
        confirmed=confirmed,
        held=held,
        at_most=None if most is None else held + most,
    )
    assert read_public_facts(describe_public_facts(about)) == about


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_facts_with_a_member_missing_or_unknown_are_refused(change):
    said = describe_facts(INCIDENT)
    if change == "missing":
        del said["told_on"]
    else:
        said["url"] = "x"
    with pytest.raises(ValueError, match="missing or unknown"):
        read_facts(said)
