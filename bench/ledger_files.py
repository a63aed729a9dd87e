"""Sealed segments of a synthetic ledger, written as sealing writes them, some at a time.

Real layout, invented contents: 300 000 accounts as unequal as in life, each with its own regulars
among 33 million persons, and 400 stolen sessions at work for five days. Refuses to write a segment
twice: a run that was stopped goes on where it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from rempart.disclosure.segment import name_files
from rempart.storage.segment_files import BY_ACCOUNT, BY_PERSON, ROW_GROUP, SegmentStore

LOG: Final = 1
BITS: Final = 24
SEGMENT: Final = 1 << BITS
START_MS: Final = 1_700_000_000_000
DAY_MS: Final = 86_400_000
# Three years of 3.9 billion entries.
PER_DAY: Final = 3_600_000
ACCOUNTS: Final = 300_000
PERSONS: Final = 33_000_000
INSURERS: Final = 90
STOLEN: Final = 400
STOLEN_SHARE: Final = 0.05
ATTACK_DAYS: Final = (4, 9)
_NOISE: Final = ("salt", "lookup_key", "request_id")


@dataclass(frozen=True)
class Part:
    """One segment's files and times."""

    segment: int
    rows: int
    first_ms: int
    last_ms: int
    by_account: str
    by_person: str


def stolen_sessions() -> list[int]:
    """The sessions in a thief's hands, one of each stolen account."""
    return [account * 1000 + 999 for account in range(7, ACCOUNTS, ACCOUNTS // STOLEN)][:STOLEN]


def make_parts(store: SegmentStore, entries: int, *, by_person: bool = True) -> Iterator[Part]:
    """Write what is missing of whole segments for so many entries; yield them, oldest first.

    Without `by_person`, files sorted by person are there and empty, and salts, keys of look-ups and
    of requests are nothing: the questions of an incident read none of them, and they are four
    fifths of the disk.
    """
    for segment in range(-(-entries // SEGMENT)):
        names = name_files(LOG, segment)
        if not all(store.has(name) for name in names):
            _write(store, segment, by_person=by_person)
        t_ms = _tell_times(segment)
        yield Part(segment, SEGMENT, int(t_ms[0]), int(t_ms[-1]), *names)


def _tell_times(segment: int) -> np.ndarray:
    """Return the times of a segment's entries: even, so that they can be told again."""
    index = np.arange(segment * SEGMENT, (segment + 1) * SEGMENT)
    return START_MS + index * DAY_MS // PER_DAY


def _write(store: SegmentStore, segment: int, *, by_person: bool) -> None:
    columns = invent_segment(segment)
    if not by_person:
        columns |= {name: np.zeros(SEGMENT, "V16") for name in _NOISE}
    of_accounts, of_persons = name_files(LOG, segment)
    order = np.argsort(columns["account_ref"], kind="stable")
    store.write(of_accounts, BY_ACCOUNT, _cut(columns, BY_ACCOUNT, order))
    order = np.argsort(columns["person_ref"], kind="stable") if by_person else order[:0]
    store.write(of_persons, BY_PERSON, _cut(columns, BY_PERSON, order))


def _cut(
    columns: dict[str, np.ndarray], schema: pa.Schema, order: np.ndarray
) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(order), ROW_GROUP):
        place = order[start : start + ROW_GROUP]
        arrays = [
            pa.FixedSizeBinaryArray.from_buffers(
                one.type, len(place), [None, pa.py_buffer(columns[one.name][place].tobytes())]
            )
            if pa.types.is_fixed_size_binary(one.type)
            else pa.array(columns[one.name][place], one.type)
            for one in schema
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def invent_segment(segment: int) -> dict[str, np.ndarray]:
    """Return the columns of one segment's entries: always the same for the same number."""
    random = np.random.default_rng(segment)
    rows, t_ms = SEGMENT, _tell_times(segment)
    day = (t_ms - START_MS) // DAY_MS
    # Activity falls like 1/rank^0.6: a hospital has a thousand times the look-ups of a nurse.
    account = (ACCOUNTS * random.random(rows) ** 2.5).astype("i8") + 1
    regular = (account * 7919 + (2000 * random.random(rows) ** 2).astype("i8")) % PERSONS
    person = np.where(random.random(rows) < 0.7, regular, random.integers(0, PERSONS, rows)) + 1
    session = account * 1000 + day % 900
    stolen = np.array(stolen_sessions())
    under_attack = (day >= ATTACK_DAYS[0]) & (day < ATTACK_DAYS[1])
    by_thief = under_attack & (random.random(rows) < STOLEN_SHARE)
    session = np.where(by_thief, random.choice(stolen, rows), session)
    account = np.where(by_thief, session // 1000, account)
    person = np.where(by_thief, random.integers(1, PERSONS, rows), person)
    found = random.random(rows) < np.where(by_thief, 0.7, 0.95)
    small = {
        name: random.integers(low, high, rows, dtype="i2")
        for name, (low, high) in {"mode": (1, 4), "domain": (1, 9), "outcome": (1, 6)}.items()
    }
    ones, index = np.ones(rows, "i2"), np.arange(segment * SEGMENT, (segment + 1) * SEGMENT)
    return {
        **small,
        **{name: np.frombuffer(random.bytes(16 * rows), "V16") for name in _NOISE},
        "log_id": np.full(rows, LOG, "i2"),
        "idx": index,
        "kind": np.where(found, 1, 2).astype("i2"),
        "t_ms": t_ms,
        "account_ref": account,
        "session_ref": session,
        "acct_seq": index // 300 + 1,
        "person_ref": np.where(found, person, 0),
        "insurer_id": np.where(found, person % INSURERS + 1, 0).astype("i4"),
        "ins_seq": index // INSURERS + 1,
        "purpose": ones,
        "care_day": (19_675 + day).astype("i4"),
        "fields": np.where(found, random.choice([1, 3, 29, 31], rows), 1),
        "schema_version": ones,
        "data_version": random.integers(1, 500, rows),
    }
