"""What a bank says of an account: statements (camt.053) and notifications (camt.054), read whole.

Reads any version of the two messages, an entry at a time. Refuses a file whose sums contradict each
other, of another account or currency, or with anything that is not what it seems: a wrong file
changes nothing. What was written on a movement is handed on and not kept: it may name somebody.

Source:
    S87.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from rempart.kernel.errors import RempartError
from rempart.kernel.findings import Finding, Refusal
from rempart.kernel.iban import Iban
from rempart.settlement.bank_matching import BankFile, BankFileKind, Movement, format_part_ref

MOST_BYTES: Final = 256 * 1024 * 1024
_NAMESPACE: Final = re.compile(
    r"\{urn:iso:std:iso:20022:tech:xsd:camt\.05([34])\.001\.\d{2}\}Document"
)
_AMOUNT: Final = re.compile(r"(\d{1,15})(?:\.(\d{1,5}))?")
_PARTS: Final = {"Stmt", "Ntfctn"}
_OPENING: Final = frozenset({"OPBD", "PRCD"})


def _refusal(rule: str, fr: str, en: str, advice_fr: str, advice_en: str) -> Refusal:
    return Refusal(rule=rule, fr=fr, en=en, advice_fr=advice_fr, advice_en=advice_en)


_AGAIN: Final = (
    "Demander à la banque le fichier d’origine et l’importer tel quel.",
    "Ask the bank for the original file and import it untouched.",
)
REFUSALS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        one.rule: one
        for one in (
            _refusal(
                "bank_format",
                "Ce n’est pas un relevé camt.053 ni un avis camt.054 lisible.",
                "This is no readable camt.053 statement or camt.054 notification.",
                *_AGAIN,
            ),
            _refusal(
                "bank_value",
                "Un montant ou une date n’a pas la forme attendue.",
                "An amount or a date is not written as expected.",
                *_AGAIN,
            ),
            _refusal(
                "bank_account",
                "Le fichier est celui d’un autre compte.",
                "The file is of another account.",
                "Importer les fichiers du compte payeur seulement.",
                "Import files of the payer's account only.",
            ),
            _refusal(
                "bank_currency",
                "Un montant n’est pas en euros.",
                "An amount is not in euros.",
                *_AGAIN,
            ),
            _refusal(
                "bank_several",
                "Le fichier contient plusieurs relevés, ou aucun.",
                "The file holds several statements, or none.",
                "Importer un fichier par relevé.",
                "Import one file for each statement.",
            ),
            _refusal(
                "bank_balance",
                "Le solde de clôture n’est pas le solde d’ouverture plus les mouvements.",
                "The closing balance is not the opening balance plus the movements.",
                *_AGAIN,
            ),
            _refusal(
                "bank_summary",
                "Le total annoncé n’est pas la somme des mouvements.",
                "The total announced is not the sum of the movements.",
                *_AGAIN,
            ),
            _refusal(
                "bank_entry_sum",
                "Un mouvement n’est pas la somme de ses opérations.",
                "A movement is not the sum of its transactions.",
                *_AGAIN,
            ),
            _refusal(
                "bank_no_reference",
                "Un avis camt.054 est sans référence de la banque : il compterait deux fois.",
                "A camt.054 notification lacks the bank's reference: it would count twice.",
                "Importer le relevé camt.053 du jour.",
                "Import the camt.053 statement of the day.",
            ),
            _refusal(
                "bank_repeated",
                "Ce relevé a déjà été importé.",
                "This statement was imported already.",
                "Rien à faire s’il s’agit du même ; sinon, demander à la banque un relevé corrigé.",
                "Nothing to do when it is the same; else, ask the bank for a corrected one.",
            ),
        )
    }
)


class BankFileRefused(RempartError):
    """A bank's file cannot be taken: nothing was changed; `findings` says why and what to do."""

    code = "bank_file_refused"
    status = 422

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        first = findings[0]
        super().__init__(f"{first.field}: {first.message} {first.advice}")
        self.findings = findings


@dataclass(slots=True)
class _Reading:
    """What was read of one file so far."""

    kind: BankFileKind
    statement_id: str = ""
    account: str = ""
    parts: int = 0
    opening: int | None = None
    closing: int | None = None
    booked_to: date | None = None
    announced: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    sums: dict[str, int] = field(default_factory=lambda: {"CRDT": 0, "DBIT": 0})
    movements: list[Movement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, rule: str, where: str) -> None:
        refusal = REFUSALS[rule]
        self.findings.append(Finding(None, where, rule, refusal.fr, refusal.advice_fr))


