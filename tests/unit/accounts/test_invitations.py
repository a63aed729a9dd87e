"""Invitation codes: hard to guess, easy to copy; and who may decide a recovery."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.accounts.visitors import make_visitor

from rempart.accounts.invitations import (
    CODE_BITS,
    INVITATION_STEPS,
    RECOVERY_STEPS,
    InvitationCode,
    RecoveryRequest,
    RecoveryState,
    check_can_approve_at_the_machine,
    check_can_approve_recovery,
    check_can_decide_recovery,
    find_invitation_lifetime,
)
from rempart.accounts.second_person import Entitled
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.kernel.findings import BadValue

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASKER, PERSON, OTHER = 11, 12, 13
ASKED = RecoveryRequest(
    request_ref=1,
    actor_ref=PERSON,
    org_ref=5,
    asked_by=ASKER,
    asked_at=NOW,
    state=RecoveryState.ASKED,
)


def test_a_code_is_six_groups_of_four_and_holds_a_hundred_and_twenty_bits():
    assert InvitationCode.from_number(0).format() == "0000-0000-0000-0000-0000-0000"
    assert InvitationCode.from_number(2**CODE_BITS - 1).format() == "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    with pytest.raises(ValueError):
        InvitationCode.from_number(2**CODE_BITS)


@pytest.mark.parametrize(
    "text",
    [
        "7K3MQ2ZX01AB45CD89EFGH01",
        "7k3m-q2zx-01ab-45cd-89ef-gh01",
        " 7K3M Q2ZX\u00a001AB 45CD 89EF GH01 ",
        "\t7K3M-Q2ZX-01AB\r\n45CD-89EF-GH01\n",
        "7K3M-Q2ZX-OlAB-45CD-89EF-GH01",
        "7K3M-Q2ZX-oIAB-45CD-89EF-GH01",
    ],
)
def test_a_code_is_read_however_it_was_copied(text):
    assert InvitationCode.parse(text).code == "7K3MQ2ZX01AB45CD89EFGH01"


@pytest.mark.parametrize(
    "text", ["", "7K3M", "7K3MQ2ZX01AB45CD89EFGH0", "7K3MQ2ZX01AB45CD89EFGH01F", "U" * 24, "é" * 24]
)
def test_what_is_not_a_code_is_refused_without_being_repeated(text):
    with pytest.raises(BadValue) as refused:
        InvitationCode.parse(text)
    assert refused.value.refusal.rule == "invitation_code"
    assert not text or text not in str(refused.value)


def test_a_code_never_prints():
    code = InvitationCode.from_number(123456789)
    assert {repr(code), str(code), f"{code}"} == {"<InvitationCode>"}


@given(st.integers(0, 2**CODE_BITS - 1))
def test_a_code_that_was_written_is_read_back_and_found_by_its_digest(number):
    code = InvitationCode.from_number(number)
    read = InvitationCode.parse(code.format().lower())
    assert read == code
    assert read.compute_digest() == code.compute_digest()
    assert len(code.compute_digest()) == 32


def test_the_digest_is_of_an_invitation_and_of_nothing_else_that_looks_like_one():
    digest = InvitationCode.parse("7K3MQ2ZX01AB45CD89EFGH01").compute_digest()
    assert digest.hex().startswith("3f7e8b9fb2c78950")


@pytest.mark.parametrize(
    ("kind", "hours"), [("agent", 72), ("professional", 72), ("member", 30 * 24)]
)
def test_a_letter_has_more_time_than_a_colleague(kind, hours):
    assert find_invitation_lifetime(kind) == timedelta(hours=hours)


@pytest.mark.parametrize("steps", [INVITATION_STEPS, RECOVERY_STEPS])
def test_every_state_says_what_may_follow(steps):
    states = type(next(iter(steps)))
    assert set(steps) == set(states)
    assert all(after in steps for steps_of in steps.values() for after in steps_of)


def test_another_administrator_of_the_same_organisation_decides():
    check_can_decide_recovery(make_visitor(actor_ref=OTHER, org_ref=5), ASKED)


def test_the_host_operator_decides_for_an_organisation_left_with_one_administrator():
    host = make_visitor(actor_ref=OTHER, org_ref=9, is_host=True)
    check_can_decide_recovery(host, ASKED)
    check_can_decide_recovery(host, replace(ASKED, org_ref=None))


def expect_another_person(decide):
    """Neither who asked nor who gets it decides, not even at the host operator."""
    for who in (ASKER, PERSON):
        for is_host in (True, False):
            with pytest.raises(NotAllowed, match="another person"):
                decide(make_visitor(actor_ref=who, org_ref=5, is_host=is_host), ASKED)


def test_neither_who_asked_nor_who_gets_it_decides_a_recovery():
    expect_another_person(check_can_decide_recovery)


def forgets_who_asked(visitor, request):
    """Look only at whom the recovery is for."""
    check_can_decide_recovery(visitor, replace(request, asked_by=OTHER))


def forgets_who_gets_it(visitor, request):
    """Look only at who asked."""
    check_can_decide_recovery(visitor, replace(request, actor_ref=OTHER))


@pytest.mark.parametrize("broken", [forgets_who_asked, forgets_who_gets_it])
def test_mutation_a_rule_that_forgets_one_of_the_two_is_noticed(broken):
    with pytest.raises(pytest.fail.Exception):
        expect_another_person(broken)


@pytest.mark.parametrize("asked", [ASKED, replace(ASKED, org_ref=None)])
def test_a_request_of_another_organisation_does_not_exist_for_a_visitor(asked):
    with pytest.raises(NotFound):
        check_can_decide_recovery(make_visitor(actor_ref=OTHER, org_ref=6), asked)


@pytest.mark.parametrize("state", [RecoveryState.APPROVED, RecoveryState.REFUSED])
def test_a_request_is_decided_once(state):
    with pytest.raises(Conflict):
        check_can_decide_recovery(
            make_visitor(actor_ref=OTHER, org_ref=5), replace(ASKED, state=state)
        )


def stands(actor_ref, days=30):
    return Entitled(actor_ref=actor_ref, since=NOW - timedelta(days=days))


def test_a_colleague_who_was_there_for_a_month_approves():
    colleague = make_visitor(actor_ref=OTHER, org_ref=5)
    check_can_approve_recovery(colleague, ASKED, [stands(ASKER), stands(OTHER)], at=NOW)


@pytest.mark.parametrize("is_host", [True, False])
@pytest.mark.parametrize("days", [(30, 29), (29, 30)])
def test_a_newcomer_is_no_second_person_not_even_at_the_host(is_host, days):
    people = [stands(ASKER, days[0]), stands(OTHER, days[1])]
    newcomer = make_visitor(actor_ref=OTHER, org_ref=5, is_host=is_host)
    with pytest.raises(NotAllowed, match="month"):
        check_can_approve_recovery(newcomer, ASKED, people, at=NOW)


def test_the_host_operator_approves_for_another_organisation_whoever_is_there():
    host = make_visitor(actor_ref=OTHER, org_ref=9, is_host=True)
    check_can_approve_recovery(host, ASKED, [], at=NOW)
    check_can_approve_recovery(host, replace(ASKED, org_ref=None), [], at=NOW)
    with pytest.raises(NotAllowed, match="another person"):
        check_can_approve_recovery(replace(host, actor_ref=ASKER), ASKED, [], at=NOW)


def test_the_command_line_approves_only_what_nobody_at_the_host_can():
    alone = [stands(ASKER), stands(PERSON), stands(OTHER, 29)]
    check_can_approve_at_the_machine(ASKED, alone, is_host=True, at=NOW)
    with pytest.raises(NotAllowed):
        check_can_approve_at_the_machine(ASKED, alone, is_host=False, at=NOW)
    with pytest.raises(Conflict, match="colleague"):
        check_can_approve_at_the_machine(ASKED, [*alone, stands(OTHER)], is_host=True, at=NOW)
    with pytest.raises(Conflict, match="already"):
        check_can_approve_at_the_machine(
            replace(ASKED, state=RecoveryState.REFUSED), alone, is_host=True, at=NOW
        )
