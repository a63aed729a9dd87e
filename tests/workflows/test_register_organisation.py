"""Organisations: created by hand or with what they stand for, and what they do for others."""

import io
from datetime import date

import psycopg
import pytest
from tests.workflows.test_clients import make_row

from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.listing import Listing
from rempart.kernel.periods import Period
from rempart.kernel.synthetic import make_synthetic_siret
from rempart.storage.feeds import FeedInsurer
from rempart.storage.iban_seal import IbanSeal
from rempart.workflows.accounts.load_professionals import COLUMNS, load_professionals
from rempart.workflows.accounts.register_organisation import (
    create_organisation,
    end_mandate,
    ensure_host,
    list_mandates,
    list_organisations,
    record_mandate,
    register_insurer_organisations,
)

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
HOLDERS = """
    SELECT p.rpps, o.name, m.role, m.ends_on = 'infinity' AS open
    FROM accounts.membership AS m
    JOIN accounts.professional AS p ON p.account_ref = m.actor_ref
    JOIN accounts.organisation AS o USING (org_ref)
    ORDER BY p.rpps, m.ends_on
"""


def fetch(database, query):
    with database.transaction("admin") as tx:
        return tx.execute(query).fetchall()


def load(database, *rows):
    lines = [";".join(COLUMNS), *(";".join(row.values()) for row in rows)]
    with database.transaction("registrar") as tx:
        return load_professionals(tx, io.StringIO("\n".join(lines)), seal=IbanSeal(bytes(32)))


@pytest.fixture
def host(database):
    with database.transaction("registrar") as tx:
        return ensure_host(tx)[0]


def add_insurer(database, insurer_id=7, name="Aubelune"):
    insurer = FeedInsurer(
        insurer_id=insurer_id, amc_number=f"99{insurer_id:08d}", name=name, agreement=YEAR
    )
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (%s, %s, %s, '2020-01-01') ON CONFLICT DO NOTHING",
            (insurer_id, insurer.amc_number, name),
        )
    with database.transaction("registrar") as tx:
        register_insurer_organisations(tx, [insurer])
    [(org_ref,)] = fetch(
        database, f"SELECT org_ref FROM accounts.organisation WHERE insurer_id = {insurer_id}"
    )
    return org_ref


def test_the_host_is_created_once(database):
    with database.transaction("registrar") as tx:
        first, created = ensure_host(tx)
    with database.transaction("registrar") as tx:
        assert ensure_host(tx) == (first, False)
    assert created
    assert fetch(database, "SELECT kind, hosted_by FROM accounts.organisation") == [
        ("operator", None)
    ]


def test_a_second_operator_is_hosted_or_refused(database, host):
    with database.transaction("registrar") as tx:
        with pytest.raises(Conflict, match=f"--hosted-by {host}"):
            create_organisation(tx, "operator", "Autre opérateur")
        guest = create_organisation(tx, "operator", "  Autre opérateur ", hosted_by=host)
        with pytest.raises(Conflict, match="hosted itself"):
            create_organisation(tx, "operator", "Troisième", hosted_by=guest)
        with pytest.raises(NotFound):
            create_organisation(tx, "operator", "Troisième", hosted_by=12)
        with pytest.raises(InvalidRequest):
            create_organisation(tx, "publisher", " ")
        with pytest.raises(InvalidRequest, match="feed import"):
            create_organisation(tx, "insurer", "Aubelune")


def test_organisations_are_listed_by_kind_and_words(database, host):
    add_insurer(database, 7, "Aubelune")
    add_insurer(database, 8, "Brisemer")
    with database.transaction("registrar") as tx:
        create_organisation(tx, "publisher", "Logiciels de l’aube")
        kinds = ("operator", "insurer", "publisher")
        every, total = list_organisations(
            tx, kinds, Listing(sort="name", descending=False, limit=3)
        )
        dawn, _ = list_organisations(
            tx, kinds, Listing(sort="kind", descending=False, limit=9), words="AUB"
        )
        last, _ = list_organisations(tx, kinds, Listing(sort="name", offset=1))
    assert [one.name for one in every] == ["Aubelune", "Brisemer", "Logiciels de l’aube"]
    assert total == 4
    assert [one.name for one in dawn] == ["Aubelune", "Logiciels de l’aube"]
    assert [one.name for one in last] == ["Logiciels de l’aube"]


