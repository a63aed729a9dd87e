"""Accounts as a sign-in through an identity provider needs them; a connection of role signin.

Refuses to open anything: it says who somebody is here and where they may act.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rempart.accounts.roles import ActorKind
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
class FoundHolder:
    """Who holds an establishment; `able`: they are not suspended."""

    org_ref: int
    actor_ref: int
    name: str
    able: bool


@dataclass(frozen=True, slots=True)
class LinkedActor:
    """Whoever a provider's subject is linked to."""

    actor_ref: int
    kind: ActorKind
    suspended: bool


def find_professional(tx: Transaction, rpps: Rpps) -> FoundProfessional | None:
    """Return the account of an RPPS number, None when it has none."""
    row = tx.execute(QUERIES.find_professional, {"rpps": rpps.number}).fetchone()
    return None if row is None else FoundProfessional(*row)


def load_professional(tx: Transaction, actor_ref: int) -> FoundProfessional | None:
    """Return a professional's account, None when it is somebody else's."""
    row = tx.execute(QUERIES.load_professional, {"actor_ref": actor_ref}).fetchone()
    return None if row is None else FoundProfessional(*row)


def list_places(
    tx: Transaction, *, finess: Iterable[str], siret: Iterable[str]
) -> list[FoundPlace]:
    """Return the establishments with a space here among those of these numbers."""
    parameters = {"finess": list(finess), "siret": list(siret)}
    return [FoundPlace(*row) for row in tx.execute(QUERIES.list_places, parameters)]


def describe_places(tx: Transaction, org_refs: Iterable[int]) -> Mapping[int, FoundPlace]:
    """Return the establishments of these organisations that are open, by organisation."""
    rows = tx.execute(QUERIES.describe_places, {"org_refs": list(org_refs)})
    return {row[0]: FoundPlace(*row) for row in rows}


def list_holders(tx: Transaction, org_refs: Iterable[int]) -> list[FoundHolder]:
    """Return who holds these establishments today, suspended or not, the first to come first."""
    rows = tx.execute(QUERIES.list_holders, {"org_refs": list(org_refs)})
    return [FoundHolder(*row) for row in rows]


def list_stopped(tx: Transaction, actor_ref: int, org_refs: Iterable[int]) -> set[int]:
    """Return which of these establishments suspended or ended a role of somebody."""
    parameters = {"actor_ref": actor_ref, "org_refs": list(org_refs)}
    return {ref for (ref,) in tx.execute(QUERIES.list_stopped, parameters)}


def list_names(tx: Transaction, actor_refs: Iterable[int]) -> Mapping[int, str]:
    """Return what people are called."""
    return dict(tx.execute(QUERIES.list_names, {"actor_refs": list(actor_refs)}).fetchall())


def find_linked_actor(tx: Transaction, provider: str, subject: str) -> LinkedActor | None:
    """Return who a provider's subject is here, None when nobody."""
    parameters = {"provider": provider, "subject": subject}
    row = tx.execute(QUERIES.find_linked_actor, parameters).fetchone()
    return None if row is None else LinkedActor(*row)


def link_actor(tx: Transaction, provider: str, subject: str, actor_ref: int) -> bool:
    """Link a provider's subject to somebody; False when one of them is linked already."""
    parameters = {"provider": provider, "subject": subject, "actor_ref": actor_ref}
    return tx.execute(QUERIES.link_actor, parameters).fetchone() is not None


def list_trusting(tx: Transaction, org_refs: Iterable[int], provider: str) -> set[int]:
    """Return the organisations, among these, whose agents may come through a provider."""
    parameters = {"org_refs": list(org_refs), "provider": provider}
    return {row[0] for row in tx.execute(QUERIES.list_trusting, parameters)}


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
