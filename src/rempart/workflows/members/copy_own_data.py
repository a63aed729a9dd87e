"""A copy of all that is held about a member (GDPR, article 15): asked, filled, put together.

Identity and coverage are opened by a job, on record, and sealed for the pages for a week. The rest
is what the member's own pages show, under their ticket. Refuses to leave out what is held: a part
that is cut says so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from rempart.accounts.permissions import Permission, check_can
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import NotFound
from rempart.storage import own_copies
from rempart.storage.connect import Transaction
from rempart.storage.own_copies import CopyRow, CoverageLine
from rempart.storage.sealing import Kms, PersonRecord, Seal, load_insurer_key, open_sealed
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.claims.dispute_care import SealsWords, find_member
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.ledger.record_act import ActsLog, record_act

__all__ = ["CopyRow"]

KEPT_DAYS: Final = 7
REPORTS_DAYS: Final = 365
JOB: Final = "copy_own_data"
_QUESTION: Final = "own-copy"
_PURPOSE: Final = "access"
# What a job's argument has room for: eighteen digits.
_REF_BITS: Final = 59


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPart:
    """What the pages could not open by themselves: as it stood when the copy was made."""

    made_at: datetime
    identity: Mapping[str, Any]
    coverage: tuple[Mapping[str, Any], ...]

    def __repr__(self) -> str:
        return "<SealedPart>"


def ask_copy(tx: Transaction, asker: Asker) -> int:
    """Ask for a copy of all that is held about the member; return its reference.

    Raises:
        NotAllowed: they are no member.
        StepUpNeeded: a fresh ceremony is needed.
        Conflict: one is being made.
    """
    check_can(asker.visitor, Permission.EXPORT_OWN_DATA, now=asker.now)
    person_ref, insurer_id = find_member(asker)
    copy_ref = draw_ref() >> (63 - _REF_BITS) or 1
    own_copies.add_copy(
        tx,
        copy_ref=copy_ref,
        insurer_id=insurer_id,
        person_ref=person_ref,
        asked_by=asker.visitor.actor_ref,
        asked_at=asker.now,
    )
    enqueue(tx, JOB, copy_ref=copy_ref)
    return copy_ref


def list_copies(tx: Transaction, asker: Asker) -> list[CopyRow]:
    """Return the member's copies of this week, the newest first.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.READ_OWN_DATA, now=asker.now)
    since = asker.now - timedelta(days=KEPT_DAYS)
    return [one for one in own_copies.list_copies(tx) if one.asked_at > since]


def open_copy(tx: Transaction, asker: Asker, seal: SealsWords, copy_ref: int) -> SealedPart:
    """Return what was opened for a copy of the member's.

    Raises:
        NotAllowed: they are no member.
        StepUpNeeded: a fresh ceremony is needed.
        NotFound: there is no such copy of theirs, or it is not ready.
    """
    check_can(asker.visitor, Permission.EXPORT_OWN_DATA, now=asker.now)
    if copy_ref not in {one.copy_ref for one in list_copies(tx, asker)}:
        raise NotFound("no such copy")
    found = own_copies.load_copy(tx, copy_ref)
    if found is None:
        raise NotFound("no such copy")
    insurer_id, sealed, made_at = found
    said = json.loads(seal.open(insurer_id, "export", copy_ref, sealed))
    return SealedPart(made_at=made_at, identity=said["identity"], coverage=tuple(said["coverage"]))


def fill_copy(
    tx: Transaction, kms: Kms, seal: SealsWords, acts: ActsLog, copy_ref: int, *, now: datetime
) -> bool:
    """Open what is held of whoever asked, on record, and seal it for them; False: none waits.

    Args:
        tx: A transaction of the role feeds.
        kms: Opens the insurer's key.
        seal: Seals for the pages.
        acts: Where the opening is recorded, before it.
        copy_ref: Which copy.
        now: The clock.

    Raises:
        LedgerUnavailable: it cannot be recorded: nothing is opened.
        InconsistentRecord: the sealed identity was changed, or moved.
    """
    found = own_copies.find_copy(tx, copy_ref)
    if found is None:
        return False
    insurer_id, person_ref, asked_by = found
    now_ms = int(now.timestamp() * 1000)
    # A crash after this leaves an opening on record that gave nothing: too much is said.
    record_act(
        acts,
        LedgerRead(
            question=_QUESTION,
            purpose=_PURPOSE,
            from_ms=0,
            to_ms=now_ms,
            about=About(kind="persons", count=1),
        ),
        by=Author(asked_by, 0),
        subject=Subject(person_ref, insurer_id),
    )
    whose = {"insurer_id": insurer_id, "person_ref": person_ref}
    sealed = own_copies.load_identity(tx, **whose)
    identity = None
    if sealed is not None:
        key = load_insurer_key(tx, kms, insurer_id)
        identity = open_sealed(Seal(insurer_id, key), person_ref, sealed)
    plain = {
        "identity": {} if identity is None else _describe_identity(identity),
        "coverage": [_describe_line(one) for one in own_copies.list_coverage(tx, **whose)],
    }
    content = json.dumps(plain, ensure_ascii=False).encode()
    made = seal.seal(insurer_id, "export", copy_ref, content)
    own_copies.fill_copy(tx, copy_ref, sealed=made, made_at=now)
    return True


def forget_copies(tx: Transaction, *, now: datetime) -> int:
    """Remove copies of more than a week; return how many."""
    return own_copies.forget_copies(tx, before=now - timedelta(days=KEPT_DAYS))


def forget_reports(tx: Transaction, *, now: datetime) -> int:
    """Remove suspicious messages of more than a year; return how many."""
    return own_copies.forget_reports(tx, before=now - timedelta(days=REPORTS_DAYS))


def _describe_identity(record: PersonRecord) -> dict[str, Any]:
    return {
        "insured_nir": record.insured_nir,
        "own_nir": record.own_nir,
        "family_name": record.family_name,
        "birth_name": record.birth_name,
        "first_names": record.first_names,
        "birth_date": record.birth_date,
        "birth_rank": record.birth_rank,
        "quality": record.quality,
        "email": record.email,
        "phone": record.phone,
        "address": record.address,
        "postcode": record.postcode,
        "city": record.city,
        "stated_on": record.stated_on,
        "contracts": [
            {
                "contract_number": one.contract_number,
                "member_number": one.member_number,
                "card_code": one.card_code,
                "stated_on": one.stated_on,
            }
            for one in record.contracts
        ],
    }


def _describe_line(line: CoverageLine) -> dict[str, Any]:
    def write(day: Any) -> str | None:
        return None if day is None else day.isoformat()

    return {
        "starts_on": write(line.starts_on),
        "ends_on": write(line.ends_on),
        "suspended_from": write(line.suspended_from),
        "suspended_to": write(line.suspended_to),
        "is_past": line.is_past,
        "convention_type": line.convention_type,
        "csr": line.csr,
        "responsible": line.responsible,
        "domains": line.domains,
    }
