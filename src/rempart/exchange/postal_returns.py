"""The list of letters that came back, as whoever receives them keys or scans it.

A CSV file: the reference that the window shows, why it came back, the day. What cannot be read is
told by line, all together. Refuses a file that is not such a list; never repeats a value.

Source:
    S99: La Poste, reasons for which a letter is not delivered (PND).
"""

import csv
import io
import unicodedata
from dataclasses import dataclass
from typing import Final

from rempart.kernel.errors import MalformedRequest
from rempart.kernel.findings import Finding

MOST_BYTES: Final = 32 * 1024 * 1024
MOST_FINDINGS: Final = 500
REFERENCE_CHARS: Final = 40
_REFERENCE_NAMES: Final = frozenset({"reference", "ref", "pli"})
_REASON_NAMES: Final = frozenset({"motif", "reason", "code"})
OTHER: Final = "other"
# The words of the label, and the short forms that sorting centres key.
_REASONS: Final = {
    "npai": "unknown_at_address",
    "destinataire inconnu a l'adresse": "unknown_at_address",
    "destinataire inconnu": "unknown_at_address",
    "inconnu a l'adresse": "unknown_at_address",
    "n'habite pas a l'adresse indiquee": "unknown_at_address",
    "unknown": "unknown_at_address",
    "defaut d'acces ou d'adressage": "no_access",
    "defaut d'acces": "no_access",
    "defaut d'adressage": "no_access",
    "no access": "no_access",
    "pli refuse par le destinataire": "refused_at_door",
    "pli refuse": "refused_at_door",
    "refuse": "refused_at_door",
    "refused": "refused_at_door",
    "pli avise et non reclame": "unclaimed",
    "non reclame": "unclaimed",
    "unclaimed": "unclaimed",
    "decede": "said_deceased",
    "deceased": "said_deceased",
}


@dataclass(frozen=True, slots=True)
class ReturnedLetter:
    """One letter that came back: the line it stands on, its reference, why."""

    line: int
    reference: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnList:
    """A file as it was read: what it says, what could not be read."""

    letters: tuple[ReturnedLetter, ...]
    findings: tuple[Finding, ...]


def read_return_list(content: bytes) -> ReturnList:
    """Read a list of letters that came back.

    Args:
        content: CSV with a header, UTF-8 or Windows-1252; semicolons, commas or tabs.

    Raises:
        MalformedRequest: it is no such list: too long, no text, no column of references.
    """
    if len(content) > MOST_BYTES:
        raise MalformedRequest("the list of returned letters is over 32 MB: cut it")
    text = _decode(content)
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text), delimiter=max(";,\t", key=first.count))
    try:
        reference_at, reason_at = _find_columns(next(rows, []))
        letters, findings = [], []
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            reference = row[reference_at].strip() if reference_at < len(row) else ""
            if not 1 <= len(reference) <= REFERENCE_CHARS:
                findings.append(_refuse(rows.line_num))
                continue
            said = row[reason_at] if reason_at is not None and reason_at < len(row) else ""
            letters.append(ReturnedLetter(rows.line_num, reference, read_reason(said)))
    except csv.Error:
        raise MalformedRequest("the list of returned letters is not CSV") from None
    return ReturnList(letters=tuple(letters), findings=tuple(findings[:MOST_FINDINGS]))


def read_reason(text: str) -> str:
    """Return why a letter came back, as it is kept.

    Examples:
        >>> read_reason("Défaut d’accès ou d’adressage")
        'no_access'
    """
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).encode("ascii", "ignore").decode()
    return _REASONS.get(" ".join(plain.casefold().split()), OTHER)


def _decode(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise MalformedRequest("the list of returned letters is not a text: save it as CSV, UTF-8")


def _find_columns(header: list[str]) -> tuple[int, int | None]:
    names = [_fold(cell) for cell in header]
    references = [at for at, name in enumerate(names) if name in _REFERENCE_NAMES]
    reasons = [at for at, name in enumerate(names) if name in _REASON_NAMES]
    if len(references) != 1:
        raise MalformedRequest("the list of returned letters needs one column “reference”")
    return references[0], reasons[0] if reasons else None


def _fold(cell: str) -> str:
    plain = unicodedata.normalize("NFKD", cell.strip().casefold())
    return plain.encode("ascii", "ignore").decode()


def _refuse(line: int) -> Finding:
    return Finding(
        line,
        "reference",
        "return_reference",
        "La référence du pli manque ou est trop longue.",
        "Recopier les trois groupes de quatre signes de la fenêtre.",
    )
