"""An insurer's benefit tables as files: TOML, one table or several, read into `claims.benefit_table`.

    [[table]]
    code = "CONFORT"
    from = 2026-01-01
    responsible = true

    [[table.limit]]
    name = "osteopathy"
    label = "Séances d’ostéopathie par an"
    per = "year"
    units = 3

    [[table.benefit]]
    label = "Ostéopathie"
    acts = ["OST"]
    pays = "forfait"
    forfait = "40,00"
    limits = ["osteopathy"]

    [[choice]]
    convention_type = "RP"
    table = "CONFORT"
    from = 2026-01-01

A choice says which routing code of a card leads to which table; `csr` narrows it down.
Amounts are euros written with two decimals, in quotes, with a comma or a point; rates are percents. Refuses floats, fields
nobody knows, and a table that could not be read to its end: everything wrong is told at once, with its place.
"""  # noqa: E501 - the example is what an insurer copies

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

import msgspec

from rempart.claims.benefit_table import LIMIT_TWICE, Benefit, BenefitTable, Limit, Pays, Per
from rempart.claims.book import TableChoice
from rempart.claims.claim import Basket, Correction
from rempart.kernel.findings import BadValue, Finding, Language, Refusal
from rempart.kernel.periods import OPEN_END, Period

MOST_BYTES: Final = 1_000_000
_EUROS: Final = re.compile(r"(\d{1,7})[.,](\d{2})", re.ASCII)
_PERCENT: Final = re.compile(r"(\d{1,4})(?:[.,](\d{1,2}))?\s*%?", re.ASCII)
_PLACE: Final = re.compile(r" - at `\$(.*)`$")

NOT_TOML: Final = Refusal(
    rule="table_not_toml",
    fr="Le fichier n’est pas du TOML lisible.",
    en="The file is not readable TOML.",
    advice_fr="Vérifier les crochets, les guillemets et l’encodage (UTF-8) à la ligne indiquée.",
    advice_en="Check brackets, quotes and the encoding (UTF-8) at the line given.",
)
TOO_LONG: Final = Refusal(
    rule="table_too_long",
    fr="Le fichier dépasse un mégaoctet.",
    en="The file is longer than a megabyte.",
    advice_fr="Envoyer un fichier par tableau de garanties.",
    advice_en="Send one file for each table.",
)
NO_TABLE: Final = Refusal(
    rule="table_missing",
    fr="Le fichier ne contient aucun tableau.",
    en="There is no table in the file.",
    advice_fr="Commencer chaque tableau par [[table]].",
    advice_en="Begin each table with [[table]].",
)
AMOUNT: Final = Refusal(
    rule="table_amount",
    fr="Ce montant n’est pas en euros et centimes.",
    en="This is not an amount in euros and cents.",
    advice_fr='Écrire par exemple "40,00", entre guillemets.',
    advice_en='Write for instance "40.00", in quotes.',
)
PERCENT: Final = Refusal(
    rule="table_percent",
    fr="Ce taux n’est pas un pourcentage.",
    en="This is not a percentage.",
    advice_fr='Écrire par exemple "150" ou "37,5", entre guillemets.',
    advice_en='Write for instance "150" or "37.5", in quotes.',
)
FIELD: Final = Refusal(
    rule="table_field",
    fr="Ce champ est inconnu, manque, ou n’a pas la forme attendue.",
    en="This field is unknown, missing, or not of the expected form.",
    advice_fr="Comparer avec la référence des tableaux de garanties. Détail :",
    advice_en="Compare with the reference of benefit tables. Detail:",
)
DATES: Final = Refusal(
    rule="table_dates",
    fr="Le tableau finit avant de commencer.",
    en="The table ends before it begins.",
    advice_fr="Échanger les deux dates, ou ôter la seconde.",
    advice_en="Swap the two dates, or remove the second.",
)


