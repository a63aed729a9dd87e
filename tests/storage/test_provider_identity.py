"""A provider's name of somebody is linked once, by the role that recognises people only."""

import secrets
from datetime import timedelta

import psycopg
import pytest

from rempart.storage import professional_accounts
from rempart.storage.connect import Database


@pytest.fixture
def actors(database: Database) -> tuple[int, int]:
    with database.transaction("owner") as tx:
        for ref in (1, 2):
            tx.execute(
                "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
                " VALUES (%s, 'agent', 'Essai', %s)",
                (ref, secrets.token_bytes(32)),
            )
    return 1, 2


def test_a_name_is_of_one_person_and_a_person_has_one_name(database: Database, actors):
    first, second = actors
    with database.transaction("signin") as tx:
        assert professional_accounts.link_actor(tx, "p", "name", first)
        assert not professional_accounts.link_actor(tx, "p", "name", second)
        assert not professional_accounts.link_actor(tx, "p", "another", first)
        assert professional_accounts.link_actor(tx, "q", "name", second)
        found = professional_accounts.find_linked_actor(tx, "p", "name")
        assert found is not None
        assert (found.actor_ref, found.kind, found.suspended) == (first, "agent", False)
        assert professional_accounts.find_linked_actor(tx, "p", "Name") is None


def test_without_the_constraint_two_people_would_share_a_name(database: Database, actors):
    with database.transaction("owner") as tx:
        tx.execute("ALTER TABLE accounts.provider_identity DROP CONSTRAINT provider_identity_pkey")
        tx.execute(
            "ALTER TABLE accounts.provider_identity"
            " DROP CONSTRAINT provider_identity_provider_actor_ref_key"
        )
    with database.transaction("signin") as tx:
        assert all(professional_accounts.link_actor(tx, "p", "name", one) for one in actors)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts.provider_identity SET actor_ref = 2",
        "DELETE FROM accounts.provider_identity",
    ],
)
def test_a_link_is_not_moved_by_whoever_recognises_people(database: Database, actors, statement):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        database.transaction("signin") as tx,
    ):
        tx.execute(statement)


@pytest.mark.parametrize("login", ["portals", "gateway", "feeds", "analyst"])
def test_nobody_else_reads_names_of_providers(database: Database, login):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction(login) as tx:
        tx.execute("SELECT subject FROM accounts.provider_identity")


def test_a_message_serves_once_across_connections(database: Database):
    digest, hour = secrets.token_bytes(32), timedelta(hours=1)
    with database.transaction("signin") as tx:
        assert professional_accounts.use_message(tx, digest, lifetime=hour)
    with database.transaction("signin") as tx:
        assert not professional_accounts.use_message(tx, digest, lifetime=hour)
