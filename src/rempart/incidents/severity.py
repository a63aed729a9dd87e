"""How severe a breach is for one group of people, by ENISA's method, and what is decided from it.

One judgement decides the band: taken as simple data the names of insured people give "medium",
taken with what an insurer's list says of their health, "very high". So each factor is chosen by a
person who writes why, group by group, and nothing is chosen for them. Refuses a score without
reasons, and to let the number decide by itself whether people are told.

Source:
    S70 (ENISA, recommendations for a methodology of the assessment of severity, 2013);
    S63 (GDPR, article 34).
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rempart.disclosure.fields import Field
from rempart.incidents.room import read_words
from rempart.kernel.errors import InvalidRequest

REASON_LIMIT: Final = 1000
NAME_LIMIT: Final = 120
MANY_PERSONS: Final = 100
"""Above it, the method raises a flag."""
_QUARTERS: Final = 4


class DataClass(enum.StrEnum):
    """What the data are, by the method's four classes."""

    SIMPLE = "simple"
    BEHAVIOURAL = "behavioural"
    FINANCIAL = "financial"
    SENSITIVE = "sensitive"


class Adjustment(enum.StrEnum):
    """What moves the score of a class by one."""

    VOLUME = "volume"
    """Much is known of each person."""
    CONTROLLER = "controller"
    """Whose list it is says more than the list: a pharmacy's implies health."""
    VULNERABLE = "vulnerable"
    """Children, or people who need protection."""
    INVALID = "invalid"
    """Old, wrong or public already."""


class Identification(enum.StrEnum):
    """How easily the data lead to somebody."""

    NEGLIGIBLE = "negligible"
    LIMITED = "limited"
    SIGNIFICANT = "significant"
    MAXIMUM = "maximum"


class Loss(enum.StrEnum):
    """How far a security property was lost."""

    NONE = "none"
    SOME = "some"
    FULL = "full"


class Band(enum.StrEnum):
    """The method's answer."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"


BASE: Final[Mapping[DataClass, int]] = MappingProxyType(
    {
        DataClass.SIMPLE: 1,
        DataClass.BEHAVIOURAL: 2,
        DataClass.FINANCIAL: 3,
        DataClass.SENSITIVE: 4,
    }
)
_MOVES: Final = MappingProxyType(
    {
        Adjustment.VOLUME: 1,
        Adjustment.CONTROLLER: 1,
        Adjustment.VULNERABLE: 1,
        Adjustment.INVALID: -1,
    }
)
_EASE: Final = MappingProxyType(
    {
        Identification.NEGLIGIBLE: 1,
        Identification.LIMITED: 2,
        Identification.SIGNIFICANT: 3,
        Identification.MAXIMUM: 4,
    }
)
_LOST: Final = MappingProxyType({Loss.NONE: 0, Loss.SOME: 1, Loss.FULL: 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What somebody chose for one group of people, and why.

    Args:
        group: Who they are, in words: "74 personnes dont le NIR a été montré".
        persons: How many.
        data_class: Of the worst data shown of them.
        adjustments: What raises or lowers it.
        context_reason: Why this class and these adjustments.
        identification: How easily they are identified.
        identification_reason: Why.
        confidentiality: Shown to people unknown, or to many: full.
        integrity: Whether data were changed.
        availability: Whether data were out of reach.
        malicious: Whether somebody meant it.
        breach_reason: Why these four.
        unintelligible: Whether what was shown cannot be read (encrypted, the key safe).
    """

    group: str
    persons: int
    data_class: DataClass
    adjustments: frozenset[Adjustment]
    context_reason: str
    identification: Identification
    identification_reason: str
    confidentiality: Loss
    integrity: Loss
    availability: Loss
    malicious: bool
    breach_reason: str
    unintelligible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """The score of one group, with its parts; in quarters, so that bands have no rounding.

    Args:
        context: The data processing context (DPC), 1 to 4.
        ease_quarters: Ease of identification (EI), in quarters.
        breach_quarters: Circumstances of the breach (CB), in quarters.
        more_than_many: More than a hundred people.
        unintelligible: What was shown cannot be read.
    """

    context: int
    ease_quarters: int
    breach_quarters: int
    more_than_many: bool
    unintelligible: bool

    @property
    def quarters(self) -> int:
        """SE = DPC x EI + CB."""
        return self.context * self.ease_quarters + self.breach_quarters

    @property
    def score(self) -> float:
        """SE as people read it."""
        return self.quarters / _QUARTERS

    @property
    def band(self) -> Band:
        """Below 2 low, below 3 medium, below 4 high, from 4 on very high."""
        whole = self.quarters // _QUARTERS
        if whole < 2:
            return Band.LOW
        return {2: Band.MEDIUM, 3: Band.HIGH}.get(whole, Band.VERY_HIGH)


