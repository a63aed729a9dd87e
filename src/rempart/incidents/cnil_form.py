"""What the CNIL's notification asks, filled with what is known, gaps shown as gaps.

The form's fields are those that two open implementations of the teleform mirror: no official file
was found. Refuses to invent: a field that no fact fills says who can fill it, and what a person
wrote is marked as theirs.

Source:
    S63 (GDPR, article 33(3) to (5)); S69 (the fields).
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from rempart.disclosure.fields import Field
from rempart.incidents.case import (
    CaseFile,
    Population,
    concerns,
    describe_bounds,
    describe_event,
    has_any,
    list_measures,
    read_detail,
)
from rempart.incidents.room import EventKind
from rempart.incidents.severity import Band
from rempart.kernel.instants import from_ms
from rempart.tariffs.data_files import load_data_file

ANSWER_LIMIT: Final = 4000
Phase: TypeAlias = Literal["initial", "complementary"]
Shape: TypeAlias = Literal["text", "long", "choice", "many"]


class Filled(enum.StrEnum):
    """Where an answer comes from."""

    FACT = "fact"
    """From the facts of the incident."""
    WRITTEN = "written"
    """Somebody wrote it."""
    GAP = "gap"
    """Nobody has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One question of the form.

    Args:
        code: Its name in files, for ever.
        section: Under which heading.
        label: As the form asks, in French.
        who: Who can answer it when no fact does.
        shape: How it is answered.
        choices: The answers offered, for a choice or several.
        later: Whether it may wait for the complementary notification.
    """

    code: str
    section: str
    label: str
    who: str
    shape: Shape = "text"
    choices: tuple[str, ...] = ()
    later: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question and its answer.

    Args:
        asked: The question.
        value: The answer; empty for a gap.
        filled: Where it comes from.
        proposed: What the facts say, when somebody wrote something else.
    """

    asked: FormField
    value: str
    filled: Filled
    proposed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification of one controller, whole.

    Args:
        incident_id: The incident.
        title: Its title.
        exercise: Whether it is one.
        controller: Who notifies.
        phase: Initial or complementary.
        version: Of what was completed; 0 when nobody completed anything.
        answers: Every question in order.
    """

    incident_id: int
    title: str
    exercise: bool
    controller: str
    phase: Phase
    version: int
    answers: tuple[Answered, ...] = field(default_factory=tuple)

    @property
    def gaps(self) -> tuple[FormField, ...]:
        """The questions nobody answered that this phase needs."""
        return tuple(
            one.asked
            for one in self.answers
            if one.filled is Filled.GAP and (self.phase == "complementary" or not one.asked.later)
        )


YES, NO, NOT_YET = "oui", "non", "ne sait pas pour l’instant"


def _read_field(row: Mapping[str, Any]) -> FormField:
    return FormField(**{**row, "choices": tuple(row.get("choices", ()))})


FORM: Final = tuple(_read_field(row) for row in load_data_file("cnil_form.toml")["field"])
"""Every question, in the order of the form."""
FORM_BY_CODE: Final[Mapping[str, FormField]] = MappingProxyType({one.code: one for one in FORM})

_SEVERITY: Final = MappingProxyType(
    {
        Band.LOW: "négligeable",
        Band.MEDIUM: "limité",
        Band.HIGH: "important",
        Band.VERY_HIGH: "maximal",
    }
)
_CATEGORIES: Final = (
    (
        "état civil",
        Field.FAMILY_NAME,
        Field.FIRST_NAME,
        Field.BIRTH_DATE,
        Field.BIRTH_RANK,
        Field.PROFESSIONAL_NAME,
    ),
    ("NIR", Field.NIR),
    (
        "coordonnées",
        Field.POSTAL_ADDRESS,
        Field.EMAIL,
        Field.PHONE,
        Field.PROFESSIONAL_EMAIL,
        Field.PROFESSIONAL_PHONE,
        Field.PROFESSIONAL_ADDRESS,
    ),
    ("données économiques ou bancaires", Field.BANK_DETAILS, Field.PROFESSIONAL_BANK_DETAILS),
    ("données de connexion", Field.PROFESSIONAL_LOGIN),
    ("santé", Field.TRANSPORT_INVOICE),
    (
        "autres",
        Field.INSURER,
        Field.CONTRACT_NUMBER,
        Field.OPERATOR_REFERENCE,
        Field.GUARANTEES,
        Field.RIGHTS_STATUS,
        Field.CLOSED_REASON,
        Field.DOMAIN_TERMS,
        Field.ENGAGEMENT,
        Field.CONSIGNE,
        Field.FINESS,
        Field.SIRET,
        Field.CARE_NETWORK,
    ),
)


def complete_notification(
    case: CaseFile,
    insurer_id: int | None,
    *,
    phase: Phase,
    written: Mapping[str, str],
    version: int,
    zone: tzinfo,
) -> Notification:
    """Fill the form of one controller.

    Args:
        case: What is known.
        insurer_id: The insurer that notifies; None for the operator, for professionals.
        phase: Initial or complementary.
        written: What people wrote, by code; it goes before what the facts say.
        version: Of what they wrote.
        zone: In which instants are written.

    Raises:
        KeyError: this insurer is not concerned.
    """
    people = case.find_population(insurer_id)
    known = _prefill(case, people, lambda at: f"{at.astimezone(zone):%d/%m/%Y %H:%M}")
    return Notification(
        incident_id=case.incident_id,
        title=case.title,
        exercise=case.exercise,
        controller=people.name if insurer_id is not None else case.operator,
        phase=phase,
        version=version,
        answers=tuple(_answer(asked, known.get(asked.code, ""), written) for asked in FORM),
    )


def _answer(asked: FormField, known: str, written: Mapping[str, str]) -> Answered:
    own = written.get(asked.code, "").strip()
    if own and own != known:
        return Answered(asked=asked, value=own, filled=Filled.WRITTEN, proposed=known)
    if known:
        return Answered(asked=asked, value=known, filled=Filled.FACT)
    return Answered(asked=asked, value="", filled=Filled.GAP)


def _prefill(case: CaseFile, people: Population, say: Callable[[datetime], str]) -> dict[str, str]:
    """Answer what the facts answer."""
    insurer_id = people.insurer_id
    aware = case.find_first(EventKind.AWARENESS, insurer_id)
    established = aware or case.find_first(EventKind.AWARENESS)
    received = case.find_first(EventKind.PACKAGE_RECEIVED, insurer_id)
    discovered = min((one.happened_ms for one in (aware, received) if one), default=None)
    worst = case.find_worst(insurer_id)
    suspected = case.find_first(EventKind.SUSPECTED)
    measures = [
        f"{say(from_ms(one.happened_ms))} : {describe_event(one)}" for one in list_measures(case)
    ]
    known_at = "" if received is None else say(from_ms(received.happened_ms))
    known = {
        "certainty": "établie" if established or received else "soupçonnée",
        "controller": people.name if insurer_id is not None else case.operator,
        "discovered_at": "" if discovered is None else say(from_ms(discovered)),
        "began_at": say(case.starts_at),
        "ended_at": say(case.ends_at),
        "told_by_processor_at": known_at,
        "ongoing": NO if case.answered_at else NOT_YET,
        "circumstances": str(read_detail(suspected, "words") or "")
        or (f"Avis du sous-traitant, {case.operator}, reçu le {known_at}." if known_at else ""),
        "origin": "piratage, logiciel malveillant, hameçonnage",
        "nature": "confidentialité",
        "cause": "acte externe malveillant",
        "processors_involved": NO if insurer_id is None else YES,
        "processors": "sans objet" if insurer_id is None else case.operator,
        "people_number": describe_bounds(people.bounds) if case.answered_at else "",
        "records_number": describe_bounds(people.bounds) if case.answered_at else "",
        "data": ", ".join(name for name, *bits in _CATEGORIES if has_any(people.fields, *bits)),
        "data_detail": ", ".join(people.field_names),
        "medium": f"portail ou service en ligne de {case.operator}",
        "measures_now": "\n".join(measures),
        "severity": "" if worst is None else _SEVERITY[worst.band],
        "people": "professionnels de santé" if insurer_id is None else "",
        "other_authorities": _list_authorities(case, insurer_id, say),
    }
    if people.fields:
        named = has_any(people.fields, Field.NIR, Field.FAMILY_NAME, Field.PROFESSIONAL_NAME)
        known["identifiable"] = YES if named else ""
    return known | _tell_persons(case, insurer_id, say)


def _tell_persons(
    case: CaseFile, insurer_id: int | None, say: Callable[[datetime], str]
) -> dict[str, str]:
    told = case.find_last(EventKind.REPORT_SUBMITTED, insurer_id, report="persons")
    decided = case.find_last(EventKind.DECISION, insurer_id, decision="art34")
    if told is not None:
        return {"people_told": "oui", "people_told_at": say(from_ms(told.happened_ms))}
    match read_detail(decided, "answer"):
        case "inform":
            return {"people_told": "prévu"}
        case "not_needed":
            reason = str(read_detail(decided, "reason") or "")
            return {"people_told": "non", "people_not_told_reason": reason}
    return {}


def _list_authorities(
    case: CaseFile, insurer_id: int | None, say: Callable[[datetime], str]
) -> str:
    lines = [
        f"{describe_event(event)}, {say(from_ms(event.happened_ms))}"
        for event in case.timeline
        if event.kind in {EventKind.REPORT_SUBMITTED, EventKind.COMPLAINT_FILED}
        and (concerns(event, insurer_id) or concerns(event, None))
        and event.details.get("report") not in {"cnil", "persons"}
    ]
    return "\n".join(lines)
