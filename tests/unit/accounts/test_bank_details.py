"""A change of account, rule by rule: who may, who must, when it takes effect, who is paid."""

from datetime import UTC, datetime, timedelta

import pytest

from rempart.accounts.bank_details import (
    TRANSITIONS,
    AccountVersion,
    Approver,
    ChangeRefused,
    ChangeState,
    Entitled,
    Obstacle,
    PaidAccount,
    PayeeCheck,
    PaymentHeld,
    Signatory,
    compute_activations,
    compute_active_from,
    compute_approval,
    compute_end,
    compute_proposal,
    decide_approver,
    decide_payment_account,
    find_event,
)
from rempart.accounts.events import SecurityEventKind
from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import Role
from rempart.tariffs.parameters import value_on

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
CLAIRE, DENIS, NEWCOMER, OPERATOR = 1, 2, 3, 9


def make_version(ref: int = 1, state: str = "active", **facts) -> AccountVersion:
    given = {
        "change_ref": ref,
        "establishment_ref": 7,
        "last_digits": f"{ref:04d}",
        "state": ChangeState(state),
        "proposed_by": CLAIRE,
        "proposed_at": NOW,
        "payee_check": PayeeCheck.MATCH,
    }
    if state in {"cooling", "active", "replaced"}:
        given["active_from"] = NOW + 3 * DAY if state == "cooling" else NOW - 30 * DAY
    return AccountVersion(**(given | facts))


def sign(actor_ref: int, role: Role = Role.HOLDER) -> Signatory:
    return Signatory(actor_ref=actor_ref, role=role)


def holds(actor_ref: int, since=NOW - 400 * DAY, until=None) -> Entitled:
    return Entitled(actor_ref=actor_ref, since=since, until=until)


ALONE = [holds(CLAIRE)]
TWO = [holds(CLAIRE), holds(DENIS)]


@pytest.mark.parametrize(
    ("people", "check", "expected"),
    [
        pytest.param(ALONE, "match", "nobody", id="alone"),
        pytest.param([holds(CLAIRE), holds(CLAIRE)], "match", "nobody", id="alone in two roles"),
        pytest.param(TWO, "match", "colleague", id="two"),
        pytest.param(TWO, "no_match", "colleague", id="two, and no match"),
        pytest.param(ALONE, "no_match", "operator", id="alone, and no match"),
        pytest.param(ALONE, "close_match", "nobody", id="alone, close match"),
        pytest.param(ALONE, "unavailable", "nobody", id="alone, no answer"),
        pytest.param(
            [*ALONE, holds(DENIS, until=NOW - TICK)], "match", "operator", id="just suspended"
        ),
        pytest.param(
            [*ALONE, holds(DENIS, until=NOW - 30 * DAY)], "match", "nobody", id="left a month ago"
        ),
        pytest.param(
            [*ALONE, holds(DENIS, until=NOW - 30 * DAY + TICK)],
            "match",
            "operator",
            id="left almost a month ago",
        ),
        pytest.param(
            [*ALONE, holds(DENIS, until=NOW + DAY)], "match", "colleague", id="leaves tomorrow"
        ),
        pytest.param(
            [*ALONE, holds(NEWCOMER, since=NOW + TICK)], "match", "nobody", id="came afterwards"
        ),
        pytest.param(
            [*ALONE, holds(NEWCOMER, since=NOW - 30 * DAY + TICK)],
            "match",
            "operator",
            id="came less than a month before",
        ),
        pytest.param(
            [*TWO, holds(NEWCOMER, since=NOW)], "match", "colleague", id="two, and a newcomer"
        ),
        pytest.param(
            [holds(CLAIRE, since=NOW - DAY), holds(DENIS)],
            "match",
            "operator",
            id="the proposer is the newcomer",
        ),
    ],
)
def test_who_must_approve_besides_the_proposer(people, check, expected):
    approver = decide_approver(
        people, proposer_ref=CLAIRE, payee_check=PayeeCheck(check), proposed_at=NOW, at=NOW
    )
    assert approver == Approver(expected)


