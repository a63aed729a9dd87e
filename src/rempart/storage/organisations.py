"""Organisations and their mandates, in the accounts plane.

Refuses to decide who may create or stop one: the rules are in accounts.organisations.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.accounts.organisations import Mandate, MandateKind, Organisation
from rempart.accounts.roles import OrganisationKind
from rempart.kernel.listing import Listing
from rempart.kernel.periods import OPEN_END, Period
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("organisations")

OrganisationColumn: TypeAlias = Literal["name", "kind", "people", "state", "created"]


@dataclass(frozen=True, slots=True)
class ListedOrganisation:
    """One line of the list of organisations; `people` counts roles in force."""

    org_ref: int
    kind: OrganisationKind
    name: str
    host_name: str
    created_at: datetime
    suspended_at: datetime | None
    people: int


class InsurerOrganisation(NamedTuple):
    """An insurer's organisation to save; `org_ref` serves if there is none yet."""

    org_ref: int
    name: str
    insurer_id: int


class EstablishmentOrganisation(NamedTuple):
    """An establishment's organisation to save; `org_ref` serves if there is none yet."""

    org_ref: int
    name: str
    establishment_ref: int


class ProfessionalActor(NamedTuple):
    """A professional who may act; `user_handle` serves if there is none yet."""

    actor_ref: int
    display_name: str
    user_handle: bytes

    def __repr__(self) -> str:
        return "<ProfessionalActor>"


class Holder(NamedTuple):
    """Who holds which establishment; `membership_ref` serves if it is news."""

    actor_ref: int
    establishment_ref: int
    membership_ref: int


def load_organisation(tx: Transaction, org_ref: int) -> Organisation | None:
    """Return an organisation, or None."""
    return _read(tx.execute(QUERIES.load_organisation, {"org_ref": org_ref}).fetchone())


def find_host(tx: Transaction) -> Organisation | None:
    """Return the operator that runs this installation, or None."""
    return _read(tx.execute(QUERIES.find_host).fetchone())


def lock_registry(tx: Transaction) -> None:
    """Wait until nobody else creates organisations or mandates; holds until the end."""
    tx.execute(QUERIES.lock_registry)


def save_organisation(tx: Transaction, organisation: Organisation) -> None:
    """Add an operator, an employer or a publisher."""
    tx.execute(
        QUERIES.insert_organisation,
        {
            "org_ref": organisation.org_ref,
            "kind": organisation.kind,
            "name": organisation.name,
            "hosted_by": organisation.hosted_by,
        },
    )


def list_organisations(
    tx: Transaction,
    kinds: Sequence[OrganisationKind],
    listing: Listing[OrganisationColumn],
    *,
    words: str,
) -> tuple[list[ListedOrganisation], int]:
    """Return one page of the organisations, and how many there are.

    Args:
        tx: An open transaction.
        kinds: Which kinds to show, in the order in which `kind` sorts.
        listing: Which page; the name decides among equals.
        words: What their names contain; empty for all.
    """
    wanted = {"kinds": list(kinds), "words": words}
    return load_page(tx, QUERIES.list_organisations, listing, ListedOrganisation, wanted)


def suspend_organisation(tx: Transaction, org_ref: int) -> bool:
    """Stop an organisation; False when it was stopped already, or is not the asker's to stop."""
    return tx.execute(QUERIES.suspend_organisation, {"org_ref": org_ref}).fetchone() is not None


def restore_organisation(tx: Transaction, org_ref: int) -> bool:
    """Let an organisation go on; False when it was not stopped."""
    return tx.execute(QUERIES.restore_organisation, {"org_ref": org_ref}).fetchone() is not None


def list_mandates(tx: Transaction, principal_ref: int) -> list[Mandate]:
    """Return what is done for one organisation, the oldest first."""
    rows = tx.execute(QUERIES.list_mandates, {"principal_ref": principal_ref})
    return [
        Mandate(
            kind=kind,
            principal_ref=principal,
            agent_ref=agent,
            period=Period(starts_on, ends_on or OPEN_END),
        )
        for kind, principal, agent, starts_on, ends_on in rows
    ]


def end_mandate(
    tx: Transaction, kind: MandateKind, *, principal_ref: int, agent_ref: int, last_day: date
) -> bool:
    """Write the last day of a mandate that includes it; False when none does."""
    values = {
        "kind": kind,
        "principal_ref": principal_ref,
        "agent_ref": agent_ref,
        "last_day": last_day,
    }
    return tx.execute(QUERIES.end_mandate, values).fetchone() is not None


def read_day(tx: Transaction) -> date:
    """Return the civil day in Paris, by the database's clock."""
    [(day,)] = tx.execute(QUERIES.read_day)
    found: date = day
    return found


def save_mandate(tx: Transaction, mandate: Mandate, *, mandate_ref: int) -> None:
    """Add a mandate."""
    ends_on: date | None = None if mandate.period.is_open else mandate.period.ends_on
    tx.execute(
        QUERIES.insert_mandate,
        {
            "mandate_ref": mandate_ref,
            "principal_ref": mandate.principal_ref,
            "agent_ref": mandate.agent_ref,
            "kind": mandate.kind,
            "starts_on": mandate.period.starts_on,
            "ends_on": ends_on,
        },
    )


def save_insurer_organisations(tx: Transaction, rows: Collection[InsurerOrganisation]) -> None:
    """Give insurers their organisations, and these their present names."""
    tx.execute(QUERIES.save_insurer_organisations, _transpose(rows, InsurerOrganisation._fields))


def save_establishment_organisations(
    tx: Transaction, rows: Collection[EstablishmentOrganisation]
) -> None:
    """Give establishments their organisations, and these their present names."""
    given = _transpose(rows, EstablishmentOrganisation._fields)
    tx.execute(QUERIES.save_establishment_organisations, given)


def save_professional_actors(tx: Transaction, rows: Collection[ProfessionalActor]) -> None:
    """Let professionals act, under their present names."""
    tx.execute(QUERIES.save_professional_actors, _transpose(rows, ProfessionalActor._fields))


def save_holders(tx: Transaction, rows: Collection[Holder]) -> None:
    """Make each professional the holder of one establishment and of no other; write the events."""
    given = _transpose(rows, Holder._fields)
    tx.execute(QUERIES.end_holders_elsewhere, given)
    tx.execute(QUERIES.save_holders, given)


def _read(row: tuple[Any, ...] | None) -> Organisation | None:
    if row is None:
        return None
    org_ref, kind, name, hosted_by, suspended = row
    return Organisation(
        org_ref=org_ref, kind=kind, name=name, hosted_by=hosted_by, suspended=suspended
    )


def _transpose(rows: Collection[tuple[Any, ...]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
