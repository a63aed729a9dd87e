"""Is a table that calls itself a "contrat responsable" one? Found by asking it, not by reading it.

Each rule puts a claim to the table, as a beneficiary would, and looks at what is paid: whatever
rows and limits the insurer wrote, the answer is what counts. Refuses to judge what a table does not
claim to be.

Source: S130 for the rules, tariffs/data/baskets.toml for the ceilings; what is general knowledge
says so there.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from rempart.claims.adjudication import AdjudicatedLine, Contract, adjudicate_line
from rempart.claims.benefit_table import BenefitTable
from rempart.claims.claim import Basket, Beneficiary, Biller, ClaimLine, Correction
from rempart.claims.counters import Counters
from rempart.kernel.birth import BirthDate
from rempart.kernel.findings import Finding, Language, Refusal
from rempart.tariffs.care import ACTS, find_ceiling_cents

TICKET_MODERATEUR: Final = Refusal(
    rule="responsible_ticket_moderateur",
    fr="Le ticket modérateur n’est pas entièrement pris en charge.",
    en="What compulsory insurance leaves of the base is not wholly paid.",
    advice_fr="Ajouter une ligne « ticket modérateur » sans plafond ni délai d’attente.",
    advice_en="Add a row that pays the ticket modérateur, with no limit and no waiting period.",
)
DAILY_CHARGE: Final = Refusal(
    rule="responsible_daily_charge",
    fr="Le forfait journalier hospitalier n’est pas payé en entier, sans limite de durée.",
    en="The daily hospital charge is not paid in full, however long the stay.",
    advice_fr="Ajouter une ligne « frais réels » pour FJ, sans plafond.",
    advice_en="Add a row that pays the real cost of FJ, with no limit.",
)
FULL_BASKET: Final = Refusal(
    rule="responsible_full_basket",
    fr="Le panier 100 % Santé laisse un reste à charge.",
    en="The 100 % Santé offer leaves something to pay.",
    advice_fr="Ajouter une ligne « frais réels » pour le panier 100 % Santé, sans délai d’attente.",
    advice_en="Add a row that pays the real cost of this basket, with no waiting period.",
)
EQUIPMENT: Final = Refusal(
    rule="responsible_equipment",
    fr="Un équipement d’optique est payé au-dessus du plafond des contrats responsables.",
    en="A pair of glasses is paid above the cap of responsible contracts.",
    advice_fr="Ajouter une limite par équipement, assurance maladie comprise.",
    advice_en="Add a limit per equipment, compulsory insurance included.",
)
FRAME: Final = Refusal(
    rule="responsible_frame",
    fr="Une monture est payée au-dessus du plafond des contrats responsables.",
    en="A frame is paid above the cap of responsible contracts.",
    advice_fr="Plafonner la monture.",
    advice_en="Cap the frame.",
)
HEARING: Final = Refusal(
    rule="responsible_hearing",
    fr="Une aide auditive est payée au-dessus du plafond des contrats responsables.",
    en="A hearing aid is paid above the cap of responsible contracts.",
    advice_fr="Ajouter une limite par oreille, assurance maladie comprise.",
    advice_en="Add a limit per ear, compulsory insurance included.",
)
OUTSIDE_AGREEMENT: Final = Refusal(
    rule="responsible_outside_agreement",
    fr="Les dépassements hors OPTAM sont payés au-delà de 100 % de la base, ou presque autant "
    "qu’avec l’OPTAM.",
    en="Fees outside the tariff agreement are paid beyond 100% of the base, or nearly as much as "
    "within it.",
    advice_fr="Payer au plus 100 % de la base en dépassement, et 20 % de la base de moins qu’avec "
    "l’OPTAM.",
    advice_en="Pay at most 100% of the base above it, and 20% of the base less than within the "
    "agreement.",
)

FIRST_DAY: Final = date(2021, 1, 1)
"""The first day all these rules are known for: hearing aids came last."""

# Medicines whose ticket modérateur may be left out.
_MAY_LEAVE_OUT: Final = frozenset({"PH4", "PH2", "HD4", "HD2"})
_BASE: Final = 10_000
_DEAR: Final = 1_000_000
_ADULT: Final = Beneficiary(born=BirthDate("19700101"))
_CAPS: Final = {
    Correction.SIMPLE: "equipment_simple",
    Correction.COMPLEX: "equipment_complex",
    Correction.VERY_COMPLEX: "equipment_very_complex",
}


def check_responsible(
    table: BenefitTable, day: date, *, language: Language = "fr"
) -> Sequence[Finding]:
    """Put to a table the questions a responsible contract must pass.

    They are put outside every network, then within each one that the table names.

    Args:
        table: The table; one that does not call itself responsible passes.
        day: The day of care to ask about, not before `FIRST_DAY`.
        language: Of the findings.

    Returns:
        What is wrong, act by act (`field` is the code), in the order of the table of acts; the
        networks are told of what is found within them only.
    """
    if not table.responsible:
        return []
    found: dict[tuple[str, Refusal], list[str]] = {}
    for circuit in ("", *list_circuits(table)):
        asked = _Asked(table, day, frozenset({circuit} - {""}))
        for one in (*_find_unpaid(asked), *_find_overpaid(asked)):
            found.setdefault(one, []).append(circuit)
    places = {code: place for place, code in enumerate(ACTS)}
    return [
        Finding(None, code, refusal.rule, _tell(refusal, where, language), refusal.advice(language))
        for (code, refusal), where in sorted(found.items(), key=lambda one: places[one[0][0]])
    ]


def list_circuits(table: BenefitTable) -> Sequence[str]:
    """Return the networks that a table names, sorted."""
    return sorted({row.circuit for row in table.benefits if row.circuit})


def _tell(refusal: Refusal, circuits: Sequence[str], language: Language) -> str:
    message = refusal.message(language)
    if "" in circuits:
        return message
    return f"{message} {'Réseau :' if language == 'fr' else 'Network:'} {', '.join(circuits)}."


class _Asked:
    """A table, and how it is asked: on the first day of membership, nothing used."""

    def __init__(self, table: BenefitTable, day: date, circuits: frozenset[str]) -> None:
        self.day = day
        self._table = table
        self._circuits = circuits
        self._optam: bool | None = None

    def within(self, optam: bool | None) -> "_Asked":
        """Return the same, billed by somebody with or without the tariff agreement."""
        other = _Asked(self._table, self.day, self._circuits)
        other._optam = optam
        return other

    def ask(
        self,
        code: str,
        billed: int,
        base: int,
        *,
        quantity: int = 1,
        basket: Basket | None = None,
        correction: Correction | None = None,
    ) -> AdjudicatedLine:
        """Adjudicate one line."""
        line = ClaimLine(
            number=1,
            act=ACTS[code],
            care_date=self.day,
            billed_cents=billed,
            base_cents=base,
            quantity=quantity,
            basket=basket,
            correction=correction,
            equipment="1",
        )
        contract = Contract(self._table, self.day, Counters())
        biller = Biller(optam=self._optam, circuits=self._circuits)
        return adjudicate_line(line, _ADULT, biller, (contract,), Counters())


def _find_unpaid(asked: _Asked) -> Iterator[tuple[str, Refusal]]:
    for code, act in ACTS.items():
        if act.rate == "none" or code in _MAY_LEAVE_OUT:
            continue
        for optam in (None, True, False) if act.limited else (None,):
            line = asked.within(optam).ask(code, _BASE, _BASE)
            if line.amc_cents < line.amo.ticket_moderateur_cents:
                yield code, TICKET_MODERATEUR
                break
    if asked.ask("FJ", 2_000 * 365, 0, quantity=365).reste_a_charge_cents:
        yield "FJ", DAILY_CHARGE
    prices = {
        "MON": find_ceiling_cents("frame_class_a", asked.day),
        "VER": 20_000,
        "PDT": 50_000,
        "PAU": find_ceiling_cents("hearing_class_1", asked.day),
    }
    for code, price in prices.items():
        if price and asked.ask(code, price, 1_000, basket=Basket.FULL).reste_a_charge_cents:
            yield code, FULL_BASKET


def _find_overpaid(asked: _Asked) -> Iterator[tuple[str, Refusal]]:
    for correction, name in _CAPS.items():
        lens = asked.ask("VER", _DEAR, 10, quantity=2, basket=Basket.FREE, correction=correction)
        cap = find_ceiling_cents(name, asked.day)
        if cap is not None and lens.amc_cents + lens.amo.paid_cents > cap:
            yield "VER", EQUIPMENT
            break
    frame_cap = find_ceiling_cents("frame_responsible", asked.day)
    if frame_cap and asked.ask("MON", _DEAR, 5, basket=Basket.FREE).amc_cents > frame_cap:
        yield "MON", FRAME
    ear = asked.ask("PAU", _DEAR, 40_000, basket=Basket.FREE)
    ear_cap = find_ceiling_cents("hearing_responsible", asked.day)
    if ear_cap and ear.amc_cents + ear.amo.paid_cents > ear_cap:
        yield "PAU", HEARING
    for code, act in ACTS.items():
        if not act.limited:
            continue
        inside = asked.within(True).ask(code, _DEAR, _BASE)
        outside = asked.within(False).ask(code, _DEAR, _BASE)
        base = outside.amo.base_cents
        above = outside.amc_cents + outside.amo.paid_cents - base
        spread = inside.amc_cents - outside.amc_cents
        if above > base or (above > 0 and spread < base // 5):
            yield code, OUTSIDE_AGREEMENT
