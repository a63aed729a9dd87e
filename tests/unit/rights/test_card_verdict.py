"""The verdict on a card: the first reason that applies, in the documented order."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.card_samples import (
    IN_FORCE,
    SIGNER,
    VALIDITY,
    make_card,
    make_issue,
    make_keys,
    make_list,
)

from rempart.kernel.periods import Period
from rempart.rights import card_verdict
from rempart.rights.card_documents import CardKeys
from rempart.rights.card_signature import CardSigner
from rempart.rights.card_verdict import (
    CardColour,
    CardReason,
    CardVerdict,
    ForeignCard,
    verify_card,
)
from rempart.rights.card_wording import WORDING

FORMAT = Path(__file__).parents[3] / "docs/reference/card-format.md"
STRANGER = CardSigner(bytes(32))
CARD = make_card()
TEXT = SIGNER.sign(CARD)


def judge(
    text: str = TEXT, keys: CardKeys | None = None, today: date = IN_FORCE, **changes: object
) -> CardVerdict:
    facts = {"revocations": make_list(), **changes}
    return verify_card(text, keys or make_keys(), today=today, **facts)  # type: ignore[arg-type]


def change_last(text: str) -> str:
    """Another letter near the end: within the signature."""
    place = len(text) - 20
    return text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]


def test_a_genuine_card_is_green_and_says_what_it_holds():
    verdict = judge()
    assert verdict.reason is CardReason.GENUINE
    assert verdict.colour is CardColour.GREEN
    assert verdict.card == CARD


@pytest.mark.parametrize("text", [TEXT.lower(), f" {TEXT}\n", "-".join((TEXT[:9], TEXT[9:]))])
def test_what_a_keyboard_does_to_the_text_is_forgiven(text: str):
    assert judge(text).reason is CardReason.GENUINE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", CardReason.NOT_A_CARD),
        ("BONJOUR", CardReason.NOT_A_CARD),
        ("010340093000012017", CardReason.NOT_A_CARD),
        (make_card().presence(1).format(), CardReason.ONLINE_ONLY),
        ("RP2ABC", CardReason.NEWER_FORMAT),
        ("RP1", CardReason.DAMAGED),
        (TEXT[:-1], CardReason.DAMAGED),
        (TEXT[: len(TEXT) // 2], CardReason.DAMAGED),
        (TEXT + "0", CardReason.DAMAGED),
        (TEXT[:50] + "U" + TEXT[51:], CardReason.DAMAGED),
        (change_last(TEXT), CardReason.FORGED),
        (STRANGER.sign(CARD), CardReason.UNKNOWN_KEY),
    ],
)
def test_a_text_that_is_no_card_of_ours_is_told_apart(text: str, reason: CardReason):
    assert judge(text).reason is reason


def test_another_operators_symbol_is_amber_once_a_plug_in_knows_it():
    def read(text: str) -> ForeignCard | None:
        return ForeignCard(operator="Autre", amc_number="99") if text == "XX|99" else None

    verdict = judge("XX|99", readers=[read])

    assert verdict.reason is CardReason.OTHER_OPERATOR
    assert verdict.colour is CardColour.AMBER
    assert verdict.foreign == ForeignCard(operator="Autre", amc_number="99")
    assert judge("XX|98", readers=[read]).reason is CardReason.NOT_A_CARD


def test_a_card_signed_by_a_stranger_under_a_known_key_id_is_forged():
    letters = STRANGER.sign(CARD)
    keys = CardKeys(make_issue(), {STRANGER.key_id: make_keys().keys[SIGNER.key_id]})
    assert judge(letters, keys).reason is CardReason.FORGED


@pytest.mark.parametrize(
    ("today", "reason"),
    [
        (VALIDITY.starts_on - timedelta(days=1), CardReason.FUTURE),
        (VALIDITY.starts_on, CardReason.GENUINE),
        (VALIDITY.ends_on, CardReason.GENUINE),
        (VALIDITY.ends_on + timedelta(days=1), CardReason.EXPIRED),
    ],
)
def test_the_first_and_the_last_day_count(today: date, reason: CardReason):
    fresh = make_issue(issued_on=today)
    keys = CardKeys(fresh, make_keys().keys)
    assert judge(keys=keys, today=today, revocations=make_list(issued_on=today)).reason is reason


def test_a_revoked_card_is_red_however_old_the_list():
    revoked = make_list(CARD, issued_on=date(2027, 1, 2))
    assert judge(revocations=revoked).reason is CardReason.REVOKED


@pytest.mark.parametrize(
    ("today", "reason"),
    [
        (IN_FORCE + timedelta(days=7), CardReason.GENUINE),
        (IN_FORCE + timedelta(days=8), CardReason.LIST_TOO_OLD),
    ],
)
def test_a_list_too_old_is_amber_never_green(today: date, reason: CardReason):
    keys = CardKeys(make_issue(good_for_days=90), make_keys().keys)
    assert judge(keys=keys, today=today).reason is reason


def test_keys_too_old_and_no_list_at_all_are_amber():
    assert judge(today=IN_FORCE + timedelta(days=8)).reason is CardReason.KEYS_TOO_OLD
    verdict = judge(revocations=None)
    assert verdict.reason is CardReason.NO_LIST
    assert verdict.colour is CardColour.AMBER


def test_a_clock_a_day_behind_is_noticed_and_one_ahead_errs_on_the_side_of_refusal():
    assert judge(today=IN_FORCE - timedelta(days=1)).reason is CardReason.CLOCK
    last = VALIDITY.ends_on
    fresh = {"issued_on": last}
    keys = CardKeys(make_issue(**fresh), make_keys().keys)
    ahead = last + timedelta(days=1)
    assert (
        judge(keys=keys, today=ahead, revocations=make_list(**fresh)).reason is CardReason.EXPIRED
    )


def test_a_clock_behind_does_not_bring_an_expired_card_back():
    newest = VALIDITY.ends_on + timedelta(days=1)
    keys = CardKeys(make_issue(issued_on=newest), make_keys().keys)
    assert judge(keys=keys, today=VALIDITY.ends_on).reason is CardReason.EXPIRED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"revoked": True}, CardReason.KEY_REVOKED),
        ({"issues": Period(date(2026, 1, 1), date(2026, 11, 21))}, CardReason.KEY_OUT_OF_DAYS),
        ({"issues": Period(date(2026, 11, 23), date(2027, 1, 1))}, CardReason.KEY_OUT_OF_DAYS),
        ({"issues": Period(date(2026, 11, 22), date(2026, 11, 22))}, CardReason.GENUINE),
    ],
)
def test_a_key_counts_on_its_days_only_and_not_at_all_once_revoked(
    changes: dict[str, object], reason: CardReason
):
    assert judge(keys=make_keys(**changes)).reason is reason


# Each case has every later fault too: whatever comes first in the order must be what is told.
WORST_KEYS = replace(
    make_keys(revoked=True, issues=Period(date(2020, 1, 1), date(2020, 1, 1))),
    issue=make_issue(issued_on=date(2029, 1, 1), good_for_days=1),
)


@pytest.mark.parametrize(
    ("text", "keys", "reason"),
    [
        (STRANGER.sign(CARD), WORST_KEYS, CardReason.UNKNOWN_KEY),
        (change_last(TEXT), WORST_KEYS, CardReason.KEY_REVOKED),
        (
            change_last(TEXT),
            make_keys(issues=Period(date(2020, 1, 1), date(2020, 1, 1))),
            CardReason.FORGED,
        ),
        (
            TEXT,
            make_keys(issues=Period(date(2020, 1, 1), date(2020, 1, 1))),
            CardReason.KEY_OUT_OF_DAYS,
        ),
        (TEXT, replace(make_keys(), issue=WORST_KEYS.issue), CardReason.REVOKED),
    ],
)
def test_of_several_faults_the_first_of_the_order_is_told(
    text: str, keys: CardKeys, reason: CardReason
):
    old = make_list(CARD, issued_on=date(2026, 1, 1))
    assert judge(text, keys, today=date(2028, 6, 1), revocations=old).reason is reason


def test_mutation_a_verifier_that_believes_any_signature_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
):
    def accept(*_: object) -> bool:
        return True

    monkeypatch.setattr(card_verdict, "is_signed_by", accept)
    with pytest.raises(AssertionError):
        test_a_text_that_is_no_card_of_ours_is_told_apart(change_last(TEXT), CardReason.FORGED)


def test_mutation_a_verifier_that_ignores_the_age_of_the_list_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
):
    def never(*_: object) -> bool:
        return False

    monkeypatch.setattr("rempart.rights.card_documents.Issue.is_too_old", never)
    with pytest.raises(AssertionError):
        test_a_list_too_old_is_amber_never_green(
            IN_FORCE + timedelta(days=8), CardReason.LIST_TOO_OLD
        )


def test_every_reason_has_words_and_is_documented_in_its_order_with_its_colour():
    assert list(WORDING) == list(CardReason)
    rows = re.findall(r"^\| `([a-z_]+)` \| (red|amber|green) \|", FORMAT.read_text(), re.MULTILINE)
    assert rows == [(reason.value, reason.colour.value) for reason in CardReason]


def test_a_verdict_prints_nothing_of_the_person():
    assert "DURAND" not in repr(judge())
    assert CARD.member_number not in repr(judge())
