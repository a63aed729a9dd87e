"""Insurers and the versions of their feeds, from the first row loaded to the flip.

Refuses to show a version before it is published: everything is written under its number, which no
reader accepts until `publish`.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, TypeAlias

import psycopg
from psycopg.types.json import Jsonb

from rempart.kernel.errors import Conflict, Unavailable
from rempart.kernel.findings import Finding
from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.coverage import Terms
from rempart.rights.terms import format_terms
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

FeedKind: TypeAlias = Literal["full", "delta"]

_QUERIES: Final = load_queries("feeds")
_LETS_GO_WITHIN_S: Final = 2.0
_LOOK_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedInsurer:
    """An insurer, as an import needs it.

    Args:
        agreement: Days of its agreement with the operator.
        published_version: The feed version readers see; 0 before the first.
    """

    insurer_id: int
    amc_number: str
    name: str
    agreement: Period
    published_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingVersion:
    """A feed being loaded: invisible, resumable, discardable."""

    feed_version: int
    kind: FeedKind
    file_digest: bytes
    rows_done: int
    rows_applied: int
    rows_rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """A version readers see, or saw before a later one (`superseded`)."""

    feed_version: int
    published_at: datetime
    superseded: bool


@contextmanager
def translate_failures(resume: str) -> Iterator[None]:
    """Turn failures of the database into sentences.

    Args:
        resume: What to do once the cause is gone.

    Raises:
        Unavailable: the server's disk is full, or the server is gone. The transaction that was open
            left nothing.
    """
    try:
        yield
    except psycopg.errors.DiskFull as failure:
        raise Unavailable(
            "the database's disk is full: nothing of the last rows was kept. Free some space, then "
            f"{resume}"
        ) from failure
    except psycopg.errors.UniqueViolation as failure:
        raise Unavailable(
            "another import took a look-up key at the same moment: nothing of the last rows was "
            f"kept. To go on, {resume}"
        ) from failure
    except psycopg.OperationalError as failure:
        raise Unavailable(
            "the database stopped answering: nothing of the last rows was kept. Start it, then "
            f"{resume}"
        ) from failure


def register_insurer(tx: Transaction, insurer: FeedInsurer) -> None:
    """Add an insurer, or bring its name and agreement up to date.

    Raises:
        Conflict: its number has another AMC number, or the AMC number another insurer.
    """
    ends_on = insurer.agreement.ends_on
    try:
        with tx.transaction():
            kept = tx.execute(
                _QUERIES.register_insurer,
                {
                    "insurer_id": insurer.insurer_id,
                    "amc_number": insurer.amc_number,
                    "name": insurer.name,
                    "agreement_from": insurer.agreement.starts_on,
                    "agreement_to": "infinity" if ends_on == OPEN_END else ends_on,
                },
            ).fetchone()
    except psycopg.errors.UniqueViolation as failure:
        holder = tx.execute(_QUERIES.find_insurer_by_amc, {"amc_number": insurer.amc_number})
        [(insurer_id,)] = holder.fetchall()
        raise Conflict(
            f"AMC number {insurer.amc_number} is already insurer {insurer_id}: use that number"
        ) from failure
    if kept is None:
        raise Conflict(
            f"insurer {insurer.insurer_id} is registered with another AMC number than "
            f"{insurer.amc_number}: choose a free insurer number"
        )


def find_insurer(tx: Transaction, amc_number: str) -> int | None:
    """Return who holds an AMC number, ten digits, or None."""
    row = tx.execute(_QUERIES.find_insurer_by_amc, {"amc_number": amc_number}).fetchone()
    return None if row is None else int(row[0])


def load_insurer(tx: Transaction, insurer_id: int) -> FeedInsurer | None:
    """Return an insurer, or None."""
    row = tx.execute(_QUERIES.load_insurer, {"insurer_id": insurer_id}).fetchone()
    if row is None:
        return None
    _, amc_number, name, agreement_from, agreement_to, published_version = row
    return FeedInsurer(
        insurer_id=insurer_id,
        amc_number=amc_number,
        name=name,
        agreement=Period(agreement_from, agreement_to or OPEN_END),
        published_version=published_version,
    )


def claim_insurer(connection: Transaction, insurer_id: int) -> None:
    """Reserve an insurer for this connection, until it ends.

    The server lets go of what a connection held a moment after its client left: whoever runs the
    same command again at once is not refused for that.

    Raises:
        Conflict: another import of this insurer is running.
    """
    give_up = time.monotonic() + _LETS_GO_WITHIN_S
    while not _try_to_claim(connection, insurer_id):
        if time.monotonic() > give_up:
            raise Conflict(
                f"another import of insurer {insurer_id} is running: wait for its end, or stop it"
            )
        time.sleep(_LOOK_EVERY_S)


def _try_to_claim(connection: Transaction, insurer_id: int) -> bool:
    [(claimed,)] = connection.execute(_QUERIES.claim_insurer, {"insurer_id": insurer_id})
    return bool(claimed)


def lock_insurer(tx: Transaction, insurer_id: int) -> None:
    """Keep sweeps out until the end of the transaction."""
    tx.execute(_QUERIES.lock_insurer, {"insurer_id": insurer_id})


def lock_insurers(tx: Transaction, insurer_ids: Sequence[int] | None) -> list[int]:
    """Keep the imports of some insurers, or of all, out until the end; return those insurers."""
    wanted = None if insurer_ids is None else list(insurer_ids)
    locked = tx.execute(_QUERIES.lock_insurers, {"insurer_ids": wanted})
    return [insurer_id for (insurer_id,) in locked]


def load_pending_version(tx: Transaction, insurer_id: int) -> PendingVersion | None:
    """Return the version being loaded for an insurer, if any."""
    row = tx.execute(_QUERIES.load_pending_version, {"insurer_id": insurer_id}).fetchone()
    if row is None:
        return None
    feed_version, kind, file_digest, rows_done, rows_applied, rows_rejected = row
    return PendingVersion(
        feed_version=feed_version,
        kind=kind,
        file_digest=file_digest,
        rows_done=rows_done,
        rows_applied=rows_applied,
        rows_rejected=rows_rejected,
    )


def load_published(
    tx: Transaction, insurer_id: int, kind: FeedKind, file_digest: bytes
) -> PublishedVersion | None:
    """Return the version a file already became, if any."""
    row = tx.execute(
        _QUERIES.load_published_digest,
        {"insurer_id": insurer_id, "kind": kind, "file_digest": file_digest},
    ).fetchone()
    if row is None:
        return None
    feed_version, published_at, superseded = row
    return PublishedVersion(
        feed_version=feed_version, published_at=published_at, superseded=superseded
    )


def open_version(
    tx: Transaction,
    insurer_id: int,
    kind: FeedKind,
    file_digest: bytes,
    *,
    keeps_findings: bool = False,
) -> PendingVersion:
    """Start a version and forget the findings of the insurer's earlier ones, unless told not to."""
    if not keeps_findings:
        tx.execute(_QUERIES.forget_findings, {"insurer_id": insurer_id})
    [(feed_version,)] = tx.execute(
        _QUERIES.open_version,
        {"insurer_id": insurer_id, "kind": kind, "file_digest": file_digest},
    )
    return PendingVersion(
        feed_version=feed_version,
        kind=kind,
        file_digest=file_digest,
        rows_done=0,
        rows_applied=0,
        rows_rejected=0,
    )


