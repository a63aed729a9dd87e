"""Public pages about incidents, their versions and drafts. Role: portals, signed in or not.

Refuses to say who wrote a version: readers see the insurer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from rempart.notices.facts import IncidentFacts
from rempart.notices.facts_json import read_facts
from rempart.notices.incident_page import IncidentPage, describe_page, read_page
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("incident_pages")
_MOST_PAGES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHead:
    """Where a page is, and whether it still holds. `withdrawn_for` is told to its readers."""

    page_ref: int
    insurer_id: int
    incident_id: int
    amc_number: str
    number: int
    exercise: bool
    withdrawn_at: datetime | None
    withdrawn_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVersion:
    """One version; a draft has neither a digest nor a day of publication."""

    number: int
    page: IncidentPage
    digest: bytes | None
    written_at: datetime | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPackage:
    """What an insurer was told last of an incident."""

    number: int
    exercise: bool
    starts_ms: int
    ends_ms: int
    persons_a: int
    persons_b: int
    persons_c: int
    fields: int
    hidden: int | None
    sent_at: datetime
    amc_number: str
    insurer: str
    title: str


def list_public_pages(tx: Transaction) -> list[tuple[PageHead, PageVersion]]:
    """Return the pages anybody may read, each with its last version, the newest first."""
    rows = tx.execute(QUERIES.list_public_pages, {"limit": _MOST_PAGES}).fetchall()
    return [_read_public(row) for row in rows]


def load_public_page(
    tx: Transaction, amc_number: str, number: int, version: int | None
) -> tuple[PageHead, PageVersion] | None:
    """Return one version of a public page, the last one by default; None: nobody may read it."""
    row = tx.execute(
        QUERIES.load_public_page,
        {"amc_number": amc_number, "number": number, "version": version},
    ).fetchone()
    return None if row is None else _read_public(row)


def list_versions(tx: Transaction, page_ref: int) -> list[PageVersion]:
    """Return the versions of a page that the visitor may see, the newest first."""
    return [
        PageVersion(
            number=number,
            page=read_page(said),
            digest=digest,
            written_at=written_at,
            published_at=published_at,
        )
        for number, said, digest, written_at, published_at in tx.execute(
            QUERIES.list_page_versions, {"page_ref": page_ref}
        )
    ]


def find_own_page(tx: Transaction, incident_id: int, insurer_id: int) -> PageHead | None:
    """Return the page of an insurer about an incident; None when it has none."""
    row = tx.execute(
        QUERIES.find_own_page, {"incident_id": incident_id, "insurer_id": insurer_id}
    ).fetchone()
    return None if row is None else _read_head(row)


def load_last_package(tx: Transaction, incident_id: int, insurer_id: int) -> LastPackage | None:
    """Return what an insurer was told last of an incident; None when it was told nothing."""
    row = tx.execute(
        QUERIES.load_last_package, {"incident_id": incident_id, "insurer_id": insurer_id}
    ).fetchone()
    if row is None:
        return None
    number, exercise, starts_ms, ends_ms, a, b, c, fields, hidden, sent_at, *names = row
    return LastPackage(
        number=number,
        exercise=exercise,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        persons_a=a,
        persons_b=b,
        persons_c=c,
        fields=fields,
        hidden=hidden,
        sent_at=sent_at,
        amc_number=names[0],
        insurer=names[1],
        title=names[2],
    )


def load_campaign_facts(tx: Transaction, incident_id: int, insurer_id: int) -> IncidentFacts | None:
    """Return the facts of an insurer's last campaign about an incident; None when it has none."""
    row = tx.execute(
        QUERIES.load_campaign_facts, {"incident_id": incident_id, "insurer_id": insurer_id}
    ).fetchone()
    return None if row is None else read_facts(row[0])


def insert_page(
    tx: Transaction, page_ref: int, package: LastPackage, *, of: tuple[int, int], made_by: int
) -> None:
    """Make the page of an (incident, insurer)."""
    incident_id, insurer_id = of
    tx.execute(
        QUERIES.insert_page,
        {
            "page_ref": page_ref,
            "insurer_id": insurer_id,
            "incident_id": incident_id,
            "amc_number": package.amc_number,
            "exercise": package.exercise,
            "made_by": made_by,
        },
    )


def insert_draft(
    tx: Transaction, head: PageHead, number: int, page: IncidentPage, *, written_by: int
) -> None:
    """Begin a version."""
    tx.execute(
        QUERIES.insert_draft,
        {
            "page_ref": head.page_ref,
            "number": number,
            "insurer_id": head.insurer_id,
            "said": Jsonb(describe_page(page)),
            "written_by": written_by,
        },
    )


def update_draft(
    tx: Transaction, page_ref: int, number: int, page: IncidentPage, *, written_by: int
) -> bool:
    """Write what a draft says; False when it is none any more."""
    values = {"page_ref": page_ref, "number": number, "written_by": written_by}
    done = tx.execute(QUERIES.update_draft, {**values, "said": Jsonb(describe_page(page))})
    return done.rowcount == 1


def publish_draft(
    tx: Transaction, page_ref: int, number: int, digest: bytes, *, published_by: int
) -> bool:
    """Let everybody read a draft; False when it is none any more."""
    values = {"page_ref": page_ref, "number": number, "published_by": published_by}
    return tx.execute(QUERIES.publish_draft, {**values, "digest": digest}).rowcount == 1


def withdraw_page(tx: Transaction, page_ref: int, reason: str, *, withdrawn_by: int) -> bool:
    """Take a page back; False when it was already."""
    values = {"page_ref": page_ref, "withdrawn_for": reason, "withdrawn_by": withdrawn_by}
    return tx.execute(QUERIES.withdraw_page, values).rowcount == 1


def _read_public(row: tuple[Any, ...]) -> tuple[PageHead, PageVersion]:
    number, said, digest, published_at = row[8:]
    return _read_head(row[:8]), PageVersion(
        number=number,
        page=read_page(said),
        digest=digest,
        written_at=None,
        published_at=published_at,
    )


def _read_head(row: tuple[Any, ...]) -> PageHead:
    page_ref, insurer_id, incident_id, amc_number, number, exercise, withdrawn_at, why = row
    return PageHead(
        page_ref=page_ref,
        insurer_id=insurer_id,
        incident_id=incident_id,
        amc_number=amc_number,
        number=number,
        exercise=exercise,
        withdrawn_at=withdrawn_at,
        withdrawn_for=why,
    )
