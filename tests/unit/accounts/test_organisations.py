"""Which organisations may host, operate or sub-process; who answers for whom."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.accounts.visitors import make_membership

from rempart.accounts.organisations import (
    Mandate,
    Organisation,
    check_accountable,
    check_can_create,
    check_can_host,
    check_can_mandate,
    check_can_work_through,
)
from rempart.accounts.roles import ROLES_OF, UNDER_SOMEBODY, Role
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed
from rempart.kernel.periods import Period

HOST = Organisation(org_ref=1, kind="operator", name="Opérateur")
GUEST = Organisation(org_ref=2, kind="operator", name="Opérateur hébergé", hosted_by=1)
INSURER = Organisation(org_ref=3, kind="insurer", name="Aubelune")
SISTER = Organisation(org_ref=4, kind="insurer", name="Brisemer")
PUBLISHER = Organisation(org_ref=5, kind="publisher", name="Logiciels d’essai")
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
NEXT_YEAR = Period(date(2027, 1, 1), date(2027, 12, 31))
OPERATES = Mandate(kind="operates", principal_ref=3, agent_ref=1, period=YEAR)
SUB_PROCESSES = Mandate(kind="sub_processes", principal_ref=3, agent_ref=4, period=YEAR)


def test_the_first_operator_runs_the_installation():
    check_can_create("operator", host=None, hosted_by=None)
    assert HOST.is_host
    assert not GUEST.is_host
    assert not INSURER.is_host


def test_there_is_one_host_and_it_may_host_others():
    with pytest.raises(Conflict, match="--hosted-by 1"):
        check_can_create("operator", host=HOST, hosted_by=None)
    check_can_create("operator", host=HOST, hosted_by=HOST)


@pytest.mark.parametrize("kind", ["employer", "publisher"])
def test_employers_and_publishers_are_created_by_hand(kind):
    check_can_create(kind, host=HOST, hosted_by=None)


@pytest.mark.parametrize(("kind", "command"), [("insurer", "feed"), ("establishment", "client")])
def test_insurers_and_establishments_come_with_their_register(kind, command):
    with pytest.raises(InvalidRequest, match=command):
        check_can_create(kind, host=HOST, hosted_by=None)


@pytest.mark.parametrize(
    ("host", "guest", "refusal"),
    [
        (HOST, "publisher", InvalidRequest),
        (INSURER, "operator", InvalidRequest),
        (PUBLISHER, "publisher", InvalidRequest),
        (GUEST, "operator", Conflict),
        (replace(HOST, suspended=True), "operator", Conflict),
    ],
)
def test_only_an_operator_that_runs_an_installation_hosts(host, guest, refusal):
    with pytest.raises(refusal):
        check_can_host(host, guest)


@pytest.mark.parametrize(
    ("kind", "principal", "agent"),
    [
        ("operates", INSURER, HOST),
        ("operates", INSURER, GUEST),
        ("sub_processes", INSURER, GUEST),
        ("sub_processes", INSURER, SISTER),
    ],
)
def test_who_may_work_for_whom(kind, principal, agent):
    check_can_mandate(kind, principal=principal, agent=agent, period=YEAR, others=[])


@pytest.mark.parametrize(
    ("kind", "principal", "agent"),
    [
        ("operates", INSURER, SISTER),
        ("operates", PUBLISHER, HOST),
        ("operates", HOST, GUEST),
        ("sub_processes", INSURER, PUBLISHER),
        ("sub_processes", INSURER, INSURER),
    ],
)
def test_who_may_not_work_for_whom(kind, principal, agent):
    with pytest.raises(InvalidRequest):
        check_can_mandate(kind, principal=principal, agent=agent, period=YEAR, others=[])


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [
        (date(2026, 12, 31), date(2027, 6, 1)),  # the last day counts
        (date(2025, 1, 1), date(2026, 1, 1)),  # the first day counts
        (date(2026, 5, 1), date(2026, 5, 1)),
        (date(2020, 1, 1), date.max),
    ],
)
def test_an_insurer_has_one_operator_on_any_day(starts_on, ends_on):
    with pytest.raises(Conflict, match="2026-01-01 to 2026-12-31"):
        check_can_mandate(
            "operates",
            principal=INSURER,
            agent=GUEST,
            period=Period(starts_on, ends_on),
            others=[SUB_PROCESSES, OPERATES],
        )


def test_operators_follow_each_other_and_insurers_do_not_get_in_each_others_way():
    check_can_mandate(
        "operates", principal=INSURER, agent=GUEST, period=NEXT_YEAR, others=[OPERATES]
    )
    check_can_mandate("operates", principal=SISTER, agent=HOST, period=YEAR, others=[OPERATES])


def test_several_sub_processors_may_share_the_work_but_each_is_named_once():
    check_can_mandate(
        "sub_processes", principal=INSURER, agent=GUEST, period=YEAR, others=[SUB_PROCESSES]
    )
    with pytest.raises(Conflict):
        check_can_mandate(
            "sub_processes", principal=INSURER, agent=SISTER, period=YEAR, others=[SUB_PROCESSES]
        )


FIRST = date(2026, 1, 1)
periods = st.builds(
    lambda start, length: Period(
        FIRST + timedelta(days=start), FIRST + timedelta(days=start + length)
    ),
    st.integers(0, 30),
    st.integers(0, 10),
)


def count_operators_of_busiest_day(check, wanted):
    """Record each mandate that `check` lets pass; return the most operators one day ever has."""
    kept = []
    for number, period in enumerate(wanted):
        agent = replace(GUEST, org_ref=100 + number)
        try:
            check("operates", principal=INSURER, agent=agent, period=period, others=kept)
        except Conflict:
            continue
        kept.append(
            Mandate(kind="operates", principal_ref=3, agent_ref=agent.org_ref, period=period)
        )
    days = [FIRST + timedelta(days=day) for day in range(42)]
    return max(sum(one.period.contains(day) for one in kept) for day in days)


@given(st.lists(periods, min_size=1, max_size=8))
def test_whatever_is_asked_for_no_day_has_two_operators(wanted):
    assert count_operators_of_busiest_day(check_can_mandate, wanted) == 1


def looks_at_the_last_mandate_only(kind, *, others, **facts):
    """Trust the order in which mandates come."""
    check_can_mandate(kind, others=others[-1:], **facts)


def test_mutation_a_rule_that_looks_at_the_last_mandate_only_is_noticed():
    wanted = [YEAR, NEXT_YEAR, YEAR]
    assert count_operators_of_busiest_day(looks_at_the_last_mandate_only, wanted) == 2


@pytest.mark.parametrize("day", [YEAR.starts_on, YEAR.ends_on])
def test_a_sub_processor_works_from_its_first_day_to_its_last(day):
    check_can_work_through(SISTER, org_ref=3, mandates=[OPERATES, SUB_PROCESSES], day=day)


@pytest.mark.parametrize(
    ("mandate", "day"),
    [
        (SUB_PROCESSES, date(2025, 12, 31)),
        (SUB_PROCESSES, date(2027, 1, 1)),
        (replace(SUB_PROCESSES, kind="operates"), date(2026, 6, 1)),
        (replace(SUB_PROCESSES, principal_ref=9), date(2026, 6, 1)),
        (replace(SUB_PROCESSES, agent_ref=2), date(2026, 6, 1)),
    ],
)
def test_a_sub_processor_without_this_mandate_does_not_work(mandate, day):
    with pytest.raises(NotAllowed, match="rempart organisation mandate"):
        check_can_work_through(SISTER, org_ref=3, mandates=[mandate], day=day)


@pytest.mark.parametrize("role", sorted(UNDER_SOMEBODY))
def test_a_holder_of_the_establishment_answers_for_locums_and_assistants(role):
    check_accountable(role, make_membership(Role.HOLDER), org_ref=5)


@pytest.mark.parametrize("role", sorted(UNDER_SOMEBODY))
def test_a_locum_or_an_assistant_never_works_under_nobody(role):
    with pytest.raises(InvalidRequest):
        check_accountable(role, None, org_ref=5)


@pytest.mark.parametrize(
    "role", [role for role in ROLES_OF["establishment"] if role not in UNDER_SOMEBODY]
)
def test_nobody_answers_for_the_others(role):
    check_accountable(role, None, org_ref=5)
    with pytest.raises(InvalidRequest):
        check_accountable(role, make_membership(Role.HOLDER), org_ref=5)


def expect_a_holder_of_the_place(check):
    """Only an active holder of the establishment answers."""
    for wrong in (
        make_membership(Role.HOLDER, org_ref=6),
        make_membership(Role.HOLDER, active=False),
        make_membership(Role.LOCUM),
        make_membership(Role.ASSISTANT),
        make_membership(Role.ESTABLISHMENT_MANAGER),
    ):
        with pytest.raises(NotAllowed):
            check(Role.LOCUM, wrong, org_ref=5)


def test_nobody_but_an_active_holder_of_the_place_answers():
    expect_a_holder_of_the_place(check_accountable)


def forgets_the_place(role, accountable, *, org_ref):
    """Accept a holder of anywhere."""
    check_accountable(role, replace(accountable, org_ref=org_ref), org_ref=org_ref)


def forgets_suspension(role, accountable, *, org_ref):
    """Accept a holder who was stopped."""
    check_accountable(role, replace(accountable, active=True), org_ref=org_ref)


@pytest.mark.parametrize("broken", [forgets_the_place, forgets_suspension])
def test_mutation_a_rule_about_accountability_that_forgets_something_is_noticed(broken):
    with pytest.raises(pytest.fail.Exception):
        expect_a_holder_of_the_place(broken)
