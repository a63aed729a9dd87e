"""Who is told what, by which way, and what a campaign may become."""

from dataclasses import replace
from datetime import date

import pytest

from rempart.disclosure.fields import Field
from rempart.kernel.crockford import ALPHABET
from rempart.kernel.errors import Conflict
from rempart.notices.campaigns import (
    CAMPAIGN_STEPS,
    CampaignKind,
    CampaignState,
    FormerMessage,
    Known,
    Step,
    Untold,
    decide_departure,
    decide_saying,
    move,
)
from rempart.notices.codes import derive_code, digest_code
from rempart.notices.contacts import (
    Channel,
    Contact,
    ContactFlag,
    Preference,
    Unreachable,
    decide_variant,
    decide_way,
    name_household,
)
from rempart.notices.facts import Certainty, Doubt, KeptWhy
from rempart.notices.media import Variant

LOST, SHOWN = (
    Field.RIGHTS_STATUS | Field.FAMILY_NAME,
    Field.RIGHTS_STATUS | Field.FAMILY_NAME | Field.NIR,
)
KNOWN = Known(Certainty.CONFIRMED, LOST, SHOWN)
FORMER = FormerMessage(7, date(2024, 2, 5), Certainty.CONFIRMED, LOST)
BOTH = ContactFlag.HAS_EMAIL | ContactFlag.HAS_ADDRESS


@pytest.mark.parametrize(
    ("known", "former", "is_whole", "kind"),
    [
        (KNOWN, None, True, CampaignKind.NOTICE),
        (KNOWN, FORMER, True, Untold.TOLD_ALREADY),
        (replace(KNOWN, certainty=Certainty.PROBABLE), FORMER, True, CampaignKind.CORRECTION),
        (replace(KNOWN, lost=Field.EMAIL), FORMER, True, CampaignKind.CORRECTION),
        (None, None, True, Untold.NOT_CONCERNED),
        (None, FORMER, True, CampaignKind.RETRACTION),
        (None, FORMER, False, Untold.CANNOT_EXCLUDE),
        (None, replace(FORMER, certainty=Certainty.EXCLUDED), True, Untold.TOLD_ALREADY),
        (KNOWN, replace(FORMER, certainty=Certainty.EXCLUDED), True, CampaignKind.CORRECTION),
    ],
)
def test_each_is_told_what_changed_for_them_and_nothing_twice(known, former, is_whole, kind):
    saying = decide_saying(known, former, is_whole=is_whole)
    assert (saying if isinstance(saying, Untold) else saying.kind) == kind


def test_what_was_lost_is_told_and_what_was_not_read_only_with_a_whole_record():
    saying = decide_saying(KNOWN, None, is_whole=True)
    assert saying.exposed == LOST
    assert saying.not_exposed & Field.BANK_DETAILS
    assert not saying.not_exposed & SHOWN
    assert not saying.not_exposed & Field.NIR  # typed by whoever asked: known to them
    assert decide_saying(KNOWN, None, is_whole=False).not_exposed == Field(0)
    assert decide_saying(replace(KNOWN, lost=Field(0)), None, is_whole=True).exposed == SHOWN


@pytest.mark.parametrize(
    ("certainty", "is_whole", "doubt"),
    [
        (Certainty.CONFIRMED, True, None),
        (Certainty.PROBABLE, True, Doubt.SHARED_SESSION),
        (Certainty.POSSIBLE, True, Doubt.EXPLAINED),
        (Certainty.POSSIBLE, False, Doubt.EXPLAINED_OR_HOLE),
    ],
)
def test_a_doubt_has_its_reason(certainty, is_whole, doubt):
    saying = decide_saying(replace(KNOWN, certainty=certainty), None, is_whole=is_whole)
    assert saying.doubt is doubt


@pytest.mark.parametrize(
    ("flags", "has_space", "way"),
    [
        (BOTH, True, (Channel.EMAIL, None)),
        (BOTH | ContactFlag.BY_POST, True, (Channel.LETTER, None)),
        (ContactFlag.HAS_EMAIL | ContactFlag.BY_POST, False, (Channel.EMAIL, None)),
        (ContactFlag.HAS_ADDRESS, False, (Channel.LETTER, None)),
        (ContactFlag(0), True, (Channel.SPACE, None)),
        (ContactFlag(0), False, (Channel.LETTER, Unreachable.NO_CONTACT)),
        (None, True, (Channel.SPACE, None)),
        (None, False, (Channel.LETTER, Unreachable.NO_CONTACT)),
        (BOTH | ContactFlag.DECEASED, True, (Channel.LETTER, Unreachable.DECEASED)),
        (BOTH | ContactFlag.PROTECTED, True, (Channel.SPACE, None)),
        (BOTH | ContactFlag.PROTECTED, False, (Channel.LETTER, Unreachable.PROTECTED_ADDRESS)),
        (BOTH | ContactFlag.MINOR, True, (Channel.EMAIL, None)),
        (ContactFlag.MINOR, True, (Channel.LETTER, Unreachable.NO_CONTACT)),
        (
            BOTH | ContactFlag.MINOR | ContactFlag.NO_REPRESENTATIVE,
            True,
            (Channel.LETTER, Unreachable.NO_REPRESENTATIVE),
        ),
    ],
)
def test_each_is_written_to_by_the_way_that_reaches_them(flags, has_space, way):
    found = decide_way(flags, has_space=has_space)
    assert (found.channel, found.held) == way