class Answer(enum.StrEnum):
    """Whether people are told (article 34)."""

    INFORM = "inform"
    NOT_NEEDED = "not_needed"


class Ground(enum.StrEnum):
    """Why people need not be told, or not one by one."""

    NO_HIGH_RISK = "no_high_risk"
    UNINTELLIGIBLE = "34_3_a"
    RISK_REMOVED = "34_3_b"
    DISPROPORTIONATE = "34_3_c"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDecision:
    """What somebody decided about telling the people of one insurer, and why.

    Args:
        answer: Whether they are told one by one.
        ground: The exception argued; None when they are told.
        reason: The argument.
        instead: What is published when writing to each is out of proportion; empty otherwise.
    """

    answer: Answer
    ground: Ground | None
    reason: str
    instead: str = ""


def score_severity(judgement: Judgement) -> Severity:
    """Compute the severity of a breach for one group.

    Raises:
        InvalidRequest: a factor was chosen without a reason, or the group has no name or nobody.
    """
    read_words(judgement.group, "group", NAME_LIMIT)
    if judgement.persons < 1:
        raise InvalidRequest("persons: a group has somebody in it", (("persons", "at least 1"),))
    for name in ("context_reason", "identification_reason", "breach_reason"):
        read_words(getattr(judgement, name), name, REASON_LIMIT)
    moved = BASE[judgement.data_class] + sum(_MOVES[one] for one in judgement.adjustments)
    lost = (judgement.confidentiality, judgement.integrity, judgement.availability)
    return Severity(
        context=min(max(moved, 1), 4),
        ease_quarters=_EASE[judgement.identification],
        breach_quarters=sum(_LOST[one] for one in lost) + (2 if judgement.malicious else 0),
        more_than_many=judgement.persons > MANY_PERSONS,
        unintelligible=judgement.unintelligible,
    )


def suggest_data_class(fields: int) -> DataClass:
    """Propose the class that the worst field shown belongs to; a person decides.

    A transport invoice tells of care: sensitive. Bank details are financial. Guarantees and the
    state of somebody's rights tell how they live. The rest is simple: whether an insurer's list
    says more is the judgement that the method asks for.
    """
    if fields & Field.TRANSPORT_INVOICE:
        return DataClass.SENSITIVE
    if fields & (Field.BANK_DETAILS | Field.PROFESSIONAL_BANK_DETAILS):
        return DataClass.FINANCIAL
    telling = Field.GUARANTEES | Field.DOMAIN_TERMS | Field.RIGHTS_STATUS | Field.CLOSED_REASON
    return DataClass.BEHAVIOURAL if fields & telling else DataClass.SIMPLE


def suggest_identification(fields: int) -> Identification:
    """Propose how easily fields lead to somebody; a person decides."""
    if fields & Field.NIR or (fields & Field.FAMILY_NAME and fields & Field.BIRTH_DATE):
        return Identification.MAXIMUM
    if fields & (Field.FAMILY_NAME | Field.PROFESSIONAL_NAME | Field.EMAIL | Field.PHONE):
        return Identification.SIGNIFICANT
    named = Field.CONTRACT_NUMBER | Field.OPERATOR_REFERENCE | Field.BIRTH_DATE | Field.FINESS
    return Identification.LIMITED if fields & named else Identification.NEGLIGIBLE


def check_risk_decision(decision: RiskDecision, *, worst: Band | None) -> None:
    """Let a decision about telling people stand, or refuse.

    Args:
        decision: What somebody wrote.
        worst: The worst band scored for these people; None when nothing was scored.

    Raises:
        InvalidRequest: no severity was scored; no reason; an exception without its argument; or
            "no high risk" against a band that says it is.
    """
    if worst is None:
        raise InvalidRequest("score the severity of each group before deciding about article 34")
    read_words(decision.reason, "reason", REASON_LIMIT)
    if (decision.answer is Answer.INFORM) != (decision.ground is None):
        raise InvalidRequest(
            "ground: an exception is named when people are not told, and only then",
            (("ground", "choose the exception that is argued"),),
        )
    if decision.ground is Ground.NO_HIGH_RISK and worst in {Band.HIGH, Band.VERY_HIGH}:
        raise InvalidRequest(
            f"ground: a severity of {worst} is a high risk: argue an exception of article 34(3), "
            "or score again with other reasons",
            (("ground", "the severity scored says the risk is high"),),
        )
    if decision.ground is Ground.DISPROPORTIONATE:
        read_words(decision.instead, "instead", REASON_LIMIT)
