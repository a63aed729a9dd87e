"""Load professionals and the places where they work from a file, again as often as one likes.

Refuses a row it cannot trust, with a finding, and loads the others; references never change.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import BadValue, Finding, Language, Refusal, format_finding
from rempart.kernel.finess import Finess
from rempart.kernel.iban import Iban
from rempart.kernel.rpps import Rpps
from rempart.kernel.siret import Siret
from rempart.storage import accounts
from rempart.storage.accounts import Establishment, Professional
from rempart.storage.connect import Transaction
from rempart.storage.iban_seal import IbanSeal
from rempart.workflows.accounts.register_organisation import register_establishments
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.settlement.first_accounts import open_first_accounts

COLUMNS: Final = (
    "rpps",
    "profession",
    "family_name",
    "first_name",
    "finess",
    "siret",
    "establishment",
    "postcode",
    "city",
    "iban",
)
# May be left out: the public number of the establishment, which operators call.
TELEPHONE: Final = "telephone"
BATCH: Final = 1000

MISSING: Final = Refusal(
    rule="required",
    fr="La valeur manque.",
    en="The value is missing.",
    advice_fr="Compléter la ligne.",
    advice_en="Complete the row.",
)
WRONG_TELEPHONE: Final = Refusal(
    rule="telephone",
    fr="Le téléphone n’a pas de 5 à 20 chiffres, espaces ou points.",
    en="The telephone does not have 5 to 20 digits, spaces or dots.",
    advice_fr="Écrire le numéro public de l’établissement, ou rien.",
    advice_en="Write the public number of the establishment, or nothing.",
)

_TELEPHONE: Final = re.compile(r"[+]?[0-9][0-9 .]{4,19}")
Value = TypeVar("Value")


@dataclass(slots=True)
class LoadReport:
    """What a load did: rows loaded, rows refused and why."""

    loaded: int = 0
    refused: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One row that can be trusted."""

    rpps: Rpps
    profession: str
    display_name: str
    finess: Finess | None
    siret: Siret
    establishment: str
    postcode: str
    city: str
    iban: Iban | None
    telephone: str | None

    @property
    def establishment_key(self) -> str:
        """By what the establishment is known."""
        return self.finess.number if self.finess else self.siret.number


def load_professionals(
    tx: Transaction,
    lines: Iterable[str],
    *,
    seal: IbanSeal,
    on_progress: Callable[[int], None] = lambda _: None,
    language: Language = "fr",
) -> LoadReport:
    """Load a file of professionals in one transaction: all its good rows, or nothing after a crash.

    Args:
        tx: A transaction of a role that owns the accounts plane.
        lines: The file: `;` between columns, a header line.
        seal: Seals the bank accounts; a file gives a first account and never replaces one.
        on_progress: Told the number of rows read so far.
        language: Of the findings.

    Raises:
        FeedRefused: the header lacks a column; nothing was loaded.
    """
    accounts.lock_load(tx)
    saver = _Saver(tx, seal)
    report = LoadReport()
    reader = csv.DictReader(lines, delimiter=";")
    _check_header(reader.fieldnames or ())
    for record in reader:
        findings: list[Finding] = []
        row = _read_row(record, _Findings(findings, reader.line_num, language))
        if row is None:
            report.refused += 1
            report.findings += findings
        else:
            saver.add(row)
            report.loaded += 1
        if (report.loaded + report.refused) % BATCH == 0:
            saver.flush()
            on_progress(report.loaded + report.refused)
    saver.flush()
    on_progress(report.loaded + report.refused)
    return report


class _Saver:
    """Gathers rows and saves them by the thousand; knows every reference already given."""

    def __init__(self, tx: Transaction, seal: IbanSeal) -> None:
        self._tx = tx
        self._seal = seal
        self._establishment_refs = accounts.list_establishment_keys(tx)
        self._account_refs = accounts.list_professional_keys(tx)
        self._establishments: dict[int, Establishment] = {}
        self._professionals: dict[int, Professional] = {}
        self._ibans: dict[int, Iban] = {}

    def add(self, row: _Row) -> None:
        """Keep a row until the next flush; of two about one thing, the later wins."""
        place = self._establishment_refs.setdefault(row.establishment_key, draw_ref())
        account = self._account_refs.setdefault(row.rpps.number, draw_ref())
        self._establishments[place] = Establishment(
            establishment_ref=place,
            finess=row.finess.number if row.finess else None,
            siret=row.siret.number,
            name=row.establishment,
            postcode=row.postcode,
            city=row.city,
            telephone=row.telephone,
        )
        if row.iban:
            self._ibans[place] = row.iban
        self._professionals[account] = Professional(
            account_ref=account,
            rpps=row.rpps.number,
            profession=row.profession,
            display_name=row.display_name,
            establishment_ref=place,
        )

    def flush(self) -> None:
        """Save what was kept: places first, professionals refer to them."""
        accounts.save_establishments(self._tx, self._establishments.values())
        accounts.save_professionals(self._tx, self._professionals.values())
        register_establishments(
            self._tx, self._establishments.values(), self._professionals.values()
        )
        open_first_accounts(self._tx, self._ibans, seal=self._seal)
        self._ibans.clear()
        self._establishments.clear()
        self._professionals.clear()


class _Findings:
    """Tries to read the values of one row, and notes what is wrong with each."""

    def __init__(self, found: list[Finding], line: int, language: Language) -> None:
        self.found = found
        self._line = line
        self._language = language

    def read(self, record: Mapping[str, str | None], name: str) -> str:
        """Return a text that must be there."""
        text = (record.get(name) or "").strip()
        if not text:
            self._note(BadValue(MISSING), name)
        return text

    def parse(
        self, record: Mapping[str, str | None], name: str, parse: Callable[[str], Value]
    ) -> Value | None:
        """Return a value, or None when there is none or it is wrong."""
        text = (record.get(name) or "").strip()
        if not text:
            return None
        try:
            return parse(text)
        except BadValue as wrong:
            self._note(wrong, name)
            return None

    def _note(self, wrong: BadValue, name: str) -> None:
        self.found.append(
            format_finding(wrong, field=name, line=self._line, language=self._language)
        )


def _read_row(record: Mapping[str, str | None], findings: _Findings) -> _Row | None:
    """Read one row; None when it has findings."""
    for name in ("rpps", "siret"):
        findings.read(record, name)
    rpps = findings.parse(record, "rpps", Rpps.parse)
    siret = findings.parse(record, "siret", Siret.parse)
    finess = findings.parse(record, "finess", Finess.parse)
    iban = findings.parse(record, "iban", Iban.parse)
    telephone = findings.parse(record, TELEPHONE, _parse_telephone)
    texts = {name: findings.read(record, name) for name in _required_texts()}
    if findings.found or rpps is None or siret is None:
        return None
    return _Row(
        rpps=rpps,
        profession=texts["profession"],
        display_name=f"{texts['first_name']} {texts['family_name']}",
        finess=finess,
        siret=siret,
        establishment=texts["establishment"],
        postcode=texts["postcode"],
        city=texts["city"],
        iban=iban,
        telephone=telephone,
    )


def _parse_telephone(text: str) -> str:
    if not _TELEPHONE.fullmatch(text):
        raise BadValue(WRONG_TELEPHONE)
    return text


def _required_texts() -> Iterator[str]:
    yield from (c for c in COLUMNS if c not in {"rpps", "siret", "finess", "iban"})


def _check_header(given: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in set(given)]
    if missing:
        raise FeedRefused(f"the header lacks {', '.join(missing)}: write {';'.join(COLUMNS)}")
