"""Create organisations: by hand, with insurers, and with establishments and who holds them.

Refuses a second operator of one insurer on one day, and a second host of the installation.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.organisations import (
    Mandate,
    MandateKind,
    Organisation,
    check_can_create,
    check_can_mandate,
)
from rempart.accounts.roles import OrganisationKind
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.kernel.listing import Listing
from rempart.kernel.periods import OPEN_END, Period
from rempart.storage import organisations
from rempart.storage.accounts import Establishment, Professional
from rempart.storage.connect import Transaction
from rempart.storage.feeds import FeedInsurer
from rempart.storage.organisations import (
    EstablishmentOrganisation,
    Holder,
    InsurerOrganisation,
    ListedOrganisation,
    OrganisationColumn,
    ProfessionalActor,
)
from rempart.workflows.accounts.web_session import draw_ref, record_event

__all__ = [
    "HOST_NAME",
    "ListedOrganisation",
    "OrganisationColumn",
    "create_organisation",
    "end_mandate",
    "ensure_host",
    "list_mandates",
    "list_organisations",
    "load_organisation",
    "record_mandate",
    "register_establishments",
    "register_insurer_organisations",
]

HOST_NAME: Final = "Opérateur"
USER_HANDLE_BYTES: Final = 32


def create_organisation(
    tx: Transaction, kind: OrganisationKind, name: str, *, hosted_by: int | None = None
) -> int:
    """Create an operator, an employer or a publisher; return its reference.

    Args:
        tx: A transaction of the role `registrar`.
        kind: What it is.
        name: What people call it.
        hosted_by: The operator that hosts it, for a hosted operator.

    Raises:
        InvalidRequest: this kind is not created by hand, or the name is empty.
        NotFound: there is no operator `hosted_by`.
        Conflict: there is a host already, or the one named cannot host.
    """
    if not name.strip():
        raise InvalidRequest("an organisation has a name")
    organisations.lock_registry(tx)
    host = None if hosted_by is None else load_organisation(tx, hosted_by)
    check_can_create(kind, host=organisations.find_host(tx), hosted_by=host)
    made = Organisation(org_ref=draw_ref(), kind=kind, name=name.strip(), hosted_by=hosted_by)
    organisations.save_organisation(tx, made)
    if hosted_by is not None:
        hosting = Mandate(
            kind="hosts",
            principal_ref=made.org_ref,
            agent_ref=hosted_by,
            period=Period(organisations.read_day(tx), OPEN_END),
        )
        organisations.save_mandate(tx, hosting, mandate_ref=draw_ref())
    details: dict[str, str] = {"kind_of_organisation": kind}
    if hosted_by is not None:
        details["hosted_by"] = str(hosted_by)
    _record(tx, SecurityEventKind.ORGANISATION_CREATED, made.org_ref, details)
    return made.org_ref


def ensure_host(tx: Transaction) -> tuple[int, bool]:
    """Return the operator that runs this installation, and whether it was just created."""
    organisations.lock_registry(tx)
    host = organisations.find_host(tx)
    if host is not None:
        return host.org_ref, False
    return create_organisation(tx, "operator", HOST_NAME), True


def record_mandate(
    tx: Transaction, kind: MandateKind, *, principal_ref: int, agent_ref: int, period: Period
) -> None:
    """Record what one organisation does for another over a period.

    Raises:
        NotFound: one of the two does not exist.
        InvalidRequest: these kinds of organisations have no such mandate.
        Conflict: somebody has one of these days already.
    """
    organisations.lock_registry(tx)
    check_can_mandate(
        kind,
        principal=load_organisation(tx, principal_ref),
        agent=load_organisation(tx, agent_ref),
        period=period,
        others=organisations.list_mandates(tx, principal_ref),
    )
    mandate = Mandate(kind=kind, principal_ref=principal_ref, agent_ref=agent_ref, period=period)
    organisations.save_mandate(tx, mandate, mandate_ref=draw_ref())
    details = {
        "mandate": kind,
        "from": period.starts_on.isoformat(),
        "to": period.ends_on.isoformat(),
    }
    # Whoever is given it and whoever gives it each have their event.
    _record(
        tx, SecurityEventKind.MANDATE_GIVEN, principal_ref, {**details, "to_org": str(agent_ref)}
    )
    _record(
        tx, SecurityEventKind.MANDATE_GIVEN, agent_ref, {**details, "by_org": str(principal_ref)}
    )


def end_mandate(
    tx: Transaction, kind: MandateKind, *, principal_ref: int, agent_ref: int, last_day: date
) -> None:
    """Say on which day what one organisation does for another is done for the last time.

    Args:
        tx: A transaction of the role `registrar`.
        kind: What is done.
        principal_ref: For whom.
        agent_ref: By whom.
        last_day: It counts; not before the first one, nor after an end that was said already.

    Raises:
        NotFound: no such mandate includes that day: it never began, or was over before.
    """
    organisations.lock_registry(tx)
    if not organisations.end_mandate(
        tx, kind, principal_ref=principal_ref, agent_ref=agent_ref, last_day=last_day
    ):
        raise NotFound(
            f"organisation {agent_ref} {kind} for {principal_ref} on no such day: "
            "`rempart organisation mandates` lists who does what, from when to when"
        )
    details = {"mandate": kind, "to": last_day.isoformat()}
    _record(
        tx, SecurityEventKind.MANDATE_GIVEN, principal_ref, {**details, "to_org": str(agent_ref)}
    )
    _record(
        tx, SecurityEventKind.MANDATE_GIVEN, agent_ref, {**details, "by_org": str(principal_ref)}
    )


def load_organisation(tx: Transaction, org_ref: int) -> Organisation:
    """Return an organisation.

    Raises:
        NotFound: there is none the asker sees.
    """
    found = organisations.load_organisation(tx, org_ref)
    if found is None:
        raise NotFound("no such organisation: `rempart organisation list` shows them all")
    return found


def list_organisations(
    tx: Transaction,
    kinds: Sequence[OrganisationKind],
    listing: Listing[OrganisationColumn],
    *,
    words: str = "",
) -> tuple[list[ListedOrganisation], int]:
    """Return one page of the organisations whose name contains `words`, and how many there are."""
    return organisations.list_organisations(tx, kinds, listing, words=words)


def list_mandates(tx: Transaction, principal_ref: int) -> list[Mandate]:
    """Return what is done for one organisation, the oldest first."""
    return organisations.list_mandates(tx, principal_ref)


def register_insurer_organisations(tx: Transaction, insurers: Iterable[FeedInsurer]) -> None:
    """Give each insurer its organisation, or this one the insurer's present name.

    Args:
        tx: A transaction of the role `registrar`; the insurers are committed.
        insurers: Any of them, again as often as one likes.
    """
    rows = {
        one.insurer_id: InsurerOrganisation(draw_ref(), one.name, one.insurer_id)
        for one in insurers
    }
    organisations.save_insurer_organisations(tx, list(rows.values()))


def register_establishments(
    tx: Transaction,
    establishments: Iterable[Establishment],
    professionals: Iterable[Professional],
) -> None:
    """Give establishments their organisations, and professionals the right to act there.

    Each professional becomes the holder of the establishment the register names, and of no other
    any more. What is there already stays as it is: a role suspended stays suspended.

    Args:
        tx: A transaction of the role `registrar`, in which all of these were just saved.
        establishments: Each once.
        professionals: Each once.
    """
    organisations.save_establishment_organisations(
        tx,
        [
            EstablishmentOrganisation(draw_ref(), one.name, one.establishment_ref)
            for one in establishments
        ],
    )
    people = list(professionals)
    organisations.save_professional_actors(
        tx,
        [
            ProfessionalActor(
                one.account_ref, one.display_name, secrets.token_bytes(USER_HANDLE_BYTES)
            )
            for one in people
        ],
    )
    organisations.save_holders(
        tx,
        [
            Holder(one.account_ref, one.establishment_ref, draw_ref())
            for one in people
            if one.establishment_ref is not None
        ],
    )


def _record(
    tx: Transaction, kind: SecurityEventKind, org_ref: int, details: Mapping[str, str]
) -> None:
    """Write an event of an organisation, done at the machine: nobody's account did it."""
    event = SecurityEvent(kind=kind, actor_ref=None, org_ref=org_ref, details=details)
    record_event(tx, event)