class _Unreadable(ValueError):
    """A value is not what the format says; `rule` names the refusal."""

    def __init__(self, rule: str = "bank_value") -> None:
        super().__init__(rule)
        self.rule = rule


def refuse_bank_file(rule: str, where: str = "fichier") -> BankFileRefused:
    """Return the refusal of a file by one rule."""
    refusal = REFUSALS[rule]
    return BankFileRefused((Finding(None, where, rule, refusal.fr, refusal.advice_fr),))


def read_bank_file(path: Path, *, account: Iban) -> BankFile:
    """Read what the bank says of an account.

    Args:
        path: The file.
        account: The account it must be of.

    Raises:
        BankFileRefused: it is not such a file, or its sums contradict each other.
    """
    if path.stat().st_size > MOST_BYTES:
        raise refuse_bank_file("bank_format")
    try:
        reading = _read(path)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise refuse_bank_file("bank_format") from None
    if reading is None:
        raise refuse_bank_file("bank_format", "Document")
    _check(reading, account)
    if reading.findings:
        raise BankFileRefused(tuple(reading.findings[:100]))
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").digest()
    return BankFile(
        kind=reading.kind,
        statement_id=reading.statement_id,
        digest=digest,
        booked_to=reading.booked_to,
        opening_cents=reading.opening,
        closing_cents=reading.closing,
        movements=tuple(reading.movements),
    )


def _read(path: Path) -> _Reading | None:
    """Go through a file, an entry at a time; None when it is no such message."""
    reading: _Reading | None = None
    for event, element in iterparse(str(path), events=("start", "end"), forbid_dtd=True):
        if reading is None:
            found = _NAMESPACE.fullmatch(element.tag)
            if found is None:
                return None
            reading = _Reading("statement" if found[1] == "3" else "notification")
            continue
        name = _local(element)
        if event == "start":
            reading.parts += name in _PARTS
            continue
        try:
            _take(reading, name, element)
        except _Unreadable as unreadable:
            place = f"Ntry[{reading.entries}]" if name == "Ntry" else name
            reading.refuse(unreadable.rule, place)
        if name in {"Ntry", "Bal", "TxsSummry", *_PARTS}:
            element.clear()
    return reading


def _take(reading: _Reading, name: str, element: Element) -> None:
    if name in _PARTS:
        reading.statement_id = _text(element, "Id")
    elif name == "Acct" and not reading.account:
        reading.account = _text(element, "Id/IBAN")
    elif name == "Bal":
        _take_balance(reading, element)
    elif name == "TxsSummry":
        for path in ("TtlCdtNtries/Sum", "TtlDbtNtries/Sum", "TtlNtries/NbOfNtries"):
            if text := _text(element, path):
                reading.announced[path] = _cents(text)
    elif name == "Ntry":
        reading.entries += 1
        _take_entry(reading, element)


def _take_balance(reading: _Reading, element: Element) -> None:
    code = _text(element, "Tp/CdOrPrtry/Cd")
    cents = _signed(element)
    if code in _OPENING:
        reading.opening = cents
    elif code == "CLBD":
        reading.closing = cents
        reading.booked_to = _day(element, "Dt")


def _take_entry(reading: _Reading, entry: Element) -> None:
    if (_text(entry, "Sts/Cd") or _text(entry, "Sts")) != "BOOK":
        return  # announced, not booked: the statement of its day tells it
    cents = _signed(entry)
    if not cents:
        return
    reading.sums["CRDT" if cents > 0 else "DBIT"] += abs(cents)
    booked_on = _day(entry, "BookgDt")
    parts = list(_list_transactions(entry, cents))
    if sum(amount for amount, _ in parts) != cents:
        raise _Unreadable("bank_entry_sum")
    whole_ref = _text(entry, "AcctSvcrRef")[:35]
    own_refs = Counter(_text(details, "Refs/AcctSvcrRef") for _, details in parts)
    for number, (amount, details) in enumerate(parts, start=1):
        ref = _text(details, "Refs/AcctSvcrRef") or whole_ref
        if len(parts) > 1 and ref and own_refs[ref] != 1:
            # Not one of its own: some banks repeat the reference of the entry on each transaction.
            ref = format_part_ref(ref, number)
        if not ref and reading.kind == "notification":
            raise _Unreadable("bank_no_reference")
        reading.movements.append(
            Movement(
                position=len(reading.movements) + 1,
                booked_on=booked_on,
                cents=amount,
                end_to_end=_text(details, "Refs/EndToEndId")[:35],
                batch=_find_batch(entry, details),
                bank_ref=ref[:35],
                entry_ref=whole_ref if len(parts) > 1 else "",
                return_code=_text(details, "RtrInf/Rsn/Cd")[:4],
                text=" ".join(_list_words(details)),
            )
        )


