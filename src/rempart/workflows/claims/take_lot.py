"""Take a lot of claims in: read it through first, then write it piece by piece.

Refuses a lot whose end does not count what it holds: nothing of it is written. Each piece is
durable before the next is read, so that a lot that was cut short is sent again and only the rest of
it is new.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from rempart.claims.references import compute_lot_digest
from rempart.exchange.b2_file import B2Lot, stream_lots
from rempart.exchange.billed_claim import BilledClaim, Fault
from rempart.exchange.claim_json import read_claim
from rempart.exchange.claim_rules import RULES
from rempart.kernel.errors import BodyTooLarge
from rempart.storage.claims_intake import StoredLot
from rempart.workflows.claims.take_claims import (
    Office,
    Refused,
    Sender,
    Sent,
    prepare_claim,
    take_claims,
)

__all__ = ["LotShelf", "StoredLot", "take_lots"]

PIECE: Final = 400
"""Claims written in one transaction."""
MOST_FINDINGS: Final = 1_000
"""Kept and told of one lot; beyond, claims are still refused and counted."""
MOST_LOTS: Final = 100
"""In one file."""

Lines: TypeAlias = Callable[[], Iterable[bytes]]
"""Gives the lines of the file from the first on, as often as it is called."""


class LotShelf(Protocol):
    """Where lots are written."""

    async def open_lot(
        self,
        lot_ref: int,
        *,
        establishment_ref: int,
        account_ref: int,
        channel: str,
        number: str,
        digest: bytes,
    ) -> StoredLot:
        """Write that a lot comes in, or return it as it came before."""
        ...

    async def close_lot(
        self,
        lot_ref: int,
        *,
        state: str,
        claims: int,
        refused: int,
        findings: list[dict[str, Any]],
    ) -> None:
        """Write how a lot ended."""
        ...


class LotEnd(NamedTuple):
    """What the end of a lot says: its number, whether it is whole, what could not be read."""

    number: str
    is_whole: bool
    refused: int
    faults: tuple[Fault, ...]


class Survey(NamedTuple):
    """One lot, read through: what will be written of it."""

    number: str
    is_whole: bool
    claims: int
    refused: int
    findings: list[dict[str, Any]]


Event: TypeAlias = BilledClaim | tuple[Fault, ...] | LotEnd


def read_json_lines(lines: Iterable[bytes]) -> Iterator[Event]:
    """Read a lot of one claim a line; it has no end of its own, and is whole as it is."""
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        read = read_claim(line)
        if isinstance(read, tuple):
            yield tuple(fault._replace(at=at) for fault in read)
        else:
            yield replace(read, at=at)
    yield LotEnd("", is_whole=True, refused=0, faults=())


def read_b2_lines(lines: Iterable[bytes]) -> Iterator[Event]:
    """Read lots of lines of 128 characters."""
    for one in stream_lots(lines):
        if not isinstance(one, B2Lot):
            yield one
            continue
        faults = [Fault(f.field, RULES[f.rule], at=f.line) for f in one.findings]
        yield LotEnd(str(one.number), one.is_whole, one.refused, tuple(faults))


READERS: Final = {"json": read_json_lines, "b2": read_b2_lines}


async def take_lots(
    office: Office,
    shelf: LotShelf,
    lines: Lines,
    *,
    sender: Sender,
    content_digest: bytes,
    number: str = "",
) -> list[StoredLot]:
    """Take the lots of a file in; what is returned is durable.

    Args:
        office: Where claims are written.
        shelf: Where lots are.
        lines: The file, read twice.
        sender: Who sends it, and in which format.
        content_digest: SHA-256 of the file.
        number: The biller's number, for a format that has none of its own.

    Returns:
        The lots in order, as they are now; the same file sent again gives the same lots.

    Raises:
        BodyTooLarge: it holds too many lots; nothing of it is written.
        Unavailable: part of it may be written; sent again, the rest is.
    """
    surveys = await asyncio.to_thread(_survey, office, sender, lines)
    stored = []
    for place, survey in enumerate(surveys):
        opened = await shelf.open_lot(
            office.draw_reference(),
            establishment_ref=sender.establishment_ref,
            account_ref=sender.account_ref,
            channel=sender.channel,
            number=(survey.number or number or content_digest.hex())[:64],
            digest=compute_lot_digest(
                office.lookup_secret,
                sender.establishment_ref,
                content_digest + f"|{sender.channel}|{place}".encode(),
            ),
        )
        stored.append(opened)
    wanted = {
        place: lot.lot_ref
        for place, (lot, survey) in enumerate(zip(stored, surveys, strict=True))
        if survey.is_whole and lot.state == "receiving"
    }
    refused = await _write_pieces(office, lines, sender, wanted) if wanted else {}
    return [
        await _close(shelf, lot, _add_refused(survey, refused.get(lot.lot_ref, ())))
        for lot, survey in zip(stored, surveys, strict=True)
    ]


async def _write_pieces(
    office: Office, lines: Lines, sender: Sender, wanted: dict[int, int]
) -> dict[int, list[Refused]]:
    """Write the claims of lots, a few hundred at a time; return those refused only now, by lot.

    A crash between two pieces leaves a lot that is still being received: sent again, what it
    brought is found, what was refused is refused again and the rest is written.
    """
    refused: dict[int, list[Refused]] = {}
    pieces = _cut_pieces(lines, sender, wanted)
    while piece := await asyncio.to_thread(next, pieces, None):
        for sent, result in zip(piece, await take_claims(office, piece), strict=True):
            if isinstance(result, Refused) and sent.lot_ref is not None and _is_good(office, sent):
                refused.setdefault(sent.lot_ref, []).append(result)
    return refused


def _is_good(office: Office, sent: Sent) -> bool:
    """Say whether a claim was counted among those that can be taken when its lot was surveyed."""
    return not isinstance(prepare_claim(office, sent), Refused)


def _add_refused(survey: Survey, refused: Sequence[Refused]) -> Survey:
    """Return what a lot came to, with the claims that its base refused: they replace none of it."""
    told = [format_finding(fault) for one in refused for fault in one.faults]
    return survey._replace(
        claims=survey.claims - len(refused),
        refused=survey.refused + len(refused),
        findings=[*survey.findings, *told][:MOST_FINDINGS],
    )


def _cut_pieces(lines: Lines, sender: Sender, wanted: dict[int, int]) -> Iterator[list[Sent]]:
    place, piece = 0, []
    for event in READERS[sender.channel](lines()):
        if isinstance(event, BilledClaim) and place in wanted:
            piece.append(Sent(event, sender, wanted[place]))
        if isinstance(event, LotEnd):
            place += 1
        if len(piece) == PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def _survey(office: Office, sender: Sender, lines: Lines) -> list[Survey]:
    """Read a file through, and check the form of every claim: nothing is looked up or written."""
    surveys: list[Survey] = []
    claims = refused = 0
    faults: list[Fault] = []
    for event in READERS[sender.channel](lines()):
        match event:
            case LotEnd():
                if len(surveys) == MOST_LOTS:
                    raise BodyTooLarge(f"a file holds {MOST_LOTS} lots at most: send several")
                faults = [*event.faults, *faults][:MOST_FINDINGS]
                findings = [format_finding(fault) for fault in faults]
                total = refused + event.refused
                surveys.append(Survey(event.number, event.is_whole, claims, total, findings))
                claims, refused, faults = 0, 0, []
            case BilledClaim():
                checked = prepare_claim(office, Sent(event, sender))
                if isinstance(checked, Refused):
                    refused += 1
                    faults += checked.faults[: MOST_FINDINGS - len(faults)]
                else:
                    claims += 1
            case _:
                refused += 1
                faults += event[: MOST_FINDINGS - len(faults)]
    return surveys


def format_finding(fault: Fault) -> dict[str, Any]:
    """Return what is kept of a fault: where, and by which rule; never a value."""
    return {
        "at": fault.at,
        "line": fault.line,
        "field": fault.field,
        "rule": fault.refusal.rule,
    }


async def _close(shelf: LotShelf, lot: StoredLot, survey: Survey) -> StoredLot:
    if lot.state != "receiving":
        return lot
    state = "received" if survey.is_whole else "refused"
    claims = survey.claims if survey.is_whole else 0
    refused = survey.refused if survey.is_whole else survey.claims + survey.refused
    await shelf.close_lot(
        lot.lot_ref, state=state, claims=claims, refused=refused, findings=survey.findings
    )
    return lot._replace(state=state, claims=claims, refused=refused, findings=survey.findings)
