"""What amounts depend on besides claims: the standing of who bills, limits used elsewhere; as CSV.

Every line that cannot be read is told, with what to do, and the others are read. Refuses to repeat
a value: a line names a person, or what somebody was cared for.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from rempart.exchange import feed_rules
from rempart.exchange.benefit_file import AMOUNT
from rempart.exchange.feed_fields import make_readers, read_date
from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import BadValue, Finding, Language, Refusal, format_finding
from rempart.kernel.finess import Finess
from rempart.kernel.siret import Siret

STANDING_COLUMNS: Final = ("establishment", "since", "optam", "networks")
OUTSIDE_COLUMNS: Final = (
    *("number", "insured_nir", "birth_date", "birth_rank", "contract_number"),
    *("limit", "period_start", "care_date", "amount", "units"),
)
EVER: Final = date(1, 1, 1)
_LONGEST: Final = 64
_OPTAM: Final = {"yes": True, "oui": True, "no": False, "non": False, "": None}
_NETWORKS: Final = re.compile(r"(?:[A-Za-z0-9]{1,8}(?: +(?=\S)|$))*", re.ASCII).fullmatch
_AMOUNT: Final = re.compile(r"(-?)(\d{1,6})[.,](\d{2})", re.ASCII).fullmatch
_UNITS: Final = re.compile(r"-?\d{1,3}", re.ASCII).fullmatch
Value = TypeVar("Value")

WRONG_OPTAM: Final = Refusal(
    rule="standing_optam",
    fr="L’adhésion à l’OPTAM n’est ni oui, ni non, ni vide.",
    en="The tariff agreement is neither yes, no nor empty.",
    advice_fr="Écrire oui, non, ou rien quand elle n’est pas connue.",
    advice_en="Write yes, no, or nothing when it is not known.",
)
WRONG_NETWORKS: Final = Refusal(
    rule="standing_networks",
    fr="Les réseaux ne sont pas des codes de 1 à 8 lettres ou chiffres.",
    en="The networks are not codes of 1 to 8 letters or digits.",
    advice_fr="Les écrire comme sur la carte, séparés par des espaces.",
    advice_en="Write them as cards print them, with spaces between.",
)
WRONG_UNITS: Final = Refusal(
    rule="outside_units",
    fr="Le nombre n’est pas un entier de trois chiffres au plus.",
    en="The number of units is not an integer of three digits at most.",
    advice_fr="Écrire le nombre d’actes ; en moins, pour corriger une ligne déjà envoyée.",
    advice_en="Write how many acts; below nought, to correct a line sent before.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """What is known of who bills, from a day on; `optam` None: not known."""

    line: int
    establishment: str
    since: date
    optam: bool | None
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideRow:
    """What one claim outside tiers payant used of one limit.

    Attributes:
        number: The insurer's own number of it.
        since: First day of the limit's period; `EVER` for one without end.
    """

    line: int
    number: str
    nir: str
    birth_date: str
    birth_rank: str
    contract_number: str
    limit: str
    since: date
    care_on: date
    cents: int
    units: int

    def __repr__(self) -> str:
        return f"<OutsideRow line {self.line}>"


def read_standing(
    lines: Iterable[str], language: Language = "fr"
) -> Iterator[StandingRow | list[Finding]]:
    """Read a file of standings; yield each line's row, or what is wrong with it.

    Args:
        lines: `;` between columns, a header line.
        language: Of the findings.

    Raises:
        FeedRefused: the header lacks a column.
    """
    for record in _Record.read_all(lines, STANDING_COLUMNS, language):
        establishment = record.read("establishment", _read_establishment)
        since = record.read("since", read_date)
        optam = record.read("optam", _read_optam)
        networks = record.read("networks", _read_networks)
        if record.findings or establishment is None or since is None or networks is None:
            yield record.findings
            continue
        yield StandingRow(
            line=record.line,
            establishment=establishment,
            since=since,
            optam=optam,
            networks=networks,
        )


def read_outside(
    lines: Iterable[str], amc_number: str, language: Language = "fr"
) -> Iterator[OutsideRow | list[Finding]]:
    """Read what claims outside tiers payant used; yield each line's row, or what is wrong with it.

    Args:
        lines: `;` between columns, a header line.
        amc_number: The insurer's, ten digits.
        language: Of the findings.

    Raises:
        FeedRefused: the header lacks a column.
    """
    feed = make_readers(amc_number, removals=False)
    people = ("insured_nir", "birth_date", "birth_rank", "contract_number")
    for record in _Record.read_all(lines, OUTSIDE_COLUMNS, language):
        texts = [str(record.read(name, feed[name].read)) for name in people]
        number = record.read("number", _read_name)
        limit = record.read("limit", _read_name)
        since = record.read("period_start", _read_period)
        care_on = record.read("care_date", read_date)
        cents = record.read("amount", _read_amount)
        units = record.read("units", _read_units)
        if record.findings or since is None or care_on is None:
            yield record.findings
            continue
        yield OutsideRow(
            line=record.line,
            number=number or "",
            nir=texts[0],
            birth_date=texts[1],
            birth_rank=texts[2],
            contract_number=texts[3],
            limit=limit or "",
            since=since,
            care_on=care_on,
            cents=cents or 0,
            units=units or 0,
        )


class _Record:
    """One line of a file, and what is wrong with it."""

    def __init__(self, line: int, cells: Mapping[str, str | None], language: Language) -> None:
        self.line = line
        self.findings: list[Finding] = []
        self._cells = cells
        self._language = language

    @classmethod
    def read_all(
        cls, lines: Iterable[str], columns: Iterable[str], language: Language
    ) -> Iterator["_Record"]:
        """Yield the lines of a file after its header.

        Raises:
            FeedRefused: the header lacks a column, or a cell does not end.
        """
        reader = csv.DictReader((line.replace("\x00", "") for line in lines), delimiter=";")
        given = {name.strip().casefold() for name in reader.fieldnames or ()}
        if missing := [name for name in columns if name not in given]:
            raise FeedRefused(f"the header lacks {', '.join(missing)}: write {';'.join(columns)}")
        reader.fieldnames = [name.strip().casefold() for name in reader.fieldnames or ()]
        try:
            for cells in reader:
                yield cls(reader.line_num, cells, language)
        except csv.Error:
            raise FeedRefused(
                f"after line {reader.line_num} a cell has more than {csv.field_size_limit()} "
                "letters: look for a quote that is not closed"
            ) from None

    def read(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """Return a value, or None when it is wrong."""
        try:
            return parse((self._cells.get(name) or "").strip())
        except BadValue as wrong:
            self.findings.append(
                format_finding(wrong, field=name, line=self.line, language=self._language)
            )
            return None


def _read_establishment(text: str) -> str:
    if not text:
        raise BadValue(feed_rules.REQUIRED)
    if len(text.replace(" ", "")) == len("12345678901234"):
        return Siret.parse(text).number
    return Finess.parse(text).number


def _read_optam(text: str) -> bool | None:
    if text.casefold() not in _OPTAM:
        raise BadValue(WRONG_OPTAM)
    return _OPTAM[text.casefold()]


def _read_networks(text: str) -> tuple[str, ...]:
    if not _NETWORKS(text):
        raise BadValue(WRONG_NETWORKS)
    return tuple(sorted(set(text.split())))


def _read_name(text: str) -> str:
    if not text:
        raise BadValue(feed_rules.REQUIRED)
    if len(text) > _LONGEST:
        raise BadValue(feed_rules.TOO_LONG)
    if not text.isprintable():
        raise BadValue(feed_rules.CHARACTERS)
    return text


def _read_period(text: str) -> date:
    return EVER if text.casefold() == "ever" else read_date(text)


def _read_amount(text: str) -> int:
    euros = _AMOUNT(text)
    if euros is None:
        raise BadValue(AMOUNT)
    return int(euros[1] + euros[2] + euros[3])


def _read_units(text: str) -> int:
    if not _UNITS(text):
        raise BadValue(WRONG_UNITS)
    return int(text)
