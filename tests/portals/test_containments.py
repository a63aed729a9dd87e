"""Measures from the console: preview, hold, second person, undo; releases of the guard's own."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from psycopg import errors
from tests.portals import people

from rempart.accounts.containment import (
    ALONE_ACCOUNTS,
    EndReason,
    MeasureReason,
    MeasureStep,
    MeasureTarget,
)
from rempart.accounts.roles import Role
from rempart.guard.lookups import find_day
from rempart.kernel.errors import Conflict, InvalidRequest
from rempart.workflows.guard.contain import (
    MeasureRequest,
    contain,
    end_measure,
    release_account,
    release_many,
)

MEASURES = "/console/garde/mesures"
NEW = f"{MEASURES}/nouvelle"


@pytest.fixture(autouse=True)
def today(desk):
    """Measures end by the database's clock."""
    desk.clock = datetime.now(UTC)


@pytest.fixture
def org(desk):
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


@pytest.fixture
def two(desk, org):
    """Two people of the operator's security."""
    return make_operator(desk, org), make_operator(desk, org, name="Sacha Essai")


@pytest.fixture
def place(desk):
    return people.make_organisation(desk.database, "establishment", name="Pharmacie du Test")


@pytest.fixture
def pharmacist(desk, place):
    return people.make_agent(desk.database, place, Role.HOLDER, name="Claire Essai")


def make_operator(desk, org, *, role=Role.OPERATOR_SECURITY, **who):
    browser = Client()
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role, **who))
    return browser


def describe(ref, target="account", **values):
    return {
        "target": target,
        "ref": str(ref),
        "step": "suspend",
        "reason": "suspected_theft",
        "review_hours": "4",
        "exercise": "0",
        **values,
    }


def hold(browser, ref, target="account", *, name="one", **values):
    form = describe(ref, target, **values)
    return browser.post(NEW, {**form, "confirmed": "1", "request_id": name})


def fill(desk, place, count):
    """Give a place so many professionals, besides those it has."""
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name,"
            " establishment_ref) SELECT 900000 + n, '98' || lpad(n::text, 9, '0'), 'optician',"
            " 'Essai', %s FROM generate_series(1, %s) AS n",
            (place.establishment_ref, count),
        )


def list_measures(desk):
    with desk.database.transaction("owner") as tx:
        return tx.execute(
            "SELECT measure_ref, starts_at IS NOT NULL, ended_at IS NOT NULL, touched, end_reason"
            " FROM guard.measure ORDER BY asked_at"
        ).fetchall()


def list_events(desk):
    with desk.database.transaction("owner") as tx:
        rows = tx.execute(
            "SELECT kind, actor_ref FROM accounts.security_event"
            " WHERE kind ~ 'measure|released|contained' ORDER BY at"
        )
        return rows.fetchall()


def guard_holds(desk, account_ref, *, kind="contained", step=2):
    """Have the guard hold an account, as a gateway writes it."""
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO guard.account (account_ref, step) VALUES (%s, %s)"
            " ON CONFLICT (account_ref) DO UPDATE SET step = EXCLUDED.step",
            (account_ref, step),
        )
        tx.execute(
            "INSERT INTO guard.event (t_ms, account_ref, kind, step)"
            " VALUES ((extract(epoch FROM clock_timestamp()) * 1000)::bigint, %s, %s, %s)",
            (account_ref, kind, step),
        )


def read_step(desk, account_ref):
    with desk.database.transaction("owner") as tx:
        return tx.execute(
            "SELECT step, ordered_step, ordered_keeps_allowance FROM guard.account"
            " WHERE account_ref = %s",
            (account_ref,),
        ).fetchone()


def test_the_cost_of_a_measure_is_told_before_and_seeing_it_holds_nobody(desk, two, pharmacist):
    page = two[0].post(NEW, describe(pharmacist.actor_ref)).content.decode()
    assert "Claire Essai" in page
    assert "1 compte touché" in page
    assert "Ces 7 derniers jours : 0 vérifications, dont 0 par saisie" in page
    assert "Toute vérification de droits." in page
    assert "La facturation." in page
    assert list_measures(desk) == []
    with desk.database.transaction("owner") as tx:
        [(body,)] = tx.execute("SELECT body FROM ledger.statement").fetchall()
    assert "measure-preview" in body, "looking at one account's look-ups is on record"


def test_the_look_ups_of_seven_days_are_counted_typed_and_new_faces_apart(desk, two, pharmacist):
    add_lookups(desk, pharmacist.actor_ref, days_ago=8, persons=(1,), mode=1)
    add_lookups(desk, pharmacist.actor_ref, days_ago=2, persons=(1, 2, 3), mode=2)
    add_lookups(desk, pharmacist.actor_ref, days_ago=1, persons=(4,), mode=1)
    page = two[0].post(NEW, describe(pharmacist.actor_ref)).content.decode()
    assert "4 vérifications, dont 3 par saisie ; 3 personnes nouvelles, dont 2 saisies." in page


