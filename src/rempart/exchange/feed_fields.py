"""How each field of a feed is read, one function a column: text in, value out, or `BadValue`.

Refuses to correct: besides spaces around a field and the forms people write a number in, what is
not as the format says is a finding.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeAlias

from rempart.exchange import feed_rules as rules
from rempart.exchange.feed_columns import COLUMNS
from rempart.exchange.feed_terms import parse_feed_terms
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.nir import Nir, is_valid_nir, read_nir_column
from rempart.rights.lookup import CardCode

ReadField: TypeAlias = Callable[[str], Any]
ReadColumn: TypeAlias = Callable[[Sequence[str]], list[Any] | None]


@dataclass(frozen=True, slots=True)
class Reader:
    """How one column is read.

    Args:
        read: Reads one field, or raises `BadValue`.
        read_plain: Reads a column in one go, or returns None when one of its fields needs a closer
            look: most files are plain, and read so many times faster.
    """

    read: ReadField
    read_plain: ReadColumn | None = None


@dataclass(frozen=True, slots=True)
class PlainShape:
    """Reads a column of which every field has one shape.

    Args:
        shape: Matches a whole column, each field followed by a line feed.
        dropped: A character that such fields may hold and that is not part of their value.
    """

    shape: re.Pattern[str]
    dropped: str = ""

    def __call__(self, column: Sequence[str]) -> list[str] | None:
        """Read a column, or return None."""
        joined = "\n".join(column) + "\n"
        if joined.count("\n") != len(column) or not self.shape.fullmatch(joined):
            return None
        return joined.replace(self.dropped, "")[:-1].split("\n") if self.dropped else list(column)


@dataclass(frozen=True, slots=True)
class PlainText:
    """Reads a column of free text in which no field has anything to remove or to refuse.

    Args:
        longest: Most characters allowed.
        required: Whether an empty field is refused.
    """

    longest: int
    required: bool = False

    def __call__(self, column: Sequence[str]) -> list[str] | None:
        """Read a column, or return None."""
        if max(map(len, column)) > self.longest or (self.required and not all(column)):
            return None
        # The space is the only printable character that is white.
        if not "".join(column).isprintable():
            return None
        joined = "\n".join(("", *column, ""))
        return None if "\n " in joined or " \n" in joined else list(column)


# Lengths are those of the national files where they exist, generous elsewhere.
NAME_LENGTH: Final = 80
FIRST_NAMES_LENGTH: Final = 120
REFERENCE_LENGTH: Final = 30
EMAIL_LENGTH: Final = 254
ADDRESS_LENGTH: Final = 200
POSTCODE_LENGTH: Final = 12
CITY_LENGTH: Final = 80

_SPACES: Final = str.maketrans("\u00a0\u202f", "  ")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9/._-]*", re.ASCII)
_CONVENTION_TYPE: Final = re.compile(r"[A-Z0-9]{1,4}", re.ASCII)
_CSR: Final = re.compile(r"[A-Za-z0-9 ._-]{0,20}", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE: Final = re.compile(r"\+?(?:[ ().-]*\d){4,20}[ ().-]*", re.ASCII)
_DATE: Final = re.compile(r"(?:19|20|21)\d\d-\d\d-\d\d", re.ASCII)

# Whole columns: possessive, so that a million fields cost no memory.
_PLAIN_REFERENCES: Final = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9/._-]{{0,{REFERENCE_LENGTH - 1}}}+\n)*+", re.ASCII
)
_PLAIN_BIRTH_DATES: Final = re.compile(r"(?:(?:18[5-9]|19\d|2[01]\d)\d{5}\n)*+", re.ASCII)
_PLAIN_CARDS: Final = re.compile(
    r"(?:(?:[0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}\n|\n)*+", re.ASCII
)
_PLAIN_EMAILS: Final = re.compile(
    r"(?:(?:[\w.+-]{1,100}+@(?:[a-z0-9-]{1,30}+\.){1,3}+[a-z0-9]{2,30}+)?\n)*+", re.ASCII
)
_PLAIN_PHONES: Final = re.compile(r"(?:(?:\+?\d{4,20}+)?\n)*+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Text:
    """Reads free text: a name, a street.

    Args:
        longest: Most characters allowed.
        required: Whether an empty field is refused.
    """

    longest: int
    required: bool = False

    def __call__(self, text: str) -> str:
        """Read one field."""
        cleaned = _clean(text)
        if not cleaned and self.required:
            raise BadValue(rules.REQUIRED)
        if len(cleaned) > self.longest:
            raise BadValue(rules.TOO_LONG)
        if not cleaned.isprintable():
            raise BadValue(rules.CHARACTERS)
        return cleaned


@dataclass(frozen=True, slots=True)
class Coded:
    """Reads a short text of a known shape.

    Args:
        shape: What the whole text must match; may match the empty text.
        refusal: What to answer otherwise.
        longest: Most characters allowed.
        required: Whether an empty field is refused.
    """

    shape: re.Pattern[str]
    refusal: Refusal
    longest: int
    required: bool = False

    def __call__(self, text: str) -> str:
        """Read one field."""
        cleaned = _clean(text)
        if not cleaned:
            if self.required:
                raise BadValue(rules.REQUIRED)
            return ""
        if len(cleaned) > self.longest:
            raise BadValue(rules.TOO_LONG)
        if not self.shape.fullmatch(cleaned):
            raise BadValue(self.refusal)
        return cleaned


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads one of a few words.

    Args:
        values: Value by word.
        refusal: What to answer to another word.
    """

    values: Mapping[str, Any]
    refusal: Refusal

    def __call__(self, text: str) -> Any:
        """Read one field."""
        try:
            return self.values[text.strip()]
        except KeyError:
            raise BadValue(self.refusal) from None


