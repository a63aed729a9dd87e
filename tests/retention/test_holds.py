"""What is held stays, whole; a hold that is released lets go what it kept (I16)."""

import pytest
from psycopg import errors
from tests.feed_samples import INSURER
from tests.retention.practice import TODAY, Cellar

from rempart.retention.terms import add_months
from rempart.workflows.members.data_requests import plan_requested, resume_requested
from rempart.workflows.retention.approve_purge import refuse_run
from rempart.workflows.retention.run_retention import run_retention

DAY_MS = 86_400_000
NOW_MS = 1_795_000_000_000


@pytest.fixture
def left(cellar: Cellar) -> int:
    """Somebody of whom everything is due."""
    cellar.add(1, left_months=75)
    cellar.load()
    [person] = cellar.list_persons()
    return person


def hold(cellar: Cellar, ref: int, person: int | None, **changes) -> None:
    values = {"kind": "judicial", "contract_ref": None, "fields": [], "reason": "commission"}
    values |= changes
    cellar.run(
        "INSERT INTO retention.data_hold (hold_ref, kind, insurer_id, person_ref, contract_ref,"
        " fields, reason) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        *(ref, values["kind"], INSURER, person, values["contract_ref"]),
        *(values["fields"], values["reason"]),
    )


def release(cellar: Cellar, ref: int) -> None:
    cellar.run("UPDATE retention.data_hold SET release_reason = 'fin' WHERE hold_ref = %s", ref)


def hold_window(
    cellar: Cellar, *, incident: bool = False, accounts: list[int] | None = None
) -> None:
    if incident:
        cellar.run(
            "INSERT INTO incidents.incident (title, exercise, starts_ms, ends_ms)"
            " VALUES ('Vol', false, %s, %s)",
            *(NOW_MS - DAY_MS, NOW_MS + DAY_MS),
        )
    cellar.run(
        "INSERT INTO retention.hold (incident_id, kind, from_ms, to_ms, account_refs, reason,"
        " placed_by) VALUES (%s, %s, %s, %s, %s, 'raison', 'essai')",
        *(1 if incident else None, "incident" if incident else "judicial"),
        *(NOW_MS - DAY_MS, NOW_MS + DAY_MS, accounts or []),
    )


def look_up(cellar: Cellar, person: int, *, account: int = 9, t_ms: int = NOW_MS) -> None:
    cellar.run("INSERT INTO ledger.log (log_id, origin, vkey) VALUES (1, 'log', 'v')")
    cellar.run("SELECT ledger.ensure_segment(1::smallint, 0)")
    cellar.run(
        "INSERT INTO ledger.entry (log_id, idx, kind, t_ms, salt, account_ref, session_ref,"
        " acct_seq, person_ref, insurer_id, ins_seq, lookup_key, purpose, mode, domain, care_day,"
        " outcome, fields, schema_version, data_version, request_id) VALUES (1, 0, 1, %s, %s, %s,"
        " 1, 1, %s, 7, 1, %s, 1, 1, 1, 1, 1, 1, 1, 1, %s)",
        *(t_ms, bytes(16), account, person, "0" * 32, "0" * 32),
    )


def test_a_hold_keeps_everything_of_a_person_and_says_its_name(cellar: Cellar, left: int):
    hold(cellar, 31, left)
    assert cellar.plan() is not None
    lines = cellar.fetch("SELECT DISTINCT held_by, state FROM retention.item")
    assert lines == [("judicial 31", "held")]


def test_a_hold_keeps_the_fields_it_names_and_no_others(cellar: Cellar, left: int):
    hold(cellar, 31, left, fields=["civil", "contact"])
    cellar.purge()
    assert cellar.see(left) == {"active": {"civil", "contact"}, "archive": set()}
    release(cellar, 31)
    cellar.purge()
    assert cellar.see(left) == {"active": set(), "archive": set()}
    assert cellar.fetch("SELECT count(*) FROM identity.person") == [(0,)]
    assert cellar.fetch("SELECT count(*) FROM retention.life") == [(0,)]


def test_a_hold_of_a_contract_keeps_whoever_it_covered_even_once_its_dates_left(cellar: Cellar):
    cellar.add(1, left_months=25)
    cellar.load()
    [person] = cellar.list_persons()
    [(contract,)] = cellar.fetch(
        "SELECT contract_ref[1] FROM rights.past_coverage WHERE person_ref = %s", person
    )
    hold(cellar, 31, None, contract_ref=contract, fields=["numbers"])
    cellar.purge(day=add_months(TODAY, 100))
    assert cellar.see(person) == {"active": {"numbers"}, "archive": set()}


def test_a_hold_placed_after_the_plan_keeps_what_it_had_planned(cellar: Cellar, left: int):
    run_id = cellar.plan()
    assert run_id is not None
    cellar.agree(run_id)
    hold(cellar, 31, left)
    ran = run_retention(cellar.keeper, run_id)
    assert (ran.deleted, ran.archived) == (0, 0)
    assert ran.kept > 0
    assert "civil" in cellar.see(left)["active"]
    release(cellar, 31)
    again = cellar.purge()
    assert again is not None
    assert cellar.see(left) == {"active": set(), "archive": set()}


@pytest.mark.parametrize("incident", [True, False])
def test_a_window_of_evidence_keeps_the_data_of_those_who_were_looked_up_in_it(
    cellar: Cellar, left: int, incident: bool
):
    look_up(cellar, left)
    hold_window(cellar, incident=incident, accounts=[9])
    assert cellar.plan() is not None
    assert cellar.fetch("SELECT DISTINCT state FROM retention.item") == [("held",)]