def test_new_faces_of_many_accounts_are_those_the_guard_counted(desk, two, pharmacist, monkeypatch):
    monkeypatch.setattr("rempart.storage.containment.MOST_FOR_NEW_FACES", 0)
    add_lookups(desk, pharmacist.actor_ref, days_ago=2, persons=(1, 2, 3), mode=2)
    day = find_day(int(desk.now().timestamp() * 1000))
    figures = ("typed", "typed_expected", "typed_deviation", "typed_allowance", "week", "card")
    figures += ("card_allowance", "refused", "local_count", "placed_count", "missed_count")
    figures += ("answered_count", "evidence", "card_evidence", "active_days")
    with desk.database.transaction("owner") as tx:
        for past, typed, card in ((1, 30, 500), (3, 10, 60), (9, 7, 7)):
            tx.execute(
                f"INSERT INTO guard.account_day (account_ref, day, profession, suspect,"
                f" typed_count, card_count, {', '.join(figures)})"
                f" VALUES (%s, %s, 'x', false, %s, %s{', 0' * len(figures)})",
                (pharmacist.actor_ref, day - past, typed, card),
            )
    page = two[0].post(NEW, describe(pharmacist.actor_ref)).content.decode()
    assert "600 personnes nouvelles, dont 40 saisies." in page


def add_lookups(desk, account_ref, *, days_ago, persons, mode):
    t_ms = int((desk.now() - timedelta(days=days_ago)).timestamp() * 1000)
    with desk.database.transaction("owner") as tx:
        tx.execute("SELECT ledger.ensure_segment(1::smallint, 0)")
        [(idx,)] = tx.execute("SELECT COALESCE(max(idx) + 1, 0) FROM ledger.entry").fetchall()
        for n, person in enumerate(persons):
            tx.execute(
                "INSERT INTO ledger.entry (log_id, idx, kind, t_ms, account_ref, session_ref,"
                " acct_seq, person_ref, insurer_id, ins_seq, lookup_key, purpose, mode, domain,"
                " care_day, outcome, fields, schema_version, data_version, request_id, salt)"
                " SELECT 1, %(idx)s, 1, %(t_ms)s, %(account)s, 1, %(idx)s, %(person)s, 1,"
                " %(idx)s, gen_random_uuid(), 1, %(mode)s, 1, 20000, 1, 0, 1, 1,"
                " gen_random_uuid(), decode(repeat('00', 16), 'hex')",
                {
                    "idx": idx + n,
                    "t_ms": t_ms,
                    "account": account_ref,
                    "person": person,
                    "mode": mode,
                },
            )


def test_one_person_holds_an_account_everybody_concerned_is_told_and_undoes_it(
    desk, two, pharmacist
):
    assert hold(two[0], pharmacist.actor_ref).status_code == 302
    [(ref, started, ended, touched, _)] = list_measures(desk)
    assert (started, ended, touched) == (True, False, 1)
    assert hold(two[0], pharmacist.actor_ref, name="again").status_code == 409
    assert two[1].post(f"{MEASURES}/{ref}/levee").status_code == 302
    assert list_measures(desk)[0][2:] == (True, 1, "over")
    assert two[1].post(f"{MEASURES}/{ref}/levee").status_code == 409
    assert list_events(desk) == [
        ("measure_begun", pharmacist.actor_ref),
        ("measure_ended", pharmacist.actor_ref),
    ]


def test_the_measures_are_taken_away_as_a_file_what_waits_first(desk, two, pharmacist):
    hold(two[0], pharmacist.actor_ref)
    lines = two[0].get(f"{MEASURES}.csv").content.decode().splitlines()
    assert len(lines) == 2
    assert ";1;en vigueur;" in lines[1]
    assert "en vigueur" in two[0].get(f"{MEASURES}?tri=review&sens=desc").content.decode()


def test_an_establishment_of_fifty_accounts_is_held_by_one_and_of_fifty_one_by_two(
    desk, two, place
):
    fill(desk, place, ALONE_ACCOUNTS)
    hold(two[0], place.establishment_ref, "establishment")
    assert list_measures(desk)[0][1:4] == (True, False, ALONE_ACCOUNTS)
    with desk.database.transaction("owner") as tx:
        tx.execute("TRUNCATE guard.measure")
    people.make_agent(desk.database, place, Role.HOLDER)
    hold(two[0], place.establishment_ref, "establishment")
    [(ref, started, _, touched, _)] = list_measures(desk)
    assert (started, touched) == (False, ALONE_ACCOUNTS + 1)
    page = two[0].get(MEASURES).content.decode()
    assert "attend une seconde personne" in page
    assert f"{ref}/confirmation" not in page, "its author is not asked to agree"
    assert two[0].post(f"{MEASURES}/{ref}/confirmation").status_code == 403
    assert two[1].post(f"{MEASURES}/{ref}/confirmation").status_code == 302
    assert list_measures(desk)[0][1]


