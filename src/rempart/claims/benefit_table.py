"""An insurer's benefit table: what its contract pays, row after row, and within which limits.

The first row that fits a line decides, as in a list one reads from the top; limits are shared by
every row that names them. Refuses a table that cannot be read to the end: unknown acts, limits that
are not defined, shares that are not numbers.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final

from rempart.claims.claim import Basket, Correction
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.periods import Period
from rempart.tariffs.care import ACTS, RENEWALS
from rempart.tariffs.domains import DOMAINS

LIMIT_EITHER: Final = Refusal(
    rule="limit_either",
    fr="Cette limite donne un montant et un nombre, ou aucun des deux.",
    en="This limit gives an amount and a number, or neither.",
    advice_fr="Garder l’un des deux ; écrire deux limites pour les deux.",
    advice_en="Keep one of the two; write two limits for both.",
)
LIMIT_RENEWAL: Final = Refusal(
    rule="limit_renewal",
    fr="Le délai de renouvellement va avec « per = renewal », et un seul équipement.",
    en="A delay of renewal goes with `per = renewal`, and one equipment.",
    advice_fr='Mettre renewal = "optical" ou "hearing", units = 1 et per = "renewal".',
    advice_en='Put renewal = "optical" or "hearing", units = 1 and per = "renewal".',
)
NEGATIVE: Final = Refusal(
    rule="table_negative",
    fr="Un montant, un nombre ou un délai est négatif.",
    en="An amount, a number or a delay is negative.",
    advice_fr="Écrire zéro ou davantage.",
    advice_en="Write zero or more.",
)
RATE: Final = Refusal(
    rule="table_rate",
    fr="Cette ligne demande un taux entre 0,01 % et 1000 %, ou n’en demande pas.",
    en="This row needs a rate between 0.01% and 1000%, or needs none.",
    advice_fr="Donner rate pour rate_with_amo et rate_beside_amo, et pour eux seuls.",
    advice_en="Give rate for rate_with_amo and rate_beside_amo, and for them only.",
)
FORFAIT: Final = Refusal(
    rule="table_forfait",
    fr="Cette ligne demande un montant de forfait, ou n’en demande pas.",
    en="This row needs the amount of a forfait, or needs none.",
    advice_fr='Donner forfait pour pays = "forfait", et pour lui seul.',
    advice_en='Give forfait for pays = "forfait", and for it only.',
)
ACTS_UNKNOWN: Final = Refusal(
    rule="table_acts",
    fr="Cette ligne ne nomme aucun acte, ou en nomme un qui n’existe pas.",
    en="This row names no act, or one that does not exist.",
    advice_fr="Utiliser des codes d’acte, « domain:DENT » ou « * ».",
    advice_en="Use codes of acts, `domain:DENT` or `*`.",
)
LIMIT_UNKNOWN: Final = Refusal(
    rule="table_limit",
    fr="Une ligne nomme une limite que le tableau ne définit pas.",
    en="A row names a limit that the table does not define.",
    advice_fr="Ajouter la limite, ou corriger son nom.",
    advice_en="Add the limit, or correct its name.",
)
LIMIT_TWICE: Final = Refusal(
    rule="table_limit_twice",
    fr="Une ligne nomme deux fois une limite, ou deux limites ont le même nom.",
    en="A row names a limit twice, or two limits have the same name.",
    advice_fr="Nommer chaque limite une fois, et donner un nom à chacune.",
    advice_en="Name each limit once, and give each a name of its own.",
)
WAITING: Final = Refusal(
    rule="table_waiting",
    fr="Ce délai dépasse cent ans.",
    en="This waiting period is longer than a hundred years.",
    advice_fr="Écrire un nombre de mois d’adhésion, 1200 au plus.",
    advice_en="Write months of membership, 1200 at most.",
)
TEXT: Final = Refusal(
    rule="table_text",
    fr="Un nom ou un libellé contient un caractère de contrôle.",
    en="A name or a label has a control character.",
    advice_fr="Réécrire ce texte sur une ligne, sans séquence comme \\u0000.",
    advice_en="Write this text again on one line, without a sequence such as \\u0000.",
)

EVERYTHING: Final = "*"
MOST_RATE_BP: Final = 100_000
MOST_WAITING_MONTHS: Final = 1_200


class Pays(enum.StrEnum):
    """How a row computes what it pays, before limits."""

    TICKET_MODERATEUR = "ticket_moderateur"
    """What compulsory insurance leaves of the base, and no more."""
    RATE_WITH_AMO = "rate_with_amo"
    """A share of the base, compulsory insurance included: what is missing to reach it."""
    RATE_BESIDE_AMO = "rate_beside_amo"
    """A share of the base, on top of compulsory insurance."""
    FORFAIT = "forfait"
    """A fixed amount for each unit."""
    REAL_COST = "real_cost"
    """All that is left of the price."""
    NOTHING = "nothing"
    """Nothing: said on purpose, so that it can be explained."""


class Per(enum.StrEnum):
    """How long a limit lasts, and what begins it."""

    DAY = "day"
    YEAR = "year"
    """The civil year."""
    MEMBERSHIP_YEAR = "membership_year"
    """A year from the day of joining, and from each anniversary."""
    EQUIPMENT = "equipment"
    """One pair of glasses, one ear."""
    RENEWAL = "renewal"
    """One equipment in the delay of renewal of its kind, which depends on age."""
    EVER = "ever"
    """As long as the contract lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that rows sharing it pay together.

    Args:
        name: What rows name it by.
        label: What people read, in French, as the contract says it.
        per: Over which time.
        cents: The most in cents; None for no such limit.
        units: The most in units; None for no such limit.
        includes_amo: Whether `cents` counts what compulsory insurance pays too.
        renewal: Name of the delay of renewal; of a RENEWAL limit only.
    """

    name: str
    label: str
    per: Per
    cents: int | None = None
    units: int | None = None
    includes_amo: bool = False
    renewal: str | None = None

    def __post_init__(self) -> None:
        _check_text(self.name, self.label)
        if (self.cents is None) == (self.units is None):
            raise BadValue(LIMIT_EITHER)
        if min(self.cents or 0, self.units or 0) < 0:
            raise BadValue(NEGATIVE)
        is_renewal = self.per is Per.RENEWAL
        if is_renewal != (self.renewal in RENEWALS) or (is_renewal and self.units != 1):
            raise BadValue(LIMIT_RENEWAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """One row of a table.

    Args:
        label: What people read, in French, as the contract says it.
        acts: Codes of acts, `domain:DENT`, or `*` for everything.
        pays: How it computes.
        rate_bp: Share in basis points, of the two rate kinds.
        forfait_cents: Amount of a unit, of a forfait.
        with_ticket_moderateur: Whether a forfait comes on top of the ticket modérateur.
        cap_cents: The most for each unit, of what it costs really.
        basket: The offer it is for; None for all.
        correction: The glasses it is for; None for all.
        optam: Professionals with (True) or without (False) the tariff agreement; None for all.
        circuit: The network the professional must belong to; None for all.
        waiting_months: Months of membership before it pays.
        from_age: Youngest age it is for.
        to_age: Oldest age it is for; None for no end.
        limits: Names of the limits it counts in.
    """

    label: str
    acts: tuple[str, ...]
    pays: Pays
    rate_bp: int | None = None
    forfait_cents: int | None = None
    with_ticket_moderateur: bool = False
    cap_cents: int | None = None
    basket: Basket | None = None
    correction: Correction | None = None
    optam: bool | None = None
    circuit: str | None = None
    waiting_months: int = 0
    from_age: int = 0
    to_age: int | None = None
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        needs_rate = self.pays in (Pays.RATE_WITH_AMO, Pays.RATE_BESIDE_AMO)
        if needs_rate != (self.rate_bp is not None):
            raise BadValue(RATE)
        if self.rate_bp is not None and not 0 < self.rate_bp <= MOST_RATE_BP:
            raise BadValue(RATE)
        if (self.pays is Pays.FORFAIT) != (self.forfait_cents is not None):
            raise BadValue(FORFAIT)
        if min(self.forfait_cents or 0, self.cap_cents or 0, self.waiting_months) < 0:
            raise BadValue(NEGATIVE)
        if self.waiting_months > MOST_WAITING_MONTHS:
            raise BadValue(WAITING)
        if len(set(self.limits)) < len(self.limits):
            raise BadValue(LIMIT_TWICE)
        _check_text(self.label)
        if not self.acts or not all(_is_known(name) for name in self.acts):
            raise BadValue(ACTS_UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class BenefitTable:
    """What one contract pays over a period.

    Args:
        code: The insurer's name for it.
        period: Days it holds, by the day of care.
        responsible: Whether the contract is a "contrat responsable": it then never pays what care
            outside the pathway costs.
        benefits: Rows, the first that fits decides.
        limits: Limits, by name.
    """

    code: str
    period: Period
    responsible: bool
    benefits: tuple[Benefit, ...]
    limits: Mapping[str, Limit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_text(self.code)
        if not {name for benefit in self.benefits for name in benefit.limits} <= set(self.limits):
            raise BadValue(LIMIT_UNKNOWN)

    @cached_property
    def by_act(self) -> Mapping[str, tuple[Benefit, ...]]:
        """The rows that may fit each code of act, in order."""
        return MappingProxyType(
            {
                code: tuple(
                    benefit
                    for benefit in self.benefits
                    if code in benefit.acts
                    or EVERYTHING in benefit.acts
                    or f"domain:{act.domain}" in benefit.acts
                )
                for code, act in ACTS.items()
            }
        )


def _check_text(*texts: str) -> None:
    # Kept with every line that a table pays: the database takes no NUL, a page no other of them.
    if any(letter < " " for text in texts for letter in text):
        raise BadValue(TEXT)


def _is_known(name: str) -> bool:
    if name == EVERYTHING or name in ACTS:
        return True
    return name.startswith("domain:") and name.removeprefix("domain:") in DOMAINS