@pytest.mark.parametrize(
    ("check", "days"), [("match", 3), ("close_match", 7), ("no_match", 7), ("unavailable", 7)]
)
def test_anything_but_a_match_waits_a_week(check, days):
    assert compute_active_from(PayeeCheck(check), at=NOW) == NOW + days * DAY


def test_an_account_that_nobody_verified_waits_a_week():
    assert compute_active_from(None, at=NOW) == NOW + 7 * DAY


def test_the_database_and_the_parameters_agree_on_the_shortest_wait():
    """storage/schema/0005_bank_details.sql holds the pages to three days."""
    assert value_on("bank_details_cooling_days", NOW.date()) >= 3
    assert value_on("bank_details_unverified_cooling_days", NOW.date()) >= 3


def test_somebody_alone_goes_straight_to_the_cooling_off():
    change = compute_proposal([], ALONE, make_version(2, "proposed"), by=sign(CLAIRE))
    assert (change.state, change.active_from) == (ChangeState.COOLING, NOW + 3 * DAY)
    assert change.approved_by is None


def test_with_a_colleague_a_proposal_waits_for_them():
    draft = make_version(2, "proposed")
    assert compute_proposal([make_version()], TWO, draft, by=sign(CLAIRE)) == draft


@pytest.mark.parametrize("state", ["proposed", "cooling"])
def test_one_change_at_a_time(state):
    with pytest.raises(ChangeRefused) as refusal:
        compute_proposal(
            [make_version(1, state)], ALONE, make_version(2, "proposed"), by=sign(CLAIRE)
        )
    assert refusal.value.obstacle is Obstacle.ANOTHER_PENDING


@pytest.mark.parametrize("role", [Role.LOCUM, Role.ASSISTANT, Role.OPERATOR_SECURITY, Role.MEMBER])
def test_nobody_else_proposes(role):
    with pytest.raises(ChangeRefused) as refusal:
        compute_proposal([], ALONE, make_version(2, "proposed"), by=sign(CLAIRE, role))
    assert refusal.value.obstacle is Obstacle.NOT_ENTITLED


def test_a_colleague_approves_and_the_wait_begins_then():
    later = NOW + 2 * DAY
    change = compute_approval(make_version(2, "proposed"), TWO, by=sign(DENIS), at=later)
    assert (change.state, change.approved_by) == (ChangeState.COOLING, DENIS)
    assert (change.approved_at, change.active_from) == (later, later + 3 * DAY)


APPROVALS = [
    pytest.param(TWO, sign(CLAIRE), "own_change", id="one's own"),
    pytest.param(
        TWO, sign(CLAIRE, Role.ESTABLISHMENT_MANAGER), "own_change", id="one's own, other role"
    ),
    pytest.param(
        [*ALONE, holds(CLAIRE, since=NOW - DAY)],
        sign(CLAIRE, Role.OPERATOR_SECURITY),
        "own_change",
        id="one's own, as the operator",
    ),
    pytest.param(
        [*TWO, holds(NEWCOMER, since=NOW + TICK)], sign(NEWCOMER), "role_too_new", id="newcomer"
    ),
    pytest.param(
        [*TWO, holds(NEWCOMER, since=NOW - 30 * DAY + TICK)],
        sign(NEWCOMER),
        "role_too_new",
        id="a month short of a moment",
    ),
    pytest.param(
        [holds(CLAIRE, since=NOW - DAY), holds(DENIS)],
        sign(DENIS),
        "not_apart",
        id="a puppet's proposal",
    ),
    pytest.param(ALONE, sign(DENIS), "not_entitled", id="a stranger"),
    pytest.param(
        [*ALONE, holds(DENIS, until=NOW)], sign(DENIS), "not_entitled", id="somebody who left"
    ),
    pytest.param(TWO, sign(DENIS, Role.ASSISTANT), "not_entitled", id="an assistant"),
    pytest.param(
        TWO, sign(OPERATOR, Role.OPERATOR_SECURITY), "colleague_needed", id="the operator"
    ),
    pytest.param(
        ALONE, sign(OPERATOR, Role.OPERATOR_OPS), "not_entitled", id="another operator's agent"
    ),
]


