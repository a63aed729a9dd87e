"""Is an incident major under DORA? Each criterion with what was compared, and the answer.

Refuses to guess: what nobody knows yet is shown as a question that may change the answer. Whether
an operator's system is the insurer's own is left to a person, with the text of both readings.

Source:
    S65: Delegated Regulation (EU) 2024/1772, articles 1, 6, 8 and 9.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from rempart.incidents.bounds import Bounds
from rempart.kernel.errors import InvalidRequest

CLIENTS_PERCENT: Final = 10
CLIENTS_NUMBER: Final = 100_000
DURATION_HOURS: Final = 24
DOWNTIME_HOURS: Final = 2
MEMBER_STATES: Final = 2
COSTS_EUR: Final = 100_000
OTHER_THRESHOLDS: Final = 2
"""How many thresholds make an incident on critical services major without article 9(5)(b)."""


class Criterion(enum.StrEnum):
    """A criterion of the report, by the values of its field 2.5."""

    CRITICAL_SERVICES = "critical_services_affected"
    CLIENTS = "clients_financial_counterparts_and_transactions_affected"
    DATA_LOSSES = "data_losses"
    REPUTATION = "reputational_impact"
    DURATION = "duration_and_service_downtime"
    GEOGRAPHY = "geographical_spread"
    ECONOMIC = "economic_impact"


class Reached(enum.StrEnum):
    """Whether a threshold is reached."""

    YES = "yes"
    ESTIMATED = "estimated"
    """By the best estimate, not by what is certain."""
    NO = "no"
    UNKNOWN = "unknown"


NOBODY: Final = Bounds(lower=0, best=0, upper=0)


def is_actual(bounds: Bounds) -> bool:
    """Tell whether nothing is left to estimate."""
    return bounds.lower == bounds.upper


def add_bounds(all_bounds: Iterable[Bounds]) -> Bounds:
    """Add up people of several insurers; one upper bound that nobody can say leaves none."""
    bounds = list(all_bounds)
    uppers = [one.upper for one in bounds if one.upper is not None]
    return Bounds(
        lower=sum(one.lower for one in bounds),
        best=sum(one.best for one in bounds),
        upper=sum(uppers) if len(uppers) == len(bounds) else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentScale:
    """What is known of an incident; None is not known yet.

    Args:
        clients: Members exposed.
        clients_total: Members who use the service.
        relevant_clients: Whether clients whose loss would hurt the entity are among them.
        counterparts_or_transactions: Whether those thresholds of article 9(1) are reached.
        supports_critical: Article 6(a): the system supports a critical or important function.
        needs_authorisation: Article 6(b): it serves an activity that needs authorisation.
        malicious_access: Article 6(c): a successful, malicious and unauthorised access.
        may_lose_data: Article 9(5)(b): that access may result in losses of data.
        harms_objectives: Article 9(5)(a): losses of data that hurt objectives or compliance.
        reputation: In the media, repeated complaints, or duties that cannot be met.
        duration_hours: How long the incident lasted or has lasted.
        downtime_hours: How long a critical service was down.
        member_states: How many are touched.
        costs_eur: Costs and losses.
    """

    clients: Bounds
    clients_total: int | None = None
    relevant_clients: bool | None = None
    counterparts_or_transactions: bool | None = None
    supports_critical: bool | None = None
    needs_authorisation: bool | None = None
    malicious_access: bool | None = None
    may_lose_data: bool | None = None
    harms_objectives: bool | None = None
    reputation: bool | None = None
    duration_hours: float | None = None
    downtime_hours: float | None = None
    member_states: int | None = None
    costs_eur: int | None = None

    def __post_init__(self) -> None:
        numbers = (self.clients_total, self.duration_hours, self.downtime_hours)
        if any(one is not None and one < 0 for one in (*numbers, self.costs_eur)):
            raise InvalidRequest("numbers of the classification are not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """One criterion: its answer, and why, in both languages."""

    criterion: Criterion
    article: str
    reached: Reached
    fr: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The answer and each criterion, in the order of `Criterion`.

    Args:
        major: Whether what is known makes it major.
        could_be: Whether what is not known yet would.
        by_access: Whether article 9(5)(b) alone does it.
        criteria: Every criterion.
    """

    major: bool
    could_be: bool
    by_access: bool
    criteria: tuple[Assessed, ...]

    @property
    def reached(self) -> tuple[Criterion, ...]:
        """The criteria reached, as field 2.5 of the report lists them."""
        return tuple(one.criterion for one in self.criteria if one.reached in _REACHED)


_REACHED: Final = frozenset({Reached.YES, Reached.ESTIMATED})


def classify_incident(scale: IncidentScale) -> Classification:
    """Say whether an incident is major, and why.

    Returns:
        Major when critical services are affected and either a malicious access may result in losses
        of data (article 9(5)(b)) or two other thresholds are reached (article 8).
    """
    criteria = tuple(_assess(scale))
    critical, others = criteria[0].reached, [one.reached for one in criteria[1:]]
    access = _all_of(scale.malicious_access, scale.may_lose_data)
    known = sum(one in _REACHED for one in others)
    open_too = known + sum(one is Reached.UNKNOWN for one in others)
    major = critical in _REACHED and (access is True or known >= OTHER_THRESHOLDS)
    could_be = critical is not Reached.NO and (access is not False or open_too >= OTHER_THRESHOLDS)
    return Classification(
        major=major,
        could_be=could_be and not major,
        by_access=major and access is True,
        criteria=criteria,
    )


