"""Sends packages: one person asks, another one publishes them; withdraws, reminds.

Published, a package is in its insurer's space at once. Refuses to send what its asker sends alone,
and an exercise anywhere but to the insurers' spaces.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission
from rempart.accounts.second_person import are_apart
from rempart.incidents.packages import (
    REASON_LIMIT,
    REMINDER_AFTER,
    PackageState,
    check_can_ask,
    check_can_withdraw,
)
from rempart.incidents.room import EventKind, read_words
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import incident_room, package_pages, people
from rempart.storage.connect import Transaction
from rempart.storage.package_pages import (
    InsurerName,
    ListedPackage,
    PackageColumn,
    Receipt,
    Unreceived,
)
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import (
    COMMAND_LINE_REF,
    Asker,
    find_host_actor,
)
from rempart.workflows.accounts.warn_contacts import warn_now
from rempart.workflows.accounts.web_session import record_event

__all__ = [
    "InsurerName",
    "ListedPackage",
    "PackageColumn",
    "Receipt",
    "Unreceived",
    "ask_to_send",
    "list_missing",
    "list_packages",
    "list_receipts",
    "note_told",
    "read_package",
    "remind",
    "send_packages",
    "take_back",
    "warn_of_package",
    "withdraw",
]

_COMMAND_LINE_NAME: Final = "ligne de commande"
MOST_AT_ONCE: Final = 2000


def list_packages(
    tx: Transaction,
    asker: Asker | None,
    incident_id: int,
    listing: Listing[PackageColumn],
    *,
    latest: bool = True,
    insurer_id: int | None = None,
) -> tuple[list[ListedPackage], int]:
    """Return one page of an incident's packages, and how many there are.

    Args:
        tx: A transaction with the asker's ticket, or of the role analyst.
        asker: An agent of the host; None for the command line.
        incident_id: The incident.
        listing: Which page.
        latest: Whether only the latest of each insurer.
        insurer_id: Of one insurer; None: of all.
    """
    find_host_actor(asker, Permission.READ_INCIDENTS)
    return package_pages.list_packages(
        tx, listing, incident_id=incident_id, latest=latest, insurer_id=insurer_id
    )


def list_missing(tx: Transaction, asker: Asker | None, incident_id: int) -> list[InsurerName]:
    """Return the insurers without any package about an incident: nobody is forgotten."""
    find_host_actor(asker, Permission.READ_INCIDENTS)
    return package_pages.list_missing_insurers(tx, incident_id)


def list_receipts(tx: Transaction, package_ref: int) -> list[Receipt]:
    """Return the receipts of a package that the asker may see."""
    return package_pages.list_receipts(tx, package_ref)


def read_package(tx: Transaction, package_ref: int) -> ListedPackage:
    """Return one package.

    Raises:
        NotFound: there is none for whoever asks.
    """
    package = package_pages.load_package(tx, package_ref)
    if package is None:
        raise NotFound("no such package")
    return package


def ask_to_send(tx: Transaction, asker: Asker | None, package_refs: Sequence[int]) -> int:
    """Ask that packages be sent; return how many. A second person sends them.

    Raises:
        InvalidRequest: none is named, or too many.
        NotFound: no such package.
        Conflict: one waits for its certificate, or was asked for already; none of them is asked.
    """
    by_ref = find_host_actor(asker, Permission.SEND_PACKAGES)
    for package in _read_all(tx, package_refs):
        check_can_ask(package.state)
    asked = package_pages.ask_packages(tx, package_refs, by_ref=by_ref)
    if len(asked) != len(set(package_refs)):
        raise Conflict("a package changed meanwhile: look at the list again")
    return len(asked)


def take_back(tx: Transaction, asker: Asker | None, package_refs: Sequence[int]) -> int:
    """Take the question back before anybody sent; return how many."""
    find_host_actor(asker, Permission.SEND_PACKAGES)
    return len(package_pages.take_back_packages(tx, package_refs))


def send_packages(
    tx: Transaction, asker: Asker | None, package_refs: Sequence[int], *, now: datetime
) -> list[ListedPackage]:
    """Be the second person: publish packages to their insurers' spaces.

    Args:
        tx: A transaction with the asker's ticket, or of the role analyst.
        asker: An agent of the host; None for the command line.
        package_refs: The packages.
        now: The instant of the request.

    Returns:
        The packages, sent. Each insurer is warned, at the addresses known, in this transaction
        when a page asks.

    Raises:
        NotFound: no such package.
        NotAllowed: who asks sends too, or they do not count as two.
        Conflict: nobody asked, or it was sent already; none of them is sent.
    """
    by_ref = find_host_actor(asker, Permission.SEND_PACKAGES)
    found = _read_all(tx, package_refs)
    for package in found:
        _check_second_person(tx, asker, package, by_ref, now=now)
    sent = []
    for package in found:
        # Published by the commit. A crash before it leaves nothing sent and nobody warned.
        at = package_pages.send_package(tx, package.package_ref, by_ref=by_ref)
        if at is None:
            raise Conflict("a package changed meanwhile: look at the list again")
        _add_sent(tx, asker, package, at)
        if asker is not None:
            warn_of_package(tx, package, asker=asker)
        sent.append(read_package(tx, package.package_ref))
    return sent


def withdraw(tx: Transaction, asker: Asker | None, package_ref: int, reason: str) -> None:
    """Withdraw the latest package that was sent: it is not handed out any more.

    What is made next is a whole list again.

    Raises:
        NotFound: no such package.
        Conflict: it was not sent, or later ones rest on it.
        InvalidRequest: no reason.
    """
    by_ref = find_host_actor(asker, Permission.SEND_PACKAGES)
    package = read_package(tx, package_ref)
    latest, _total = package_pages.list_packages(
        tx,
        Listing(sort="number"),
        incident_id=package.incident_id,
        insurer_id=package.insurer_id,
        latest=True,
    )
    words = read_words(reason, "reason", REASON_LIMIT)
    check_can_withdraw(package.state, package.number, latest[0].number)
    if not package_pages.withdraw_package(tx, package_ref, by_ref=by_ref, reason=words):
        raise Conflict("this package changed meanwhile: look at the list again")
    incident_room.add_event(
        tx,
        package.incident_id,
        kind=EventKind.PACKAGE_SENT,
        happened_ms=int((asker.now if asker else people.read_clock(tx)).timestamp() * 1000),
        author=_name(asker),
        author_ref=by_ref or None,
        insurer_id=package.insurer_id,
        details={**_describe(package), "withdrawn": True, "reason": words},
    )


def remind(tx: Transaction, registrar: Transaction, *, now: datetime) -> list[Unreceived]:
    """Warn again the insurers that did not receive a package; return those packages.

    Args:
        tx: A transaction of the role analyst.
        registrar: One of the role registrar, which writes warnings.
        now: The instant.
    """
    late = package_pages.list_unreceived(tx, before=now - REMINDER_AFTER)
    for package in late:
        # A crash between the two commits warns once more.
        warn_of_package(registrar, package, SecurityEventKind.PACKAGE_REMINDED)
        package_pages.note_reminder(tx, package.package_ref)
    return late


def note_told(
    tx: Transaction, package_ref: int, *, by_name: str, received_at: datetime, now: datetime
) -> None:
    """Note a receipt that an insurer told of outside its space (role analyst).

    Args:
        tx: The transaction.
        package_ref: The package.
        by_name: Who said so, and how, in a few words.
        received_at: When they had it.
        now: The instant.

    Raises:
        NotFound: no such package.
        InvalidRequest: it was not sent by then, or that is to come.
        Conflict: it was noted already.
    """
    package = read_package(tx, package_ref)
    words = read_words(by_name, "by", 100)
    if package.sent_at is None or not package.sent_at <= received_at <= now:
        raise InvalidRequest("received: after the package was sent, and not later than now")
    org_ref = package_pages.insert_told(tx, package_ref, by_name=words, received_at=received_at)
    if org_ref is None:
        raise Conflict("this receipt was noted already, or the insurer has no organisation here")
    incident_room.add_event(
        tx,
        package.incident_id,
        kind=EventKind.PACKAGE_RECEIVED,
        happened_ms=int(received_at.timestamp() * 1000),
        author=_COMMAND_LINE_NAME,
        insurer_id=package.insurer_id,
        details={**_describe(package), "way": "told", "level": "insurer", "by": words},
    )


def warn_of_package(
    tx: Transaction,
    package: ListedPackage | Unreceived,
    kind: SecurityEventKind = SecurityEventKind.PACKAGE_SENT,
    *,
    asker: Asker | None = None,
) -> int:
    """Write the warnings for an insurer's addresses; return how many, 0 without an organisation.

    Args:
        tx: A transaction with the asker's ticket, or of the role registrar.
        package: What it is to receive.
        kind: That it was sent, or that nobody received it.
        asker: Who sent it; None for the command line.
    """
    org_ref = package_pages.find_insurer_organisation(tx, package.insurer_id)
    if org_ref is None:
        return 0
    visitor = asker.visitor if asker else None
    event = SecurityEvent(
        kind=kind,
        actor_ref=visitor.actor_ref if visitor else None,
        by_ref=visitor.actor_ref if visitor else None,
        session_ref=visitor.session_ref if visitor else None,
        org_ref=org_ref,
        address=asker.whence.address if asker else "",
        agent=asker.whence.agent if asker else "",
        details={"exercise": "yes"} if getattr(package, "exercise", False) else {},
    )
    return warn_now(tx, record_event(tx, event))


def _read_all(tx: Transaction, package_refs: Sequence[int]) -> list[ListedPackage]:
    if not 0 < len(set(package_refs)) <= MOST_AT_ONCE:
        raise InvalidRequest(f"packages: name 1 to {MOST_AT_ONCE} of them")
    return [read_package(tx, ref) for ref in sorted(set(package_refs))]


def _check_second_person(
    tx: Transaction, asker: Asker | None, package: ListedPackage, by_ref: int, *, now: datetime
) -> None:
    if package.state is not PackageState.ASKED or package.asked_at is None:
        raise Conflict("nobody asked that this package be sent, or it was sent already")
    if package.asked_by == by_ref:
        raise NotAllowed("another person sends what one asked for")
    if asker is None or package.asked_by == COMMAND_LINE_REF:
        return
    known = list_entitled(tx, asker.visitor.org_ref, Permission.SEND_PACKAGES)
    if not are_apart(known, package.asked_by or 0, by_ref, asked_at=package.asked_at, at=now):
        raise NotAllowed("another person sends: settled for a month, neither brought by the other")


def _add_sent(tx: Transaction, asker: Asker | None, package: ListedPackage, at: datetime) -> None:
    incident_room.add_event(
        tx,
        package.incident_id,
        kind=EventKind.PACKAGE_SENT,
        happened_ms=int(at.timestamp() * 1000),
        author=_name(asker),
        author_ref=asker.visitor.actor_ref if asker else None,
        insurer_id=package.insurer_id,
        details=_describe(package),
    )


def _describe(package: ListedPackage) -> dict[str, object]:
    return {
        "package": str(package.package_ref),
        "number": package.number,
        "conclusion": str(package.conclusion),
        "persons": package.persons,
    }


def _name(asker: Asker | None) -> str:
    return asker.visitor.display_name if asker else _COMMAND_LINE_NAME
