"""The certificates that an insurer's packages are sealed for: given, agreed to, taken back.

Refuses to let one person put a certificate in force at once from a page; the database holds the
pages to the same rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.second_person import are_apart
from rempart.exchange.package_sealing import read_recipient
from rempart.incidents.sealing_keys import (
    KeyStanding,
    KeyState,
    SealingKey,
    check_is_proposed,
    decide_standing,
)
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.storage import package_pages, packages
from rempart.storage.connect import Transaction
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.warn_contacts import warn_now
from rempart.workflows.accounts.web_session import draw_ref, record_event


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A certificate and what it is worth now."""

    key: SealingKey
    standing: KeyStanding


def list_keys(tx: Transaction, asker: Asker) -> list[ShownKey]:
    """Return the certificates of the asker's insurer, the newest first."""
    insurer_id = _find_insurer(asker, Permission.READ_OWN_INCIDENTS)
    return show_keys(packages.list_sealing_keys(tx, insurer_id), at=asker.now)


def show_keys(keys: Sequence[SealingKey], *, at: datetime) -> list[ShownKey]:
    """Say what each certificate of one insurer is worth at an instant."""
    return [ShownKey(key, decide_standing(key, keys, at=at)) for key in keys]


def give_key(tx: Transaction, asker: Asker, content: bytes) -> SealingKey:
    """Give a certificate; a second person agrees, or three days pass for somebody alone.

    Raises:
        InvalidRequest: it cannot be sealed for; the message says why.
        Conflict: the insurer gave this one already.
    """
    insurer_id = _find_insurer(asker, Permission.MANAGE_SEALING_KEYS)
    key = make_key(content, insurer_id, at=asker.now, proposed_by=asker.visitor.actor_ref)
    if not packages.insert_key(tx, key):
        raise Conflict("this certificate was given already")
    _record(tx, asker, SecurityEventKind.SEALING_KEY_PROPOSED, key)
    return _find(tx, insurer_id, key.key_ref)


def try_key(tx: Transaction, asker: Asker, content: bytes) -> SealingKey | str:
    """Give a certificate as `give_key`, or return in words why it is not taken.

    Raises:
        Conflict: the insurer gave this one already.
    """
    try:
        return give_key(tx, asker, content)
    except InvalidRequest as refusal:
        return "; ".join(words for _field, words in refusal.fields) or str(refusal)


def approve_key(tx: Transaction, asker: Asker, key_ref: int) -> None:
    """Agree to a colleague's certificate: packages are sealed for it from now on.

    Raises:
        NotFound: no such certificate.
        NotAllowed: it is their own, or they do not count as two.
        Conflict: it was decided already.
    """
    insurer_id = _find_insurer(asker, Permission.MANAGE_SEALING_KEYS)
    key = _find(tx, insurer_id, key_ref)
    check_is_proposed(key)
    known = list_entitled(tx, asker.visitor.org_ref, Permission.MANAGE_SEALING_KEYS)
    by_ref = asker.visitor.actor_ref
    if not are_apart(known, key.proposed_by or 0, by_ref, asked_at=key.proposed_at, at=asker.now):
        raise NotAllowed("another person agrees: settled for a month, neither brought by the other")
    if not packages.decide_key(
        tx, key_ref, before=KeyState.PROPOSED, after=KeyState.APPROVED, approved_by=by_ref
    ):
        raise Conflict("this certificate was decided already")
    _record(tx, asker, SecurityEventKind.SEALING_KEY_APPROVED, key)


def end_key(tx: Transaction, asker: Asker, key_ref: int) -> None:
    """Refuse a certificate that waits, or take back one that is in force; at once, by one person.

    Raises:
        NotFound: no such certificate.
        Conflict: it is over already.
    """
    insurer_id = _find_insurer(asker, Permission.MANAGE_SEALING_KEYS)
    key = _find(tx, insurer_id, key_ref)
    after = KeyState.REFUSED if key.state is KeyState.PROPOSED else KeyState.REVOKED
    if key.state not in {KeyState.PROPOSED, KeyState.APPROVED} or not packages.decide_key(
        tx, key_ref, before=key.state, after=after
    ):
        raise Conflict("this certificate is over already")
    _record(tx, asker, SecurityEventKind.SEALING_KEY_ENDED, key)


