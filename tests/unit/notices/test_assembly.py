"""A notice written from facts: whole, without a fault, and refused when something is taken out."""

from dataclasses import replace

import pytest
from tests.notice_samples import (
    INCIDENT,
    PEOPLE,
    PERSON,
    PUBLIC,
    SITUATIONS,
    SITUATIONS_OF_2024,
    write_notice,
)

from rempart.disclosure.fields import FIELD_LABELS, FIELDS_OF_PROFESSIONALS, Field, format_fields
from rempart.kernel.errors import InvalidRequest
from rempart.notices.assembly import (
    assemble_notice,
    check_can_send,
    format_text,
    list_slots,
    list_tags,
    write_complaint,
)
from rempart.notices.facts import Certainty, Doubt, KeptWhy, Measure, Planned
from rempart.notices.lint import lint_notice
from rempart.notices.media import PERSONAL_MEDIA, Medium, Variant
from rempart.notices.texts import (
    BLOCKS,
    KEPT_WHY_TEXTS,
    MEASURE_TEXTS,
    PLANNED_TEXTS,
    SLOT,
    Element,
)

LANGUAGES = ("fr", "en")
FEW = ("a member", "a child", "a professional", "somebody who left, kept for reimbursements")
EVERY_NOTICE = [
    pytest.param(about, medium, language, situation, id=f"{medium}, {language}, {who}, {name}")
    for name, situation in SITUATIONS.items()
    for language in LANGUAGES
    for medium in Medium
    for who, about in (PEOPLE.items() if medium in PERSONAL_MEDIA else [("everybody", PUBLIC)])
    if medium not in PERSONAL_MEDIA
    or who in FEW
    or (situation is INCIDENT and medium is Medium.LETTER)
]


@pytest.mark.parametrize(("about", "medium", "language", "incident"), EVERY_NOTICE)
def test_a_notice_has_what_the_law_asks_for_and_no_fault(about, medium, language, incident):
    notice = assemble_notice(incident, about, medium=medium, language=language)
    check_can_send(notice)
    variants = Variant if incident is INCIDENT else (Variant.STANDARD,)
    for variant in variants:
        text = format_text(notice, variant)
        assert "{" not in text
        findings = lint_notice(text, medium=medium, exposed=about.exposed)
        assert [(one.rule.code, one.excerpt) for one in findings] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("incident", "about"), SITUATIONS_OF_2024.values(), ids=SITUATIONS_OF_2024)
def test_those_of_2024_would_have_read_a_notice_without_a_fault(incident, about, language):
    medium = Medium.PAGE if about is PUBLIC else Medium.LETTER
    notice = assemble_notice(incident, about, medium=medium, language=language)
    # As any text, of which nobody says what it is: every rule applies.
    assert lint_notice(format_text(notice)) == []


@pytest.mark.parametrize("element", Element)
def test_a_notice_without_an_element_of_article_34_cannot_be_sent(element):
    whole = write_notice()
    cut = replace(whole, blocks=tuple(one for one in whole.blocks if one.element is not element))
    with pytest.raises(InvalidRequest, match=element) as refused:
        check_can_send(cut)
    assert [name for name, _remedy in refused.value.fields] == [element]


def test_mutation_a_block_that_is_there_and_says_nothing_is_noticed():
    whole = write_notice()
    emptied = tuple(
        replace(one, text="", items=()) if one.element is Element.CONTACT else one
        for one in whole.blocks
    )
    assert replace(whole, blocks=emptied).missing_elements == (Element.CONTACT,)


def test_the_linter_finds_missing_what_the_blocks_do_not_bring():
    whole = write_notice()
    kept = tuple(one for one in whole.blocks if one.element is not Element.CONSEQUENCES)
    findings = lint_notice(format_text(replace(whole, blocks=kept)), medium=Medium.LETTER)
    assert "missing_consequences" in {one.rule.code for one in findings}


def test_the_same_facts_give_the_same_text():
    assert format_text(write_notice()) == format_text(write_notice())


def test_the_variants_hold_the_same_words():
    notice = write_notice()
    words = {tuple(format_text(notice, variant).split()) for variant in Variant}
    assert len(words) == 1


@pytest.mark.parametrize(
    ("who", "block_id"),
    [
        ("a child", "verdict_minor_confirmed"),
        ("somebody who left, kept for reimbursements", "former"),
        ("a professional", "action_bank"),
        ("a member whose bank details were read", "action_bank"),
        ("a member whose transport was read", "risk_health"),
        ("a member, a hole in the logs", "reason_hole_in_the_logs"),
    ],
)
def test_facts_choose_the_blocks(who, block_id):
    assert block_id in {one.block_id for one in write_notice(PEOPLE[who]).blocks}


@pytest.mark.parametrize("block_id", ["action_bank", "former", "risk_health"])
def test_a_member_reads_nothing_that_is_about_others(block_id):
    assert block_id not in {one.block_id for one in write_notice().blocks}


def test_nobody_is_told_to_do_something_in_a_space_that_is_closed():
    closed = write_notice(incident=SITUATIONS["the member space is closed"])
    assert "service_closed" in {one.block_id for one in closed.blocks}
    assert "mots de passe" not in format_text(closed)