def _list_transactions(entry: Element, cents: int) -> Iterator[tuple[int, Element]]:
    """Yield the transactions of an entry and their amounts; the entry itself when it has one."""
    found = [one for part in _all(entry, "NtryDtls") for one in _all(part, "TxDtls")]
    if len(found) < 2:
        yield cents, found[0] if found else entry
        return
    sign = 1 if cents > 0 else -1
    for details in found:
        amount = _one(details, "Amt")
        if amount is None:
            amount = _one(details, "AmtDtls/TxAmt/Amt")
        if amount is None:
            raise _Unreadable
        way = _text(details, "CdtDbtInd")
        turned = bool(way) and (way == "CRDT") != (cents > 0)
        yield (-sign if turned else sign) * _euros(amount), details


def _find_batch(entry: Element, details: Element) -> str:
    paths = ("Refs/PmtInfId", "Refs/MsgId")
    inside = next((text for path in paths if (text := _text(details, path))), "")
    if inside:
        return inside
    batch = _one(entry, "NtryDtls/Btch")
    if batch is None:
        return ""
    return _text(batch, "PmtInfId") or _text(batch, "MsgId")


def _list_words(details: Element) -> Iterator[str]:
    for part in _all(details, "RmtInf"):
        for one in _all(part, "Ustrd"):
            yield one.text or ""
        yield _text(part, "Strd/CdtrRefInf/Ref")


def _check(reading: _Reading, account: Iban) -> None:
    """Hold a file against itself."""
    if reading.parts != 1 or not reading.statement_id or len(reading.statement_id) > 35:
        reading.refuse("bank_several", "Stmt")
    if reading.account.replace(" ", "") != account.number:
        reading.refuse("bank_account", "Acct/Id/IBAN")
    total = reading.sums["CRDT"] - reading.sums["DBIT"]
    if reading.kind == "statement":
        opening, closing = reading.opening, reading.closing
        if opening is None or closing is None or opening + total != closing:
            reading.refuse("bank_balance", "Bal")
    wanted = {
        "TtlCdtNtries/Sum": reading.sums["CRDT"],
        "TtlDbtNtries/Sum": reading.sums["DBIT"],
        "TtlNtries/NbOfNtries": reading.entries * 100,
    }
    for path, cents in reading.announced.items():
        if cents != wanted[path]:
            reading.refuse("bank_summary", f"TxsSummry/{path}")


def _signed(element: Element) -> int:
    amount, way = _one(element, "Amt"), _text(element, "CdtDbtInd")
    if amount is None or way not in {"CRDT", "DBIT"}:
        raise _Unreadable
    return _euros(amount) if way == "CRDT" else -_euros(amount)


def _euros(amount: Element) -> int:
    if amount.get("Ccy") != "EUR":
        raise _Unreadable("bank_currency")
    return _cents((amount.text or "").strip())


def _cents(text: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise _Unreadable
    decimals = (found[2] or "").ljust(5, "0")
    if decimals[2:] != "000":
        raise _Unreadable
    return int(found[1]) * 100 + int(decimals[:2])


def _day(element: Element, path: str) -> date:
    text = _text(element, f"{path}/Dt") or _text(element, f"{path}/DtTm")
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise _Unreadable from None


def _text(element: Element, path: str) -> str:
    found = _one(element, path)
    return "" if found is None else (found.text or "").strip()


def _one(element: Element, path: str) -> Element | None:
    current: Element | None = element
    for name in path.split("/"):
        current = next(iter(_all(current, name)), None) if current is not None else None
    return current


def _all(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _local(child) == name)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