def advance_version(
    tx: Transaction,
    feed_version: int,
    *,
    rows_done: int,
    rows: int,
    applied: int,
    rejected: int,
) -> None:
    """Count a piece as done, in the transaction that writes it.

    Args:
        tx: The transaction of the piece.
        feed_version: The pending version.
        rows_done: Rows done before this piece.
        rows: Rows of this piece.
        applied: Those that were applied.
        rejected: Those that were not.

    Raises:
        Conflict: another process advanced or ended the version; the piece must be rolled back.
    """
    moved = tx.execute(
        _QUERIES.advance_version,
        {
            "feed_version": feed_version,
            "rows_done": rows_done,
            "rows": rows,
            "applied": applied,
            "rejected": rejected,
        },
    ).fetchone()
    if moved is None:
        raise Conflict(
            f"feed version {feed_version} was advanced or ended elsewhere: "
            "see `rempart feed status`"
        )


def add_findings(tx: Transaction, feed_version: int, findings: Iterable[Finding]) -> None:
    """Keep findings with their version, so that a resumed import still reports them all."""
    with tx.cursor().copy(_QUERIES.copy_findings) as copy:
        for each in findings:
            copy.write_row(
                (feed_version, each.line or 0, each.field, each.rule, each.message, each.advice)
            )


def load_findings(tx: Transaction, feed_version: int) -> Iterator[Finding]:
    """Return the findings of a version, in the order of the file, without holding them all."""
    with tx.cursor(name="findings") as cursor:
        cursor.itersize = 10_000
        for line, *rest in cursor.execute(_QUERIES.load_findings, {"feed_version": feed_version}):
            yield Finding(line or None, *rest)


