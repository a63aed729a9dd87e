"""A claim as any channel brings it: by which identifiers, for which acts, whatever the format.

Refuses to print: it holds identifiers until they are turned into a reference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from rempart.claims.claim import MOST_CENTS, MOST_UNITS, ClaimLine
from rempart.kernel.findings import Refusal
from rempart.kernel.identity import Identity
from rempart.rights.lookup import Identifiers

MOST_LINES: Final = 200
"""Of one claim."""
MOST_LINE_NUMBER: Final = 999
MOST_LETTERS: Final = 64
MOST_MARK_LETTERS: Final = 16
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)

INVOICE: Final = Refusal(
    rule="claim_invoice",
    fr="Le numéro de facture n’a pas de 1 à 64 caractères visibles.",
    en="The invoice number does not have 1 to 64 visible characters.",
    advice_fr="Envoyer le numéro de votre logiciel, sans espace au début ni à la fin.",
    advice_en="Send your software's own number, without a space at either end.",
)
LINES: Final = Refusal(
    rule="claim_lines",
    fr="Une facture a de 1 à 200 lignes, numérotées de 1 à 999, chacune une fois.",
    en="A claim has 1 to 200 lines, numbered from 1 to 999, each once.",
    advice_fr="Numéroter les lignes dans l’ordre, ou faire plusieurs factures.",
    advice_en="Number the lines in order, or send several claims.",
)
CARE_DAY: Final = Refusal(
    rule="claim_day",
    fr="La date des soins n’est pas une date possible.",
    en="The care date is not a possible date.",
    advice_fr="Envoyer le jour des soins, AAAA-MM-JJ, entre 2000 et 2099.",
    advice_en="Send the day of care, YYYY-MM-DD, between 2000 and 2099.",
)
AMOUNT: Final = Refusal(
    rule="claim_amount",
    fr="Ce montant n’est pas un nombre entier de centimes entre 0 et 100 000 000.",
    en="This amount is not a whole number of cents between 0 and 100,000,000.",
    advice_fr="Envoyer des centimes ; pour reprendre une somme, annuler la facture qui l’a payée.",
    advice_en="Send cents; to take a sum back, cancel the claim that paid it.",
)
QUANTITY: Final = Refusal(
    rule="claim_quantity",
    fr="La quantité n’est pas un nombre entier de 1 à 9 999.",
    en="The quantity is not a whole number from 1 to 9,999.",
    advice_fr="Envoyer le nombre d’actes, de boîtes ou de jours.",
    advice_en="Send how many acts, boxes or days.",
)
AMO_PART: Final = Refusal(
    rule="claim_amo_part",
    fr="La part obligatoire dépasse le montant facturé.",
    en="The compulsory part is above what is billed.",
    advice_fr="Reprendre le montant payé par l’assurance maladie pour cette ligne.",
    advice_en="Take the amount paid by compulsory insurance for this line.",
)
MARK: Final = Refusal(
    rule="claim_mark",
    fr="Ce repère est trop long, ou contient un caractère qui ne s’imprime pas.",
    en="This mark is too long, or holds a character that cannot be printed.",
    advice_fr="Envoyer le texte tel qu’il a été donné, sans caractère de contrôle.",
    advice_en="Send the text as it was given, without control characters.",
)
TOTAL: Final = Refusal(
    rule="claim_total",
    fr="Le total n’est pas la somme des lignes.",
    en="The total is not the sum of the lines.",
    advice_fr="Recalculer le total de la facture, puis la renvoyer.",
    advice_en="Compute the total of the claim again, then send it again.",
)
FORM_RULES: Final = (INVOICE, LINES, CARE_DAY, AMOUNT, QUANTITY, AMO_PART, MARK, TOTAL)


class Fault(NamedTuple):
    """What is wrong in the form of one claim, and where.

    Attributes:
        field: Name of the field as its format calls it.
        refusal: The rule, in both languages.
        line: Number of the claim's line; None for the claim itself.
        at: Line of the file; None outside a file.
    """

    field: str
    refusal: Refusal
    line: int | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BilledClaim(Identity):
    """One claim.

    Args:
        invoice: The biller's own number, unique for them over a stretch of time.
        identifiers: Of the beneficiary.
        lines: The acts, amounts in cents.
        birth_date: Eight characters; what the card or the typed identifiers say.
        asked_amc_cents: What the biller expects of the complementary insurer, line by line; None
            where they do not say.
        engagement: The engagement number quoted; empty for none.
        pec: The prise en charge quoted; empty for none.
        in_pathway: Whether care followed the coordinated pathway.
        replaces: Reference of the claim it takes the place of; empty for none.
        at: Where the claim begins in its file, line 1 being the first; None outside a file.
    """

    invoice: str
    identifiers: Identifiers
    lines: tuple[ClaimLine, ...]
    birth_date: str
    asked_amc_cents: tuple[int | None, ...]
    engagement: str = ""
    pec: str = ""
    in_pathway: bool = True
    replaces: str = ""
    at: int | None = None


def find_faults(claim: BilledClaim) -> Iterator[Fault]:
    """Find what is wrong in the form of a claim, whatever brought it: nothing of it is looked up.

    Returns:
        The faults of the claim, then those of its lines, in order.
    """
    if not is_printable(claim.invoice, MOST_LETTERS) or not claim.invoice:
        yield Fault("invoice", INVOICE)
    if not is_printable(claim.pec, MOST_LETTERS):
        yield Fault("pec", MARK)
    numbers = {line.number for line in claim.lines}
    if not 1 <= len(claim.lines) <= MOST_LINES or len(numbers) < len(claim.lines):
        yield Fault("lines", LINES)
    for line, asked_cents in zip(claim.lines, claim.asked_amc_cents, strict=True):
        for field, refusal in find_line_faults(
            number=line.number,
            care_date=line.care_date,
            quantity=line.quantity,
            billed_cents=line.billed_cents,
            base_cents=line.base_cents,
            amo_cents=line.amo_cents,
            asked_amc_cents=asked_cents,
            equipment=line.equipment,
        ):
            yield Fault(field, refusal, line.number)


def find_line_faults(
    *,
    number: int,
    care_date: date,
    quantity: int,
    billed_cents: int,
    base_cents: int | None,
    amo_cents: int | None,
    asked_amc_cents: int | None,
    equipment: str | None,
) -> Iterator[tuple[str, Refusal]]:
    """Find what is wrong in the values of a line, before it is made; fields as in `ClaimLine`."""
    if not 1 <= number <= MOST_LINE_NUMBER:
        yield "number", LINES
    if not FIRST_DAY <= care_date <= LAST_DAY:
        yield "care_date", CARE_DAY
    if not 1 <= quantity <= MOST_UNITS:
        yield "quantity", QUANTITY
    amounts = {
        "billed_cents": billed_cents,
        "base_cents": base_cents,
        "amo_cents": amo_cents,
        "asked_amc_cents": asked_amc_cents,
    }
    for name, cents in amounts.items():
        if cents is not None and not 0 <= cents <= MOST_CENTS:
            yield name, AMOUNT
    if amo_cents is not None and 0 <= billed_cents < amo_cents <= MOST_CENTS:
        yield "amo_cents", AMO_PART
    if equipment is not None and not is_printable(equipment, MOST_MARK_LETTERS):
        yield "equipment", MARK


def is_printable(text: str, letters: int) -> bool:
    """Say whether a text can be kept and shown as it is: no control character, no outer space."""
    return len(text) <= letters and text.isprintable() and text == text.strip()


Read = BilledClaim | tuple[Fault, ...]
"""What a reader makes of the bytes of one claim."""
