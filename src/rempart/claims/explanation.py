"""How an amount came about, in words a member understands, in French and in English."""

from collections.abc import Iterator
from typing import Final

from rempart.claims.adjudication import AdjudicatedLine
from rempart.claims.amo import AmoPart
from rempart.claims.benefit_table import Benefit
from rempart.claims.steps import Step, StepKind
from rempart.kernel.findings import Language
from rempart.kernel.money import format_euros

# One sentence for each; {…} are written by `explain_step`.
_SENTENCES: Final[dict[StepKind, tuple[str, str]]] = {
    StepKind.ROW: ("{label} : {how}, soit {cents}.", "{label}: {how}, that is {cents}."),
    StepKind.NOT_IN_TABLE: (
        "Votre contrat ne prévoit rien pour cet acte.",
        "Your contract provides nothing for this act.",
    ),
    StepKind.WAITING: (
        "{label} : délai d’attente jusqu’au {day}.",
        "{label}: waiting period until {day}.",
    ),
    StepKind.CAPPED_BY_ROW: (
        "Le contrat plafonne ce montant à {cents}.",
        "The contract caps this amount at {cents}.",
    ),
    StepKind.LIMITED_CENTS: (
        "{label} : il reste {cents} de ce plafond.",
        "{label}: {cents} of this limit is left.",
    ),
    StepKind.LIMITED_UNITS: (
        "{label} : {units} encore pris en charge, soit {cents}.",
        "{label}: {units} more covered, that is {cents}.",
    ),
    StepKind.TOO_EARLY: (
        "{label} : le prochain équipement est pris en charge à partir du {day}.",
        "{label}: the next equipment is covered from {day} on.",
    ),
    StepKind.CAPPED_BY_PRICE: (
        "Jamais plus que ce qui reste à payer : {cents}.",
        "Never more than what is left to pay: {cents}.",
    ),
    StepKind.AMC: ("Part de la complémentaire : {cents}.", "The complementary part: {cents}."),
}
_HOW: Final[dict[str, tuple[str, str]]] = {
    "ticket_moderateur": ("ticket modérateur", "what the compulsory insurance leaves of its base"),
    "rate_with_amo": (
        "{rate} de la base, assurance maladie comprise",
        "{rate} of the base, compulsory insurance included",
    ),
    "rate_beside_amo": (
        "{rate} de la base, en plus de l’assurance maladie",
        "{rate} of the base, on top of compulsory insurance",
    ),
    "forfait": ("forfait de {forfait}", "fixed amount of {forfait}"),
    "real_cost": ("frais réels", "real cost"),
    "nothing": ("aucune prise en charge", "nothing is covered"),
}


def explain_line(shared: AdjudicatedLine, language: Language = "fr") -> Iterator[str]:
    """Tell how a line was shared out, one sentence at a time, from the bill to what is left."""
    is_french = language == "fr"
    line, amo = shared.line, shared.amo
    billed, base = format_euros(line.billed_cents, language), format_euros(amo.base_cents, language)
    label = line.act.label(language)
    if is_french:
        yield f"{label[0].upper()}{label[1:]} : {billed} facturés, base de remboursement {base}."
    else:
        yield f"{label[0].upper()}{label[1:]}: {billed} billed, base de remboursement {base}."
    yield from _explain_amo(amo, language)
    for part in shared.parts:
        for step in part.steps:
            yield explain_step(step, language)
    left = format_euros(shared.reste_a_charge_cents, language)
    yield f"Il vous reste {left} à payer." if is_french else f"{left} is left for you to pay."
    if amo.levy_kind is not None:
        yield _explain_levy(amo, language)


def explain_step(step: Step, language: Language = "fr") -> str:
    """Write the sentence of a step."""
    sentence = _SENTENCES[step.kind][0 if language == "fr" else 1]
    return sentence.format(
        label=step.label,
        cents=format_euros(step.cents, language),
        day=f"{step.day:%d/%m/%Y}" if step.day else "",
        units=step.units,
        how=_describe(step.pays, language) if step.pays else "",
    )


def _explain_amo(amo: AmoPart, language: Language) -> Iterator[str]:
    paid, base = format_euros(amo.amo_cents, language), format_euros(amo.base_cents, language)
    is_french = language == "fr"
    rate = _format_rate(amo.rate_bp, language)
    if amo.given:
        yield f"Assurance maladie : {paid}." if is_french else f"Compulsory insurance: {paid}."
    elif amo.flat_cents:
        flat = format_euros(amo.flat_cents, language)
        yield (
            f"Assurance maladie : {paid}, une participation de {flat} remplaçant le pourcentage."
            if is_french
            else f"Compulsory insurance: {paid}, a participation of {flat} replacing the share."
        )
    else:
        yield (
            f"Assurance maladie : {rate} de {base}, soit {paid}."
            if is_french
            else f"Compulsory insurance: {rate} of {base}, that is {paid}."
        )
    if amo.local_cents:
        local = format_euros(amo.local_cents, language)
        yield (
            f"Régime local d’Alsace-Moselle : {local}."
            if is_french
            else f"Local regime of Alsace-Moselle: {local}."
        )
    if amo.penalty_cents:
        penalty = format_euros(amo.penalty_cents, language)
        yield (
            f"Hors du parcours de soins : {penalty} de moins, qu’aucun contrat responsable ne paie."
            if is_french
            else f"Outside the care pathway: {penalty} less, which no responsible contract pays."
        )


def _explain_levy(amo: AmoPart, language: Language) -> str:
    cents = format_euros(amo.levy_cents, language)
    if language == "fr":
        name = "Participation forfaitaire" if _is_participation(amo) else "Franchise médicale"
        return f"{name} de {cents} : l’assurance maladie la retiendra plus tard."
    name = "participation forfaitaire" if _is_participation(amo) else "franchise médicale"
    return f"A {name} of {cents} will be withheld later by compulsory insurance."


def _is_participation(amo: AmoPart) -> bool:
    return amo.levy_kind == "participation_forfaitaire"


def _describe(benefit: Benefit, language: Language) -> str:
    text = _HOW[benefit.pays][0 if language == "fr" else 1].format(
        rate=_format_rate(benefit.rate_bp or 0, language),
        forfait=format_euros(benefit.forfait_cents or 0, language),
    )
    if benefit.with_ticket_moderateur:
        text += (
            " en plus du ticket modérateur" if language == "fr" else " on top of what is left of it"
        )
    return text


def _format_rate(rate_bp: int, language: Language) -> str:
    whole, rest = divmod(rate_bp, 100)
    digits = f"{rest:02d}".rstrip("0")
    if language == "fr":
        return f"{whole},{digits}\N{NO-BREAK SPACE}%" if digits else f"{whole}\N{NO-BREAK SPACE}%"
    return f"{whole}.{digits}%" if digits else f"{whole}%"