@pytest.mark.parametrize(
    ("account", "t_ms"), [(8, NOW_MS), (9, NOW_MS - 2 * DAY_MS), (9, NOW_MS + DAY_MS)]
)
def test_it_keeps_nothing_of_others(cellar: Cellar, left: int, account: int, t_ms: int):
    look_up(cellar, left, account=account, t_ms=t_ms)
    hold_window(cellar, accounts=[9])
    cellar.purge()
    assert cellar.see(left) == {"active": set(), "archive": set()}


def test_it_keeps_everybody_when_openings_of_the_window_left_the_database(
    cellar: Cellar, left: int
):
    hold_window(cellar, accounts=[9])
    look_up(cellar, 0)
    cellar.run(
        "INSERT INTO ledger.segment (log_id, segment, state, root, first_ms, last_ms,"
        " by_account_name, by_account_digest, by_person_name, by_person_digest, act_log, act_idx)"
        " VALUES (1, 0, 'cold', %s, %s, %s, 'a', %s, 'p', %s, 0, 0)",
        *(bytes(32), NOW_MS - 5 * DAY_MS, NOW_MS - DAY_MS, bytes(32), bytes(32)),
    )
    assert cellar.plan() is not None
    assert cellar.fetch("SELECT DISTINCT state FROM retention.item") == [("held",)]


def test_a_released_window_lets_go_what_it_kept(cellar: Cellar, left: int):
    look_up(cellar, left)
    hold_window(cellar)
    run_id = cellar.plan()
    assert run_id is not None
    cellar.agree(run_id)
    run_retention(cellar.keeper, run_id)
    assert "civil" in cellar.see(left)["active"]
    cellar.run(
        "UPDATE retention.hold SET released_by = 'essai', release_reason = 'fin',"
        " released_at = now()"
    )
    cellar.purge()
    assert cellar.see(left) == {"active": set(), "archive": set()}


@pytest.mark.parametrize("person", [404, -1])
def test_a_hold_keeps_somebody_of_its_insurer(cellar: Cellar, person: int):
    with pytest.raises(errors.InsufficientPrivilege, match="keeps somebody"):
        hold(cellar, 31, person)


def test_a_hold_is_released_once_with_a_reason(cellar: Cellar, left: int):
    hold(cellar, 31, left)
    with pytest.raises(errors.InsufficientPrivilege, match="released once"):
        cellar.run("UPDATE retention.data_hold SET released_by = 5 WHERE hold_ref = 31")
    release(cellar, 31)
    with pytest.raises(errors.InsufficientPrivilege, match="released once"):
        release(cellar, 31)


def ask_erasure(cellar: Cellar, person: int) -> int:
    cellar.run(
        "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
        " VALUES (12, 'agent', 'Dpo', %s)",
        bytes(32),
    )
    cellar.run(
        "INSERT INTO retention.request (request_ref, insurer_id, person_ref, kind, made_by,"
        " received_on, state, answered_by, answered_at, answer) VALUES (5, %s, %s, 'erasure', 12,"
        " %s, 'answered', 12, clock_timestamp(), 'oui')",
        *(INSURER, person, TODAY),
    )
    return 5


@pytest.mark.parametrize("is_late", [False, True])
def test_what_somebody_asked_to_erase_and_a_hold_kept_is_planned_again_once_it_is_released(
    cellar: Cellar, is_late: bool
):
    cellar.add(1, left_months=3)
    cellar.load()
    [person] = cellar.list_persons()
    request = ask_erasure(cellar, person)

    def resume() -> list[tuple]:
        resume_requested(cellar.begin, TODAY)
        return cellar.fetch(
            "SELECT run_id FROM retention.run WHERE origin = 'request' AND state = 'planned'"
        )

    if is_late:  # the hold comes between the plan and the run
        with cellar.begin() as tx:
            run_id = plan_requested(tx, request, TODAY)
        assert run_id is not None
        cellar.agree(run_id)
        hold(cellar, 31, person)
        assert run_retention(cellar.keeper, run_id).deleted == 0
    else:
        hold(cellar, 31, person)
        with cellar.begin() as tx:
            assert plan_requested(tx, request, TODAY) is None
    assert resume() == []
    release(cellar, 31)
    [(again,)] = resume()
    assert resume() == [(again,)]  # once
    cellar.agree(again)
    assert run_retention(cellar.keeper, again).deleted == 1
    assert "contact" not in cellar.see(person)["active"]
    assert resume() == []
    assert cellar.fetch("SELECT request_ref FROM retention.held_erasure") == []


def test_an_erasure_that_two_people_refused_is_not_planned_again(cellar: Cellar):
    cellar.add(1, left_months=75)
    cellar.load()
    [person] = cellar.list_persons()
    request = ask_erasure(cellar, person)
    hold(cellar, 31, person, fields=["civil"])
    with cellar.begin() as tx:
        run_id = plan_requested(tx, request, TODAY)
        assert run_id is not None
    with cellar.begin() as tx:
        refuse_run(tx, None, run_id, "non")
    release(cellar, 31)
    assert resume_requested(cellar.begin, TODAY) == 0
    assert cellar.fetch("SELECT request_ref FROM retention.held_erasure") == []
