"""Reading what came back: the answer, the entry behind it, the fields its bytes carry."""

import json
from typing import Any, NamedTuple

from rempart.disclosure.fields import Field
from rempart.storage.connect import Database

PATH = "/v1/rights-checks"

# Written here a second time, on purpose: the test must not believe the code it tests.
FIELD_OF_KEY = {
    "rights": Field.RIGHTS_STATUS,
    "reason": Field.CLOSED_REASON,
    "terms": Field.DOMAIN_TERMS,
    "engagement": Field.ENGAGEMENT,
    "consigne": Field.CONSIGNE,
    "lines": Field.AMOUNTS | Field.DOMAIN_TERMS,
    "findings": Field.AMOUNTS,
    "total": Field.AMOUNTS,
    "pec": Field.ENGAGEMENT,
}
SENT_BY_THE_CALLER = {"domain", "care_date"}


class StoredEntry(NamedTuple):
    """The columns of an entry that tests look at."""

    idx: int
    kind: int
    account_ref: int
    session_ref: int
    person_ref: int
    insurer_id: int
    purpose: int
    mode: int
    domain: int
    care_day: int
    outcome: int
    fields: int
    data_version: int


def read_entries(database: Database) -> list[StoredEntry]:
    """Every entry of the ledger, in order."""
    with database.transaction("auditor") as tx:
        rows = tx.execute(
            f"SELECT {', '.join(StoredEntry._fields)} FROM ledger.entry ORDER BY log_id, idx"
        ).fetchall()
    return [StoredEntry(*row) for row in rows]


def read_entry(database: Database, reply: Any) -> StoredEntry:
    """The entry that a reply's receipt names."""
    return read_entries(database)[reply.json()["receipt"]["index"]]


def read_fields(body: bytes) -> int:
    """The fields that the bytes of a reply carry; a key nobody knows is an error."""
    answer = json.loads(body)["answer"]
    fields = 0
    for key in answer:
        fields |= 0 if key in SENT_BY_THE_CALLER else FIELD_OF_KEY[key]
    return fields


def cut_receipt(body: bytes) -> bytes:
    """The bytes of a reply without what belongs to the receipt alone."""
    start, found, _ = body.partition(b',"receipt":')
    assert found
    return start