def test_a_mass_suspension_by_mistake_waits_and_is_withdrawn_or_undone_in_one_click(desk, two):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
            " VALUES (1, '99700000005', 'pharmacist', 'Essai')"
        )
    form = describe("", "profession", number="pharmacist")
    page = two[0].post(NEW, form).content.decode()
    assert "Personne n’est retenu avant qu’une seconde personne confirme." in page
    two[0].post(NEW, {**form, "confirmed": "1", "request_id": "x"})
    [(ref, started, *_)] = list_measures(desk)
    assert not started
    two[0].post(f"{MEASURES}/{ref}/levee")
    assert list_measures(desk)[0][2:] == (True, 1, "withdrawn")
    two[0].post(NEW, {**form, "confirmed": "1", "request_id": "y"})
    ref = list_measures(desk)[1][0]
    two[1].post(f"{MEASURES}/{ref}/confirmation")
    assert list_measures(desk)[1][1]
    two[0].post(f"{MEASURES}/{ref}/levee")
    assert list_measures(desk)[1][2]


def test_a_puppet_invited_yesterday_is_no_second_person(desk, org, two, place):
    fill(desk, place, ALONE_ACCOUNTS + 1)
    hold(two[0], place.establishment_ref, "establishment")
    [(ref, *_)] = list_measures(desk)
    yesterday = (desk.now() - timedelta(days=1)).date().isoformat()
    puppet = make_operator(desk, org, name="Marionnette", since=yesterday)
    assert puppet.post(f"{MEASURES}/{ref}/confirmation").status_code == 403
    assert not list_measures(desk)[0][1]


def test_holding_accounts_one_at_a_time_does_not_go_past_the_second_person(desk, two, place):
    fill(desk, place, ALONE_ACCOUNTS)
    hold(two[0], place.establishment_ref, "establishment")
    other = people.make_organisation(desk.database, "establishment", name="Autre")
    somebody = people.make_agent(desk.database, other, Role.HOLDER)
    hold(two[0], somebody.actor_ref, name="more")
    assert [row[1] for row in list_measures(desk)] == [True, False]


def test_an_exercise_is_shown_as_one_and_ends_by_itself(desk, two, pharmacist):
    hold(two[0], pharmacist.actor_ref, exercise="5")
    assert "exercice" in two[0].get(MEASURES).content.decode()
    mine = Client()
    people.sign_in(mine, desk.database, pharmacist)
    page = mine.get("/professionnel/limites").content.decode()
    assert "Suspendre les vérifications · exercice" in page
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE guard.measure SET asked_at = now() - interval '10 min',"
            " ends_at = now() - interval '5 min'"
        )
    assert "Rien ne limite mon compte" in mine.get("/professionnel/limites").content.decode()
    assert "en vigueur" not in two[0].get(MEASURES).content.decode()


def test_the_portals_are_cut_elsewhere_and_a_wrong_number_is_said_beside_the_field(desk, two):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.software (client_ref, client_id, label, scopes)"
            " VALUES (5, 'rempart-portals-x', 'Portails', '{}')"
        )
    answer = two[0].post(NEW, describe(5, "software"))
    assert (answer.status_code, "Services" in answer.content.decode()) == (422, True)
    answer = two[0].post(NEW, describe("", number="99999999999"))
    assert (answer.status_code, "Personne n’a ce numéro" in answer.content.decode()) == (422, True)
    with desk.database.transaction("owner") as tx:
        tx.execute("DELETE FROM accounts.software WHERE client_ref = 5")


def test_the_data_protection_officer_reads_and_decides_nothing(desk, org, two, pharmacist):
    hold(two[0], pharmacist.actor_ref)
    [(ref, *_)] = list_measures(desk)
    dpo = make_operator(desk, org, role=Role.OPERATOR_DPO)
    assert dpo.get(MEASURES).status_code == 200
    assert dpo.get(NEW).status_code == 403
    assert dpo.post(f"{MEASURES}/{ref}/levee").status_code == 403
    hosted = people.make_organisation(desk.database, "operator", hosted_by=org.org_ref)
    outsider = make_operator(desk, hosted)
    assert outsider.get(MEASURES).status_code == 404
    assert hold(outsider, pharmacist.actor_ref, name="theirs").status_code == 404