class _LimitRecord(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    label: str
    per: Per
    amount: str | None = None
    units: int | None = None
    includes_amo: bool = False
    renewal: str | None = None


class _BenefitRecord(msgspec.Struct, forbid_unknown_fields=True):
    label: str
    acts: list[str]
    pays: Pays
    rate: str | None = None
    forfait: str | None = None
    with_ticket_moderateur: bool = False
    cap: str | None = None
    basket: Basket | None = None
    correction: Correction | None = None
    optam: bool | None = None
    circuit: str | None = None
    waiting_months: int = 0
    from_age: int = 0
    to_age: int | None = None
    limits: list[str] = []


class _TableRecord(msgspec.Struct, forbid_unknown_fields=True, rename={"from_": "from"}):
    code: str
    from_: date
    responsible: bool
    to: date | None = None
    limit: list[_LimitRecord] = []
    benefit: list[_BenefitRecord] = []


class _ChoiceRecord(msgspec.Struct, forbid_unknown_fields=True, rename={"from_": "from"}):
    convention_type: str
    table: str
    from_: date
    csr: str | None = None


@dataclass(frozen=True, slots=True)
class TablesRead:
    """What a file holds: its tables and choices, or what is wrong with it; never both."""

    tables: tuple[BenefitTable, ...]
    findings: tuple[Finding, ...]
    choices: tuple[TableChoice, ...] = ()


def read_benefit_tables(content: bytes, language: Language = "fr") -> TablesRead:
    """Read a file of benefit tables.

    Args:
        content: The file.
        language: Of the findings.

    Returns:
        The tables in the order of the file; or findings, each with its place, and no table.
    """
    if len(content) > MOST_BYTES:
        return _refuse("", TOO_LONG, language)
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as unreadable:
        return _refuse(_tell_place(unreadable), NOT_TOML, language)
    records, chosen = document.get("table", []), document.get("choice", [])
    known = document.keys() <= {"table", "choice"}
    if not (isinstance(records, list) and isinstance(chosen, list) and known and document):
        return _refuse("table", NO_TABLE, language)
    reader = _Reader(language)
    tables = tuple(
        table
        for number, record in enumerate(records, 1)
        for table in reader.read(f"table {number}", record)
    )
    choices = tuple(
        choice
        for number, record in enumerate(chosen, 1)
        for choice in reader.read_choice(f"choice {number}", record)
    )
    findings = tuple(reader.findings)
    return TablesRead((), findings) if findings else TablesRead(tables, (), choices)


Record = TypeVar("Record", bound=msgspec.Struct)


class _Reader:
    """Reads records and collects what is wrong."""

    def __init__(self, language: Language) -> None:
        self.findings: list[Finding] = []
        self._language = language

    def read(self, place: str, record: Any) -> Iterator[BenefitTable]:
        """Read one table; nothing is yielded when something is wrong in it."""
        before = len(self.findings)
        rows = record if isinstance(record, dict) else {}
        limits = [
            self._convert(f"{place}, limit {n}", row, _LimitRecord)
            for n, row in enumerate(_list(rows, "limit"), 1)
        ]
        benefits = [
            self._convert(f"{place}, benefit {n}", row, _BenefitRecord)
            for n, row in enumerate(_list(rows, "benefit"), 1)
        ]
        head = {name: rows[name] for name in rows if name not in ("limit", "benefit")}
        table = self._convert(place, head, _TableRecord)
        if table is None or len(self.findings) > before:
            return
        made_limits = [
            self._make(f"{place}, limit {n}", self._make_limit, row)
            for n, row in enumerate(limits, 1)
        ]
        made_benefits = [
            self._make(f"{place}, benefit {n}", self._make_benefit, row)
            for n, row in enumerate(benefits, 1)
        ]
        if len(self.findings) > before:
            return
        made = self._make(
            place,
            lambda head: BenefitTable(
                code=head.code,
                period=_make_period(head),
                responsible=head.responsible,
                benefits=tuple(made_benefits),
                limits=_name_limits(made_limits),
            ),
            table,
        )
        if made is not None:
            yield made

    def read_choice(self, place: str, record: Any) -> Iterator[TableChoice]:
        """Read which table a routing code leads to."""
        row = self._convert(place, record, _ChoiceRecord)
        if row is not None:
            yield TableChoice(
                convention_type=row.convention_type,
                table=row.table,
                starts_on=row.from_,
                csr=row.csr,
            )

    def _convert(self, place: str, record: Any, kind: type[Record]) -> Record | None:
        try:
            return msgspec.convert(record, kind)
        except msgspec.ValidationError as wrong:
            text = str(wrong)
            where = _PLACE.search(text)
            field = f"{place}{where[1]}" if where else place
            refusal = FIELD
            advice = f"{refusal.advice(self._language)} {_PLACE.sub('', text)}"
            self._add(field, refusal.rule, refusal.message(self._language), advice)
            return None

    def _make(self, place: str, make: Any, record: Any) -> Any:
        try:
            return make(record)
        except BadValue as bad:
            language = self._language
            message, advice = bad.refusal.message(language), bad.refusal.advice(language)
            self._add(place, bad.refusal.rule, message, advice)
            return None

    def _make_limit(self, row: _LimitRecord) -> Limit:
        return Limit(
            name=row.name,
            label=row.label,
            per=row.per,
            cents=parse_euros(row.amount),
            units=row.units,
            includes_amo=row.includes_amo,
            renewal=row.renewal,
        )

    def _make_benefit(self, row: _BenefitRecord) -> Benefit:
        return Benefit(
            label=row.label,
            acts=tuple(row.acts),
            pays=row.pays,
            rate_bp=_read_rate(row.rate),
            forfait_cents=parse_euros(row.forfait),
            with_ticket_moderateur=row.with_ticket_moderateur,
            cap_cents=parse_euros(row.cap),
            basket=row.basket,
            correction=row.correction,
            optam=row.optam,
            circuit=row.circuit,
            waiting_months=row.waiting_months,
            from_age=row.from_age,
            to_age=row.to_age,
            limits=tuple(row.limits),
        )

    def _add(self, place: str, rule: str, message: str, advice: str) -> None:
        self.findings.append(Finding(None, place, rule, message, advice))


def _list(record: Mapping[str, Any], name: str) -> list[Any]:
    rows = record.get(name, [])
    return rows if isinstance(rows, list) else [rows]


def _name_limits(limits: Iterable[Limit]) -> Mapping[str, Limit]:
    named: dict[str, Limit] = {}
    for limit in limits:
        if named.setdefault(limit.name, limit) is not limit:
            raise BadValue(LIMIT_TWICE)
    return named


def _make_period(head: _TableRecord) -> Period:
    ends_on = head.to or OPEN_END
    if ends_on < head.from_:
        raise BadValue(DATES)
    return Period(head.from_, ends_on)


def parse_euros(text: str | None) -> int | None:
    """Return the cents of an amount written in euros; None for none.

    Raises:
        BadValue: it is not one.
    """
    if text is None:
        return None
    euros = _EUROS.fullmatch(text.strip())
    if euros is None:
        raise BadValue(AMOUNT)
    return int(euros[1] + euros[2])


def _read_rate(text: str | None) -> int | None:
    if text is None:
        return None
    percent = _PERCENT.fullmatch(text.strip())
    if percent is None:
        raise BadValue(PERCENT)
    return int(percent[1] + (percent[2] or "").ljust(2, "0"))


def _tell_place(unreadable: Exception) -> str:
    found = re.search(r"line (\d+)", str(unreadable))
    return f"line {found[1]}" if found else ""


def _refuse(place: str, refusal: Refusal, language: Language) -> TablesRead:
    finding = Finding(
        None, place, refusal.rule, refusal.message(language), refusal.advice(language)
    )
    return TablesRead((), (finding,))
