"""Load the standing of who bills, and what claims outside tiers payant used; as often as one likes.

All the good lines of a file, or none after a crash: loading again changes nothing that is known.
Refuses a line that leads to nobody, with a finding. Claims shared out before are not shared out
again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from rempart.exchange.benefit_inputs import OutsideRow, StandingRow, read_outside, read_standing
from rempart.kernel.findings import BadValue, Finding, Language, Refusal, format_finding
from rempart.storage import benefit_inputs as store
from rempart.storage.benefit_inputs import OutsideUse, StandingKnown
from rempart.storage.connect import Transaction
from rempart.workflows.claims.benefit_tables import load_book
from rempart.workflows.feeds.keys import FeedKeys

BATCH: Final = 1000
Item = TypeVar("Item")

PLACE_UNKNOWN: Final = Refusal(
    rule="establishment_unknown",
    fr="Ce numéro ne mène à aucun établissement, ou à plusieurs.",
    en="This number leads to no establishment, or to several.",
    advice_fr="Charger l’établissement d’abord ; s’il y en a plusieurs, donner le FINESS.",
    advice_en="Load the establishment first; if there are several, give the FINESS.",
)
MEMBER_UNKNOWN: Final = Refusal(
    rule="member_unknown",
    fr="Ces identifiants ne mènent à aucun adhérent de l’organisme.",
    en="These identifiers lead to no member of the insurer.",
    advice_fr="Les comparer avec le flux des droits, qui doit être chargé d’abord.",
    advice_en="Compare them with the feed of rights, which is loaded first.",
)
CONTRACT_UNKNOWN: Final = Refusal(
    rule="contract_unknown",
    fr="Cette personne n’a pas ce contrat, et ne l’a pas eu.",
    en="This person does not have this contract, and did not have it.",
    advice_fr="Donner le numéro du contrat comme dans le flux des droits.",
    advice_en="Give the contract's number as in the feed of rights.",
)
LIMIT_UNKNOWN: Final = Refusal(
    rule="limit_unknown",
    fr="Aucun tableau de garanties en vigueur n’a de plafond de ce nom.",
    en="No benefit table in force has a limit of this name.",
    advice_fr="Écrire le nom (`name`) du plafond, pas son libellé.",
    advice_en="Write the limit's `name`, not its label.",
)
KNOWN_OTHERWISE: Final = Refusal(
    rule="outside_differs",
    fr="Ce numéro est déjà connu, avec un autre contenu.",
    en="This number is known already, with another content.",
    advice_fr="Corriger par une ligne d’un autre numéro, en moins si besoin.",
    advice_en="Correct it by a line of another number, below nought if need be.",
)


@dataclass(slots=True)
class InputsReport:
    """What a load did: lines that changed something, lines known already, what was refused."""

    changed: int = 0
    known: int = 0
    refused: int = 0
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, findings: Sequence[Finding]) -> None:
        """Note a line that is refused, and why."""
        self.refused += 1
        self.findings += findings


def load_standing(tx: Transaction, lines: Iterable[str], language: Language = "fr") -> InputsReport:
    """Load what amounts depend on of who bills: the tariff agreement and the networks.

    Args:
        tx: A transaction of the settler.
        lines: The file (`docs/reference/benefit-tables.md`).
        language: Of the findings.

    Raises:
        FeedRefused: the header lacks a column; nothing was loaded.
    """
    report = InputsReport()
    for batch in _split(read_standing(lines, language)):
        rows = [row for row in batch if isinstance(row, StandingRow)]
        places = store.list_places(tx, {row.establishment for row in rows})
        good: dict[tuple[int, object], StandingKnown] = {}
        given = 0
        for row in batch:
            if not isinstance(row, StandingRow):
                report.refuse(row)
            elif len(found := places.get(row.establishment, set())) != 1:
                report.refuse([_tell(PLACE_UNKNOWN, "establishment", row.line, language)])
            else:
                [place] = found
                given += 1
                # Of two lines about one day, the later wins.
                one = StandingKnown(place, row.since, row.optam, row.networks)
                good[place, row.since] = one
        changed = store.save_standings(tx, list(good.values()))
        report.changed += changed
        report.known += given - changed
    return report


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OutsideLoad:
    """Whose file, and the keys its identifiers are hidden with.

    Args:
        insurer_id: The insurer.
        amc_number: Its number, ten digits.
        lookup_key: The installation's key for look-ups.
        contract_key: Its key for blind references.
    """

    insurer_id: int
    amc_number: str
    lookup_key: bytes
    contract_key: bytes


def load_outside_uses(
    tx: Transaction, orders: OutsideLoad, lines: Iterable[str], language: Language = "fr"
) -> InputsReport:
    """Load what claims outside tiers payant used of limits: later claims count it.

    Args:
        tx: A transaction of the settler.
        orders: Whose file.
        lines: The file (`docs/reference/benefit-tables.md`).
        language: Of the findings.

    Raises:
        FeedRefused: the header lacks a column; nothing was loaded.
    """
    report = InputsReport()
    keys = FeedKeys(orders.amc_number, orders.lookup_key, orders.contract_key)
    limits = load_book(tx, orders.insurer_id).list_limits()
    for batch in _split(read_outside(lines, orders.amc_number, language)):
        rows = [row for row in batch if isinstance(row, OutsideRow)]
        for row in batch:
            if not isinstance(row, OutsideRow):
                report.refuse(row)
        _load_batch(_Batch(tx, orders.insurer_id, keys, limits, language), rows, report)
    return report


@dataclass(frozen=True, slots=True)
class _Batch:
    """What lines are read with."""

    tx: Transaction
    insurer_id: int
    keys: FeedKeys
    limits: frozenset[str]
    language: Language


def _load_batch(at: _Batch, rows: Sequence[OutsideRow], report: InputsReport) -> None:
    found = store.find_members(
        at.tx, [at.keys.typed(row.nir, row.birth_date, row.birth_rank) for row in rows]
    )
    theirs = store.list_contracts(at.tx, at.insurer_id, {person for person, _ in found})
    good: dict[str, tuple[OutsideRow, OutsideUse]] = {}
    known = store.list_outside(at.tx, at.insurer_id, [row.number for row in rows])
    for row, (person, insurer_id) in zip(rows, found, strict=True):
        contract = at.keys.contract(row.contract_number)
        use = OutsideUse(
            *(row.number, person, contract, row.limit),
            *(row.since, row.cents, row.units, row.care_on),
        )
        before = known.get(row.number) or (good[row.number][1] if row.number in good else None)
        wrong = None
        if insurer_id != at.insurer_id:
            wrong = (MEMBER_UNKNOWN, "insured_nir")
        elif (person, contract) not in theirs:
            wrong = (CONTRACT_UNKNOWN, "contract_number")
        elif row.limit not in at.limits:
            wrong = (LIMIT_UNKNOWN, "limit")
        elif before is not None and before != use:
            wrong = (KNOWN_OTHERWISE, "number")
        if wrong is not None:
            report.refuse([_tell(*wrong, row.line, at.language)])
        elif before is not None:
            report.known += 1
        else:
            good[row.number] = (row, use)
    if good:
        report.changed += store.add_outside(at.tx, at.insurer_id, [use for _, use in good.values()])


def _split(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield items by the thousand."""
    left = iter(items)
    while some := list(islice(left, BATCH)):
        yield some


def _tell(refusal: Refusal, name: str, line: int, language: Language) -> Finding:
    return format_finding(BadValue(refusal), field=name, line=line, language=language)
