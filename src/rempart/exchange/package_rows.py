"""The list of a package as CSV files, and its manifest as JSON: the same inputs, the same bytes.

A spreadsheet opens the list and a programme reads it. Refuses to let a name become a formula, and
to put more than one file's worth of persons in memory.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from rempart.disclosure.fields import Field, fields_in, format_fields
from rempart.incidents.exposure import Tier
from rempart.incidents.packages import Change, IdentityState, Told
from rempart.kernel.crockford import encode_number, format_groups

COLUMNS: Final = (
    *("change", "reference", "tier", "identity", "contract_number", "member_number", "quality"),
    *("family", "birth_date", "birth_rank", "minor", "family_name", "birth_name", "first_names"),
    *("fields_shown", "fields_lost", "lost_in_words", "lookups", "sessions", "why"),
)
ROWS_PER_FILE: Final = 10_000
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "'")
_REFERENCE_LETTERS: Final = 14
_QUALITIES: Final = MappingProxyType({1: "insured", 2: "spouse", 3: "child", 4: "other"})
_MINORS: Final = MappingProxyType({True: "yes", False: "no", None: "unknown"})

WHY: Final = MappingProxyType(
    {
        Tier.A: "Confirmé : la réponse a été donnée dans une séance tenue par un voleur.",
        Tier.B: (
            "Très probable : la réponse a été donnée dans une séance où le voleur et le titulaire "
            "étaient tous deux, et aucune présence de la personne ne l’explique."
        ),
        Tier.C: (
            "Ne peut être exclu : une carte présentée explique la réponse, ou les journaux "
            "manquent, mais un voleur était là."
        ),
    }
)
REMOVED: Final = "Retiré : la nouvelle analyse ne trouve plus cette personne parmi les concernées."


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPerson:
    """Who somebody is, as their insurer's own feed says; empty where it says nothing."""

    contract_number: str = ""
    member_number: str = ""
    quality: int = 0
    birth_date: str = ""
    birth_rank: str = ""
    family_name: str = ""
    birth_name: str = ""
    first_names: str = ""
    is_minor: bool | None = None

    def __repr__(self) -> str:
        return "<NamedPerson>"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedRow:
    """One line of a list. `told` is None for a person who is taken off it."""

    person_ref: int
    change: Change
    told: Told | None
    lookups: int
    sessions: int
    identity: IdentityState
    named: NamedPerson = field(default_factory=NamedPerson)

    def __repr__(self) -> str:
        return "<PackagedRow>"


def format_reference(person_ref: int) -> str:
    """Write the reference of a person, the same in every package: `P-0000-…`."""
    return f"P-{format_groups(encode_number(person_ref, _REFERENCE_LETTERS))}"


def iterate_lists(
    rows: Iterable[PackagedRow], *, rows_per_file: int = ROWS_PER_FILE
) -> Iterator[bytes]:
    """Yield the list as files of so many rows, each with its header; none without a row."""
    text, written = _begin()
    count = 0
    for row in rows:
        written.writerow(_to_cells(row))
        count += 1
        if count == rows_per_file:
            yield _end(text)
            text, written = _begin()
            count = 0
    if count:
        yield _end(text)


def read_list(content: bytes) -> Iterator[dict[str, str]]:
    """Yield the rows of one file of a list.

    Raises:
        ValueError: it is no text, its columns are not those of this version, or a line is broken.
    """
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    reader = csv.DictReader(text, delimiter=";")
    try:
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError("the columns of the list are not those of this version")
        yield from reader
    except csv.Error as failure:
        raise ValueError("a line of the list cannot be cut into cells") from failure


class StateDigest:
    """A digest of who is on a list and how surely: what two packages in a row must lead to.

    Order counts: persons come by reference.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256(b"rempart package state 1\n")

    def add(self, reference: str, tier: str, fields_shown: str, fields_lost: str) -> None:
        """Take one person in."""
        self._digest.update(f"{reference};{tier};{fields_shown};{fields_lost}\n".encode())

    def add_told(self, person_ref: int, told: Told) -> None:
        """Take one person in, as the database holds them."""
        self.add(
            format_reference(person_ref),
            str(told.tier),
            name_fields(told.fields),
            name_fields(told.lost),
        )

    def hexdigest(self) -> str:
        """Return the digest so far."""
        return self._digest.hexdigest()


@lru_cache(maxsize=4096)
def name_fields(fields: int) -> str:
    """Write fields by their stable names: `NIR|BIRTH_DATE`; unnamed bits as `BIT_n`."""
    names = [str(one.name) for one in fields_in(fields)]
    unnamed = fields & ~int(_all_fields())
    names += [f"BIT_{bit}" for bit in range(64) if unnamed >> bit & 1]
    return "|".join(names)


def format_manifest(manifest: Mapping[str, Any]) -> bytes:
    """Return a manifest as JSON: keys sorted, one space of indent, UTF-8."""
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1)
    return f"{text}\n".encode()


@lru_cache(maxsize=4096)
def _say_fields(fields: int) -> str:
    return ", ".join(format_fields(fields, "fr"))


def _all_fields() -> Field:
    union = Field(0)
    for one in Field:
        union |= one
    return union


def _begin() -> tuple[io.StringIO, Any]:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    return text, writer


def _end(text: io.StringIO) -> bytes:
    return ("\ufeff" + text.getvalue()).encode()


def _to_cells(row: PackagedRow) -> tuple[str, ...]:
    named, told = row.named, row.told
    number = named.contract_number
    return tuple(
        _protect(cell)
        for cell in (
            *(str(row.change), format_reference(row.person_ref), str(told.tier) if told else ""),
            *(str(row.identity), number, named.member_number),
            *(_QUALITIES.get(named.quality, ""), _name_family(number), named.birth_date),
            *(named.birth_rank, _MINORS[named.is_minor] if named.birth_date else "unknown"),
            *(named.family_name, named.birth_name, named.first_names),
            *(name_fields(told.fields if told else 0), name_fields(told.lost if told else 0)),
            _say_fields(told.lost) if told else "",
            *(str(row.lookups), str(row.sessions), WHY[told.tier] if told else REMOVED),
        )
    )


def _name_family(contract_number: str) -> str:
    """Name a family: those of one contract share it, in every package."""
    if not contract_number:
        return ""
    return f"F-{hashlib.sha256(contract_number.encode()).hexdigest()[:10].upper()}"


def _protect(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
