"""Whatever is done to an establishment's account, in whatever order, no account is paid early."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.accounts.bank_details import (
    PENDING,
    AccountVersion,
    ChangeRefused,
    ChangeState,
    Entitled,
    PaidAccount,
    PayeeCheck,
    Signatory,
    compute_activations,
    compute_approval,
    compute_end,
    compute_proposal,
    decide_payment_account,
)
from rempart.accounts.roles import Role

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SHORTEST = timedelta(days=3)
ROLES = [Role.HOLDER, Role.ESTABLISHMENT_MANAGER, Role.OPERATOR_SECURITY, Role.LOCUM]

Step = tuple[str, int, Role, PayeeCheck, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["propose", "approve", "stop", "activate", "join", "leave"]),
        st.integers(1, 3),
        st.sampled_from(ROLES),
        st.sampled_from(PayeeCheck),
        # Hours until the step: around both cooling-off periods, and everything between.
        st.one_of(st.integers(0, 200), st.sampled_from([0, 71, 72, 73, 167, 168, 169])),
    ),
    max_size=25,
)


@dataclass
class World:
    """An establishment as the workflows keep it, and when each account was agreed to."""

    has_account: bool
    activates: bool
    now: datetime = START
    history: dict[int, AccountVersion] = field(default_factory=dict)
    people: list[Entitled] = field(default_factory=list)
    agreed_at: dict[int, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.people = [Entitled(actor_ref=1, since=START)]
        if self.has_account:
            self.save(make_version(0, ChangeState.ACTIVE, None, START, active_from=START))
            self.agreed_at[0] = START - SHORTEST

    def save(self, version: AccountVersion) -> None:
        self.history[version.change_ref] = version

    def take(self, step: Step) -> None:
        """Do one thing, unless the rules refuse."""
        what, actor_ref, role, check, hours = step
        self.now += timedelta(hours=hours)
        by = Signatory(actor_ref=actor_ref, role=role)
        pending = [v for v in self.history.values() if v.state in PENDING]
        try:
            if what == "propose":
                self.activate()
                draft = make_version(
                    len(self.history), ChangeState.PROPOSED, actor_ref, self.now, check=check
                )
                self.save(compute_proposal(self.history.values(), self.people, draft, by=by))
                self.agree(draft.change_ref)
            elif what == "approve" and pending:
                self.save(compute_approval(pending[0], self.people, by=by, at=self.now))
                self.agree(pending[0].change_ref)
            elif what == "stop" and pending:
                self.save(compute_end(pending[0], by=by, at=self.now))
            elif what == "activate" and self.activates:
                self.activate()
            elif what == "join":
                self.people.append(Entitled(actor_ref=actor_ref, since=self.now))
            elif what == "leave":
                self.people = [
                    Entitled(actor_ref=p.actor_ref, since=p.since, until=p.until or self.now)
                    if p.actor_ref == actor_ref
                    else p
                    for p in self.people
                ]
        except ChangeRefused:
            pass

    def activate(self) -> None:
        for version in compute_activations(self.history.values(), at=self.now):
            self.save(version)

    def agree(self, change_ref: int) -> None:
        """Note when everybody who had to had agreed."""
        if self.history[change_ref].state is ChangeState.COOLING:
            self.agreed_at.setdefault(change_ref, self.now)

    def find_paid(self) -> AccountVersion | None:
        decision = decide_payment_account(self.history.values(), at=self.now)
        return self.history[decision.change_ref] if isinstance(decision, PaidAccount) else None


def make_version(
    ref: int,
    state: ChangeState,
    proposed_by: int | None,
    at: datetime,
    *,
    check: PayeeCheck | None = None,
    active_from: datetime | None = None,
) -> AccountVersion:
    return AccountVersion(
        change_ref=ref,
        establishment_ref=7,
        last_digits=f"{ref:04d}",
        state=state,
        proposed_by=proposed_by,
        proposed_at=at,
        active_from=active_from,
        payee_check=check,
    )


def run(steps: Sequence[Step], **world) -> World:
    one = World(**world)
    for step in steps:
        one.take(step)
        check_payment(one)
    return one


def check_payment(world: World) -> None:
    paid = world.find_paid()
    if paid is None:
        assert not world.has_account
        return
    assert paid.active_from is not None
    assert paid.active_from <= world.now
    assert world.now - world.agreed_at[paid.change_ref] >= SHORTEST
    assert paid.state not in {ChangeState.PROPOSED, ChangeState.REFUSED, ChangeState.CANCELLED}


@given(STEPS, st.booleans(), st.booleans())
def test_no_payment_goes_to_an_account_before_its_time(steps, has_account, activates):
    run(steps, has_account=has_account, activates=activates)


@given(STEPS, st.booleans())
def test_the_account_paid_does_not_depend_on_when_the_activation_is_written(steps, has_account):
    lazy = run(steps, has_account=has_account, activates=False)
    eager = run(steps, has_account=has_account, activates=True)
    assert decide_payment_account(lazy.history.values(), at=lazy.now) == decide_payment_account(
        eager.history.values(), at=eager.now
    )


@given(STEPS, st.integers(0, 5000))
def test_the_past_is_told_the_same_after_an_activation(steps, hours):
    world = run(steps, has_account=True, activates=False)
    instant = START + timedelta(hours=hours)
    before = decide_payment_account(world.history.values(), at=min(instant, world.now))
    world.activate()
    assert decide_payment_account(world.history.values(), at=min(instant, world.now)) == before


@given(STEPS)
def test_nobody_ever_approves_their_own_change(steps):
    world = run(steps, has_account=True, activates=True)
    for version in world.history.values():
        assert version.approved_by is None or version.approved_by != version.proposed_by


def test_mutation_a_period_without_length_is_noticed(monkeypatch):
    monkeypatch.setattr(
        "rempart.accounts.bank_details.compute_active_from", lambda _check, *, at: at
    )
    hasty = [("propose", 1, Role.HOLDER, PayeeCheck.MATCH, 0)]
    with pytest.raises(AssertionError):
        run(hasty, has_account=True, activates=True)


def test_mutation_paying_what_waits_is_noticed(monkeypatch):
    monkeypatch.setattr("rempart.accounts.bank_details._is_paid_at", lambda _version, _at: True)
    hasty = [("propose", 1, Role.HOLDER, PayeeCheck.MATCH, 0)]
    with pytest.raises(AssertionError):
        run(hasty, has_account=True, activates=False)