def test_an_insurer_keeps_its_organisation_when_its_name_changes(database):
    before = add_insurer(database, name="Aubelune")
    assert add_insurer(database, name="Aubelune Santé") == before
    assert fetch(database, "SELECT name FROM accounts.organisation") == [("Aubelune Santé",)]


def test_a_professional_of_the_register_holds_their_establishment(database):
    load(database, make_row(1), make_row(2))
    assert [row[2:] for row in fetch(database, HOLDERS)] == [("holder", True)] * 2
    assert fetch(
        database,
        "SELECT count(*) FROM accounts.actor AS a JOIN accounts.professional AS p"
        " ON p.account_ref = a.actor_ref AND p.display_name = a.display_name"
        " WHERE a.kind = 'professional'",
    ) == [(2,)]
    assert fetch(
        database, "SELECT kind, details->>'by' FROM accounts.security_event GROUP BY 1, 2"
    ) == [("role_given", "register")]


def test_loading_again_changes_nothing_and_says_nothing(database):
    load(database, make_row(1), make_row(2))

    def read_all():
        tables = ("organisation", "actor", "membership", "security_event")
        return [
            fetch(database, f"SELECT x::text FROM accounts.{one} AS x ORDER BY 1") for one in tables
        ]

    before = read_all()
    load(database, make_row(1), make_row(2))
    assert read_all() == before


def test_names_follow_the_register_and_suspensions_do_not(database):
    load(database, make_row(1))
    with database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.membership SET suspended_at = now()")
        tx.execute("UPDATE accounts.actor SET suspended_at = now()")
    load(database, make_row(1, family_name="Roger-Martin", establishment="Pharmacie du Pont"))
    assert fetch(
        database,
        "SELECT a.display_name, o.name, a.suspended_at IS NULL, m.suspended_at IS NULL"
        " FROM accounts.membership AS m JOIN accounts.actor AS a USING (actor_ref)"
        " JOIN accounts.organisation AS o USING (org_ref)",
    ) == [("Michel Roger-Martin", "Pharmacie du Pont", False, False)]


def move(database):
    """Have a professional's file name another establishment."""
    siret = make_synthetic_siret(9).number
    load(database, make_row(1, siret=siret, establishment="Pharmacie du Pont"))


def test_a_professional_who_moves_no_longer_holds_the_former_establishment(database):
    load(database, make_row(1))
    with database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.membership SET starts_on = current_date - 30")
    move(database)
    move(database)
    assert [row[1:] for row in fetch(database, HOLDERS)] == [
        ("Pharmacie du Moulin", "holder", False),
        ("Pharmacie du Pont", "holder", True),
    ]
    assert fetch(
        database, "SELECT kind, count(*) FROM accounts.security_event GROUP BY 1 ORDER BY 1"
    ) == [("role_changed", 1), ("role_given", 2)]
    load(database, make_row(1))
    assert fetch(database, HOLDERS)[-1][1:] == ("Pharmacie du Moulin", "holder", True)


def test_a_mandate_is_recorded_once_a_day(database, host):
    insurer = add_insurer(database)
    with database.transaction("registrar") as tx:
        guest = create_organisation(tx, "operator", "Hébergé", hosted_by=host)
        record_mandate(tx, "operates", principal_ref=insurer, agent_ref=host, period=YEAR)
        later = Period(date(2027, 1, 1))
        record_mandate(tx, "operates", principal_ref=insurer, agent_ref=guest, period=later)
        with pytest.raises(Conflict):
            record_mandate(tx, "operates", principal_ref=insurer, agent_ref=guest, period=YEAR)
        record_mandate(tx, "sub_processes", principal_ref=insurer, agent_ref=guest, period=YEAR)
        with pytest.raises(NotFound):
            record_mandate(tx, "operates", principal_ref=insurer, agent_ref=9, period=later)
    # The guest's hosting is one of them, from the day it was created.
    assert fetch(database, "SELECT count(*) FROM accounts.mandate") == [(4,)]
    assert fetch(
        database, "SELECT principal_ref, agent_ref FROM accounts.mandate WHERE kind = 'hosts'"
    ) == [(guest, host)]


