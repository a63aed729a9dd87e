"""Register software, replace its keys, revoke it; each act is written with its event.

Refuses a private key, and to change the portals' own software by hand: it follows the home.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.registration import (
    PORTALS_CLIENT_ID,
    Obstacle,
    PublicJwk,
    Registration,
    SoftwareRefused,
    check_can_add_key,
    check_can_end_key,
    check_can_register,
    read_jwk,
)
from rempart.accounts.tokens import SCOPES
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import NotFound
from rempart.storage import software
from rempart.storage.connect import Transaction
from rempart.storage.software import (
    ListedSoftware,
    SoftwareSort,
    StoredKey,
    StoredSoftware,
    find_establishment,
    list_keys,
    list_publishers,
    list_software,
)
from rempart.workflows.accounts.warn_contacts import warn_now
from rempart.workflows.accounts.web_session import Whence, draw_ref, record_event

__all__ = [
    "Author",
    "ListedSoftware",
    "SoftwareSort",
    "StoredKey",
    "StoredSoftware",
    "add_software_key",
    "end_exercise",
    "end_software_key",
    "find_establishment",
    "find_software",
    "list_keys",
    "list_publishers",
    "list_software",
    "register_exercise",
    "register_portals",
    "register_software",
    "revoke_software",
]

# A gateway may already have read the key that ends: the directory is read again within this time.
AT_ONCE: Final = timedelta(0)
EXERCISE_PREFIX: Final = "exercise-"
# A thief in a publisher's account begins with a key of their own.
_WARNED: Final = frozenset(
    {SecurityEventKind.SOFTWARE_REGISTERED, SecurityEventKind.SOFTWARE_KEY_ADDED}
)


@dataclass(frozen=True, slots=True)
class Author:
    """Who does it, from where; the command line has no author."""

    visitor: Visitor
    whence: Whence


def register_software(
    tx: Transaction, registration: Registration, *, author: Author | None = None
) -> int:
    """Let a software ask for tokens; return its reference.

    Args:
        tx: A transaction of the command line, or of a visitor who may register software.
        registration: What is registered.
        author: Who registers it.

    Raises:
        NotAllowed: it is not for this visitor to register.
        SoftwareRefused: the name is taken; nothing was written.
    """
    if author is not None:
        check_can_register(author.visitor, registration)
    client_ref = draw_ref()
    facts = {
        "client_ref": client_ref,
        "client_id": registration.client_id,
        "publisher_ref": registration.publisher_ref,
        "label": registration.label.strip(),
        "scopes": list(registration.scopes),
        "certificate_subject": registration.certificate_subject,
        "establishment_ref": registration.establishment_ref,
        "psc_clients": list(registration.psc_clients),
        "created_by": author.visitor.actor_ref if author else None,
    }
    if not software.save_software(tx, facts):
        raise SoftwareRefused(Obstacle.NAME_TAKEN)
    if registration.key is not None:
        software.save_key(tx, client_ref, *registration.key)
    kid = registration.key.kid if registration.key else ""
    _record(
        tx,
        SecurityEventKind.SOFTWARE_REGISTERED,
        client_id=registration.client_id,
        publisher_ref=registration.publisher_ref,
        author=author,
        details={"key": kid} if kid else {"by_certificate": True},
    )
    return client_ref


def add_software_key(
    tx: Transaction, client_ref: int, key: PublicJwk, *, author: Author | None = None
) -> None:
    """Add a public key to a software; those it has go on until they are ended.

    Raises:
        NotFound: there is no such software for this visitor.
        SoftwareRefused: it is revoked, has no use of keys, had this one, or has too many.
    """
    found, keys = _open(tx, client_ref)
    check_can_add_key(
        by_certificate=found.certificate_subject is not None,
        revoked=found.revoked_at is not None,
        live_kids=_live(keys),
        known=any(one.kid == key.kid for one in keys),
    )
    software.save_key(tx, client_ref, *key)
    _record_change(tx, SecurityEventKind.SOFTWARE_KEY_ADDED, found, {"key": key.kid}, author)


def end_software_key(
    tx: Transaction,
    client_ref: int,
    kid: str,
    *,
    delay: timedelta = AT_ONCE,
    author: Author | None = None,
) -> None:
    """End a key of a software, now or after a delay; tokens given before live out their minutes.

    Raises:
        NotFound: there is no such software for this visitor.
        SoftwareRefused: the key has ended, or is the last one.
    """
    found, keys = _open(tx, client_ref)
    lasting = frozenset(one.kid for one in keys if one.ends_at is None)
    check_can_end_key(kid, live_kids=_live(keys), lasting_kids=lasting)
    software.end_key(tx, client_ref, kid, delay=delay)
    details: dict[str, str | int | bool] = {"key": kid, "delay_s": int(delay.total_seconds())}
    _record_change(tx, SecurityEventKind.SOFTWARE_KEY_ENDED, found, details, author)


def revoke_software(tx: Transaction, client_ref: int, *, author: Author | None = None) -> None:
    """End a software: within five seconds none of its tokens opens anything.

    Doing it twice changes nothing.

    Raises:
        NotFound: there is no such software for this visitor.
    """
    found, _keys = _open(tx, client_ref)
    if software.revoke_software(tx, client_ref):
        _record_change(tx, SecurityEventKind.SOFTWARE_REVOKED, found, {}, author)


def find_software(
    tx: Transaction, *, client_ref: int | None = None, client_id: str | None = None
) -> StoredSoftware:
    """Return one software, by reference or by name.

    Raises:
        NotFound: there is none for this visitor.
    """
    found = software.find_software(tx, client_ref=client_ref, client_id=client_id)
    if found is None:
        raise NotFound("no such software: see the list")
    return found


def register_portals(tx: Transaction, jwk: Mapping[str, str]) -> None:
    """Make the portals' own software known, with the public key of this home and no other.

    Done at each start: a home that was replaced ends the key of the one before, and has its own
    again when it comes back.
    """
    key = read_jwk(jwk)
    facts = _describe_own(draw_ref(), PORTALS_CLIENT_ID, "Portail Rempart")
    software.save_software(tx, facts)
    found = find_software(tx, client_id=PORTALS_CLIENT_ID)
    software.lock_software(tx, found.client_ref)
    keys = list_keys(tx, found.client_ref)
    if all(one.kid != key.kid or one.ends_at is not None for one in keys):
        if any(one.kid == key.kid for one in keys):
            software.revive_key(tx, found.client_ref, key.kid)
        else:
            software.save_key(tx, found.client_ref, *key)
        _record_change(tx, SecurityEventKind.SOFTWARE_KEY_ADDED, found, {"key": key.kid}, None)
    for kid in _live(keys) - {key.kid}:
        software.end_key(tx, found.client_ref, kid, delay=AT_ONCE)
        _record_change(tx, SecurityEventKind.SOFTWARE_KEY_ENDED, found, {"key": kid}, None)


def register_exercise(tx: Transaction, *, label: str) -> tuple[str, int]:
    """Register a software for an exercise; return its name and reference.

    It has no key, so nobody can ask for a token in its name: whoever plays holds the home's key
    and signs the tokens. `end_exercise` revokes it.
    """
    client_ref = draw_ref()
    client_id = f"{EXERCISE_PREFIX}{client_ref:x}"
    facts = _describe_own(client_ref, client_id, label)
    software.save_software(tx, facts)
    _record(
        tx,
        SecurityEventKind.SOFTWARE_REGISTERED,
        client_id=client_id,
        publisher_ref=None,
        author=None,
        details={"exercise": True},
    )
    return client_id, client_ref


def end_exercise(tx: Transaction, client_ref: int) -> None:
    """Revoke the software of an exercise; doing it twice changes nothing.

    Raises:
        NotFound: there is no such software.
        SoftwareRefused: it is not that of an exercise.
    """
    found = find_software(tx, client_ref=client_ref)
    if found.publisher_ref is not None or not found.client_id.startswith(EXERCISE_PREFIX):
        raise SoftwareRefused(Obstacle.OF_THE_HOME)
    if software.revoke_software(tx, client_ref):
        _record_change(tx, SecurityEventKind.SOFTWARE_REVOKED, found, {"exercise": True}, None)


def _describe_own(client_ref: int, client_id: str, label: str) -> dict[str, object]:
    return {
        "client_ref": client_ref,
        "client_id": client_id,
        "publisher_ref": None,
        "label": label,
        "scopes": list(SCOPES),
        "certificate_subject": None,
        "establishment_ref": None,
        "psc_clients": [],
        "created_by": None,
    }


def _open(tx: Transaction, client_ref: int) -> tuple[StoredSoftware, list[StoredKey]]:
    """Find a software to change; two changes of the same one wait for each other."""
    software.lock_software(tx, client_ref)
    found = find_software(tx, client_ref=client_ref)
    if found.publisher_ref is None:
        raise SoftwareRefused(Obstacle.OF_THE_HOME)
    return found, list_keys(tx, client_ref)


def _live(keys: list[StoredKey]) -> frozenset[str]:
    return frozenset(one.kid for one in keys if one.is_live)


def _record_change(
    tx: Transaction,
    kind: SecurityEventKind,
    found: StoredSoftware,
    details: Mapping[str, str | int | bool],
    author: Author | None,
) -> None:
    _record(
        tx,
        kind,
        client_id=found.client_id,
        publisher_ref=found.publisher_ref,
        author=author,
        details=details,
    )


def _record(
    tx: Transaction,
    kind: SecurityEventKind,
    *,
    client_id: str,
    publisher_ref: int | None,
    author: Author | None,
    details: Mapping[str, str | int | bool],
) -> None:
    event_ref = record_event(
        tx,
        SecurityEvent(
            kind=kind,
            # Software is nobody's account: the event is for whoever did it, and their colleagues.
            actor_ref=author.visitor.actor_ref if author else None,
            session_ref=author.visitor.session_ref if author else None,
            org_ref=publisher_ref,
            address=author.whence.address if author else "",
            agent=author.whence.agent if author else "",
            details={"software": client_id, **details},
        ),
    )
    if kind in _WARNED:
        warn_now(tx, event_ref)
