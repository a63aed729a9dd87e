"""Lines of 128 characters, modelled on the public descriptions of norme B2: fields by position.

A kind of line is a table of fields; reading and writing follow the same table. Dates are AAMMJJ but
for the birth date, amounts are cents without a separator, numbers are padded with zeros on the left
and texts with spaces on the right. Not conformant: the norm is not public, its envelope and several
lines were made up here.

Refuses a line that is not 128 characters long, and a value that its field cannot hold: nothing is
cut to fit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from rempart.kernel.findings import BadValue, Refusal

WIDTH: Final = 128
Value: TypeAlias = str | int | date | None

LENGTH: Final = Refusal(
    rule="b2_length",
    fr="La ligne n’a pas 128 caractères.",
    en="The line is not 128 characters long.",
    advice_fr="Régénérer le fichier sans couper ni compléter les lignes.",
    advice_en="Write the file again without cutting or padding lines.",
)
KIND: Final = Refusal(
    rule="b2_kind",
    fr="Ce type de ligne n’existe pas.",
    en="There is no such kind of line.",
    advice_fr="Les lignes commencent par 1, 2, 2S, 4, 5 ou 9.",
    advice_en="Lines begin with 1, 2, 2S, 4, 5 or 9.",
)
FIELD: Final = Refusal(
    rule="b2_field",
    fr="Cette zone n’a pas la forme attendue.",
    en="This field is not of the expected form.",
    advice_fr="Comparer avec la position et le format de la zone dans la documentation.",
    advice_en="Compare with the field's position and format in the documentation.",
)

Form: TypeAlias = Literal["text", "number", "day"]
_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_DAY: Final = re.compile(r"(\d{2})(\d{2})(\d{2})", re.ASCII)
# Two digits of a year: this century, since care is billed within three years.
_CENTURY: Final = 2000


class BadField(BadValue):
    """A field that cannot be read; `field` is its name."""

    def __init__(self, refusal: Refusal, field: str) -> None:
        super().__init__(refusal)
        self.field = field

    def __reduce__(self) -> Any:
        return (type(self), (self.refusal, self.field))


@dataclass(frozen=True, slots=True)
class LineField:
    """One field of a kind of line.

    Args:
        name: What it is.
        at: Its first position, from 1.
        width: How many characters.
        form: Text, number or day.
        required: Whether it may be blank (texts, days) or absent.
        modelled: Whether its place is that of the public descriptions; otherwise it was made up.
    """

    name: str
    at: int
    width: int
    form: Form = "text"
    required: bool = True
    modelled: bool = True


@dataclass(frozen=True, slots=True)
class LineKind:
    """One kind of line: how it begins, what it is, its fields."""

    mark: str
    title: str
    fields: tuple[LineField, ...]


def _number(name: str, at: int, width: int, *, modelled: bool = True) -> LineField:
    return LineField(name, at, width, "number", modelled=modelled)


LOT_HEADER: Final = LineKind(
    "1",
    "Lot header",
    (
        LineField("finess", 3, 9, modelled=False),
        _number("lot", 13, 6, modelled=False),
        LineField("made_on", 20, 6, "day", modelled=False),
        LineField("software", 30, 20, required=False, modelled=False),
    ),
)
CLAIM_START: Final = LineKind(
    "2",
    "Claim start",
    (
        LineField("nir", 12, 13),
        LineField("nir_key", 25, 2),
        LineField("invoice", 30, 9),
        LineField("exoneration", 79, 1, required=False),
        LineField("born", 96, 6),
        _number("birth_rank", 102, 1),
        LineField("contract_type", 117, 2, required=False),
        LineField("amc_number", 119, 10),
    ),
)
BENEFICIARY: Final = LineKind(
    "2S",
    "Beneficiary",
    (
        LineField("birth_date", 4, 8, modelled=False),
        LineField("engagement", 13, 18, required=False, modelled=False),
        LineField("pec", 32, 16, required=False, modelled=False),
        LineField("own_nir", 50, 13, required=False),
        LineField("own_nir_key", 63, 2, required=False),
        LineField("pathway", 121, 1, required=False),
    ),
)
ACT: Final = LineKind(
    "4",
    "Act",
    (
        _number("line", 4, 3, modelled=False),
        LineField("basket", 8, 1, required=False, modelled=False),
        LineField("equipment", 10, 2, required=False, modelled=False),
        LineField("correction", 13, 1, required=False, modelled=False),
        LineField("exoneration", 54, 1, required=False),
        LineField("care_date", 70, 6, "day"),
        LineField("act", 76, 5),
        _number("quantity", 81, 2),
        _number("coefficient", 83, 6),
        _number("unit_cents", 91, 7),
        _number("base_cents", 98, 7),
        _number("rate", 105, 3),
        _number("amo_cents", 108, 7),
        _number("billed_cents", 115, 8),
        _number("amc_cents", 123, 6),
    ),
)
CLAIM_END: Final = LineKind(
    "5",
    "Claim end",
    (
        LineField("invoice", 30, 9, modelled=False),
        _number("billed_cents", 58, 8),
        _number("amo_cents", 66, 8),
        _number("amc_cents", 90, 8),
        _number("total_cents", 115, 8),
    ),
)
LOT_END: Final = LineKind(
    "9",
    "Lot end",
    (
        _number("lot", 13, 6, modelled=False),
        _number("claims", 20, 6, modelled=False),
        _number("lines", 27, 7, modelled=False),
        _number("amc_cents", 35, 10, modelled=False),
    ),
)
KINDS: Final[Mapping[str, LineKind]] = MappingProxyType(
    {kind.mark: kind for kind in (LOT_HEADER, CLAIM_START, BENEFICIARY, ACT, CLAIM_END, LOT_END)}
)
"""Every kind of line by its mark, in the order of a file."""


def find_kind(text: str) -> LineKind:
    """Return the kind of a line.

    Raises:
        BadValue: the line is not 128 characters long, or of no kind.
    """
    if len(text) != WIDTH:
        raise BadValue(LENGTH)
    kind = KINDS.get(text[:2].strip())
    if kind is None:
        raise BadValue(KIND)
    return kind


def parse_line(text: str) -> tuple[LineKind, dict[str, Value]]:
    """Read a line.

    Returns:
        Its kind, and its values by the names of fields; None for a field left blank.

    Raises:
        BadValue: the line is not 128 characters long, or of no kind.
        BadField: a field cannot be read.
    """
    kind = find_kind(text)
    values = {}
    for field in kind.fields:
        piece = text[field.at - 1 : field.at - 1 + field.width]
        values[field.name] = _parse_field(field, piece)
    return kind, values


def format_line(kind: LineKind, values: Mapping[str, Value]) -> str:
    """Write a line; `parse_line` reads it back the same.

    Raises:
        BadField: a value does not fit its field.
    """
    cells = list(kind.mark.ljust(WIDTH))
    for field in kind.fields:
        cells[field.at - 1 : field.at - 1 + field.width] = _format_field(
            field, values.get(field.name)
        )
    return "".join(cells)


def _parse_field(field: LineField, piece: str) -> Value:
    if field.form == "number":
        if not _DIGITS.fullmatch(piece):
            raise BadField(FIELD, field.name)
        return int(piece)
    text = piece.strip()
    if not text:
        if field.required:
            raise BadField(FIELD, field.name)
        return None
    if field.form == "day":
        return _parse_day(field, text)
    if not text.isprintable():
        raise BadField(FIELD, field.name)
    return text


def _parse_day(field: LineField, text: str) -> date:
    found = _DAY.fullmatch(text)
    if found is None:
        raise BadField(FIELD, field.name)
    year, month, day = map(int, found.groups())
    try:
        return date(_CENTURY + year, month, day)
    except ValueError as impossible:
        raise BadField(FIELD, field.name) from impossible


def _format_field(field: LineField, value: Value) -> str:
    if field.form == "number":
        text = str(value if value is not None else 0).rjust(field.width, "0")
        if not isinstance(value, int | None) or not _DIGITS.fullmatch(text):
            raise BadField(FIELD, field.name)
    elif value is None:
        if field.required:
            raise BadField(FIELD, field.name)
        text = " " * field.width
    elif field.form == "day":
        if not isinstance(value, date) or value.year // 100 != _CENTURY // 100:
            raise BadField(FIELD, field.name)
        text = f"{value:%y%m%d}"
    else:
        text = str(value).ljust(field.width)
        if text != str(value).strip().ljust(field.width) or not text.strip():
            raise BadField(FIELD, field.name)
    if len(text) != field.width or not text.isprintable():
        raise BadField(FIELD, field.name)
    return text
