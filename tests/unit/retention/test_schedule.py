"""A schedule is data: what a DPO may write, and what is refused with its place."""

import tomllib

import pytest

from rempart.retention.fields import Fact, Field, Phase
from rempart.retention.schedule import (
    DEFAULT,
    MOST_BYTES,
    ScheduleRefused,
    load_default_text,
    parse_schedule,
)

TEXT = load_default_text()


def refuse(text: str) -> set[str]:
    with pytest.raises(ScheduleRefused) as refused:
        parse_schedule(text)
    return {one.rule for one in refused.value.findings}


def test_the_schedule_of_the_product_keeps_every_field_and_cites_a_source_for_each_rule():
    assert {field for rule in DEFAULT.rules for field in rule.fields} == set(Field)
    assert all("(S1" in rule.source for rule in DEFAULT.rules)
    assert len({rule.code for rule in DEFAULT.rules}) == len(DEFAULT.rules)


@pytest.mark.parametrize(
    ("code", "months", "start", "phase"),
    [
        ("limitation", 24, Fact.CONTRACT_END, Phase.ACTIVE),
        ("money_laundering", 60, Fact.CONTRACT_END, Phase.ARCHIVE),
        ("tax", 72, Fact.LAST_PAYMENT, Phase.ARCHIVE),
        ("accounts", 120, Fact.SETTLED, Phase.ARCHIVE),
        ("ledger", 36, Fact.LOOKUP, Phase.ACTIVE),
        ("renewals", 48, Fact.CARE, Phase.ACTIVE),
    ],
)
def test_periods_are_those_of_the_texts(code, months, start, phase):
    rule = DEFAULT.find_rule(code)
    assert rule is not None
    assert (rule.months, rule.start, rule.phase) == (months, start, phase)


def test_only_the_limitation_of_actions_is_interrupted():
    interrupted = {rule.code for rule in DEFAULT.rules if rule.interruptible}
    assert interrupted == {"limitation", "limitation_care", "proof_of_rights"}


def test_contact_data_and_acts_never_reach_the_archive():
    archived = {f for rule in DEFAULT.rules if rule.phase is Phase.ARCHIVE for f in rule.fields}
    assert archived == {Field.CIVIL, Field.NIR, Field.NUMBERS, Field.COVERAGE, Field.PAYMENT}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda text: text + "\n= nonsense", "schedule_toml"),
        (lambda text: text.replace('name = "sante-2026"', ""), "schedule_words"),
        (lambda text: text.replace("months = 60", "months = 700"), "schedule_rule"),
        (lambda text: text.replace("months = 60", "months = -1"), "schedule_rule"),
        (lambda text: text.replace("months = 60", "months = 60.5"), "schedule_rule"),
        (lambda text: text.replace("months = 60", "months = true"), "schedule_rule"),
        (lambda text: text.replace("months = 60", "moths = 60"), "schedule_rule"),
        (lambda text: text.replace('"contact", ', ""), "schedule_missing"),
        (lambda text: text.replace('"contact"', '"shoe_size"'), "schedule_rule"),
        (lambda text: text.replace('code = "tax"', 'code = "accounts"'), "schedule_twice"),
        (lambda text: text.replace('code = "tax"', 'code = "Tax!"'), "schedule_rule"),
        (lambda text: text.replace('start = "last_payment"', 'start = "care"'), "schedule_fact"),
        (
            lambda text: text.replace('fields = ["civil", "numbers"]', 'fields = ["card"]'),
            "schedule_archive",
        ),
        (lambda text: text.replace('phase = "archive"', 'phase = "gone"'), "schedule_rule"),
        (lambda text: text.replace("year_end = true", 'year_end = "yes"'), "schedule_rule"),
        (lambda text: text.replace("year_end = true", 'valid_from = "2026"'), "schedule_rule"),
        (
            lambda text: text.replace("routine_people = 0", "routine_people = -3"),
            "schedule_number",
        ),
        (lambda text: text + "#" * MOST_BYTES, "schedule_long"),
        (lambda text: text.replace("[[rule]]", "[[roule]]"), "schedule_missing"),
    ],
)
def test_a_schedule_that_cannot_be_used_says_where_and_why(change, rule):
    assert change(TEXT) != TEXT
    assert rule in refuse(change(TEXT))


def test_a_rule_with_dates_is_not_enough_to_keep_a_field():
    dated = TEXT.replace('fields = ["limits"]', 'fields = ["limits"]\nvalid_to = 2030-01-01')
    assert refuse(dated) == {"schedule_missing"}


def test_what_is_of_a_person_is_kept_by_their_contract_whether_anything_was_paid_or_not():
    """Of whoever was never paid anything, a rule that counts from a payment keeps nothing."""
    head, tail = TEXT.split('start = "contract_end"', 1)
    assert refuse(head + 'start = "last_payment"' + tail) == {"schedule_missing"}


def test_two_texts_are_two_schedules():
    changed = TEXT.replace("months = 60", "months = 61")
    assert parse_schedule(changed).digest != DEFAULT.digest
    assert parse_schedule(TEXT) == DEFAULT
    assert tomllib.loads(TEXT)["routine_people"] == 0