def _assess(scale: IncidentScale) -> Iterator[Assessed]:
    yield _assess_critical(scale)
    yield _assess_clients(scale)
    yield _assess_data(scale)
    yield Assessed(
        criterion=Criterion.REPUTATION,
        article="2 et 9(2)",
        reached=_read(scale.reputation),
        fr="dans les médias, plaintes répétées, obligations qu’on ne peut plus tenir",
        en="in the media, repeated complaints, duties that cannot be met",
    )
    yield _assess_duration(scale)
    yield Assessed(
        criterion=Criterion.GEOGRAPHY,
        article="4 et 9(4)",
        reached=_exceeds(scale.member_states, MEMBER_STATES - 1),
        fr=f"{_say(scale.member_states)} État(s) membre(s) touché(s) ; seuil : {MEMBER_STATES}",
        en=f"{_say(scale.member_states)} Member State(s) touched; threshold: {MEMBER_STATES}",
    )
    yield Assessed(
        criterion=Criterion.ECONOMIC,
        article="7 et 9(6)",
        reached=_exceeds(scale.costs_eur, COSTS_EUR),
        fr=f"{_say(scale.costs_eur)} € de coûts et pertes ; seuil : plus de {COSTS_EUR}",
        en=f"EUR {_say(scale.costs_eur)} of costs and losses; threshold: over {COSTS_EUR}",
    )


def _assess_critical(scale: IncidentScale) -> Assessed:
    parts = (scale.supports_critical, scale.needs_authorisation, scale.malicious_access)
    names = [
        letter for letter, true in zip(("6(a)", "6(b)", "6(c)"), parts, strict=True) if true is True
    ]
    said = ", ".join(names) or "–"
    return Assessed(
        criterion=Criterion.CRITICAL_SERVICES,
        article="6",
        reached=_read(_any_of(*parts)),
        fr=f"points retenus : {said} (fonction critique, activité agréée, accès malveillant)",
        en=f"points held: {said} (critical function, authorised activity, malicious access)",
    )


def _assess_clients(scale: IncidentScale) -> Assessed:
    clients, total = scale.clients, scale.clients_total
    numbers = f"{clients.lower} / {clients.best} / {_say(clients.upper)}"
    return Assessed(
        criterion=Criterion.CLIENTS,
        article="1 et 9(1)",
        reached=_reach_clients(scale),
        fr=f"clients confirmés / estimés / au plus : {numbers}, sur {_say(total)} ; "
        f"seuils : plus de 10 % ou de {CLIENTS_NUMBER}, ou des clients importants",
        en=f"clients confirmed / estimated / at most: {numbers}, of {_say(total)}; "
        f"thresholds: over 10 % or {CLIENTS_NUMBER}, or relevant clients",
    )


def _reach_clients(scale: IncidentScale) -> Reached:
    """Compare the bounds with both thresholds: what is certain, then what is likely."""
    said = _any_of(scale.relevant_clients, scale.counterparts_or_transactions)
    clients, total = scale.clients, scale.clients_total
    if said is True or _is_over(clients.lower, total):
        return Reached.YES
    if _is_over(clients.best, total):
        return Reached.ESTIMATED
    is_total_missed = total is None and clients.upper != 0
    may_be_over = clients.upper is None or _is_over(clients.upper, total)
    if said is None or is_total_missed or may_be_over:
        return Reached.UNKNOWN
    return Reached.NO


def _is_over(clients: int, total: int | None) -> bool:
    in_share = total is not None and clients * 100 > total * CLIENTS_PERCENT
    return clients > CLIENTS_NUMBER or in_share


def _assess_data(scale: IncidentScale) -> Assessed:
    access = _all_of(scale.malicious_access, scale.may_lose_data)
    return Assessed(
        criterion=Criterion.DATA_LOSSES,
        article="5 et 9(5)",
        reached=_read(_any_of(access, scale.harms_objectives)),
        fr="accès malveillant réussi qui peut faire perdre des données (9(5)(b)), ou pertes qui "
        "nuisent aux objectifs ou aux obligations (9(5)(a))",
        en="successful malicious access that may result in data losses (9(5)(b)), or losses that "
        "hurt objectives or compliance (9(5)(a))",
    )


def _assess_duration(scale: IncidentScale) -> Assessed:
    long = _exceeds(scale.duration_hours, DURATION_HOURS)
    down = _exceeds(scale.downtime_hours, DOWNTIME_HOURS)
    either = {long, down}
    reached = next(one for one in (Reached.YES, Reached.UNKNOWN, Reached.NO) if one in either)
    return Assessed(
        criterion=Criterion.DURATION,
        article="3 et 9(3)",
        reached=reached,
        fr=f"durée {_say(scale.duration_hours)} h (seuil : plus de {DURATION_HOURS}), arrêt "
        f"{_say(scale.downtime_hours)} h (seuil d’un service critique : plus de {DOWNTIME_HOURS})",
        en=f"duration {_say(scale.duration_hours)} h (threshold: over {DURATION_HOURS}), downtime "
        f"{_say(scale.downtime_hours)} h (threshold of a critical service: over {DOWNTIME_HOURS})",
    )


def _exceeds(value: float | None, threshold: float) -> Reached:
    if value is None:
        return Reached.UNKNOWN
    return Reached.YES if value > threshold else Reached.NO


def _read(answer: bool | None) -> Reached:
    return {True: Reached.YES, False: Reached.NO, None: Reached.UNKNOWN}[answer]


def _any_of(*answers: bool | None) -> bool | None:
    """Return True when one is true, False when all are false, None otherwise."""
    if True in answers:
        return True
    return None if None in answers else False


def _all_of(*answers: bool | None) -> bool | None:
    """Return False when one is false, True when all are true, None otherwise."""
    if False in answers:
        return False
    return None if None in answers else True


def _say(value: float | None) -> str:
    return "?" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