@pytest.mark.parametrize(("people", "by", "obstacle"), APPROVALS)
def test_who_may_not_approve(people, by, obstacle):
    with pytest.raises(ChangeRefused) as refusal:
        compute_approval(make_version(2, "proposed"), people, by=by, at=NOW)
    assert refusal.value.obstacle == Obstacle(obstacle)


@pytest.mark.parametrize(
    ("people", "check"),
    [
        pytest.param(ALONE, PayeeCheck.NO_MATCH, id="alone, no match"),
        pytest.param(
            [*ALONE, holds(DENIS, until=NOW - DAY)], PayeeCheck.MATCH, id="colleague suspended"
        ),
    ],
)
def test_the_operator_approves_what_nobody_else_there_can(people, check):
    change = compute_approval(
        make_version(2, "proposed", payee_check=check),
        people,
        by=sign(OPERATOR, Role.OPERATOR_SECURITY),
        at=NOW,
    )
    assert (change.state, change.approved_by) == (ChangeState.COOLING, OPERATOR)


@pytest.mark.parametrize("state", ["cooling", "active", "replaced", "cancelled", "refused"])
def test_a_change_is_approved_once(state):
    with pytest.raises(ChangeRefused) as refusal:
        compute_approval(make_version(2, state), TWO, by=sign(DENIS), at=NOW)
    assert refusal.value.obstacle is Obstacle.ALREADY_DECIDED


@pytest.mark.parametrize(
    ("state", "by", "after"),
    [
        ("proposed", sign(CLAIRE), "cancelled"),
        ("proposed", sign(DENIS), "refused"),
        ("proposed", sign(OPERATOR, Role.OPERATOR_SECURITY), "refused"),
        ("cooling", sign(CLAIRE), "cancelled"),
        ("cooling", sign(DENIS, Role.ESTABLISHMENT_MANAGER), "cancelled"),
        ("cooling", sign(OPERATOR, Role.OPERATOR_SECURITY), "cancelled"),
    ],
)
def test_anybody_entitled_stops_a_change_that_is_not_paid_yet(state, by, after):
    stopped = compute_end(make_version(2, state), by=by, at=NOW)
    assert (stopped.state, stopped.ended_by) == (ChangeState(after), by.actor_ref)
    assert stopped.ended_at == NOW


def test_a_change_is_stopped_until_its_very_first_instant():
    change = make_version(2, "cooling")
    assert compute_end(change, by=sign(DENIS), at=change.active_from - TICK).ended_at
    with pytest.raises(ChangeRefused) as refusal:
        compute_end(change, by=sign(DENIS), at=change.active_from)
    assert refusal.value.obstacle is Obstacle.TOO_LATE


@pytest.mark.parametrize(
    ("state", "obstacle"),
    [
        ("active", "too_late"),
        ("replaced", "already_decided"),
        ("cancelled", "already_decided"),
        ("refused", "already_decided"),
    ],
)
def test_what_is_over_is_not_stopped(state, obstacle):
    version = make_version(2, state, ended_at=None if state == "active" else NOW - DAY)
    with pytest.raises(ChangeRefused) as refusal:
        compute_end(version, by=sign(DENIS), at=NOW)
    assert refusal.value.obstacle == Obstacle(obstacle)


@pytest.mark.parametrize("role", [Role.LOCUM, Role.ASSISTANT, Role.OPERATOR_OPS])
def test_others_stop_nothing(role):
    with pytest.raises(ChangeRefused):
        compute_end(make_version(2, "cooling"), by=sign(DENIS, role), at=NOW)