def test_a_wish_is_followed_where_it_can_be_and_never_holds_somebody_back():
    for channel in Channel:
        wanted = Preference(channel=channel)
        assert decide_way(BOTH, has_space=True, wanted=wanted).channel is channel
        assert decide_way(ContactFlag.HAS_ADDRESS, has_space=False, wanted=wanted).held is None
    protected = BOTH | ContactFlag.PROTECTED
    assert (
        decide_way(protected, has_space=False, wanted=Preference(channel=Channel.LETTER)).held
        is Unreachable.PROTECTED_ADDRESS
    )


def test_the_print_is_the_person_s_wish_or_what_the_insurer_says():
    large = ContactFlag.LARGE_PRINT
    assert decide_variant(large) is Variant.LARGE_PRINT
    assert decide_variant(large, Preference(variant=Variant.PLAIN)) is Variant.PLAIN
    assert decide_variant(ContactFlag.PLAIN) is Variant.PLAIN
    assert decide_variant(None) is Variant.STANDARD


def test_two_adults_of_one_address_are_two_households():
    one = Contact(recipient="Camille Essai", address=("1 rue de l’Essai", "75000 PARIS"))
    assert name_household(one) == name_household(replace(one, recipient="CAMILLE  essai"))
    assert name_household(one) != name_household(replace(one, recipient="Dominique Essai"))
    assert name_household(replace(one, flags=ContactFlag.PROTECTED)) is None
    assert name_household(replace(one, address=())) is None


@pytest.mark.parametrize(
    ("left_on", "until", "why"),
    [
        (date(2023, 6, 30), date(2025, 6, 30), KeptWhy.REIMBURSEMENTS),
        (date(2022, 2, 5), date(2024, 2, 5), KeptWhy.REIMBURSEMENTS),  # the last day
        (date(2022, 2, 4), date(2032, 2, 4), KeptWhy.ACCOUNTING),
        (date(2020, 2, 29), date(2030, 2, 28), KeptWhy.ACCOUNTING),
    ],
)
def test_who_left_is_told_until_when_and_why(left_on, until, why):
    departure = decide_departure(left_on, today=date(2024, 2, 5))
    assert (departure.kept_until, departure.kept_why) == (until, why)


@pytest.mark.parametrize(("left_on", "is_told"), [("2014-02-05", True), ("2014-02-04", False)])
def test_nobody_is_told_that_their_data_will_go_on_a_day_that_has_passed(left_on, is_told):
    departure = decide_departure(date.fromisoformat(left_on), today=date(2024, 2, 5))
    assert (departure is not None) is is_told


def test_a_campaign_only_goes_where_its_table_says():
    assert move(CampaignState.PROPOSED, Step.APPROVE) is CampaignState.APPROVED
    for state in (CampaignState.DONE, CampaignState.STOPPED):
        assert not CAMPAIGN_STEPS[state]
    for step in (Step.APPROVE, Step.START, Step.PROPOSE):
        with pytest.raises(Conflict):
            move(CampaignState.DRAFT, step)


def test_a_code_is_the_same_again_and_another_for_another_person_or_campaign():
    key = bytes(range(32))
    code = derive_code(key, 1, 2)
    assert code == derive_code(key, 1, 2)
    assert len(code.replace("-", "")) == 13
    assert code not in {
        derive_code(key, 2, 2),
        derive_code(key, 1, 3),
        derive_code(bytes(32), 1, 2),
    }
    assert digest_code(code) == digest_code(code.lower().replace("-", " ")) != None  # noqa: E711


def test_a_slip_of_the_hand_is_seen_before_anything_is_looked_up():
    for person in range(1, 60):
        letters = derive_code(bytes(range(32)), 1, person).replace("-", "")
        assert digest_code(letters) is not None
        for place, letter in enumerate(letters):
            for other in set(ALPHABET) - {letter}:
                assert digest_code(letters[:place] + other + letters[place + 1 :]) is None
        for place in range(len(letters) - 1):
            swapped = list(letters)
            swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
            if swapped[place] != swapped[place + 1]:
                assert digest_code("".join(swapped)) is None
    assert digest_code(letters[:-1]) is None
    assert digest_code("U" * 13) is None