def register_key(
    tx: Transaction, registrar: Transaction, content: bytes, insurer_id: int, *, now: datetime
) -> SealingKey:
    """Register a certificate that an insurer handed to the host: in force at once.

    Args:
        tx: A transaction of the role analyst.
        registrar: One of the role registrar, which records the event and warns the insurer.
        content: The certificate.
        insurer_id: Whose it is.
        now: The instant.

    Raises:
        InvalidRequest: it cannot be sealed for.
        NotFound: no such insurer.
        Conflict: it was given already.
    """
    if not packages.find_insurer(tx, insurer_id):
        raise NotFound(f"insurer {insurer_id} is not registered: import a feed first")
    key = make_key(content, insurer_id, at=now, proposed_by=None)
    if not packages.register_key(tx, key):
        raise Conflict("this certificate was given already")
    _tell_from_outside(registrar, SecurityEventKind.SEALING_KEY_APPROVED, key)
    return key


def revoke_key(
    tx: Transaction, registrar: Transaction, insurer_id: int, fingerprint: bytes
) -> None:
    """Take a certificate back at the command line; arguments as `register_key`.

    Raises:
        NotFound: the insurer has no such certificate in force.
    """
    keys = [
        one for one in packages.list_keys_to_seal(tx, insurer_id) if one.fingerprint == fingerprint
    ]
    if not keys or not packages.revoke_key(tx, insurer_id, fingerprint):
        raise NotFound("this insurer has no such certificate in force: see the list")
    _tell_from_outside(registrar, SecurityEventKind.SEALING_KEY_ENDED, keys[0])


def make_key(
    content: bytes, insurer_id: int, *, at: datetime, proposed_by: int | None
) -> SealingKey:
    """Read a certificate as one of an insurer.

    Raises:
        InvalidRequest: it cannot be sealed for.
    """
    if not content:
        raise InvalidRequest("certificate: the file is empty", (("certificate", "give the file"),))
    recipient = read_recipient(content, at=at)
    return SealingKey(
        key_ref=draw_ref(),
        insurer_id=insurer_id,
        certificate=recipient.certificate,
        fingerprint=recipient.fingerprint,
        subject=recipient.subject,
        starts_at=recipient.starts_at,
        ends_at=recipient.ends_at,
        state=KeyState.PROPOSED,
        proposed_by=proposed_by,
        proposed_by_name="",
        proposed_at=at,
        active_from=None,
    )


def _find_insurer(asker: Asker, permission: Permission) -> int:
    check_can(asker.visitor, permission, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotFound("there are no certificates here")
    return asker.visitor.insurer_id


def _find(tx: Transaction, insurer_id: int, key_ref: int) -> SealingKey:
    found = [one for one in packages.list_sealing_keys(tx, insurer_id) if one.key_ref == key_ref]
    if not found:
        raise NotFound("no such certificate")
    return found[0]


def _record(tx: Transaction, asker: Asker, kind: SecurityEventKind, key: SealingKey) -> None:
    visitor = asker.visitor
    event = SecurityEvent(
        kind=kind,
        actor_ref=visitor.actor_ref,
        by_ref=visitor.actor_ref,
        session_ref=visitor.session_ref,
        org_ref=visitor.org_ref,
        address=asker.whence.address,
        agent=asker.whence.agent,
        details={"fingerprint": key.fingerprint.hex()[:16]},
    )
    warn_now(tx, record_event(tx, event))


def _tell_from_outside(tx: Transaction, kind: SecurityEventKind, key: SealingKey) -> None:
    org_ref = package_pages.find_insurer_organisation(tx, key.insurer_id)
    if org_ref is None:
        return
    event = SecurityEvent(
        kind=kind,
        actor_ref=None,
        org_ref=org_ref,
        details={"fingerprint": key.fingerprint.hex()[:16]},
    )
    warn_now(tx, record_event(tx, event))
