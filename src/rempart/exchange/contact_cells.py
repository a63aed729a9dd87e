"""The columns of a list of contacts, what may stand in them, and what is wrong with a cell.

Refuses to take a date or a "yes" for another: what is unclear is said to be.
"""

import enum
import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from rempart.kernel.crockford import decode_number, normalise_code

MINOR_YEARS: Final = 18
_REFERENCE_LETTERS: Final = 14
_BIGGEST_REF: Final = (1 << 63) - 1
_ISO_DAY: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)
_FRENCH_DAY: Final = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})", re.ASCII)
_YES: Final = frozenset({"yes", "oui", "o", "y", "1", "true", "vrai", "x"})
_NO: Final = frozenset({"", "no", "non", "n", "0", "false", "faux"})


class Rule(enum.StrEnum):
    """What is wrong with a line, or odd about it; the pages say it in words."""

    UNREADABLE = "unreadable"
    HEADER = "header"
    EMPTY = "empty"
    REFERENCE = "reference"
    NOT_PACKAGED = "not_packaged"
    TWICE = "twice"
    TWICE_OTHERWISE = "twice_otherwise"
    NAME = "name"
    NAME_CHARACTERS = "name_characters"
    NAME_TOO_LONG = "name_too_long"
    REPRESENTATIVE = "representative"
    AGE = "age"
    EMAIL = "email"
    ADDRESS_CHARACTERS = "address_characters"
    ADDRESS_TOO_LONG = "address_too_long"
    ADDRESS_INCOMPLETE = "address_incomplete"
    NO_WAY = "no_way"
    FOREIGN = "foreign"
    LANGUAGE = "language"
    PRINT = "print"
    DATE = "date"
    YES_OR_NO = "yes_or_no"


# What a line is not taken for; the others are taken, and told.
REFUSING: Final = frozenset(
    {Rule.UNREADABLE, Rule.REFERENCE, Rule.NOT_PACKAGED, Rule.NAME, Rule.TWICE}
)

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "reference": ("référence",),
    "recipient": ("destinataire", "name"),
    "representative": ("representant", "représentant", "representant_legal"),
    "family_name": ("nom", "nom_de_famille"),
    "first_names": ("prenoms", "prénoms", "prenom", "prénom", "first_name"),
    "birth_date": ("date_de_naissance", "date_naissance", "naissance"),
    "minor": ("mineur",),
    "email": ("courriel", "mail", "e-mail", "adresse_electronique"),
    "address": ("adresse",),
    **{f"address_{n}": (f"adresse_{n}", f"adresse{n}", f"address{n}") for n in range(1, 7)},
    "postcode": ("code_postal", "cp"),
    "city": ("ville", "commune"),
    "country": ("pays",),
    "language": ("langue",),
    "deceased": ("decede", "décédé"),
    "protected": ("adresse_protegee", "adresse_protégée", "protege"),
    "by_post": ("par_courrier",),
    "print": ("presentation", "présentation"),
    "left_on": ("fin_de_contrat", "fin_contrat"),
}
COLUMN_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {name: column for column, others in _NAMES.items() for name in (column, *others)}
)


def read_reference(text: str) -> int | None:
    """Return the person that a package's reference names (`P-0000-…`); None: it names nobody.

    >>> read_reference("P-0000-0000-0000-1Z")
    63
    """
    code = normalise_code(text.lstrip("'"))
    if not code.startswith("P") or len(code) != 1 + _REFERENCE_LETTERS:
        return None
    number = decode_number(code[1:])
    return number if number is not None and 0 < number <= _BIGGEST_REF else None


def read_date(text: str) -> date | None:
    """Return a day written `1978-05-31`, `19780531` or `31/05/1978`; None: no such day."""
    iso, french = _ISO_DAY.fullmatch(text), _FRENCH_DAY.fullmatch(text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        return date(int(french[3]), int(french[2]), int(french[1])) if french else None
    except ValueError:
        return None


def is_yes(text: str) -> bool | None:
    """Return what a cell says; None: neither yes nor no.

    >>> is_yes("Oui"), is_yes(""), is_yes("peut-être")
    (True, False, None)
    """
    word = text.strip().casefold()
    return True if word in _YES else False if word in _NO else None


def read_text(text: str) -> str:
    """Keep of a cell its printable characters, on one line."""
    return " ".join("".join(one for one in text if one.isprintable()).split())
