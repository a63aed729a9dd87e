"""Who agrees to a run: two people who are two."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from rempart.accounts.second_person import Agreement, Entitled, Invited
from rempart.kernel.errors import Conflict, NotAllowed
from rempart.settlement.runs import RunSheet, RunState, check_step, decide_approval

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=90)
ANNE, BASILE, CAMILLE = 1, 2, 3
PEOPLE = [Entitled(actor_ref=one, since=LONG_AGO) for one in (ANNE, BASILE)]
RUN = RunSheet(run_id=1, day=date(2026, 11, 23), state=RunState.PLANNED, remittances=3, cents=100)


def agreed(by: int | None) -> RunSheet:
    return replace(RUN, first=Agreement(by=by, at=NOW))


def test_the_first_person_changes_nothing_and_the_second_approves():
    assert decide_approval(RUN, PEOPLE, by=ANNE, at=NOW) is RunState.PLANNED
    assert decide_approval(agreed(ANNE), PEOPLE, by=BASILE, at=NOW) is RunState.APPROVED
    assert decide_approval(agreed(None), PEOPLE, by=BASILE, at=NOW) is RunState.APPROVED
    assert decide_approval(agreed(ANNE), PEOPLE, by=None, at=NOW) is RunState.APPROVED


@pytest.mark.parametrize(
    ("first", "by", "people"),
    [
        (ANNE, ANNE, PEOPLE),
        (None, None, PEOPLE),
        (ANNE, CAMILLE, PEOPLE),  # nobody there
        (ANNE, CAMILLE, [*PEOPLE, Entitled(actor_ref=CAMILLE, since=NOW)]),  # since a minute
        (
            ANNE,
            CAMILLE,
            [
                *PEOPLE,
                Entitled(
                    actor_ref=CAMILLE, since=LONG_AGO, invited=(Invited(by_ref=ANNE, at=NOW),)
                ),
            ],
        ),
        (None, CAMILLE, [*PEOPLE, Entitled(actor_ref=CAMILLE, since=NOW)]),
    ],
)
def test_one_person_a_newcomer_or_a_puppet_is_no_second_person(first, by, people):
    with pytest.raises(NotAllowed):
        decide_approval(agreed(first), people, by=by, at=NOW)


def test_a_newcomer_does_not_begin_either():
    with pytest.raises(NotAllowed):
        decide_approval(RUN, [Entitled(actor_ref=CAMILLE, since=NOW)], by=CAMILLE, at=NOW)


@pytest.mark.parametrize("state", [one for one in RunState if one is not RunState.PLANNED])
def test_only_what_is_planned_is_approved_or_refused(state):
    with pytest.raises(Conflict):
        decide_approval(replace(RUN, state=state), PEOPLE, by=ANNE, at=NOW)
    with pytest.raises(Conflict):
        check_step(state, RunState.REFUSED)
