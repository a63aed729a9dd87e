"""What is checked in a claim before anything is due: rules, what to correct, and until when.

A rejection stops its line, a signal does not. Refuses to reject without saying what would make the
line right, whether it can be made right, and whether the member may be asked instead.

Source: anomaly codes of the national table IR_TAN_V (S18), named where one fits.
"""

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final, NamedTuple

from rempart.claims.claim import Basket, Claim, ClaimLine
from rempart.kernel.findings import Refusal
from rempart.kernel.periods import add_months
from rempart.tariffs.care import find_base_cents, find_ceiling_cents
from rempart.tariffs.parameters import value_on


class Severity(enum.StrEnum):
    """Whether a line goes on."""

    REJECTION = "rejection"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One rule.

    Args:
        refusal: What is wrong and what to do, in both languages.
        severity: Whether the line stops.
        code: The national anomaly code it resembles; empty when none does.
        recoverable: Whether a corrected claim may be sent.
        to_member: Whether what is not paid may be asked of the member.
    """

    refusal: Refusal
    severity: Severity
    code: str = ""
    recoverable: bool = True
    to_member: bool = False


class ClaimFinding(NamedTuple):
    """One control that speaks, about one line or, at 0, about the whole claim.

    Attributes:
        line: Number of the line; 0 for all of them.
        control: The rule.
        until: Last day a corrected claim is taken; None when it cannot be corrected.
    """

    line: int
    control: Control
    until: date | None


class Right(enum.StrEnum):
    """What is known of the beneficiary's right on a line's day."""

    OPEN = "open"
    PROMISED = "promised"
    """Not open today, but an engagement or a PEC binds."""
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the platform knows when a claim arrives; a line is named by its number.

    Args:
        today: The day of receipt, Paris civil date.
        rights: The right of each line.
        twins: Lines that were received already, here or by another way.
        asked_amc_cents: What the biller expects of the AMC, by line, where it says so.
        computed_amc_cents: What the adjudication gives.
        needs_pec: Lines that need a PEC and quote none that holds.
        bad_engagement: Lines whose engagement number is not ours, of somebody else, or used up.
        stopped: Whether claims of this biller wait for a review.
        is_refused: Whether a review refused the claim.
    """

    today: date
    rights: Mapping[int, Right]
    twins: Collection[int] = ()
    asked_amc_cents: Mapping[int, int] | None = None
    computed_amc_cents: Mapping[int, int] | None = None
    needs_pec: Collection[int] = ()
    bad_engagement: Collection[int] = ()
    stopped: bool = False
    is_refused: bool = False


def _control(
    rule: str, fr: str, en: str, advice_fr: str, advice_en: str, *, signal: bool = False,
    code: str = "", recoverable: bool = True, to_member: bool = False,
) -> Control:  # fmt: skip
    return Control(
        refusal=Refusal(rule=rule, fr=fr, en=en, advice_fr=advice_fr, advice_en=advice_en),
        severity=Severity.SIGNAL if signal else Severity.REJECTION,
        code=code,
        recoverable=recoverable,
        to_member=to_member,
    )