def read_nir(text: str) -> str:
    """Return the thirteen characters of a NIR given with its key."""
    if is_valid_nir(text) and len(text) == 15:
        return text[:13].upper()
    if not text.strip():
        raise BadValue(rules.REQUIRED)
    return Nir.parse(text).number


def read_plain_nirs(column: Sequence[str]) -> list[str] | None:
    """Read a column of NIR in one go, or return None."""
    return read_nir_column(column) if all(column) else None


def read_optional_nir(text: str) -> str:
    """Return the same, or the empty text."""
    return read_nir(text) if text.strip() else ""


def read_birth_date(text: str) -> str:
    """Return eight characters AAAAMMJJ, lunar dates included."""
    if not text.strip():
        raise BadValue(rules.REQUIRED)
    return BirthDate.parse(text).text


def read_birth_rank(text: str) -> str:
    """Return one digit."""
    return BirthRank.parse(text).format()


def read_card_code(text: str) -> str:
    """Return twenty letters without dashes, or the empty text."""
    return CardCode.parse(text).code if text.strip() else ""


def read_optional_date(text: str) -> date | None:
    """Return a day from 1900 to 2199, or None for an empty field."""
    stripped = text.strip()
    if not stripped:
        return None
    if not _DATE.fullmatch(stripped):
        raise BadValue(rules.DATE)
    try:
        return date.fromisoformat(stripped)
    except ValueError:
        raise BadValue(rules.DATE) from None


def read_date(text: str) -> date:
    """Return a day from 1900 to 2199."""
    day = read_optional_date(text)
    if day is None:
        raise BadValue(rules.REQUIRED)
    return day


def make_readers(amc_number: str, *, removals: bool) -> dict[str, Reader]:
    """Return how to read each column of `COLUMNS` in one insurer's feed.

    Args:
        amc_number: Ten digits: rows of another insurer are refused.
        removals: Whether the feed may remove lines, as a delta does.
    """

    def read_amc_number(text: str) -> str:
        number = AmcNumber.parse(text).number
        if number != amc_number:
            raise BadValue(rules.OTHER_INSURER)
        return number

    reference = Reader(
        Coded(_REFERENCE, rules.REFERENCE, REFERENCE_LENGTH, required=True),
        PlainShape(_PLAIN_REFERENCES),
    )
    readers = {
        "amc_number": Reader(read_amc_number),
        "contract_number": reference,
        "member_number": reference,
        "insured_nir": Reader(read_nir, read_plain_nirs),
        "own_nir": Reader(read_optional_nir, read_nir_column),
        "previous_nir": Reader(read_optional_nir, read_nir_column),
        "family_name": _make_text_reader(NAME_LENGTH, required=True),
        "birth_name": _make_text_reader(NAME_LENGTH),
        "first_names": _make_text_reader(FIRST_NAMES_LENGTH, required=True),
        "birth_date": Reader(read_birth_date, PlainShape(_PLAIN_BIRTH_DATES)),
        "birth_rank": Reader(read_birth_rank),
        "quality": Reader(OneOf({"1": 1, "2": 2, "3": 3, "4": 4}, rules.QUALITY)),
        "convention_type": Reader(Coded(_CONVENTION_TYPE, rules.CONVENTION_TYPE, 4, required=True)),
        "csr": Reader(Coded(_CSR, rules.CSR, 20)),
        "responsible": Reader(OneOf({"0": False, "1": True}, rules.RESPONSIBLE)),
        "period_start": Reader(read_date),
        "terms": Reader(parse_feed_terms),
        "card_code": Reader(read_card_code, PlainShape(_PLAIN_CARDS, dropped="-")),
        "email": Reader(Coded(_EMAIL, rules.EMAIL, EMAIL_LENGTH), PlainShape(_PLAIN_EMAILS)),
        "phone": Reader(Coded(_PHONE, rules.PHONE, 40), PlainShape(_PLAIN_PHONES)),
        "address": _make_text_reader(ADDRESS_LENGTH),
        "postcode": _make_text_reader(POSTCODE_LENGTH),
        "city": _make_text_reader(CITY_LENGTH),
        "action": Reader(_read_removal if removals else _read_no_removal),
    }
    return {name: readers.get(name, Reader(read_optional_date)) for name in COLUMNS}


_read_removal: Final = OneOf({"": False, "put": False, "remove": True}, rules.ACTION)


def _read_no_removal(text: str) -> bool:
    if _read_removal(text):
        raise BadValue(rules.REMOVE_IN_FULL)
    return False


def _make_text_reader(longest: int, *, required: bool = False) -> Reader:
    return Reader(Text(longest, required), PlainText(longest, required))


def _clean(text: str) -> str:
    return text.translate(_SPACES).strip() if not text.isascii() else text.strip()
