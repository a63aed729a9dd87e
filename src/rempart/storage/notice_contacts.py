"""Where people are reached: sealed under a key of the insurer that is not that of its identities.

Refuses to open a contact elsewhere than where it was sealed, and to print one.
"""

import hmac
import os
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from rempart.kernel.email_address import EmailAddress
from rempart.notices.contacts import Contact, ContactFlag, name_household
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries
from rempart.storage.sealing import KEY_BYTES, Kms, Seal

QUERIES: Final = load_queries("notice_contacts")
_HOUSEHOLD_BYTES: Final = 16


class _Stored(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A contact as it is sealed."""

    recipient: str
    person: str
    email: str
    address: tuple[str, ...]
    country: str
    left_on: date | None
    flags: int
    language: str

    def __repr__(self) -> str:
        return "<_Stored>"


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Stored).decode


class ContactSeal:
    """Seals and opens the contacts of one insurer.

    Args:
        insurer_id: Whose persons they are.
        key: 32 bytes, from `load_contact_seal`.
    """

    def __init__(self, insurer_id: int, key: bytes) -> None:
        self._seal = Seal(insurer_id, key)
        self._households = hmac.digest(key, b"household", "sha256")

    def seal(self, person_ref: int, contact: Contact) -> bytes:
        """Seal a contact for one person."""
        stored = _Stored(
            recipient=contact.recipient,
            person=contact.person,
            email="" if contact.email is None else contact.email.address,
            address=contact.address,
            country=contact.country,
            left_on=contact.left_on,
            flags=int(contact.flags),
            language=contact.language,
        )
        return self._seal.seal(person_ref, _encode(stored))

    def open(self, person_ref: int, sealed: bytes) -> Contact:
        """Open what `seal` sealed for the same person.

        Raises:
            InconsistentRecord: it was changed, moved, or is of another insurer.
        """
        stored = _decode(self._seal.open(person_ref, sealed))
        return Contact(
            recipient=stored.recipient,
            person=stored.person,
            email=EmailAddress(stored.email) if stored.email else None,
            address=stored.address,
            country=stored.country,
            left_on=stored.left_on,
            flags=ContactFlag(stored.flags),
            language="en" if stored.language == "en" else "fr",
        )

    def digest_household(self, contact: Contact) -> bytes | None:
        """Return what letters for one addressee at one address share; None: nothing does."""
        household = name_household(contact)
        if household is None:
            return None
        return hmac.digest(self._households, household.encode(), "sha256")[:_HOUSEHOLD_BYTES]


class SealedContact(NamedTuple):
    """A contact about to be written."""

    person_ref: int
    sealed: bytes
    household: bytes | None
    flags: int
    language: str


class WaitingFile(NamedTuple):
    """A file that waits to be read."""

    insurer_id: int
    sealed: bytes


def load_contact_seal(tx: Transaction, kms: Kms, insurer_id: int) -> ContactSeal:
    """Return what seals an insurer's contacts; its key is drawn at its first use.

    Args:
        tx: A transaction of the role notifier.
        kms: What wraps the key.
        insurer_id: Whose contacts.

    Raises:
        SetupError: the master key is not the one that wrapped it.
    """
    context = b"rempart/contacts/" + insurer_id.to_bytes(4, "big")
    fresh = kms.wrap(os.urandom(KEY_BYTES), context=context)
    tx.execute(QUERIES.add_contact_key, {"insurer_id": insurer_id, "wrapped_key": fresh})
    [(wrapped,)] = tx.execute(QUERIES.load_contact_key, {"insurer_id": insurer_id})
    return ContactSeal(insurer_id, kms.unwrap(wrapped, context=context))


def insert_file(
    tx: Transaction,
    file_ref: int,
    sealed: bytes,
    *,
    insurer_id: int,
    uploaded_by: int,
    holds: str = "contacts",
) -> bool:
    """Keep a file until it is read; False: its form was sent already."""
    values = {
        "file_ref": file_ref,
        "insurer_id": insurer_id,
        "holds": holds,
        "sealed": sealed,
        "uploaded_by": uploaded_by,
    }
    return tx.execute(QUERIES.insert_file, values).rowcount == 1


def lock_file(tx: Transaction, file_ref: int, *, holds: str = "contacts") -> WaitingFile | None:
    """Return a file that waits to be read, locked."""
    row = tx.execute(QUERIES.lock_file, {"file_ref": file_ref, "holds": holds}).fetchone()
    return None if row is None else WaitingFile(*row)


def list_packaged(tx: Transaction, insurer_id: int, person_refs: Sequence[int]) -> frozenset[int]:
    """Return which of some persons the insurer was told of."""
    values = {"insurer_id": insurer_id, "person_refs": list(person_refs)}
    return frozenset(row[0] for row in tx.execute(QUERIES.list_packaged, values))


def save_contacts(
    tx: Transaction, file_ref: int | None, insurer_id: int, contacts: Iterable[SealedContact]
) -> None:
    """Write where persons are reached, each person once; no file says it of professionals."""
    rows = list(contacts)
    values = {
        "insurer_id": insurer_id,
        "file_ref": file_ref,
        "person_refs": [one.person_ref for one in rows],
        "sealed": [one.sealed for one in rows],
        "households": [one.household for one in rows],
        "flags": [one.flags for one in rows],
        "languages": [one.language for one in rows],
    }
    tx.execute(QUERIES.save_contacts, values)


class ReachedProfessional(NamedTuple):
    """A professional, and where the accounts say they are reached: addresses still sealed."""

    account_ref: int
    name: str
    mail_ref: int | None
    mail: bytes | None
    post_ref: int | None
    post: bytes | None


def reach_professionals(
    tx: Transaction, incident_id: int, *, after: int, most: int
) -> list[ReachedProfessional]:
    """Return the professionals of an incident that follow one, by account."""
    values = {"incident_id": incident_id, "after": after, "most": most}
    return [ReachedProfessional(*row) for row in tx.execute(QUERIES.reach_professionals, values)]


def finish_file(
    tx: Transaction, file_ref: int, state: str, *, taken: int, refused: int, findings: Any
) -> None:
    """Say that a file was read, or refused; its bytes go."""
    values = {
        "file_ref": file_ref,
        "state": state,
        "rows": taken,
        "refused": refused,
        "findings": Jsonb(findings),
    }
    tx.execute(QUERIES.finish_file, values)


def list_forgettable(tx: Transaction, *, before: datetime) -> list[int]:
    """Return insurers whose contact data no campaign needs since an instant.

    Files of before it that nobody could read go at once.
    """
    tx.execute(QUERIES.drop_unread, {"before": before})
    return [
        insurer_id for (insurer_id,) in tx.execute(QUERIES.find_forgettable, {"before": before})
    ]


def forget_contacts(tx: Transaction, insurer_id: int) -> int:
    """Delete the contact data of one insurer; return how many."""
    values = {"insurer_id": insurer_id}
    forgotten = tx.execute(QUERIES.forget_contacts, values).rowcount
    tx.execute(QUERIES.note_forgotten, values)
    return forgotten
