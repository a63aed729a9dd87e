"""Movements of a staff list as an employer's software writes them: a table, one line each.

Every mistake of every line is told by line and column, never by value. Refuses to print what it
read: a line that joins holds a name and a NIR.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from rempart.employers.movements import Join, Leave, Movement, MovementFinding, Rule, Structure
from rempart.exchange.table_text import drop_nuls, find_encoding, find_separator
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.nir import Nir

Value = TypeVar("Value")

MOST_LINES: Final = 2_000
NAME_LETTERS: Final = 80
CONTRACT_LETTERS: Final = 30
COLUMNS: Final = (
    *("matricule", "mouvement", "date", "debut_contrat_travail", "structure"),
    *("nir", "date_naissance", "rang_naissance", "nom", "prenoms", "contrat_individuel"),
    "portabilite",
)
"""What the first line says, in the order of the model; any order is read."""

_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "matricule": "staff_number",
        "mouvement": "movement",
        "date": "date",
        "debut_contrat_travail": "work_from",
        "structure": "structure",
        "nir": "nir",
        "date_naissance": "birth_date",
        "rang_naissance": "birth_rank",
        "nom": "family_name",
        "prenoms": "first_names",
        "contrat_individuel": "member_contract",
        "portabilite": "ported",
    }
)
_NAMES: Final = {**_FIELDS, **{name: name for name in _FIELDS.values()}}
_NEEDED: Final = ("staff_number", "movement", "date")
_MOVEMENTS: Final = {
    **dict.fromkeys(("entrée", "entree", "join", "e"), "join"),
    **dict.fromkeys(("sortie", "leave", "s"), "leave"),
}
_STRUCTURES: Final = {
    **dict.fromkeys(("isolé", "isole", "seul", "single"), Structure.SINGLE),
    **dict.fromkeys(("duo", "couple"), Structure.COUPLE),
    **dict.fromkeys(("famille", "family"), Structure.FAMILY),
}
_YES: Final = {
    **dict.fromkeys(("oui", "yes", "o", "y", "1"), True),
    **dict.fromkeys(("non", "no", "n", "0"), False),
}
_NUMBER: Final = re.compile(r"[A-Za-z0-9._/-]{1,20}")
_NIR_LIKE: Final = re.compile(r"[0-9]{13}")
_ISO_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_FRENCH_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)


class Joiner(msgspec.Struct, frozen=True, array_like=True):
    """Who joins, as the insurer's feed will state them. NIR: thirteen characters.

    `member_contract` is the individual contract of somebody the insurer covers already, or empty.
    """

    nir: str
    birth_date: str
    birth_rank: str
    family_name: str
    first_names: str
    member_contract: str = ""

    def __repr__(self) -> str:
        return "<Joiner>"


@dataclass(frozen=True, slots=True)
class ReadMovement:
    """One movement as it was read; `joiner` for whoever joins."""

    movement: Movement
    joiner: Joiner | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ReadMovements:
    """A file as it was read: what can be checked, and what is wrong already."""

    lines: int
    movements: tuple[ReadMovement, ...]
    findings: tuple[MovementFinding, ...]


def read_movements(content: bytes) -> ReadMovements:
    """Read a file of movements: CSV in UTF-8, UTF-16 or Windows-1252, any usual separator."""
    stream = io.BytesIO(content)
    text = io.TextIOWrapper(stream, encoding=find_encoding(stream), newline="")
    try:
        reader = csv.reader(drop_nuls(text), delimiter=find_separator(text))
        places = _read_header(next(reader, []))
        if isinstance(places, Rule):
            return _refuse(places)
        rows = list(_list_rows(reader, places))
    except (csv.Error, UnicodeError):
        return _refuse(Rule.UNREADABLE)
    if not rows:
        return _refuse(Rule.EMPTY)
    if len(rows) > MOST_LINES:
        return _refuse(Rule.TOO_LONG, lines=len(rows))
    movements: list[ReadMovement] = []
    findings: list[MovementFinding] = []
    for line, cells in rows:
        read, found = read_movement(cells, line=line)
        findings += found
        if read is not None:
            movements.append(read)
    return ReadMovements(len(rows), tuple(movements), tuple(findings))


def read_movement(
    cells: Mapping[str, str], *, line: int = 0
) -> tuple[ReadMovement | None, list[MovementFinding]]:
    """Read one movement of a file or of a form.

    Args:
        cells: By the field's English name; those that are not there are empty.
        line: Of the file; 0 for a form.

    Returns:
        The movement, or None with everything that is wrong with it.
    """
    cell = _Cells(cells, line)
    staff_number = cell.read("staff_number", _read_number, Rule.STAFF_NUMBER)
    kind = cell.read("movement", _lookup(_MOVEMENTS), Rule.MOVEMENT)
    day = cell.read("date", _read_day, Rule.DATE)
    if kind == "leave":
        ported = cell.read("ported", _lookup(_YES), Rule.YES_OR_NO)
        if staff_number is None or day is None or ported is None:
            return None, cell.findings
        leave = Leave(line=line, staff_number=staff_number, left_on=day, ported=ported)
        return ReadMovement(leave), cell.findings
    if kind is None:
        return None, cell.findings
    structure = cell.read("structure", _lookup(_STRUCTURES), Rule.STRUCTURE)
    said = cells.get("work_from", "").strip()
    work_from = cell.read("work_from", _read_day, Rule.DATE) if said else day
    joiner = _read_joiner(cell)
    if cell.findings or staff_number is None or day is None:
        return None, cell.findings
    if structure is None or work_from is None or joiner is None:
        return None, cell.findings
    join = Join(
        line=line,
        staff_number=staff_number,
        joined_on=day,
        work_from=work_from,
        structure=structure,
        designated=f"{joiner.nir}|{joiner.birth_date}|{joiner.birth_rank}".encode(),
    )
    return ReadMovement(join, joiner), cell.findings


def _read_joiner(cell: "_Cells") -> Joiner | None:
    nir = cell.read("nir", lambda text: Nir.parse(text).number, Rule.NIR)
    birth_date = cell.read("birth_date", lambda text: BirthDate.parse(text).text, Rule.BIRTH_DATE)
    rank = cell.read(
        "birth_rank", lambda text: BirthRank.parse(text).format(), Rule.BIRTH_RANK, empty="1"
    )
    family_name = cell.read("family_name", _read_name, Rule.NAME)
    first_names = cell.read("first_names", _read_name, Rule.NAME)
    contract = cell.read("member_contract", _read_contract, Rule.MEMBER_CONTRACT, empty="")
    if nir is None or birth_date is None or rank is None:
        return None
    if family_name is None or first_names is None or contract is None:
        return None
    return Joiner(nir, birth_date, rank, family_name, first_names, contract)


class _Wrong(ValueError):
    def __init__(self, rule: Rule) -> None:
        super().__init__(str(rule))
        self.rule = rule


class _Cells:
    """The cells of one line, and what is wrong with them."""

    def __init__(self, cells: Mapping[str, str], line: int) -> None:
        self._cells = cells
        self._line = line
        self.findings: list[MovementFinding] = []

    def read(
        self, name: str, parse: Callable[[str], Value], rule: Rule, *, empty: Value | None = None
    ) -> Value | None:
        """Return what a cell says, or None once it is noted why it cannot be."""
        text = self._cells.get(name, "").strip()
        if not text and empty is not None:
            return empty
        try:
            return parse(text)
        except _Wrong as wrong:
            self.findings.append(MovementFinding(self._line, name, wrong.rule))
        except (ValueError, KeyError):
            self.findings.append(MovementFinding(self._line, name, rule))
        return None


def _read_header(names: Sequence[str]) -> dict[int, str] | Rule:
    places = {}
    for place, name in enumerate(names):
        known = _NAMES.get("_".join(name.strip().strip("\ufeff").casefold().split()))
        if known is not None:
            places[place] = known
    found = list(places.values())
    if len(set(found)) < len(found) or any(name not in found for name in _NEEDED):
        return Rule.HEADER
    return places


def _list_rows(
    rows: Iterator[list[str]], places: Mapping[int, str]
) -> Iterator[tuple[int, dict[str, str]]]:
    for line, cells in enumerate(rows, start=2):
        if any(cell.strip() for cell in cells):
            yield line, {places[at]: cell for at, cell in enumerate(cells) if at in places}


def _refuse(rule: Rule, *, lines: int = 0) -> ReadMovements:
    return ReadMovements(lines, (), (MovementFinding(1, "file", rule),))


def _lookup(values: Mapping[str, Value]) -> Callable[[str], Value]:
    return lambda text: values[text.casefold()]


def _read_number(text: str) -> str:
    if _NIR_LIKE.search(text):
        raise _Wrong(Rule.LOOKS_LIKE_NIR)
    if not _NUMBER.fullmatch(text):
        raise _Wrong(Rule.STAFF_NUMBER)
    return text


def _read_day(text: str) -> date:
    if iso := _ISO_DAY.fullmatch(text):
        year, month, day = iso.groups()
    elif french := _FRENCH_DAY.fullmatch(text):
        day, month, year = french.groups()
    else:
        raise _Wrong(Rule.DATE)
    return date(int(year), int(month), int(day))


def _read_name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= NAME_LETTERS or not name.isprintable():
        raise _Wrong(Rule.NAME)
    return name


def _read_contract(text: str) -> str:
    if not text.isprintable() or len(text) > CONTRACT_LETTERS:
        raise _Wrong(Rule.MEMBER_CONTRACT)
    return text
