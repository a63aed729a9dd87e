"""Accounts as a sign-in through an identity provider needs them; a connection of role signin.

Refuses to open anything: it says who somebody is here and where they may act.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rempart.accounts.roles import ActorKind, OrganisationKind, Role
from rempart.accounts.situations import MembershipFacts
from rempart.kernel.rpps import Rpps
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("professional_accounts")


@dataclass(frozen=True, slots=True)
class FoundProfessional:
    """A professional with an account."""

    actor_ref: int
    establishment_ref: int | None
    suspended: bool


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """An establishment with a space here."""

    org_ref: int
    name: str
    establishment_ref: int
    finess: str | None
    siret: str


@dataclass(frozen=True, slots=True)
class LinkedActor:
    """Whoever a provider's subject is linked to."""

    actor_ref: int
    kind: ActorKind
    suspended: bool


@dataclass(frozen=True, slots=True)
class ListedMembership:
    """A membership in force today, and the provider its organisation trusts (or nothing)."""

    facts: MembershipFacts
    provider: str


def find_professional(tx: Transaction, rpps: Rpps) -> FoundProfessional | None:
    """Return the account of an RPPS number, None when it has none."""
    row = tx.execute(QUERIES.find_professional, {"rpps": rpps.number}).fetchone()
    return None if row is None else FoundProfessional(*row)


def list_places(
    tx: Transaction, *, finess: Iterable[str], siret: Iterable[str]
) -> list[FoundPlace]:
    """Return the establishments with a space here among those of these numbers."""
    parameters = {"finess": list(finess), "siret": list(siret)}
    return [FoundPlace(*row) for row in tx.execute(QUERIES.list_places, parameters)]


def list_holders(tx: Transaction, org_refs: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
    """Return, by organisation, the professionals who hold it today, the first to come first."""
    found: dict[int, tuple[int, ...]] = {}
    for org_ref, actor_ref in tx.execute(QUERIES.list_holders, {"org_refs": list(org_refs)}):
        found[org_ref] = (*found.get(org_ref, ()), actor_ref)
    return found


def list_memberships(
    tx: Transaction, actor_ref: int, *, kinds: Iterable[OrganisationKind]
) -> list[ListedMembership]:
    """Return the memberships of somebody that are in force today, by organisation's name."""
    rows = tx.execute(QUERIES.list_memberships, {"actor_ref": actor_ref, "kinds": list(kinds)})
    return [
        ListedMembership(
            facts=MembershipFacts(
                membership_ref=row[0],
                org_ref=row[1],
                org_name=row[2],
                role=Role(row[3]),
                accountable_ref=row[4],
                accountable_name=row[5],
            ),
            provider=row[6],
        )
        for row in rows
    ]


def find_linked_actor(tx: Transaction, provider: str, subject: str) -> LinkedActor | None:
    """Return who a provider's subject is here, None when nobody."""
    parameters = {"provider": provider, "subject": subject}
    row = tx.execute(QUERIES.find_linked_actor, parameters).fetchone()
    return None if row is None else LinkedActor(*row)


def link_actor(tx: Transaction, provider: str, subject: str, actor_ref: int) -> bool:
    """Link a provider's subject to somebody; False when one of them is linked already."""
    parameters = {"provider": provider, "subject": subject, "actor_ref": actor_ref}
    return tx.execute(QUERIES.link_actor, parameters).fetchone() is not None


def may_come_through(tx: Transaction, org_ref: int, provider: str) -> bool:
    """Say whether an organisation's agents may come through a provider."""
    parameters = {"org_ref": org_ref, "provider": provider}
    return tx.execute(QUERIES.has_organisation_of, parameters).fetchone() is not None


def find_session_provider(tx: Transaction, session_ref: int) -> tuple[str, str] | None:
    """Return the provider of a live session and its name of the person, None when it is over."""
    row = tx.execute(QUERIES.find_session_provider, {"session_ref": session_ref}).fetchone()
    return None if row is None else (row[0], row[1])


def list_provider_sessions(tx: Transaction, provider: str, *, sid: str, subject: str) -> list[int]:
    """Return the live sessions a provider's session or subject opened, locked until the end."""
    parameters = {"provider": provider, "sid": sid, "subject": subject}
    return [row[0] for row in tx.execute(QUERIES.list_provider_sessions, parameters)]


def use_message(tx: Transaction, digest: bytes, *, lifetime: timedelta) -> bool:
    """Note that a single-use message was used; False when it was before."""
    parameters = {"digest": digest, "lifetime": lifetime}
    return tx.execute(QUERIES.use_message, parameters).fetchone() is not None
