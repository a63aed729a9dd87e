"""Sealed segments for tests: rows written straight to the ledger, and segments that leave it.

The files are what sealing writes (columns, order, types); the roots are not computed: what is
tested with these is reading, not evidence. Nothing here is a real person.
"""

from collections.abc import Iterable, Sequence
from random import Random
from uuid import UUID

from tests.ledger_samples import ENTRY_COLUMNS, START_MS, make_key

from rempart.disclosure.entry import Entry, Kind
from rempart.disclosure.segment import PERSON_COLUMNS, name_files
from rempart.storage.connect import Database, Transaction
from rempart.storage.segment_files import BY_ACCOUNT, BY_PERSON, SegmentStore, make_batch

SEGMENT_BITS = 8
SEGMENT = 1 << SEGMENT_BITS
FIELDS = (0b1, 0b11, 0b10100, 0b11111)


def invent_entries(
    random: Random, count: int, *, log_id: int = 1, persons: int = 40, accounts: int = 6
) -> list[Entry]:
    """Invent a log in order of time: look-ups that find somebody or nobody, sessions, acts."""
    t_ms, entries = START_MS, []
    for idx in range(count):
        t_ms += random.choice((0, 0, 1, 60_000))
        kind = random.choice((*[Kind.DISCLOSE] * 7, Kind.NEGATIVE, Kind.SESSION, Kind.LEDGER_READ))
        account = 1000 + random.randrange(accounts)
        person = random.randint(1, persons) if kind in (Kind.DISCLOSE, Kind.LEDGER_READ) else 0
        entries.append(
            make_entry(
                log_id,
                idx,
                kind=int(kind),
                t_ms=t_ms,
                account_ref=account,
                session_ref=account * 10 + random.randrange(3),
                person_ref=person,
                insurer_id=1 + person % 3 if person else 0,
                mode=random.choice((1, 2, 3)),
                outcome=random.randint(1, 5),
                fields=random.choice(FIELDS) if kind == Kind.DISCLOSE else 0,
            )
        )
    return entries


def make_entry(log_id: int, idx: int, **values: object) -> Entry:
    """Make one entry; what is not said does not matter."""
    blank = Entry(
        **{name: 0 for name in Entry._fields if name not in ("salt", "lookup_key", "request_id")},
        salt=bytes(16),
        lookup_key=make_key((log_id, idx)),
        request_id=bytes(16),
    )
    return blank._replace(log_id=log_id, idx=idx, schema_version=1, data_version=idx, **values)


def write_log(
    database: Database, entries: Sequence[Entry], *, log_id: int = 1, checkpoint_every: int = 60
) -> None:
    """Write a log whose segments hold 256 entries, with a checkpoint now and then."""
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO ledger.log (log_id, origin, vkey, segment_bits) VALUES (%s, %s, 'v', %s)",
            (log_id, f"test/{log_id}", SEGMENT_BITS),
        )
        tx.execute(
            "INSERT INTO ledger.head VALUES (%s, %s, 1, %s, %s)",
            (log_id, len(entries), bytes(32), entries[-1].t_ms if entries else 0),
        )
        for segment in range((len(entries) >> SEGMENT_BITS) + 1):
            tx.execute("SELECT ledger.ensure_segment(%s::smallint, %s)", (log_id, segment))
        with tx.cursor().copy("COPY ledger.entry FROM STDIN") as copy:
            for entry in entries:
                copy.write_row(
                    entry._replace(
                        lookup_key=UUID(bytes=entry.lookup_key),
                        request_id=UUID(bytes=entry.request_id),
                    )
                )
        for size in range(checkpoint_every, len(entries) + 1, checkpoint_every):
            tx.execute(
                "INSERT INTO ledger.checkpoint VALUES (%s, %s, %s, %s, '')",
                (log_id, size, entries[size - 1].t_ms, bytes(32)),
            )
        tx.cursor().executemany(
            "INSERT INTO ledger.session VALUES (%s, %s, 1, 0, 'key', '192.0.2.1', 'x')"
            " ON CONFLICT DO NOTHING",
            sorted({(one.session_ref, one.account_ref) for one in entries}),
        )


def write_files(store: SegmentStore, entries: Sequence[Entry], segment: int) -> tuple[str, str]:
    """Write the two files of a segment; return their names."""
    by_account, by_person = name_files(entries[0].log_id, segment)
    ordered = sorted(entries, key=lambda one: (one.account_ref, one.idx))
    store.write(by_account, BY_ACCOUNT, [make_batch(BY_ACCOUNT, ordered)])
    ordered = sorted(entries, key=lambda one: (one.person_ref, one.idx))
    rows = [tuple(getattr(one, name) for name in PERSON_COLUMNS) for one in ordered]
    store.write(by_person, BY_PERSON, [make_batch(BY_PERSON, rows)])
    return by_account, by_person


def seal(
    database: Database,
    store: SegmentStore,
    segments: Iterable[int],
    *,
    log_id: int = 1,
    state: str = "cold",
    bits: int = SEGMENT_BITS,
) -> None:
    """Write the files of some full segments; their rows leave the database unless only `sealed`."""
    with database.transaction("owner") as tx:
        for segment in segments:
            _seal(tx, store, log_id, segment, state, bits)


def _seal(
    tx: Transaction, store: SegmentStore, log_id: int, segment: int, state: str, bits: int
) -> None:
    span = [log_id, segment << bits, (segment + 1) << bits]
    within = "ledger.entry WHERE log_id = %s AND idx >= %s AND idx < %s"
    entries = [Entry(*row) for row in tx.execute(f"SELECT {ENTRY_COLUMNS} FROM {within}", span)]
    names = write_files(store, entries, segment)
    times = [one.t_ms for one in entries]
    tx.execute(
        "INSERT INTO ledger.segment VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0)",
        (
            *(log_id, segment, state, bytes(32), min(times), max(times)),
            *(names[0], bytes(32), names[1], bytes(32)),
        ),
    )
    if state != "sealed":
        tx.execute(f"DELETE FROM {within}", span)
    if state == "dropped":
        for name in names:
            store.delete(name)
