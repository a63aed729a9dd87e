"""Measures that hold accounts: what each stops, who must agree, and when an owner lets go."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import rempart
from rempart.accounts.containment import (
    ALONE_ACCOUNTS,
    ALONE_DURING,
    LONGEST_EXERCISE,
    LONGEST_REVIEW,
    OWN_RELEASE_EVERY,
    USUAL_REVIEW,
    ChecksSuspended,
    EndReason,
    Measure,
    MeasureReason,
    MeasureStep,
    MeasureTarget,
    OwnContainment,
    OwnRelease,
    SignInAgain,
    StillOpen,
    check_not_held,
    check_times,
    decide_own_release,
    list_still_open,
    name_stopped,
    needs_second_person,
)
from rempart.accounts.permissions import GRANTS, STEP_UP_LIFETIME, Permission
from rempart.accounts.roles import Role
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import InvalidRequest
from rempart.tariffs.parameters import value_on

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
HELD = OwnContainment(is_contained=True, needs_operator=False, last_own_release=None)


def make_measure(step, *, began_s=10, ends_s=None):
    return Measure(
        step=step,
        target=MeasureTarget.ACCOUNT,
        target_ref=7,
        starts_ms=NOW_MS - began_s * 1000,
        ends_ms=None if ends_s is None else NOW_MS + ends_s * 1000,
    )


def make_owner(*, method="psc", stepped_up_at=NOW - timedelta(minutes=1)):
    return Visitor(
        session_ref=1,
        actor_ref=7,
        actor_kind="professional",
        display_name="Camille",
        role=Role.HOLDER,
        org_ref=2,
        org_name="Pharmacie",
        org_kind="establishment",
        insurer_id=None,
        establishment_ref=3,
        person_ref=None,
        accountable_ref=None,
        membership_ref=4,
        method=method,
        is_host=False,
        opened_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        idle_limit=timedelta(minutes=30),
        stepped_up_at=stepped_up_at,
    )


@pytest.mark.parametrize("step", MeasureStep)
def test_every_step_says_what_it_stops_and_leaves_claims_and_payments_open(step):
    assert name_stopped(step)
    assert {StillOpen.CLAIMS, StillOpen.PAYMENTS, StillOpen.OWN_PAGES, StillOpen.OFFLINE_CARDS} <= {
        *list_still_open(step)
    }
    assert timedelta() < USUAL_REVIEW[step] <= LONGEST_REVIEW


def test_cards_stay_open_under_every_step_but_the_last():
    with_cards = {step for step in MeasureStep if StillOpen.CARDS in list_still_open(step)}
    assert with_cards == {*MeasureStep} - {MeasureStep.SUSPEND, MeasureStep.ASK_AGAIN}
    assert StillOpen.AFTER_SIGN_IN in list_still_open(MeasureStep.ASK_AGAIN)


@pytest.mark.parametrize(
    ("target", "accounts", "alone", "needed"),
    [
        (MeasureTarget.ACCOUNT, 1, 0, False),
        (MeasureTarget.ESTABLISHMENT, ALONE_ACCOUNTS, 0, False),
        (MeasureTarget.ESTABLISHMENT, ALONE_ACCOUNTS + 1, 0, True),
        # The fifty-first account of a day, one at a time, waits like fifty-one at once.
        (MeasureTarget.ACCOUNT, 1, ALONE_ACCOUNTS - 1, False),
        (MeasureTarget.ACCOUNT, 1, ALONE_ACCOUNTS, True),
        (MeasureTarget.SOFTWARE, 0, 0, True),
        (MeasureTarget.PROFESSION, 1, 0, True),
    ],
)
def test_a_second_person_agrees_to_hold_many_a_software_or_a_profession(
    target, accounts, alone, needed
):
    assert needs_second_person(target, accounts=accounts, alone_today=alone) is needed


@pytest.mark.parametrize(
    ("review_in", "ends_in", "exercise"),
    [
        (timedelta(), None, False),
        (LONGEST_REVIEW + timedelta(seconds=1), None, False),
        (timedelta(hours=1), timedelta(), False),
        (timedelta(hours=1), None, True),
        (timedelta(hours=1), LONGEST_EXERCISE + timedelta(seconds=1), True),
    ],
)
def test_a_measure_without_a_review_or_an_exercise_without_an_end_is_refused(
    review_in, ends_in, exercise
):
    with pytest.raises(InvalidRequest):
        check_times(
            now=NOW,
            review_at=NOW + review_in,
            ends_at=None if ends_in is None else NOW + ends_in,
            is_exercise=exercise,
        )


def test_an_exercise_may_last_half_an_hour_and_a_review_may_be_a_month_away():
    check_times(
        now=NOW, review_at=NOW + LONGEST_REVIEW, ends_at=NOW + LONGEST_EXERCISE, is_exercise=True
    )


def test_who_is_suspended_does_not_ask():
    with pytest.raises(ChecksSuspended):
        check_not_held([make_measure("suspend")], proved_ms=NOW_MS, now_ms=NOW_MS)


@pytest.mark.parametrize(("proved_s", "lets_in"), [(10, True), (9, True), (11, False)])
def test_who_is_asked_again_is_let_in_by_a_ceremony_at_or_after_the_measure(proved_s, lets_in):
    measures = [make_measure(MeasureStep.ASK_AGAIN, began_s=10)]
    proved_ms = NOW_MS - proved_s * 1000
    if lets_in:
        assert not check_not_held(measures, proved_ms=proved_ms, now_ms=NOW_MS)
    else:
        with pytest.raises(SignInAgain):
            check_not_held(measures, proved_ms=proved_ms, now_ms=NOW_MS)


def test_the_newest_of_two_wishes_to_ask_again_counts():
    measures = [make_measure(MeasureStep.ASK_AGAIN, began_s=s) for s in (20, 10)]
    with pytest.raises(SignInAgain):
        check_not_held(measures, proved_ms=NOW_MS - 15_000, now_ms=NOW_MS)


def test_a_measure_that_is_over_or_to_come_holds_nobody():
    over = make_measure(MeasureStep.SUSPEND, ends_s=0)
    to_come = make_measure(MeasureStep.SUSPEND, began_s=-1)
    assert not check_not_held([over, to_come], proved_ms=0, now_ms=NOW_MS)


def test_who_is_slowed_is_said_to_be_and_steps_of_presence_slow_nobody():
    steps = [MeasureStep.NO_TYPED, MeasureStep.PRESENCE_ONLY]
    mine = [make_measure(step) for step in steps]
    assert not check_not_held(mine, proved_ms=0, now_ms=NOW_MS)
    slow = make_measure(MeasureStep.SLOW)
    assert check_not_held([*mine, slow], proved_ms=0, now_ms=NOW_MS)


def test_a_measure_names_a_reference_or_a_profession():
    for wrong in (
        {"target": MeasureTarget.PROFESSION, "target_ref": 7},
        {"target": MeasureTarget.ACCOUNT},
        {"target": MeasureTarget.ACCOUNT, "target_ref": 7, "profession": "optician"},
    ):
        with pytest.raises(ValueError, match="profession"):
            Measure(step=MeasureStep.SLOW, starts_ms=0, **wrong)


@pytest.mark.parametrize(
    ("changes", "owner", "decided"),
    [
        ({}, {}, OwnRelease.ALLOWED),
        ({"is_contained": False}, {}, OwnRelease.NOTHING_HELD),
        ({"needs_operator": True}, {}, OwnRelease.OPERATOR_FIRST),
        (
            {"last_own_release": NOW - OWN_RELEASE_EVERY + timedelta(seconds=1)},
            {},
            OwnRelease.OPERATOR_FIRST,
        ),
        ({"last_own_release": NOW - OWN_RELEASE_EVERY}, {}, OwnRelease.ALLOWED),
        ({}, {"stepped_up_at": None}, OwnRelease.CEREMONY_FIRST),
        ({}, {"stepped_up_at": NOW - STEP_UP_LIFETIME}, OwnRelease.CEREMONY_FIRST),
        ({}, {"method": "passkey"}, OwnRelease.ALLOWED),
        ({}, {"method": "oidc"}, OwnRelease.CEREMONY_FIRST),
        # A canary is not told apart from a second wish: both wait for an operator.
        ({"needs_operator": True}, {"stepped_up_at": None}, OwnRelease.OPERATOR_FIRST),
    ],
)
def test_an_owner_releases_their_account_once_a_week_after_a_strong_ceremony(
    changes, owner, decided
):
    held = OwnContainment(
        **{
            "is_contained": HELD.is_contained,
            "needs_operator": HELD.needs_operator,
            "last_own_release": HELD.last_own_release,
            **changes,
        }
    )
    assert decide_own_release(held, make_owner(**owner), now=NOW) is decided


SCHEMA = Path(rempart.__file__).parent / "storage/schema/0015_steps.sql"


def read_function(name):
    """Return the text of one function of the schema."""
    [found] = re.findall(
        rf"CREATE FUNCTION guard\.{name}\(.*?\n(?:END )?\$\$;", SCHEMA.read_text(), re.S
    )
    return found


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("check_measure", f"> {ALONE_ACCOUNTS})"),
        ("count_alone", f"interval '{ALONE_DURING.total_seconds() / 3600:.0f} hours'"),
        ("release_own", f"interval '{OWN_RELEASE_EVERY.days} days'"),
        ("release_own", f"interval '{STEP_UP_LIFETIME.total_seconds() / 60:.0f} minutes'"),
        ("tell_owner", f"interval '{value_on('contact_kept_days', NOW.date())} days'"),
    ],
)
def test_the_database_holds_the_pages_to_the_same_numbers(function, said):
    assert said in read_function(function)


def test_the_database_and_the_permission_name_the_same_second_persons():
    roles = sorted(role.value for role in GRANTS[Permission.CONTAIN].roles)
    assert f"'{{{','.join(roles)}}}'" in read_function("check_measure")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("step", MeasureStep),
        ("target", MeasureTarget),
        ("reason", MeasureReason),
        ("end_reason", EndReason),
    ],
)
def test_the_table_knows_the_same_words(column, words):
    [listed] = re.findall(rf"CHECK \({column} IN \(([^)]*)\)\)", SCHEMA.read_text())
    assert set(re.findall(r"'(\w+)'", listed)) == {word.value for word in words}


def test_an_exercise_is_as_short_in_the_table():
    assert f"interval '{LONGEST_EXERCISE.total_seconds() / 60:.0f} minutes'" in SCHEMA.read_text()