def count_findings(tx: Transaction, feed_version: int) -> dict[str, int]:
    """Return how many findings of each rule, the most frequent first."""
    rows = tx.execute(_QUERIES.count_findings, {"feed_version": feed_version})
    return dict(rows.fetchall())


def compute_terms_digest(insurer_id: int, digest: bytes) -> bytes:
    """Return what tells a guarantee of an insurer from all others."""
    return hashlib.sha256(insurer_id.to_bytes(4, "big") + digest).digest()


def compute_terms_id(insurer_id: int, digest: bytes) -> int:
    """Return the reference of a guarantee: the same for every process that meets it."""
    return int.from_bytes(compute_terms_digest(insurer_id, digest)[:8], "big") >> 1


def add_terms(tx: Transaction, insurer_id: int, terms: Iterable[tuple[bytes, Terms]]) -> None:
    """Add guarantees, each with its digest, unless they are there."""
    for digest, each in terms:
        record = format_terms(each)
        tx.execute(
            _QUERIES.add_terms,
            {
                "terms_id": compute_terms_id(insurer_id, digest),
                "insurer_id": insurer_id,
                "digest": compute_terms_digest(insurer_id, digest),
                **record,
                "domains": Jsonb(record["domains"]),
            },
        )


def count_closing(
    tx: Transaction, insurer_id: int, version: PendingVersion, today: date
) -> tuple[int, int]:
    """Return how many members a version leaves without a line that lasts, and of how many."""
    parameters = {
        "insurer_id": insurer_id,
        "feed_version": version.feed_version,
        "full": version.kind == "full",
        "today": today,
    }
    [(closing, members)] = tx.execute(_QUERIES.count_closing, parameters)
    return closing, members


def close_absent(tx: Transaction, insurer_id: int, feed_version: int) -> int:
    """End the sheets of the members whom a full feed does not state; return how many."""
    parameters = {"insurer_id": insurer_id, "feed_version": feed_version}
    return tx.execute(_QUERIES.close_absent, parameters).rowcount


def retire_keys(tx: Transaction, feed_version: int) -> None:
    """Take away the look-up keys that a version gives up; call before identities are applied."""
    tx.execute(_QUERIES.retire_keys, {"feed_version": feed_version})


def admit_members(tx: Transaction, feed_version: int) -> None:
    """Put in the look-up every key of the members a version changed."""
    tx.execute(_QUERIES.admit_members, {"feed_version": feed_version})


def publish(tx: Transaction, feed_version: int, *, rows_done: int) -> None:
    """Show a version to every reader, at the commit.

    Args:
        tx: The transaction that also settles keys and identities.
        feed_version: The pending version.
        rows_done: Rows of the whole file: a version that misses one is not published.

    Raises:
        Conflict: the version is not pending, or not whole.
    """
    parameters = {"feed_version": feed_version, "rows_done": rows_done}
    if tx.execute(_QUERIES.publish_version, parameters).fetchone() is None:
        raise Conflict(f"feed version {feed_version} is not whole, or was ended elsewhere")


def sweep_leavers(tx: Transaction, insurer_ids: Sequence[int], today: date) -> tuple[int, int]:
    """Move out of the gateway's reach the people whose contracts have all ended before `today`.

    Returns:
        How many people and how many look-up keys left.
    """
    parameters = {"insurer_ids": list(insurer_ids), "today": today}
    [(people, keys)] = tx.execute(_QUERIES.sweep_leavers, parameters)
    return people, keys


def discard_sheets(tx: Transaction, insurer_id: int, feed_version: int) -> None:
    """Undo what a pending version did in the rights plane."""
    parameters = {"insurer_id": insurer_id, "feed_version": feed_version}
    for undo in (
        _QUERIES.drop_version_lookups,
        _QUERIES.drop_version_sheets,
        _QUERIES.drop_version_past_sheets,
        _QUERIES.reopen_closed,
        _QUERIES.reopen_closed_past,
    ):
        tx.execute(undo, parameters)
    tx.execute(_QUERIES.drop_waiting_lines, {"feed_version": feed_version})
    if tx.execute(_QUERIES.discard_version, {"feed_version": feed_version}).fetchone() is None:
        raise Conflict(f"feed version {feed_version} is not pending any more")


def list_versions(tx: Transaction, insurer_id: int | None, *, limit: int) -> list[dict[str, Any]]:
    """Return the last versions, newest first, of one insurer or of all."""
    cursor = tx.execute(_QUERIES.list_versions, {"insurer_id": insurer_id, "limit": limit})
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def index_contracts(tx: Transaction) -> int:
    """Note who is on each contract, as published; return how many lines there are."""
    [(indexed,)] = tx.execute(_QUERIES.index_contracts)
    return int(indexed)
