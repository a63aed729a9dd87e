"""Contact data as insurers hold them: a table with a header, the errors of an ordinary extraction.

Made to be the package's own list with a few columns more: persons are named by the reference of the
package, so no number of theirs travels again. A line that can be used in part is; what cannot is
told by line and column, never repeated. Refuses to cut an address or to guess one.
"""

import csv
import io
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Final, TypeAlias

from rempart.exchange.contact_cells import (
    COLUMN_NAMES,
    MINOR_YEARS,
    Rule,
    is_yes,
    read_date,
    read_reference,
    read_text,
)
from rempart.exchange.table_text import drop_nuls, find_encoding, find_separator
from rempart.kernel.email_address import EmailAddress
from rempart.kernel.findings import BadValue, Language
from rempart.notices.contacts import (
    ADDRESS_LINE_CHARS,
    ADDRESS_LINES,
    Contact,
    ContactFlag,
)
from rempart.notices.facts import NAME_CHARS, clean_name

MOST_FINDINGS: Final = 500
_NEEDED: Final = ("reference",)
_Teller: TypeAlias = Callable[[str, Rule], None]
_PRINTS: Final = {
    "large_print": ContactFlag.LARGE_PRINT,
    "gros caractères": ContactFlag.LARGE_PRINT,
    "gros caracteres": ContactFlag.LARGE_PRINT,
    "plain": ContactFlag.PLAIN,
    "facile": ContactFlag.PLAIN,
}
_AT_HOME: Final = frozenset({"", "FRANCE", "FR", "FRA"})
# What is keyed for the “º” of a number and for an apostrophe.
_KEYED_FOR: Final = str.maketrans({"°": "º", "´": "'", "`": "'"})
# Controls, invisible and bidirectional marks, private and unassigned characters, pictures.
_NOT_PRINTED: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "So", "Sk", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class ContactFinding:
    """Something wrong with a line: its number, the column, the rule; never the value."""

    line: int
    field: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One line: whom it is about, how to reach them (None: unusable), what is wrong with it."""

    line: int
    person_ref: int
    contact: Contact | None
    findings: tuple[ContactFinding, ...]

    def __repr__(self) -> str:
        return f"<ContactRow line {self.line}>"


class NotAContactList(ValueError):
    """The file as a whole cannot be read: says which rule."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(str(rule))
        self.rule = rule


def check_contact_header(stream: BinaryIO) -> None:
    """Check that the first line names what a list of contacts needs; nothing below it is read.

    Raises:
        NotAContactList: no text, no header, or no column of references.
    """
    text = io.TextIOWrapper(stream, encoding=find_encoding(stream), newline="")
    _read_header(csv.reader(drop_nuls(text), delimiter=_read_separator(text)))
    text.detach()


def read_contact_list(stream: BinaryIO, *, today: date) -> Iterator[ContactRow]:
    """Yield the lines of a list of contacts, in order.

    Args:
        stream: Of a CSV file, from its start, that can be read twice: UTF-8, UTF-16 or
            Windows-1252, with semicolons, commas, tabs or bars.
        today: Tells who is a minor, and dates that are not yet.

    Raises:
        NotAContactList: no text, no header, or no column of references.
    """
    text = io.TextIOWrapper(stream, encoding=find_encoding(stream), newline="")
    reader = csv.reader(drop_nuls(text), delimiter=_read_separator(text))
    columns = _read_header(reader)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            yield _refuse(line, "line", Rule.UNREADABLE)
            continue
        except UnicodeError:
            raise NotAContactList(Rule.UNREADABLE) from None
        if any(cell.strip() for cell in cells):
            values = {name: cells[at].strip() for name, at in columns.items() if at < len(cells)}
            yield read_contact(values, line=line, today=today)
    text.detach()


def read_contact(values: Mapping[str, str], *, line: int, today: date) -> ContactRow:
    """Read one line, its cells by the name of their column."""
    person_ref = read_reference(values.get("reference", ""))
    if person_ref is None:
        return _refuse(line, "reference", Rule.REFERENCE)
    findings: list[ContactFinding] = []

    def tell(field: str, rule: Rule) -> None:
        findings.append(ContactFinding(line, field, rule))

    flags = _read_flags(values, tell, today=today)
    recipient, person = _read_names(values, flags, tell)
    if flags & ContactFlag.MINOR and not (recipient and person):
        flags |= ContactFlag.NO_REPRESENTATIVE
        tell("representative", Rule.REPRESENTATIVE)
    if not recipient and not flags & (ContactFlag.DECEASED | ContactFlag.NO_REPRESENTATIVE):
        tell("recipient", Rule.NAME)
        return ContactRow(line, person_ref, None, tuple(findings))
    email = _read_email(values.get("email", ""), tell)
    address = _read_address(values, tell)
    country = _read_country(values.get("country", ""), tell) if address else ""
    for holds, flag in (
        (email, ContactFlag.HAS_EMAIL),
        (address, ContactFlag.HAS_ADDRESS),
        (country, ContactFlag.FOREIGN),
    ):
        flags |= flag if holds else ContactFlag(0)
    if not email and not address and not flags & ContactFlag.DECEASED:
        tell("address", Rule.NO_WAY)
    left_on = read_date(values.get("left_on", ""))
    if values.get("left_on") and (left_on is None or left_on > today):
        left_on = None
        tell("left_on", Rule.DATE)
    contact = Contact(
        recipient=recipient,
        person=person,
        email=email,
        address=address,
        country=country,
        left_on=left_on,
        flags=flags,
        language=_read_language(values.get("language", ""), tell),
    )
    return ContactRow(line, person_ref, contact, tuple(findings))