def test_a_name_never_becomes_a_slot_a_link_or_another_line():
    name = "{dpo_email}\n\u202ewww.exemple.fr <b>Zoé</b> \U0001f600"
    [greeting] = [
        one
        for one in write_notice(replace(PERSON, recipient=name)).blocks
        if one.block_id == "greeting"
    ]
    assert greeting.text == "Bonjour dpoemail wwwexemplefr bZoéb,"


def test_a_name_of_nothing_is_greeted_all_the_same():
    notice = write_notice(replace(PERSON, recipient="\U0001f600 42"))
    assert "Bonjour Madame, Monsieur," in format_text(notice)


def test_a_letter_is_about_somebody_and_a_page_about_nobody():
    with pytest.raises(ValueError, match="letter"):
        write_notice(PUBLIC)
    with pytest.raises(ValueError, match="page"):
        write_notice(PERSON, medium=Medium.PAGE)


def test_dates_are_told_in_words_with_their_year():
    text = format_text(write_notice())
    assert "Du lundi 29 janvier 2024 au jeudi 1er février 2024" in text
    assert "2024-" not in text.replace("R-2024-017", "")


def test_the_complaint_lists_what_was_read_and_the_case():
    letter = write_complaint(INCIDENT, PERSON, "fr")
    assert "R-2024-017" in letter
    lines = [line.removeprefix("- ") for line in letter.splitlines() if line.startswith("- ")]
    assert lines == format_fields(PERSON.exposed, "fr")
    assert "Je représente Lou." in write_complaint(INCIDENT, PEOPLE["a child"], "fr")


def test_who_lost_nothing_has_no_complaint_to_fill():
    with pytest.raises(InvalidRequest):
        write_complaint(INCIDENT, PEOPLE["a member who is not concerned"], "fr")


def test_every_slot_and_tag_of_the_texts_is_known():
    slots = {slot for about in (PERSON, PUBLIC) for slot in list_slots(INCIDENT, about, "fr")}
    tags = {
        tag
        for incident in SITUATIONS.values()
        for about in [*PEOPLE.values(), PUBLIC]
        for tag in list_tags(incident, about)
    }
    for block in BLOCKS:
        assert block.when | block.unless <= tags, block.block_id
        for text in [*block.texts.values(), *block.titles.values()]:
            assert set(SLOT.findall(text)) <= slots, block.block_id


def test_every_block_is_read_by_somebody_and_stands_once():
    taken = {
        block.block_id
        for about, medium, language, incident in (one.values for one in EVERY_NOTICE)
        for block in assemble_notice(incident, about, medium=medium, language=language).blocks
    }
    ids = [block.block_id for block in BLOCKS]
    assert len(ids) == len(set(ids))
    missing = set(ids) - taken
    assert missing <= {"risk_bank", "risk_health", "action_bank_all"}, missing


def test_every_measure_and_reason_has_its_words():
    assert set(MEASURE_TEXTS) == set(Measure)
    assert set(PLANNED_TEXTS) == set(Planned)
    assert set(KEPT_WHY_TEXTS) == set(KeptWhy)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"exposed": Field(0)}, "at least one field", id="concerned, and nothing was read"
        ),
        pytest.param(
            {"certainty": Certainty.EXCLUDED},
            "none for D",
            id="not concerned, and something was read",
        ),
        pytest.param(
            {"not_exposed": Field.NIR}, "read or was not", id="a field that was read and was not"
        ),
        pytest.param(
            {"certainty": Certainty.POSSIBLE},
            "a reason for B and C",
            id="a doubt without its reason",
        ),
        pytest.param(
            {"doubt": Doubt.SHARED_SESSION}, "none for A and D", id="a reason without a doubt"
        ),
        pytest.param(
            {"person": "Lou"}, "of a child only", id="a child's name in a member's letter"
        ),
        pytest.param(
            {"exposed": FIELDS_OF_PROFESSIONALS},
            "professional only",
            id="a professional's fields to others",
        ),
        pytest.param(
            {"exposed": Field(1 << 45)}, "without a name", id="a field that has no name for people"
        ),
        pytest.param({"authenticity_code": "a\nb"}, "authenticity_code", id="a code on two lines"),
    ],
)
def test_facts_that_cannot_be_true_of_a_person_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        replace(PERSON, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"measures": ()}, "measures", id="nothing was done"),
        pytest.param(
            {"ends_on": INCIDENT.starts_on.replace(year=2023)},
            "starts, ends",
            id="ends before it starts",
        ),
        pytest.param({"told_on": INCIDENT.starts_on}, "is found", id="told before it was found"),
        pytest.param(
            {"next_update_on": INCIDENT.written_on},
            "next_update_on",
            id="the next message is today",
        ),
        pytest.param({"operator": ""}, "operator", id="nobody was attacked"),
        pytest.param({"version": 0}, "version", id="version zero"),
    ],
)
def test_facts_that_cannot_be_true_of_an_incident_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        replace(INCIDENT, **changes)


def test_every_field_has_a_name_that_a_letter_can_tell():
    assert all(label.fr and label.en for label in FIELD_LABELS.values())


@pytest.mark.parametrize(
    "address", ["dpo@mutuelle", "DPO <dpo@a.invalid>", "dpo@a.fr, b@a.fr", "@"]
)
def test_where_answers_go_is_one_address_or_no_email_could_leave(address):
    with pytest.raises(ValueError, match="dpo_email"):
        replace(INCIDENT.sender, dpo_email=address)
