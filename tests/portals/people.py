"""Invented organisations and people, and browsers already signed in as one of them."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.test import Client

from rempart.accounts.invitations import CODE_BITS, InvitationCode
from rempart.accounts.roles import ROLES_OF, OrganisationKind, Role
from rempart.kernel.synthetic import make_synthetic_rpps, make_synthetic_siret
from rempart.portals.session_store import SessionStore, compute_token_digest
from rempart.storage.connect import Database
from rempart.workflows.accounts.web_session import Recognised, Whence, open_web_session

WHENCE = Whence(address="192.0.2.10", agent="Firefox on a test bench")


@dataclass(frozen=True)
class Organisation:
    """An organisation in the database."""

    org_ref: int
    kind: OrganisationKind
    insurer_id: int | None = None
    establishment_ref: int | None = None


@dataclass(frozen=True)
class Somebody:
    """An actor with a role in an organisation, or a member of an insurer (org is None)."""

    actor_ref: int
    role: Role
    org: Organisation | None
    membership_ref: int | None
    accountable_ref: int | None = None


def draw() -> int:
    """Return a random reference."""
    return secrets.randbits(62) + 1


def make_organisation(
    database: Database,
    kind: OrganisationKind,
    *,
    name: str = "Organisation d'essai",
    hosted_by: int | None = None,
) -> Organisation:
    """Add an organisation, with its insurer or its establishment."""
    org_ref, insurer_id, establishment_ref = draw(), None, None
    with database.transaction("owner") as tx:
        if kind == "insurer":
            row = tx.execute(
                "SELECT COALESCE(max(insurer_id), 0) + 1 FROM rights.insurer"
            ).fetchone()
            insurer_id = int(row[0]) if row else 1
            tx.execute(
                "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
                " VALUES (%s, %s, %s, '2020-01-01')",
                (insurer_id, f"9{insurer_id:09d}", name),
            )
        if kind == "establishment":
            establishment_ref = draw()
            tx.execute(
                "INSERT INTO accounts.establishment"
                " (establishment_ref, siret, name, postcode, city)"
                " VALUES (%s, %s, %s, '75009', 'Paris')",
                (
                    establishment_ref,
                    make_synthetic_siret(establishment_ref % 99_989_999).number,
                    name,
                ),
            )
        tx.execute(
            "INSERT INTO accounts.organisation"
            " (org_ref, kind, name, insurer_id, establishment_ref, hosted_by)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (org_ref, kind, name, insurer_id, establishment_ref, hosted_by),
        )
    return Organisation(org_ref, kind, insurer_id, establishment_ref)


def make_agent(
    database: Database,
    org: Organisation,
    role: Role,
    *,
    name: str = "Camille Essai",
    accountable_ref: int | None = None,
    since: str = "2020-01-01",
) -> Somebody:
    """Add an actor with a role, given long ago; a holder or a locum is also a professional."""
    actor_ref, membership_ref = draw(), draw()
    professional = role in {Role.HOLDER, Role.LOCUM}
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
            " VALUES (%s, %s, %s, %s)",
            (
                actor_ref,
                "professional" if professional else "agent",
                name,
                secrets.token_bytes(32),
            ),
        )
        if professional:
            tx.execute(
                "INSERT INTO accounts.professional"
                " (account_ref, rpps, profession, display_name, establishment_ref)"
                " VALUES (%s, %s, 'pharmacist', %s, %s)",
                (
                    actor_ref,
                    make_synthetic_rpps(actor_ref % 10_000_000).number,
                    name,
                    org.establishment_ref,
                ),
            )
        tx.execute(
            "INSERT INTO accounts.membership"
            " (membership_ref, actor_ref, org_ref, role, accountable_ref, starts_on, created_at)"
            " VALUES (%s, %s, %s, %s, %s, '2020-01-01', %s)",
            (membership_ref, actor_ref, org.org_ref, role, accountable_ref, since),
        )
    return Somebody(actor_ref, role, org, membership_ref, accountable_ref)


def make_member(
    database: Database, insurer: Organisation, *, name: str = "Dominique Essai"
) -> Somebody:
    """Add a member's account at an insurer."""
    actor_ref = draw()
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
            " VALUES (%s, 'member', %s, %s)",
            (actor_ref, name, secrets.token_bytes(32)),
        )
        tx.execute(
            "INSERT INTO accounts.member (actor_ref, insurer_id, person_ref) VALUES (%s, %s, %s)",
            (actor_ref, insurer.insurer_id, draw()),
        )
    return Somebody(actor_ref, Role.MEMBER, None, None)


def invite(
    database: Database,
    who: Somebody,
    *,
    kind: str = "enrolment",
    expires: timedelta = timedelta(hours=1),
) -> str:
    """Add an invitation; return its code."""
    code = InvitationCode.from_number(secrets.randbits(CODE_BITS))
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.invitation"
            " (invitation_ref, code_digest, kind, actor_ref, org_ref, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, clock_timestamp() + %s)",
            (
                *(draw(), code.compute_digest(), kind, who.actor_ref),
                *(who.org.org_ref if who.org else None, expires),
            ),
        )
    return code.format()


def make_holder(database: Database, account_ref: int) -> Somebody:
    """Give a professional who is in the database already an actor and their own establishment."""
    org_ref, membership_ref = draw(), draw()
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
            " SELECT account_ref, 'professional', display_name, %s"
            " FROM accounts.professional WHERE account_ref = %s ON CONFLICT DO NOTHING",
            (secrets.token_bytes(32), account_ref),
        )
        tx.execute(
            "INSERT INTO accounts.organisation (org_ref, kind, name, establishment_ref)"
            " SELECT %s, 'establishment', e.name, e.establishment_ref"
            " FROM accounts.professional JOIN accounts.establishment AS e USING (establishment_ref)"
            " WHERE account_ref = %s ON CONFLICT DO NOTHING",
            (org_ref, account_ref),
        )
        row = tx.execute(
            "SELECT o.org_ref, o.establishment_ref FROM accounts.organisation AS o"
            " JOIN accounts.professional AS p USING (establishment_ref) WHERE p.account_ref = %s",
            (account_ref,),
        ).fetchone()
        assert row is not None
        tx.execute(
            "INSERT INTO accounts.membership"
            " (membership_ref, actor_ref, org_ref, role, starts_on, created_at)"
            " VALUES (%s, %s, %s, 'holder', '2020-01-01', '2020-01-01')",
            (membership_ref, account_ref, row[0]),
        )
    org = Organisation(row[0], "establishment", None, row[1])
    return Somebody(account_ref, Role.HOLDER, org, membership_ref)


def sign_in(client: Client, database: Database, who: Somebody) -> int:
    """Give a test's browser a live session of somebody, just stepped up; return its reference."""
    store = SessionStore()
    store.create()
    key = store.session_key or ""
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return adopt(key, database, who)


def adopt(key: str, database: Database, who: Somebody) -> int:
    """Make the session of a browser's token somebody's; return its reference."""
    with database.transaction("signin") as tx:
        return open_web_session(
            tx,
            Recognised(
                actor_ref=who.actor_ref,
                role=who.role,
                org_ref=who.org.org_ref if who.org else None,
                membership_ref=who.membership_ref,
                accountable_ref=who.accountable_ref,
                method="psc" if who.role in ROLES_OF["establishment"][:2] else "passkey",
            ),
            token_digest=compute_token_digest(key),
            whence=WHENCE,
        )
