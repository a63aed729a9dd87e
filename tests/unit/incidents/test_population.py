"""Who can be concerned at all: dates, families, minors, professionals, and what one is told."""

from dataclasses import replace
from datetime import date

import pytest

from rempart.disclosure.fields import FIELDS_OF_PROFESSIONALS, Field
from rempart.incidents.coverage import Coverage, Hole, HoleKind
from rempart.incidents.evidence import Window
from rempart.incidents.exposure import Tier
from rempart.incidents.population import (
    Agreement,
    Answer,
    Membership,
    NotHeld,
    OwnerRecord,
    Reason,
    decide_answer,
    decide_not_held,
    decide_owner_fields,
)

# The case of LMP: an agreement since 2023, and a theft at the end of January 2024.
AGREEMENT = Agreement(insurer_id=1, starts_on=date(2023, 1, 1))
DAYS = {"first_day": date(2024, 1, 29), "last_day": date(2024, 2, 2)}
MEMBER = Membership(insurer_id=1, starts_on=date(2019, 1, 1))

DATES = {
    "a member then and now": (MEMBER, AGREEMENT, None),
    "left before the agreement": (
        replace(MEMBER, ends_on=date(2022, 12, 31)),
        AGREEMENT,
        NotHeld.LEFT_BEFORE,
    ),
    "left on the day it began": (
        replace(MEMBER, ends_on=date(2023, 1, 1)),
        AGREEMENT,
        NotHeld.LEFT_BEFORE,
    ),
    "left since, and still kept": (replace(MEMBER, ends_on=date(2023, 6, 1)), AGREEMENT, None),
    "left since, and deleted in time": (
        replace(MEMBER, ends_on=date(2023, 6, 1), purged_on=date(2024, 1, 29)),
        AGREEMENT,
        NotHeld.PURGED_BEFORE,
    ),
    "deleted a day too late": (
        replace(MEMBER, ends_on=date(2023, 6, 1), purged_on=date(2024, 1, 30)),
        AGREEMENT,
        None,
    ),
    "joined after": (
        replace(MEMBER, starts_on=date(2024, 2, 3)),
        AGREEMENT,
        NotHeld.JOINED_AFTER,
    ),
    "joined on the last day": (replace(MEMBER, starts_on=date(2024, 2, 2)), AGREEMENT, None),
    "the agreement was over when they joined": (
        replace(MEMBER, starts_on=date(2023, 9, 1)),
        replace(AGREEMENT, ends_on=date(2023, 9, 1)),
        NotHeld.JOINED_AFTER,
    ),
    "an agreement that is over, and its data deleted": (
        MEMBER,
        replace(AGREEMENT, ends_on=date(2023, 9, 1), purged_on=date(2023, 12, 1)),
        NotHeld.PURGED_BEFORE,
    ),
    "another insurer": (replace(MEMBER, insurer_id=2), AGREEMENT, NotHeld.OTHER_OPERATOR),
}


@pytest.mark.parametrize("story", DATES)
def test_dates_say_who_could_not_be_shown(story):
    member, agreement, reason = DATES[story]
    assert decide_not_held(member, [agreement], **DAYS) is reason


def test_one_agreement_under_which_they_were_held_is_enough():
    old = Agreement(insurer_id=1, starts_on=date(2010, 1, 1), ends_on=date(2018, 1, 1))
    assert decide_not_held(MEMBER, [old, AGREEMENT], **DAYS) is None
    assert decide_not_held(MEMBER, [old], **DAYS) is NotHeld.JOINED_AFTER


WHOLE = Coverage(window=Window(starts_ms=0, ends_ms=1))
HOLE = Hole(kind=HoleKind.ACCOUNT_GAP, source="x", from_ms=0, to_ms=1, insurers=frozenset({1}))
ANSWERS = [
    (Tier.B, NotHeld.LEFT_BEFORE, WHOLE, 1, Answer(tier=Tier.B, reason=Reason.LISTED)),
    (
        None,
        NotHeld.LEFT_BEFORE,
        replace(WHOLE, holes=(HOLE,)),
        1,
        Answer(tier=Tier.D, reason=Reason.NOT_HELD, not_held=NotHeld.LEFT_BEFORE),
    ),
    (None, None, replace(WHOLE, holes=(HOLE,)), 1, Answer(tier=Tier.C, reason=Reason.HOLE)),
    (
        None,
        None,
        replace(WHOLE, holes=(HOLE,)),
        2,
        Answer(tier=Tier.D, reason=Reason.NOTHING_MISSING),
    ),
    (None, None, WHOLE, 1, Answer(tier=Tier.D, reason=Reason.NOTHING_MISSING)),
]


@pytest.mark.parametrize(("tier", "not_held", "coverage", "insurer_id", "answer"), ANSWERS)
def test_the_list_then_the_dates_then_the_record_decide_what_one_is_told(
    tier, not_held, coverage, insurer_id, answer
):
    assert decide_answer(tier, not_held, coverage, insurer_id) == answer


def test_the_pages_show_an_owner_what_there_is_of_theirs_and_software_nothing():
    everything = OwnerRecord(
        has_email=True, has_phone=True, has_establishment=True, has_bank_details=True
    )
    shown = decide_owner_fields(everything, is_portal=True)
    assert shown & Field.PROFESSIONAL_BANK_DETAILS
    assert not shown & ~FIELDS_OF_PROFESSIONALS
    nothing = decide_owner_fields(OwnerRecord(), is_portal=True)
    assert nothing == Field.PROFESSIONAL_NAME | Field.PROFESSIONAL_LOGIN
    assert decide_owner_fields(everything, is_portal=False) == Field(0)