def read_postal_line(text: str) -> tuple[str, ...]:
    """Return the lines of an address that was written on one, its parts between commas.

    Nothing is cut and nothing guessed: what does not fit the lines of an envelope is no address.

    >>> read_postal_line("12 rue de l’Essai, 35400 SAINT-MALO")
    ('12 rue de l’Essai', '35400 SAINT-MALO')
    >>> read_postal_line("12 rue de l’Essai 35400 SAINT-MALO")
    ()
    """
    lines = _read_address({"address": text.replace(",", "\n")}, lambda _field, _rule: None)
    return lines if len(lines) > 1 else ()


def _read_flags(values: Mapping[str, str], tell: _Teller, *, today: date) -> ContactFlag:
    flags = ContactFlag(0)
    for column, flag in (
        ("deceased", ContactFlag.DECEASED),
        ("protected", ContactFlag.PROTECTED),
        ("by_post", ContactFlag.BY_POST),
    ):
        said = is_yes(values.get(column, ""))
        if said is None:
            # Read the careful way: nobody who may be dead or hidden is written to by mistake.
            tell(column, Rule.YES_OR_NO)
            said = True
        flags |= flag if said else ContactFlag(0)
    shape = values.get("print", "").casefold()
    if shape and shape != "standard" and shape not in _PRINTS:
        tell("print", Rule.PRINT)
    flags |= _PRINTS.get(shape, ContactFlag(0))
    born, text = read_date(values.get("birth_date", "")), values.get("birth_date", "")
    if text and (born is None or born > today):
        tell("birth_date", Rule.DATE)
        born = None
    minor = is_yes(values.get("minor", "")) if values.get("minor", "") else None
    if born is not None:
        minor = (today.year - born.year - ((today.month, today.day) < (born.month, born.day))) < (
            MINOR_YEARS
        )
    if minor is None and not flags & ContactFlag.DECEASED:
        # With a representative it is written to that person, whoever is of age.
        minor = bool(values.get("representative"))
        flags |= ContactFlag.AGE_UNKNOWN
        tell("birth_date", Rule.AGE)
    return flags | (ContactFlag.MINOR if minor else ContactFlag(0))


def _read_names(values: Mapping[str, str], flags: ContactFlag, tell: _Teller) -> tuple[str, str]:
    own = " ".join(
        one for one in (values.get("first_names", ""), values.get("family_name", "")) if one
    )
    recipient = values.get("recipient", "") or own
    person = ""
    if flags & ContactFlag.MINOR:
        recipient, person = values.get("representative", ""), values.get("first_names", "")
    names = []
    for field, name in (("recipient", recipient), ("first_names", person)):
        cleaned = clean_name(name)
        if cleaned != " ".join(unicodedata.normalize("NFC", name).split()):
            # The name is printed without what was taken out of it.
            tell(field, Rule.NAME_TOO_LONG if len(name) > NAME_CHARS else Rule.NAME_CHARACTERS)
        names.append(cleaned)
    return names[0], names[1]


def _read_email(text: str, tell: _Teller) -> EmailAddress | None:
    if not text:
        return None
    try:
        return EmailAddress.parse(text)
    except BadValue:
        tell("email", Rule.EMAIL)
        return None


def _read_address(values: Mapping[str, str], tell: _Teller) -> tuple[str, ...]:
    raw = values.get("address", "").splitlines()
    raw += [values.get(f"address_{number}", "") for number in range(1, ADDRESS_LINES + 1)]
    raw.append(" ".join((values.get("postcode", ""), values.get("city", ""))))
    lines = [_write_as_read(line) for line in raw if line.strip()]
    if not lines:
        return ()
    if any(unicodedata.category(one) in _NOT_PRINTED for line in lines for one in line):
        tell("address", Rule.ADDRESS_CHARACTERS)
        return ()
    if len(lines) > ADDRESS_LINES or any(len(line) > ADDRESS_LINE_CHARS for line in lines):
        tell("address", Rule.ADDRESS_TOO_LONG)
        return ()
    if not values.get("city") and not values.get("address") and len(lines) < 2:
        tell("address", Rule.ADDRESS_INCOMPLETE)
        return ()
    return tuple(lines)


def _write_as_read(line: str) -> str:
    """Return a line in the letters that are printed: one sign for a letter and its accent."""
    return " ".join(unicodedata.normalize("NFC", line).translate(_KEYED_FOR).split())


def _read_country(text: str, tell: _Teller) -> str:
    country = read_text(text).upper()
    if country in _AT_HOME:
        return ""
    tell("country", Rule.FOREIGN)
    return country[:ADDRESS_LINE_CHARS]


def _read_language(text: str, tell: _Teller) -> Language:
    code = text.casefold()[:2]
    if code == "en":
        return "en"
    if code not in {"", "fr"}:
        tell("language", Rule.LANGUAGE)
    return "fr"


def _refuse(line: int, field: str, rule: Rule) -> ContactRow:
    return ContactRow(line, 0, None, (ContactFinding(line, field, rule),))


def _read_separator(text: io.TextIOWrapper) -> str:
    try:
        return find_separator(text)
    except UnicodeError:
        raise NotAContactList(Rule.UNREADABLE) from None


def _read_header(reader: Iterator[Sequence[str]]) -> dict[str, int]:
    try:
        names = next(reader, [])
    except (csv.Error, UnicodeError):
        raise NotAContactList(Rule.UNREADABLE) from None
    columns: dict[str, int] = {}
    for at, name in enumerate(names):
        known = COLUMN_NAMES.get("_".join(name.strip().strip("\ufeff").casefold().split()))
        if known is not None:
            columns.setdefault(known, at)
    if any(name not in columns for name in _NEEDED):
        raise NotAContactList(Rule.HEADER)
    return columns
