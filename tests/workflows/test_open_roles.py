"""The roles offered at the sign-in are those whose session then opens a page."""

import hashlib

import pytest
from tests.portals import people

from rempart.accounts.roles import Role
from rempart.storage.connect import Database
from rempart.workflows.accounts.passkey_ceremony import list_passkey_roles
from rempart.workflows.accounts.web_session import (
    Recognised,
    Whence,
    enter_session,
    open_web_session,
)

WHENCE = Whence(address="192.0.2.10", agent="Firefox on a test bench")
DIGEST = hashlib.sha256(b"token").digest()
HOLDER_STOPPED = "UPDATE accounts.membership SET suspended_at = now() WHERE role = 'holder'"


@pytest.mark.parametrize(
    ("end", "stays"),
    [
        ("SELECT 1", True),
        (HOLDER_STOPPED, False),
        ("UPDATE accounts.actor SET suspended_at = now() WHERE kind = 'professional'", False),
        ("UPDATE accounts.membership SET suspended_at = now() WHERE role = 'assistant'", False),
        ("UPDATE accounts.membership SET ends_on = '2020-01-02' WHERE role = 'assistant'", False),
        ("UPDATE accounts.organisation SET suspended_at = now()", False),
    ],
)
def test_a_role_is_offered_while_its_session_would_open(database: Database, end: str, stays: bool):
    org = people.make_organisation(database, "establishment", name="Pharmacie du Pont")
    holder = people.make_agent(database, org, Role.HOLDER)
    who = people.make_agent(database, org, Role.ASSISTANT, accountable_ref=holder.actor_ref)
    with database.transaction("signin") as tx:
        recognised = Recognised(
            actor_ref=who.actor_ref,
            role=who.role,
            org_ref=org.org_ref,
            membership_ref=who.membership_ref,
            accountable_ref=who.accountable_ref,
            method="passkey",
        )
        open_web_session(tx, recognised, token_digest=DIGEST, whence=WHENCE)
    with database.transaction("owner") as tx:
        tx.execute(end)  # type: ignore[call-overload]
    with database.transaction("portals") as tx:
        assert (enter_session(tx, DIGEST) is not None) is stays
    with database.transaction("signin") as tx:
        assert bool(list_passkey_roles(tx, who.actor_ref)) is stays