def test_an_operator_releases_what_the_guard_held_in_one_click(desk, two, pharmacist):
    guard_holds(desk, pharmacist.actor_ref)
    address = f"/console/garde/comptes/{pharmacist.actor_ref}/liberation"
    answer = two[0].post(address, {"next": "/console", "reason": "mistake"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/console")
    assert read_step(desk, pharmacist.actor_ref) == (0, 0, False)
    assert two[0].post(address).status_code == 409
    assert list_events(desk) == [
        ("account_contained", pharmacist.actor_ref),
        ("account_released", pharmacist.actor_ref),
    ]


@pytest.mark.parametrize(("kind", "reason"), [("canary", "cleared"), ("contained", "given_back")])
def test_what_was_not_its_owners_days_teaches_the_guard_nothing(
    desk, two, pharmacist, kind, reason
):
    guard_holds(desk, pharmacist.actor_ref, kind=kind)
    address = f"/console/garde/comptes/{pharmacist.actor_ref}/liberation"
    assert 'value="given_back"' in two[0].get(address).content.decode()
    two[0].post(address, {"reason": reason})
    assert read_step(desk, pharmacist.actor_ref) == (0, 0, True)


def test_a_professional_who_never_came_to_the_pages_is_held_and_released_too(desk, two, place):
    fill(desk, place, 1)
    guard_holds(desk, 900001)
    assert two[0].post("/console/garde/comptes/900001/liberation").status_code == 302
    assert hold(two[0], 900001).status_code == 302
    assert list_events(desk) == [("account_released", None), ("measure_begun", None)]


def make_request(**changes):
    return MeasureRequest(
        **{
            "step": MeasureStep.SLOW,
            "target": MeasureTarget.ACCOUNT,
            "target_ref": 1,
            "reason": MeasureReason.PRECAUTION,
            **changes,
        }
    )


def test_the_command_line_alone_holds_no_more_than_a_person_does(desk, place, pharmacist):
    fill(desk, place, ALONE_ACCOUNTS)
    now = desk.now()
    wide = make_request(
        target=MeasureTarget.ESTABLISHMENT, target_ref=place.establishment_ref, note="x" * 501
    )
    with desk.database.transaction("registrar") as tx:
        with pytest.raises(InvalidRequest):
            contain(tx, None, wide, measure_ref=1, now=now)
        one = make_request(target_ref=pharmacist.actor_ref)
        assert contain(tx, None, one, measure_ref=2, now=now).starts
        with pytest.raises(Conflict), tx.transaction():
            contain(tx, None, one, measure_ref=3, now=now)
        end_measure(tx, None, 2, now=now, reason=EndReason.MISTAKE)
        with pytest.raises(Conflict):
            release_account(tx, None, pharmacist.actor_ref, now=now)


INSERT = (
    "INSERT INTO guard.measure (measure_ref, step, target, target_ref, profession, reason,"
    " asked_by, approved_by, asked_at, starts_at, review_at) VALUES (1, 'slow', %s, %s, %s,"
    " 'precaution', 5, %s, now(), now(), now() + interval '1 h')"
)


@pytest.mark.parametrize(
    ("target", "approved"),
    [("profession", None), ("profession", 5), ("software", None)],
)
def test_the_database_itself_refuses_one_person_for_many(desk, target, approved):
    of_many = target == "profession"
    values = (target, None if of_many else 7, "optician" if of_many else None, approved)
    refused = (errors.CheckViolation, errors.InsufficientPrivilege)
    with pytest.raises(refused), desk.database.transaction("owner") as tx:
        tx.execute(INSERT, values)


def test_mutation_without_its_trigger_the_database_lets_one_person_hold_a_crowd(desk, place):
    fill(desk, place, ALONE_ACCOUNTS + 1)
    values = ("establishment", place.establishment_ref, None, None)
    with desk.database.connect("owner") as tx:
        with pytest.raises(errors.InsufficientPrivilege), tx.transaction():
            tx.execute(INSERT, values)
        tx.execute("ALTER TABLE guard.measure DISABLE TRIGGER check_measure")
        tx.execute(INSERT, values)
        tx.rollback()


def test_a_measure_that_began_is_not_given_another_second_person(desk, two, pharmacist):
    hold(two[0], pharmacist.actor_ref)
    with (
        pytest.raises(errors.InsufficientPrivilege),
        desk.database.transaction("registrar") as tx,
    ):
        tx.execute("UPDATE guard.measure SET approved_by = 7")


def test_many_are_released_at_once_and_those_that_nothing_holds_are_left(desk, place, pharmacist):
    other = people.make_agent(desk.database, place, Role.HOLDER)
    guard_holds(desk, pharmacist.actor_ref)
    with desk.database.transaction("registrar") as tx:
        refs = [other.actor_ref, pharmacist.actor_ref]
        assert release_many(tx, None, refs, now=desk.now()) == [pharmacist.actor_ref]
    assert read_step(desk, pharmacist.actor_ref)[0] == 0
