"""Sessions: how, from where and with what an account came in, in the ledger before its answers."""

import pytest
from tests.api.reading import PATH, read_entries
from tests.api.world import ACCOUNT_REF, COVERED, ENDED, typed_body

from rempart.disclosure.entry import Kind
from rempart.workflows.ledger.audit_ledger import audit_ledger


def ask(gateway, *, agent=None):
    headers = {} if agent is None else {"User-Agent": agent.encode()}
    reply = gateway.post(PATH, json=typed_body(COVERED), headers=headers)
    assert reply.status_code == 200
    return reply


def kinds(world):
    return [entry.kind for entry in read_entries(world.database)]


def read_sessions(world):
    with world.database.transaction("auditor") as tx:
        return tx.execute(
            "SELECT session_ref, account_ref, client_ref, method, address, agent"
            " FROM ledger.session ORDER BY opened_ms, session_ref"
        ).fetchall()


def test_a_session_is_opened_before_its_first_answer_and_once(gateway, world):
    ask(gateway)
    ask(gateway)
    entries = read_entries(world.database)
    assert [entry.kind for entry in entries] == [Kind.SESSION, Kind.DISCLOSE, Kind.DISCLOSE]
    assert len({entry.session_ref for entry in entries}) == 1
    [(session_ref, account_ref, client_ref, method, _, agent)] = read_sessions(world)
    assert (session_ref, account_ref) == (entries[0].session_ref, ACCOUNT_REF)
    assert (client_ref, method, agent) == (
        world.client_ref,
        "psc+dpop",
        "LogicielOfficine/4.2",
    )


def test_the_ledger_with_its_sessions_verifies(gateway, world):
    for agent in ("A", "B"):
        ask(gateway, agent=agent)
    with world.database.transaction("auditor") as tx:
        verdict = audit_ledger(tx)
    assert verdict.is_sound
    assert [log.sessions for log in verdict.logs] == [2]


def test_another_address_or_another_software_is_another_session(gateway, world):
    ask(gateway)
    ask(gateway, agent="python-requests/2.31")
    ask(gateway)
    assert kinds(world).count(Kind.SESSION) == 2


@pytest.mark.parametrize(("minutes", "sessions"), [(29, 1), (31, 2)])
def test_half_an_hour_without_an_answer_ends_a_session(gateway, world, clock, minutes, sessions):
    ask(gateway)
    clock.put_forward(minutes=minutes)
    ask(gateway)
    assert kinds(world).count(Kind.SESSION) == sessions


def test_every_answer_keeps_a_session_alive(gateway, world, clock):
    for _ in range(4):
        ask(gateway)
        clock.put_forward(minutes=20)
    assert kinds(world).count(Kind.SESSION) == 1


def test_a_refused_question_opens_no_session(gateway, world):
    gateway.post(PATH, json={})
    assert kinds(world) == []


def test_a_session_goes_on_after_a_restart(open_gateway, world):
    for _ in range(2):
        with open_gateway() as gateway:
            ask(gateway)
            gateway.post(PATH, json=typed_body(ENDED))
    assert kinds(world) == [Kind.SESSION] + [Kind.DISCLOSE] * 4


def test_a_session_that_was_over_does_not_go_on_after_a_restart(open_gateway, world, clock):
    for _ in range(2):
        with open_gateway() as gateway:
            ask(gateway)
        clock.put_forward(minutes=31)
    assert kinds(world).count(Kind.SESSION) == 2


def test_what_is_kept_of_a_user_agent_is_printable_and_short(gateway, world):
    ask(gateway, agent="é\u00a0Robot" + "x" * 900)
    [(*_, agent)] = read_sessions(world)
    assert agent.isascii()
    assert len(agent) == 200


def test_a_software_without_a_name_has_a_session_too(gateway, world):
    ask(gateway, agent="")
    assert [agent for *_, agent in read_sessions(world)] == [""]