FUTURE: Final = _control(
    "claim_future",
    "La date des soins est dans l’avenir.",
    "The care date is in the future.",
    "Corriger la date, ou attendre que les soins soient faits.",
    "Correct the date, or wait until care was given.",
    code="R9010",
)
TOO_LATE: Final = _control(
    "claim_too_late",
    "La facture arrive après le délai de deux ans et trois mois.",
    "The claim comes after the delay of two years and three months.",
    "Rien ne peut être payé par ce circuit.",
    "Nothing can be paid this way.",
    code="I0601",
    recoverable=False,
)
CLOSED: Final = _control(
    "claim_rights_closed",
    "Les droits n’étaient pas ouverts à la date des soins, et rien n’était promis.",
    "Rights were not open on the care date, and nothing was promised.",
    "Vérifier la date et la carte ; sinon, facturer la part complémentaire à l’adhérent.",
    "Check the date and the card; otherwise bill the complementary part to the member.",
    code="I1002",
    to_member=True,
)
UNKNOWN: Final = _control(
    "claim_unknown",
    "Personne n’est connu sous ces identifiants chez cette complémentaire.",
    "Nobody is known by these identifiers at this insurer.",
    "Reprendre le numéro d’AMC et le numéro d’adhérent sur la carte.",
    "Take the AMC number and the member number from the card again.",
    code="I0501",
)
NOT_OPEN: Final = _control(
    "claim_not_open",
    "Rien n’est dû pour ces identifiants à la date des soins, et rien n’était promis.",
    "Nothing is due for these identifiers on the care date, and nothing was promised.",
    "Facturer avec la carte ou un numéro d’engagement ; sinon, à l’adhérent.",
    "Bill with the card or an engagement number; otherwise bill the member.",
    code="I1002",
    to_member=True,
)
"""What a biller is told of the two above when neither a promise nor presence vouches for them."""
TWIN: Final = _control(
    "claim_twin",
    "Cette ligne a déjà été reçue : même soin, même jour, même professionnel.",
    "This line was received already: same care, same day, same professional.",
    "Ne rien renvoyer ; si deux actes ont été faits, l’indiquer par la quantité.",
    "Send nothing again; if two acts were given, say so by the quantity.",
    code="I0602",
    recoverable=False,
)
PEC_NEEDED: Final = _control(
    "claim_pec_needed",
    "Cet acte demande une prise en charge valable, et aucune n’est indiquée.",
    "This act needs a valid PEC, and none is quoted.",
    "Demander la prise en charge, puis renvoyer la facture avec son numéro.",
    "Ask for the PEC, then send the claim again with its number.",
)
ENGAGEMENT: Final = _control(
    "claim_engagement",
    "Le numéro d’engagement n’est pas valable pour cette facture.",
    "The engagement number is not valid for this claim.",
    "Reprendre le numéro imprimé avec la réponse ; il ne sert qu’une fois, pour un bénéficiaire.",
    "Take the number printed with the answer; it serves once, for one beneficiary.",
)
CEILING: Final = _control(
    "claim_ceiling",
    "Le prix dépasse le plafond du panier 100 % Santé.",
    "The price is above the ceiling of the 100 % Santé offer.",
    "Facturer au plafond, ou changer de panier avec l’accord du bénéficiaire.",
    "Bill at the ceiling, or change the offer with the beneficiary's agreement.",
)
NO_BASE: Final = _control(
    "claim_base_missing",
    "La base de remboursement manque, et cet acte n’a pas de tarif national connu ici.",
    "The base de remboursement is missing, and this act has no national tariff known here.",
    "Indiquer la base de remboursement de la ligne, puis renvoyer la facture.",
    "Give the line's base de remboursement, then send the claim again.",
)
REVIEWED: Final = _control(
    "claim_reviewed",
    "Après vérification, cette facture n’est pas payée.",
    "After a check, this claim is not paid.",
    "Écrire à qui l’a vérifiée ; le motif est donné à l’établissement, jamais à l’adhérent.",
    "Write to whoever checked it; the reason is given to the establishment, never to the member.",
    recoverable=False,
)
BASE_DIFFERS: Final = _control(
    "claim_base",
    "La base de remboursement n’est pas celle du tarif national ; celui-ci est appliqué.",
    "The base de remboursement is not the national tariff, which is applied.",
    "Mettre à jour les tarifs du logiciel.",
    "Update the tariffs of the software.",
    signal=True,
)
AMC_DIFFERS: Final = _control(
    "claim_amc_amount",
    "La part complémentaire attendue n’est pas celle du contrat ; celle-ci est payée.",
    "The complementary part expected is not the contract's, which is paid.",
    "Comparer avec l’explication ligne par ligne.",
    "Compare with the explanation line by line.",
    signal=True,
    code="I9002",
)
STOPPED: Final = _control(
    "claim_stopped",
    "Les factures de cet établissement attendent une vérification.",
    "Claims of this establishment wait for a check.",
    "Rien à renvoyer ; l’opérateur répond sous deux jours ouvrés.",
    "Nothing to send again; the operator answers within two working days.",
    signal=True,
)
CONTROLS: Final = (
    FUTURE, TOO_LATE, UNKNOWN, CLOSED, TWIN, ENGAGEMENT, PEC_NEEDED, CEILING, NO_BASE,
    BASE_DIFFERS, AMC_DIFFERS, STOPPED, REVIEWED,
)  # fmt: skip
"""Every rule, in the order they speak."""
BY_RULE: Final[Mapping[str, Control]] = MappingProxyType(
    {control.refusal.rule: control for control in (*CONTROLS, NOT_OPEN)}
)
"""The same by their stable names, as findings are stored."""

_CEILINGS: Final = {"MON": "frame_class_a", "PAU": "hearing_class_1"}


def control_claim(claim: Claim, known: Known) -> Iterator[ClaimFinding]:
    """Check a claim, line by line, then as a whole.

    Args:
        claim: The claim.
        known: What the platform knows.

    Returns:
        What speaks against it, in the order of lines, then of rules.
    """
    for line in claim.lines:
        for control in _check_line(line, known):
            until = compute_deadline(line.care_date) if control.recoverable else None
            yield ClaimFinding(line.number, control, until)
    if known.stopped:
        yield ClaimFinding(0, STOPPED, None)
    if known.is_refused:
        yield ClaimFinding(0, REVIEWED, None)


def list_rejected(claim: Claim, findings: Sequence[ClaimFinding]) -> frozenset[int]:
    """Return the numbers of lines that stop: those a rejection speaks of."""
    stopped = {one.line for one in findings if one.control.severity is Severity.REJECTION}
    return frozenset(line.number for line in claim.lines if line.number in stopped or 0 in stopped)


def compute_deadline(care_date: date) -> date:
    """Return the last day, included, on which a claim for care of a day is taken."""
    return add_months(care_date, value_on("care_date_past_months", care_date))


def _check_line(line: ClaimLine, known: Known) -> Iterator[Control]:
    number = line.number
    if line.care_date > known.today:
        yield FUTURE
    if known.today > compute_deadline(line.care_date):
        yield TOO_LATE
    match known.rights[number]:
        case Right.UNKNOWN:
            yield UNKNOWN
        case Right.CLOSED:
            yield CLOSED
        case Right.OPEN | Right.PROMISED:
            pass
    if number in known.twins:
        yield TWIN
    if number in known.bad_engagement:
        yield ENGAGEMENT
    if number in known.needs_pec:
        yield PEC_NEEDED
    yield from _check_amounts(line, known)


def _check_amounts(line: ClaimLine, known: Known) -> Iterator[Control]:
    ceiling = _CEILINGS.get(line.act.code)
    if ceiling is not None and line.basket is Basket.FULL:
        cents = find_ceiling_cents(ceiling, line.care_date)
        if cents is not None and line.billed_cents > cents * line.quantity:
            yield CEILING
    tariff = find_base_cents(line.act.code, line.care_date)
    if tariff is None and line.base_cents is None and line.act.rate != "none":
        yield NO_BASE
    if None not in (tariff, line.base_cents) and line.base_cents != (tariff or 0) * line.quantity:
        yield BASE_DIFFERS
    asked = (known.asked_amc_cents or {}).get(line.number)
    computed = (known.computed_amc_cents or {}).get(line.number)
    if None not in (asked, computed) and asked != computed:
        yield AMC_DIFFERS