OLD = make_version(1)


@pytest.mark.parametrize(
    ("history", "at", "paid"),
    [
        pytest.param([], NOW, None, id="no account"),
        pytest.param([OLD], NOW, 1, id="one account"),
        pytest.param([OLD], NOW - 31 * DAY, None, id="before the first"),
        pytest.param([OLD, make_version(2, "proposed")], NOW, 1, id="the old while proposed"),
        pytest.param([OLD, make_version(2, "cooling")], NOW, 1, id="the old while cooling"),
        pytest.param(
            [OLD, make_version(2, "cooling")], NOW + 3 * DAY - TICK, 1, id="the last instant"
        ),
        pytest.param([OLD, make_version(2, "cooling")], NOW + 3 * DAY, 2, id="the first instant"),
        pytest.param([OLD, make_version(2, "refused")], NOW + 9 * DAY, 1, id="refused"),
        pytest.param(
            [OLD, make_version(2, "cancelled", active_from=NOW, ended_at=NOW - DAY)],
            NOW + 9 * DAY,
            1,
            id="cancelled",
        ),
    ],
)
def test_who_is_paid(history, at, paid):
    expected = PaymentHeld() if paid is None else PaidAccount(change_ref=paid)
    assert decide_payment_account(history, at=at) == expected
    assert decide_payment_account(history[::-1], at=at) == expected


def test_without_an_old_account_payments_are_held_until_the_first_one_counts():
    history = [make_version(2, "cooling")]
    held = decide_payment_account(history, at=NOW)
    assert held == PaymentHeld(until=NOW + 3 * DAY)
    assert decide_payment_account(history, at=NOW + 3 * DAY) == PaidAccount(change_ref=2)
    assert decide_payment_account([make_version(2, "proposed")], at=NOW) == PaymentHeld()


def test_time_replaces_the_old_account_at_the_very_instant_of_the_new():
    new = make_version(2, "cooling")
    assert compute_activations([OLD, new], at=NOW + 3 * DAY - TICK) == ()
    replaced, active = compute_activations([OLD, new], at=NOW + 40 * DAY)
    assert (replaced.change_ref, replaced.state) == (1, ChangeState.REPLACED)
    assert (active.change_ref, active.state) == (2, ChangeState.ACTIVE)
    assert replaced.ended_at == active.active_from == NOW + 3 * DAY


def test_time_does_the_same_thing_once():
    changed = compute_activations([OLD, make_version(2, "cooling")], at=NOW + 3 * DAY)
    assert compute_activations(changed, at=NOW + 9 * DAY) == ()


def test_impossible_accounts_do_not_exist():
    with pytest.raises(ValueError, match="first instant"):
        make_version(1, "active", active_from=None)
    with pytest.raises(ValueError, match="their own"):
        make_version(1, "active", approved_by=CLAIRE)


def test_every_state_has_its_row_and_every_step_by_somebody_its_event():
    assert set(TRANSITIONS) == {None, *ChangeState}
    for before, steps in TRANSITIONS.items():
        for after, step in steps.items():
            assert step.event or (before, after) == (None, ChangeState.ACTIVE)
    assert find_event(None, ChangeState.PROPOSED) is SecurityEventKind.BANK_DETAILS_PROPOSED
    with pytest.raises(KeyError):
        find_event(None, ChangeState.ACTIVE)


def test_proposing_and_approving_need_a_fresh_ceremony_and_stopping_does_not():
    sensitive = (
        Permission.PROPOSE_BANK_DETAILS,
        Permission.APPROVE_BANK_DETAILS,
        Permission.SETTLE_BANK_DETAILS,
    )
    assert all(GRANTS[one].step_up for one in sensitive)
    assert not GRANTS[Permission.CANCEL_BANK_DETAILS].step_up
