"""Take fields of subjects out: to the archive, or out of everything as a purge said.

Both can be done again on any earlier state of the base: what is not there is gone already. Refuses
to leave a part of an identity that is due: it is sealed again without it.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from rempart.retention.fields import IDENTITY, OF_PERSON, Field
from rempart.retention.plan import Step
from rempart.retention.purges import Body, PurgeRecord
from rempart.storage import leaving, retention_runs
from rempart.storage.archive_seal import Vault
from rempart.storage.connect import Transaction
from rempart.storage.leaving import Archived
from rempart.storage.retention_runs import Leaving
from rempart.storage.sealing import PersonRecord, encode_record, open_sealed

KIND: Final = "fields"

# What each field of a sealed identity is made of, and what stands in its place once it left.
_PARTS: Final[Mapping[Field, Mapping[str, Any]]] = {
    Field.CIVIL: {
        "birth_date": "",
        "birth_rank": "",
        "family_name": "",
        "first_names": "",
        "birth_name": "",
        "quality": 0,
    },
    Field.NIR: {"insured_nir": "", "own_nir": ""},
    Field.NUMBERS: {"contracts": ()},
    Field.CONTACT: {"email": "", "phone": "", "address": "", "postcode": "", "city": ""},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Fields of subjects that go to the archive in one piece of a run.

    Args:
        run_id: The run.
        day: The day they leave.
        left: Subjects by field.
    """

    run_id: int
    day: date
    left: Mapping[Field, Sequence[Leaving]]


def make_fields_body(run_id: int, day: date, left: Mapping[Field, Sequence[Leaving]]) -> Body:
    """Return the body of a purge of fields."""
    return {
        "run": run_id,
        "day": day.isoformat(),
        "left": {field.value: [list(one) for one in subjects] for field, subjects in left.items()},
    }


def read_fields_body(body: Body) -> dict[Field, list[Leaving]]:
    """Return subjects by field of a purge of fields."""
    return {
        Field(name): [Leaving(*map(int, line)) for line in lines]
        for name, lines in body["left"].items()
    }


def apply_fields(
    tx: Transaction,
    vault: Vault,
    record: PurgeRecord,
    *,
    leaves_on: date | None = None,
    only: Mapping[Field, Sequence[Leaving]] | None = None,
) -> int:
    """Take out of everything what a purge names; return how many fields went.

    Args:
        tx: A transaction of the keeper, in which the caller marks the purge as applied.
        vault: Opens identities of which a part stays.
        record: The purge, which is in the journal.
        leaves_on: The day, which may be after the purge was said; None: that day, for a base that
            was restored, where it had gone.
        only: No others of those it names; None: all.
    """
    body = record.content
    day, run_id = leaves_on or date.fromisoformat(body["day"]), int(body["run"])
    left = read_fields_body(body) if only is None else only
    people = _begin(tx, left)
    known_by = _digest_keys(tx, vault, left)
    _take_from_identities(tx, vault, left)
    for field in _in_order(left):
        leaving.purge_fields(tx, record.number, field, [one.subject for one in left[field]])
        keys = known_by if field is Field.NIR else {}
        retention_runs.add_gone(tx, run_id, field, Step.DELETE, left[field], day=day, known_by=keys)
    leaving.forget_lives(tx, people)
    return sum(map(len, left.values()))


def archive_fields(tx: Transaction, vault: Vault, move: Move) -> int:
    """Seal fields into the archive and take them out of the active base; return how many."""
    people = _begin(tx, move.left)
    known_by = _digest_keys(tx, vault, move.left)
    parts = _take_from_identities(tx, vault, move.left)
    for field in _in_order(move.left):
        subjects = move.left[field]
        refs = [one.subject for one in subjects]
        values = parts[field] if field in IDENTITY else leaving.read_values(tx, field, refs)
        seals = {
            insurer_id: vault.load_archive_seal(tx, insurer_id)
            for insurer_id in {one.insurer_id for one in values}
        }

        def seal(one: Archived, field: Field = field, seals: Any = seals) -> bytes:
            sealed: bytes = seals[one.insurer_id].seal(one.subject, field.value, one.value)
            return sealed

        leaving.save_archived(tx, field, values, day=move.day, seal=seal)
        leaving.archive_fields(tx, move.run_id, field, [one.subject for one in values])
        keys = known_by if field is Field.NIR else {}
        retention_runs.add_gone(
            tx, move.run_id, field, Step.ARCHIVE, subjects, day=move.day, known_by=keys
        )
    leaving.forget_lives(tx, people)
    return sum(map(len, move.left.values()))


def _begin(tx: Transaction, left: Mapping[Field, Sequence[Leaving]]) -> list[int]:
    """Keep what periods of these persons count from; return who they are.

    Of those whose amounts leave, the last payment only: no other row will say it.
    """
    refs = {one.person_ref for field in left if field in OF_PERSON for one in left[field]}
    paid = {one.person_ref for one in left.get(Field.PAYMENT, ())} - refs
    people = leaving.read_people(tx, sorted(refs))
    people += [
        one._replace(contract_end=None, changed_in=0)
        for one in leaving.read_people(tx, sorted(paid))
        if one.last_payment is not None
    ]
    leaving.remember_lives(tx, people)
    return sorted(refs)


def _digest_keys(
    tx: Transaction, vault: Vault, left: Mapping[Field, Sequence[Leaving]]
) -> dict[int, list[uuid.UUID]]:
    refs = [one.person_ref for one in left.get(Field.NIR, ())]
    if not refs:
        return {}
    return {ref: vault.digest_keys(keys) for ref, keys in leaving.read_keys(tx, refs).items()}


def _take_from_identities(
    tx: Transaction, vault: Vault, left: Mapping[Field, Sequence[Leaving]]
) -> dict[Field, list[Archived]]:
    """Seal identities again without the fields that leave; return those, to be archived."""
    parts: dict[Field, list[Archived]] = {field: [] for field in left if field in IDENTITY}
    wanted: dict[int, set[Field]] = {}
    for field in parts:
        for one in left[field]:
            wanted.setdefault(one.person_ref, set()).add(field)
    changed = []
    for ref, insurer_id, sealed in leaving.load_identities(tx, wanted) if wanted else ():
        seal = vault.load_seal(tx, insurer_id)
        record = open_sealed(seal, ref, sealed)
        for field in sorted(wanted[ref]):
            value = _read_part(record, field)
            parts[field].append(Archived(ref, ref, insurer_id, None, None, value))
        plain = encode_record(_blank(record, wanted[ref]))
        changed.append((ref, seal.seal(ref, plain), seal.digest(plain)))
    if changed:
        leaving.save_identities(tx, changed)
    return parts


def _read_part(record: PersonRecord, field: Field) -> bytes:
    return msgspec.json.encode({name: getattr(record, name) for name in _PARTS[field]})


def _blank(record: PersonRecord, fields: Iterable[Field]) -> PersonRecord:
    gone = {name: empty for field in fields for name, empty in _PARTS[field].items()}
    return msgspec.structs.replace(record, **gone)


def _in_order(left: Mapping[Field, Sequence[Leaving]]) -> list[Field]:
    """Return fields in the order they may leave: amounts of a claim after all else of it."""
    return [field for field in Field if left.get(field)]
