"""Who may invite, change, suspend and restore whom."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.accounts.visitors import KIND_OF, make_membership, make_visitor

from rempart.accounts.administration import (
    check_can_ask_recovery,
    check_can_change_role,
    check_can_invite,
    check_can_restore,
    check_can_suspend,
    check_can_suspend_organisation,
    check_role_fits,
    is_administrator,
    list_roles_to_give,
)
from rempart.accounts.organisations import Organisation, OtherRole
from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import ADMINISTRATORS, ROLES_OF, Role
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound, RempartError

ADMINS = sorted(GRANTS[Permission.INVITE_AGENT].roles)
HOLDER = make_visitor(Role.HOLDER)
MANAGER = make_visitor(Role.ESTABLISHMENT_MANAGER)
ADMIN = make_visitor(Role.INSURER_ADMIN)


def make_organisation(kind="insurer", **changes):
    return replace(Organisation(org_ref=5, kind=kind, name="Organisation d’essai"), **changes)


def invite(visitor, role, *, actor_kind="agent", **org):
    place = make_organisation(visitor.org_kind, **org)
    return check_can_invite(visitor, role, org=place, actor_kind=actor_kind)


@pytest.mark.parametrize("admin", ADMINS)
def test_whoever_the_table_lets_invite_administers_an_organisation(admin):
    assert is_administrator(admin, KIND_OF[admin])


@pytest.mark.parametrize("admin", ADMINS)
def test_an_administrator_gives_the_roles_of_their_own_kind_and_no_other(admin):
    visitor = make_visitor(admin)
    for role in Role:
        for actor_kind in ("agent", "professional"):
            offered = role in list_roles_to_give(visitor, visitor.org_kind, actor_kind)
            try:
                invite(visitor, role, actor_kind=actor_kind)
                given = True
            except RempartError:
                given = False
            assert given == offered, (role, actor_kind)
            assert not given or role in ROLES_OF[visitor.org_kind]


def test_a_holder_brings_locums_assistants_and_a_manager_and_answers_for_the_first_two():
    assert invite(HOLDER, Role.ASSISTANT) == HOLDER.actor_ref
    assert invite(HOLDER, Role.LOCUM, actor_kind="professional") == HOLDER.actor_ref
    assert invite(HOLDER, Role.ESTABLISHMENT_MANAGER) is None


@pytest.mark.parametrize("role", [Role.ASSISTANT, Role.LOCUM])
def test_a_manager_makes_no_holder_answer_for_somebody(role):
    with pytest.raises(NotAllowed, match="own responsibility"):
        invite(MANAGER, role, actor_kind="professional")


def test_nobody_is_made_a_holder_by_hand():
    with pytest.raises(NotAllowed, match="register"):
        invite(HOLDER, Role.HOLDER, actor_kind="professional")


def test_a_locum_is_a_professional_of_the_register():
    with pytest.raises(InvalidRequest, match="RPPS"):
        invite(HOLDER, Role.LOCUM, actor_kind="agent")


@pytest.mark.parametrize("kind", sorted(ROLES_OF))
def test_no_organisation_has_members_as_colleagues(kind):
    with pytest.raises(InvalidRequest):
        check_role_fits(Role.MEMBER, org_kind=kind, actor_kind="member")
    with pytest.raises(InvalidRequest):
        check_role_fits(ADMINISTRATORS[kind], org_kind=kind, actor_kind="member")


def test_another_organisation_does_not_exist_for_whoever_invites():
    with pytest.raises(NotFound):
        invite(ADMIN, Role.INSURER_MANAGER, org_ref=6)
    with pytest.raises(NotFound):
        invite(replace(ADMIN, is_host=True), Role.INSURER_MANAGER, org_ref=6)


def test_a_suspended_organisation_takes_nobody_in():
    with pytest.raises(Conflict):
        invite(ADMIN, Role.INSURER_MANAGER, suspended=True)


def change(visitor, person, role=Role.INSURER_DPO, *, others=1):
    return check_can_change_role(visitor, person, role, other_administrators=others)


def suspend(visitor, person, _role=None, *, others=1):
    check_can_suspend(visitor, person, other_administrators=others)


def restore(visitor, person, _role=None, *, others=1):
    check_can_restore(visitor, person)


ACTS = pytest.mark.parametrize("act", [change, suspend, restore])


def expect_never_oneself(act):
    """Whatever the role in which somebody is signed in, they do not act on themselves."""
    for suspended in (True, False):
        oneself = make_membership(
            Role.INSURER_MANAGER, actor_ref=ADMIN.actor_ref, membership_ref=99, suspended=suspended
        )
        with pytest.raises(NotAllowed, match="themselves"):
            act(ADMIN, oneself)


@ACTS
def test_nobody_changes_suspends_or_restores_themselves(act):
    expect_never_oneself(act)


@ACTS
def test_mutation_comparing_roles_instead_of_persons_is_noticed(act):
    def looks_at_the_membership(visitor, person):
        if person.membership_ref != visitor.membership_ref:
            person = replace(person, actor_ref=20)
        act(visitor, person)

    with pytest.raises((pytest.fail.Exception, Conflict)):
        expect_never_oneself(looks_at_the_membership)


@ACTS
def test_a_colleague_of_another_organisation_does_not_exist(act):
    for visitor in (ADMIN, replace(ADMIN, is_host=True)):
        with pytest.raises(NotFound):
            act(visitor, make_membership(Role.INSURER_MANAGER, org_ref=6))


def test_a_role_is_changed_within_its_kind():
    assert change(ADMIN, make_membership(Role.INSURER_MANAGER)) is None
    with pytest.raises(InvalidRequest):
        change(ADMIN, make_membership(Role.INSURER_MANAGER), Role.OPERATOR_ADMIN)
    with pytest.raises(Conflict, match="already"):
        change(ADMIN, make_membership(Role.INSURER_MANAGER), Role.INSURER_MANAGER)


def test_a_holder_answers_for_whom_they_make_an_assistant_and_for_no_manager():
    manager = make_membership(Role.ESTABLISHMENT_MANAGER)
    assistant = make_membership(Role.ASSISTANT)
    assert change(HOLDER, manager, Role.ASSISTANT) == HOLDER.actor_ref
    assert change(HOLDER, assistant, Role.ESTABLISHMENT_MANAGER) is None
    with pytest.raises(NotAllowed):
        change(MANAGER, make_membership(Role.ESTABLISHMENT_MANAGER), Role.ASSISTANT)


@pytest.mark.parametrize("visitor", [HOLDER, MANAGER])
def test_a_holder_stays_one_as_long_as_the_register_says_so(visitor):
    with pytest.raises(NotAllowed, match="register"):
        change(visitor, make_membership(Role.HOLDER), Role.ESTABLISHMENT_MANAGER)


def test_a_manager_stops_no_holder():
    with pytest.raises(NotAllowed, match="another holder"):
        suspend(MANAGER, make_membership(Role.HOLDER))
    with pytest.raises(NotAllowed, match="another holder"):
        restore(MANAGER, make_membership(Role.HOLDER, suspended=True, active=False))
    suspend(HOLDER, make_membership(Role.HOLDER))


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("role", [Role.LOCUM, Role.ESTABLISHMENT_MANAGER])
def test_a_manager_stops_no_holder_through_another_of_their_roles(role, active):
    person = make_membership(role, others=(OtherRole(Role.HOLDER, active),))
    stopped = replace(person, suspended=True, active=False)
    for act, whom in ((suspend, person), (restore, stopped)):
        with pytest.raises(NotAllowed, match="another holder"):
            act(MANAGER, whom)
        act(HOLDER, whom)
    with pytest.raises(NotAllowed, match="holder"):
        change(MANAGER, person, Role.ASSISTANT)


def test_the_last_administrator_is_one_in_whatever_role_they_are_named():
    person = make_membership(
        Role.INSURER_MANAGER, others=(OtherRole(Role.INSURER_ADMIN, active=True),)
    )
    with pytest.raises(Conflict, match="nobody else"):
        suspend(ADMIN, person, others=0)
    suspend(ADMIN, replace(person, others=(OtherRole(Role.INSURER_ADMIN, active=False),)), others=0)


def test_suspending_twice_or_restoring_nobody_is_told():
    with pytest.raises(Conflict):
        suspend(ADMIN, make_membership(suspended=True, active=False))
    with pytest.raises(Conflict):
        restore(ADMIN, make_membership())
    restore(ADMIN, make_membership(suspended=True, active=False))


def expect_somebody_left(act):
    """The last active administrator keeps the role; anybody else may lose theirs."""
    act(ADMIN, make_membership(Role.INSURER_MANAGER), others=0)
    act(ADMIN, make_membership(Role.INSURER_ADMIN), others=1)
    with pytest.raises(Conflict, match="nobody else"):
        act(ADMIN, make_membership(Role.INSURER_ADMIN), others=0)


@pytest.mark.parametrize("act", [change, suspend])
def test_the_last_administrator_is_not_removed(act):
    expect_somebody_left(act)


@pytest.mark.parametrize("act", [change, suspend])
def test_mutation_counting_the_one_who_leaves_is_noticed(act):
    def counts_one_too_many(visitor, person, *, others):
        act(visitor, person, others=others + 1)

    with pytest.raises(pytest.fail.Exception):
        expect_somebody_left(counts_one_too_many)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=30))
def test_whatever_colleagues_do_to_each_other_somebody_administers(acts):
    roles = dict.fromkeys(range(4), Role.INSURER_ADMIN)
    stopped: set[int] = set()

    def count_others(one):
        return sum(
            role is Role.INSURER_ADMIN and person != one and person not in stopped
            for person, role in roles.items()
        )

    for actor, target, demote in acts:
        if actor in stopped or roles[actor] is not Role.INSURER_ADMIN:
            continue
        person = make_membership(
            roles[target],
            actor_ref=target,
            active=target not in stopped,
            suspended=target in stopped,
        )
        visitor = replace(ADMIN, actor_ref=actor)
        try:
            if demote:
                change(visitor, person, Role.INSURER_MANAGER, others=count_others(target))
                roles[target] = Role.INSURER_MANAGER
            else:
                suspend(visitor, person, others=count_others(target))
                stopped.add(target)
        except RempartError:
            pass
        assert count_others(None) >= 1


def ask(visitor, person, *, pending=False):
    check_can_ask_recovery(visitor, person, pending=pending)


def test_an_administrator_asks_for_a_colleague():
    ask(ADMIN, make_membership())


def test_the_host_asks_for_its_own_agents_only_so_that_two_organisations_agree():
    with pytest.raises(NotFound):
        ask(make_visitor(Role.OPERATOR_ADMIN, org_ref=1, is_host=True), make_membership())


@pytest.mark.parametrize(
    ("person", "refusal"),
    [
        (make_membership(org_ref=6), NotFound),
        (make_membership(actor_ref=ADMIN.actor_ref), NotAllowed),
        (make_membership(actor_kind="professional"), InvalidRequest),
        (make_membership(active=False), Conflict),
    ],
)
def test_for_whom_a_recovery_is_not_asked(person, refusal):
    with pytest.raises(refusal):
        ask(ADMIN, person)


def test_a_recovery_is_asked_once_at_a_time():
    with pytest.raises(Conflict, match="already"):
        ask(ADMIN, make_membership(), pending=True)


def test_the_host_stops_any_organisation_but_itself():
    host = make_visitor(Role.OPERATOR_SECURITY, org_ref=1, is_host=True)
    check_can_suspend_organisation(host, make_organisation())
    check_can_suspend_organisation(host, make_organisation("operator", hosted_by=1))
    with pytest.raises(NotAllowed):
        check_can_suspend_organisation(host, make_organisation("operator", org_ref=1))
    with pytest.raises(NotFound):
        check_can_suspend_organisation(
            make_visitor(Role.OPERATOR_SECURITY, org_ref=2), make_organisation()
        )
