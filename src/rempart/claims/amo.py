"""The part of compulsory insurance (AMO) in one line, and what it leaves.

Order of the computation: base, rate, local regime, then what is withheld, which is told but never
taken from the professional in tiers payant. Refuses to guess a base: it is a national tariff, or it
is billed.

Source: documentation SNDS (S18): AMO = round(base x rate) for each line; ticket modérateur = base
less AMO before what is withheld; depassement = billed less base.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from rempart.claims.claim import (
    ADULT_YEARS,
    Beneficiary,
    Biller,
    ClaimLine,
    Exoneration,
    Regime,
)
from rempart.claims.counters import CounterKey, Counters, Use
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.money import BASIS_POINTS, apply_rate_bp
from rempart.tariffs.care import FLAT, find_base_cents, find_levy, find_local_bp, find_rate_bp

BASE_MISSING: Final = Refusal(
    rule="base_missing",
    fr="La base de remboursement manque, et cet acte n’a pas de tarif national connu ici.",
    en="The base de remboursement is missing, and this act has no national tariff known here.",
    advice_fr="Indiquer la base de remboursement de la ligne.",
    advice_en="Give the line's base de remboursement.",
)

# The pathway binds from this age on.
_PATHWAY_YEARS: Final = 16
# What stays at its rate even for a long illness. General knowledge, to be confirmed.
_NEVER_FULL: Final[dict[Exoneration | None, frozenset[str]]] = {
    Exoneration.ALD: frozenset({"medicine_15"})
}
_NO_LEVY: Final = frozenset({Exoneration.MATERNITY, Exoneration.WORK_ACCIDENT})


class AmoPart(NamedTuple):
    """What compulsory insurance does with one line; amounts in cents.

    Attributes:
        base_cents: Base de remboursement, never above what was billed.
        rate_bp: The rate applied, basis points: all of the base for costly acts.
        amo_cents: Paid by compulsory insurance, before anything is withheld.
        local_cents: Added by the local regime of Alsace-Moselle.
        penalty_cents: What care outside the pathway costs the beneficiary: no responsible contract
            pays it.
        flat_cents: The flat participation that replaced the ticket modérateur; 0 when it did not.
        levy_cents: Withheld later: participation forfaitaire or franchise.
        levy_kind: Which of the two; None when nothing is withheld.
        given: Whether the amount was settled already and is taken as it came.
    """

    base_cents: int
    rate_bp: int
    amo_cents: int
    local_cents: int
    penalty_cents: int
    flat_cents: int
    levy_cents: int
    levy_kind: str | None
    given: bool

    @property
    def paid_cents(self) -> int:
        """What compulsory insurance and the local regime pay together."""
        return self.amo_cents + self.local_cents

    @property
    def ticket_moderateur_cents(self) -> int:
        """What they leave of the base to somebody in the pathway."""
        return max(0, self.base_cents - self.paid_cents - self.penalty_cents)


def compute_amo(
    line: ClaimLine,
    beneficiary: Beneficiary,
    biller: Biller,
    counters: Counters,
    *,
    together: Sequence[ClaimLine] = (),
) -> AmoPart:
    """Compute the part of compulsory insurance in a line.

    Args:
        line: The line.
        beneficiary: Who was cared for.
        biller: Who bills: daily caps are for one professional.
        counters: Of the beneficiary; what is withheld is added to them.
        together: All the lines of the claim: costly acts of one day bear one participation.

    Raises:
        BadValue: the base is neither billed nor known.
    """
    tariff = _find_tariff(line)
    base = min(tariff, line.billed_cents)
    usual_bp = find_rate_bp(line.act.rate, line.care_date)
    rate_bp = _find_rate(line, beneficiary, usual_bp)
    flat = None if rate_bp < usual_bp else _find_flat(line, together or (line,))
    if flat is not None:
        rate_bp = BASIS_POINTS
    amo = line.amo_cents
    if amo is None:
        amo = max(0, apply_rate_bp(base, rate_bp) - (flat or 0))
    penalty = 0
    if rate_bp < usual_bp:
        usual, reduced = apply_rate_bp(base, usual_bp), apply_rate_bp(base, rate_bp)
        # Of an amount settled already: what it shows, and never more than the rates differ.
        penalty = max(0, min(usual - amo, usual - reduced))
    levy_cents, levy_kind = _withhold(line, beneficiary, biller, counters, amo)
    return AmoPart(
        base_cents=base,
        rate_bp=rate_bp,
        amo_cents=amo,
        local_cents=_compute_local(
            line, beneficiary, base, amo + penalty, is_costly=flat is not None
        ),
        penalty_cents=penalty,
        flat_cents=flat or 0,
        levy_cents=levy_cents,
        levy_kind=levy_kind,
        given=line.amo_cents is not None,
    )


def lacks_base(line: ClaimLine) -> bool:
    """Say whether a line needs a base that is neither billed nor known."""
    return (
        line.base_cents is None
        and line.act.rate != "none"
        and find_base_cents(line.act.code, line.care_date) is None
    )


def _find_tariff(line: ClaimLine) -> int:
    """Return the national tariff, or else the base that the bill says, all units together.

    What compulsory insurance never pays has none, whatever a bill says.
    """
    if line.act.rate == "none":
        return 0
    unit = find_base_cents(line.act.code, line.care_date)
    tariff = line.base_cents if unit is None else unit * line.quantity
    if tariff is None:
        raise BadValue(BASE_MISSING)
    return tariff


def _find_rate(line: ClaimLine, beneficiary: Beneficiary, usual_bp: int) -> int:
    stays = line.act.rate in _NEVER_FULL.get(line.exoneration, ())
    if line.exoneration is not None and line.act.rate != "none" and not stays:
        return BASIS_POINTS
    outside = (
        not beneficiary.in_pathway
        and line.act.rate == "doctor"
        and beneficiary.age_on(line.care_date) >= _PATHWAY_YEARS
    )
    if not outside:
        return usual_bp
    return min(usual_bp, find_rate_bp("doctor_outside_pathway", line.care_date) or usual_bp)


def _find_flat(line: ClaimLine, together: Sequence[ClaimLine]) -> int | None:
    """Return what a line bears of the flat participation of costly acts; None: it is not one.

    Tariffs of one day add up, whatever is billed, and bear one participation together: the act
    with the highest base does. The others are paid in full.

    Source: S78.
    """
    row = FLAT.on(line.care_date)
    if row is None or not _may_be_costly(line):
        return None
    acts = [one for one in together if one.care_date == line.care_date and _may_be_costly(one)]
    if sum(map(_find_tariff, acts)) < row.from_cents:
        return None
    bearer = max(acts, key=lambda one: min(_find_tariff(one), one.billed_cents))
    return row.cents if bearer.number == line.number else 0


def _may_be_costly(line: ClaimLine) -> bool:
    return line.act.technical and line.exoneration is None and line.amo_cents is None


def _compute_local(
    line: ClaimLine, beneficiary: Beneficiary, base: int, covered: int, *, is_costly: bool
) -> int:
    """Return what the local regime adds: its share, and all of a flat participation (S78)."""
    if beneficiary.regime is not Regime.ALSACE_MOSELLE or line.amo_cents is not None:
        return 0
    share = apply_rate_bp(base, find_local_bp(line.act.rate, line.care_date))
    return max(0, base - covered if is_costly else min(share, base - covered))


def _withhold(
    line: ClaimLine, beneficiary: Beneficiary, biller: Biller, counters: Counters, amo: int
) -> tuple[int, str | None]:
    """Return what is withheld on a line, under the caps of day and year, and its kind."""
    levy = find_levy(line.act.levied, line.care_date)
    exempt = (
        levy is None
        or beneficiary.c2s
        or line.exoneration in _NO_LEVY
        or beneficiary.age_on(line.care_date) < ADULT_YEARS
    )
    if levy is None or exempt:
        return 0, None
    year = CounterKey(f"levy {levy.kind}", _start_year(line.care_date))
    left = [amo, levy.cents * line.quantity, levy.year_cents - counters.read(year).cents]
    day = CounterKey(f"levy {levy.levied}", line.care_date, _mark_day(levy.levied, biller))
    if levy.day_cents is not None:
        left.append(levy.day_cents - counters.read(day).cents)
    cents = max(0, min(left))
    if cents:
        for key in (year, day):
            counters.add(Use(key, line.number, cents, line.quantity, line.care_date))
    return cents, levy.kind if cents else None


def _mark_day(levied: str, biller: Biller) -> str:
    return str(biller.mark) if levied == "doctor" else ""


def _start_year(day: date) -> date:
    return day.replace(month=1, day=1)