def test_a_mandate_ends_on_a_day_it_had_and_no_other(database, host):
    insurer = add_insurer(database)
    parties = {"principal_ref": insurer, "agent_ref": host}
    with database.transaction("registrar") as tx:
        guest = create_organisation(tx, "operator", "Hébergé", hosted_by=host)
        record_mandate(tx, "operates", **parties, period=YEAR)
        end_mandate(tx, "operates", **parties, last_day=date(2026, 6, 30))
        with pytest.raises(NotFound, match="mandates"):
            end_mandate(tx, "operates", **parties, last_day=date(2026, 7, 1))
        with pytest.raises(NotFound):
            end_mandate(tx, "sub_processes", **parties, last_day=date(2026, 6, 1))
        with pytest.raises(InvalidRequest, match="does not host"):
            record_mandate(tx, "hosts", principal_ref=host, agent_ref=guest, period=YEAR)
        # From the day after, somebody else may.
        later = Period(date(2026, 7, 1))
        record_mandate(tx, "operates", principal_ref=insurer, agent_ref=guest, period=later)
        assert next(one.period.ends_on for one in list_mandates(tx, insurer)) == date(2026, 6, 30)


@pytest.mark.parametrize(
    ("kind", "agent"), [("operates", "guest"), ("sub_processes", "host")], ids=str
)
def test_the_database_itself_refuses_a_day_given_twice(database, host, kind, agent):
    insurer = add_insurer(database)
    with database.transaction("registrar") as tx:
        guest = create_organisation(tx, "operator", "Hébergé", hosted_by=host)
        record_mandate(tx, kind, principal_ref=insurer, agent_ref=host, period=YEAR)
    other = guest if agent == "guest" else host
    insert = (
        "INSERT INTO accounts.mandate VALUES"
        f" (1, {insurer}, {other}, '{kind}', '2026-12-31', 'infinity')"
    )
    with pytest.raises(psycopg.errors.ExclusionViolation), database.transaction("owner") as tx:
        tx.execute(insert)
    with database.transaction("owner") as tx:
        tx.execute(insert.replace("2026-12-31", "2027-01-01"))


EVENTS = "SELECT kind, org_ref, details FROM accounts.security_event ORDER BY at, kind, org_ref"


def test_an_organisation_is_created_with_its_event(database, host):
    with database.transaction("registrar") as tx:
        made = create_organisation(tx, "publisher", "Logiciels d’essai")
        guest = create_organisation(tx, "operator", "Invité", hosted_by=host)
    assert fetch(database, EVENTS) == [
        ("organisation_created", host, {"kind_of_organisation": "operator"}),
        ("organisation_created", made, {"kind_of_organisation": "publisher"}),
        (
            "organisation_created",
            guest,
            {"kind_of_organisation": "operator", "hosted_by": str(host)},
        ),
    ]


def test_a_mandate_is_an_event_of_both(database, host):
    insurer_ref = add_insurer(database)
    with database.transaction("registrar") as tx:
        guest = create_organisation(tx, "operator", "Invité", hosted_by=host)
        record_mandate(tx, "operates", principal_ref=insurer_ref, agent_ref=guest, period=YEAR)
    given = {"mandate": "operates", "from": "2026-01-01", "to": "2026-12-31"}
    found = [row for row in fetch(database, EVENTS) if row[0] == "mandate_given"]
    assert sorted(found, key=lambda row: "to_org" in row[2]) == [
        ("mandate_given", guest, {**given, "by_org": str(insurer_ref)}),
        ("mandate_given", insurer_ref, {**given, "to_org": str(guest)}),
    ]


def test_an_organisation_that_is_refused_leaves_no_event(database, host):
    with pytest.raises(Conflict), database.transaction("registrar") as tx:
        create_organisation(tx, "operator", "Un deuxième hôte")
    assert len(fetch(database, EVENTS)) == 1
