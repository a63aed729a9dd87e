"""The DORA major-incident report as JSON that its schema accepts, for one entity or several.

Numbers come from the exposure's bounds, with "actual" or "estimate" as they are. Refuses to invent
a LEI, a contact or a cause: what is missing is told, and what the schema cannot do without stops
the file.

Source:
    S64, S65; S68 (the schema IR-1.2, its two dialects).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from rempart.incidents.case import CaseFile, concerns, describe_event, list_measures
from rempart.incidents.classification import Classification, Criterion, is_actual
from rempart.incidents.room import EventKind, RoomEvent
from rempart.kernel.instants import PARIS, from_ms
from rempart.tariffs.data_files import load_data_file

Phase: TypeAlias = Literal["initial", "intermediate", "final", "reclassified"]
SUBMISSIONS: Final[Mapping[Phase, str]] = {
    "initial": "initial_notification",
    "intermediate": "intermediate_report",
    "final": "final_report",
    "reclassified": "major_incident_reclassified_as_non-major",
}
_UNDERTAKING: Final = "insurance_and_reinsurance_undertaking"
_TEXT_LIMIT: Final = 32_767
_AUTHORITIES: Final = {
    "cnil": "data_protection_authority",
    "anssi": "national_cybersecurity_agency",
    "nis2": "national_cybersecurity_agency",
    "cert": "csirt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoraField:
    """One question that a person answers.

    Args:
        code: Its name in what is saved.
        number: Of the form.
        label: In French.
        shape: How it is answered.
        choices: The form's own values.
        needed: The phases that cannot do without it.
        each: Whether it is asked for each entity.
    """

    code: str
    number: str
    label: str
    shape: Literal["text", "long", "choice", "many"] = "text"
    choices: tuple[str, ...] = ()
    needed: frozenset[str] = frozenset()
    each: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DoraReport:
    """A report and what it lacks.

    Args:
        body: The JSON document.
        gaps: What nobody has filled and the phase should say, in French.
        faults: What the schema refuses: the file must not leave.
    """

    body: Mapping[str, Any]
    gaps: tuple[str, ...]
    faults: tuple[str, ...]

    def write(self) -> bytes:
        """Return the file."""
        return json.dumps(self.body, ensure_ascii=False, indent=2).encode() + b"\n"


def _read_field(row: Mapping[str, Any]) -> DoraField:
    lists = {
        "choices": tuple(row.get("choices", ())),
        "needed": frozenset(row.get("needed", ())),
    }
    return DoraField(**{**row, **lists})


FORM: Final = tuple(_read_field(row) for row in load_data_file("dora_form.toml")["field"])
"""Every question, in the order of the form."""


def make_report(
    case: CaseFile,
    insurers: Sequence[int],
    *,
    phase: Phase,
    classification: Classification,
    classified_at: datetime | None,
    answers: Mapping[str, str],
    clients_total: int | None = None,
    duration_until: datetime | None = None,
) -> DoraReport:
    """Write the report of one entity, or an aggregated one.

    Args:
        case: What is known.
        insurers: The entities affected; at least one.
        phase: Which report.
        classification: What it was classified by.
        classified_at: When.
        answers: What people wrote, by code; `entity_lei:7` for insurer 7.
        clients_total: Members who use the service, of these insurers.
        duration_until: The end of the incident, when it is over.

    Raises:
        KeyError: an insurer is not concerned.
        ValueError: no insurer.
    """
    if not insurers:
        raise ValueError("a report is about one entity at least")
    text = {name: value.strip() for name, value in answers.items() if value.strip()}
    body: dict[str, Any] = {
        "incidentSubmission": SUBMISSIONS[phase],
        "reportCurrency": "EUR",
        "submittingEntity": _describe_submitter(case, text),
        "affectedEntity": [_describe_entity(case, one, text) for one in insurers],
        "ultimateParentUndertaking": _describe_parent(text),
        "primaryContact": _describe_contact(text, "contact"),
        "secondaryContact": _describe_contact(text, "second"),
        "incident": _describe_incident(
            case, phase, classification, classified_at, text, duration_until
        ),
    }
    if phase != "initial":
        body["impactAssessment"] = _describe_impact(case, insurers, text, clients_total)
    told = _list_authorities(case, insurers)
    body["reportingToOtherAuthorities"] = told or ["none"]
    whole = _drop_empty(body)
    return DoraReport(
        body=whole,
        gaps=tuple(_list_gaps(case, insurers, phase, text)),
        faults=tuple(validate_report(whole)),
    )


def validate_report(body: Mapping[str, Any]) -> list[str]:
    """Return what the schema refuses: where and by which rule, never the value.

    The schema announces draft 2020-12 and uses `dependencies`, which that draft no longer reads:
    what a phase needs is checked by draft 7 too.
    """
    return sorted(
        {_say_fault(error) for one in _load_validators() for error in one.iter_errors(body)}
    )


@cache
def _load_validators() -> tuple[Draft202012Validator, Draft7Validator]:
    text = files("rempart.exchange").joinpath("dora_ir_schema_v1_2.json").read_text("utf-8")
    schema = json.loads(text)
    formats = FormatChecker(formats=("email",))
    formats.checks("date-time", raises=ValueError)(_is_instant)
    return (
        Draft202012Validator(schema, format_checker=formats),
        Draft7Validator(schema, format_checker=formats),
    )


def _is_instant(value: object) -> bool:
    """Tell whether a text is an instant of RFC 3339, with its offset."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _say_fault(error: ValidationError) -> str:
    where = "/".join(str(part) for part in error.absolute_path) or "report"
    rule = "/".join(str(part) for part in error.absolute_schema_path)
    return f"{where}: refused by {rule}"


def _describe_submitter(case: CaseFile, text: Mapping[str, str]) -> dict[str, Any]:
    """Name who files, by a LEI or else by a code: the schema refuses both at once."""
    name = text.get("submitter_name", case.operator)
    known = text.get("submitter_lei")
    identified = {"LEI": known} if known else {"code": f"REMPART-{case.incident_id}"}
    return {"entityType": "SUBMITTING_ENTITY", "name": name, **identified}


def _describe_entity(case: CaseFile, insurer_id: int, text: Mapping[str, str]) -> dict[str, Any]:
    return {
        "entityType": "AFFECTED_ENTITY",
        "name": case.find_population(insurer_id).name,
        "affectedEntityType": [_UNDERTAKING],
        "LEI": text.get(f"entity_lei:{insurer_id}"),
    }


def _describe_parent(text: Mapping[str, str]) -> dict[str, Any] | None:
    if "parent_name" not in text:
        return None
    return {
        "entityType": "ULTIMATE_PARENT_UNDERTAKING_ENTITY",
        "name": text["parent_name"],
        "LEI": text.get("parent_lei"),
    }


def _describe_contact(text: Mapping[str, str], who: str) -> dict[str, Any]:
    return {name: text.get(f"{who}_{name}") for name in ("name", "email", "phone")}


def _describe_incident(
    case: CaseFile,
    phase: Phase,
    classification: Classification,
    classified_at: datetime | None,
    text: Mapping[str, str],
    until: datetime | None,
) -> dict[str, Any]:
    aware = case.find_first(EventKind.AWARENESS)
    described: dict[str, Any] = {
        "financialEntityCode": text.get("entity_code", f"REMPART-{case.incident_id}"),
        "detectionDateTime": None if aware is None else _format_ms(aware.happened_ms),
        "classificationDateTime": None if classified_at is None else _format(classified_at),
        "incidentDescription": _describe_story(case, text),
        "classificationTypes": [
            _describe_criterion(criterion, text) for criterion in _list_criteria(classification)
        ],
        "otherInformation": text.get("other_information"),
        "isBusinessContinuityActivated": {"oui": True, "non": False}.get(
            text.get("continuity", "")
        ),
        "originatesFromThirdPartyProvider": text.get("third_party", case.operator),
        "incidentDiscovery": text.get("discovery"),
    }
    if phase in {"intermediate", "final"}:
        described |= {
            "incidentOccurrenceDateTime": _format(case.starts_at),
            "incidentDuration": None if until is None else format_duration(until - case.starts_at),
            "competentAuthorityCode": text.get("authority_code"),
            "incidentType": {
                "incidentClassification": ["cybersecurity-related"],
                "threatTechniques": _split(text.get("techniques")) or ["identity_theft"],
                "indicatorsOfCompromise": text.get("indicators"),
            },
        }
    return described | (_describe_resolution(text) if phase == "final" else {})


def _describe_resolution(text: Mapping[str, str]) -> dict[str, Any]:
    return {
        "rootCauseHLClassification": _split(text.get("root_causes")),
        "rootCausesInformation": text.get("root_cause_information"),
        "incidentResolutionSummary": text.get("resolution"),
        "incidentResolutionDateTime": _read_instant(text.get("resolved_at")),
        "incidentResolutionVsPlannedImplementation": text.get("resolution_plan"),
        "grossAmountIndirectDirectCosts": _read_number(text.get("costs")),
        "financialRecoveriesAmount": _read_number(text.get("recoveries")),
        "recurringNonMajorIncidentsDescription": text.get("recurring"),
    }


def _describe_story(case: CaseFile, text: Mapping[str, str]) -> str:
    mark = "EXERCICE. " if case.exercise else ""
    told = text.get("description") or (
        f"{case.title}. {case.accounts} compte(s) de professionnels de santé détourné(s) pour "
        f"consulter des droits chez {case.operator}."
    )
    return f"{mark}{told}"[:_TEXT_LIMIT]


def _list_criteria(classification: Classification) -> tuple[Criterion, ...]:
    """Return the criteria reached; the schema wants one, even of what is no longer major."""
    return classification.reached or (Criterion.CRITICAL_SERVICES,)


def _describe_criterion(criterion: Criterion, text: Mapping[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {"classificationCriterion": criterion.value}
    match criterion:
        case Criterion.DATA_LOSSES:
            described["dataLosseMaterialityThresholds"] = ["confidentiality"]
        case Criterion.GEOGRAPHY:
            described["countryCodeMaterialityThresholds"] = ["FR"]
        case Criterion.ECONOMIC:
            described["economicImpactMaterialityThreshold"] = text.get(
                "economic_threshold", "more than EUR 100 000"
            )
        case Criterion.REPUTATION:
            described["reputationalImpactDescription"] = text.get("reputation")
    return described


def _describe_impact(
    case: CaseFile, insurers: Sequence[int], text: Mapping[str, str], total: int | None
) -> dict[str, Any]:
    measures = list_measures(case)
    clients = case.count_members(insurers)
    kind = "actual_figures" if is_actual(clients) else "estimates"
    percentage = None if not total else min(round(clients.best * 100 / total, 2), 100)
    return {
        "serviceImpact": {
            "serviceRestorationDateTime": _read_instant(text.get("restored_at")),
            "serviceDowntime": text.get("downtime"),
            "isTemporaryActionsMeasuresForRecovery": bool(measures),
            "descriptionOfTemporaryActionsMeasuresForRecovery": _join(measures),
        },
        "criticalServicesAffected": text.get("critical_services"),
        "affectedAssets": {
            "affectedClients": {"number": clients.best, "percentage": percentage},
            "numbersActualEstimate": [
                "no_impact_on_clients" if clients.upper == 0 else f"{kind}_for_clients_affected",
                "no_impact_on_financial_counterparts",
                "no_impact_on_transactions",
            ],
        },
        "affectedFunctionalAreas": text.get("areas"),
        "isAffectedInfrastructureComponents": text.get(
            "infrastructure", "information_not_available"
        ),
        "isImpactOnFinancialInterest": text.get("financial_interest"),
    }


def _list_authorities(case: CaseFile, insurers: Sequence[int]) -> list[str]:
    told = set()
    for event in case.timeline:
        if not any(concerns(event, one) for one in (*insurers, None)):
            continue
        if event.kind is EventKind.COMPLAINT_FILED:
            told.add("police_law_enforcement")
        elif event.kind is EventKind.REPORT_SUBMITTED:
            told.add(_AUTHORITIES.get(str(event.details.get("report")), ""))
    return sorted(told - {""})


def _list_gaps(
    case: CaseFile, insurers: Sequence[int], phase: Phase, text: Mapping[str, str]
) -> Iterable[str]:
    if "submitter_lei" not in text:
        yield "1.3b : pas de LEI pour l’entité qui dépose ; un code le remplace"
    for one in insurers:
        if f"entity_lei:{one}" not in text:
            yield f"1.6 : pas de LEI pour {case.find_population(one).name}"
    for asked in FORM:
        if phase in asked.needed and asked.code not in text and asked.code != "submitter_name":
            yield f"{asked.number} : {asked.label}"
    if phase != "initial" and case.answered_at is None:
        yield "3.4 : la liste des personnes n’est pas établie"


def _join(events: Iterable[RoomEvent]) -> str | None:
    lines = [f"{_format_ms(one.happened_ms)} {describe_event(one)}" for one in events]
    return "\n".join(lines)[:_TEXT_LIMIT] or None


def format_duration(span: timedelta) -> str:
    """Write a duration as DDD:HH:MM, 999 days at most."""
    minutes = max(int(span.total_seconds() // 60), 0)
    return f"{min(minutes // 1440, 999):03}:{minutes // 60 % 24:02}:{minutes % 60:02}"


def _format(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _format_ms(t_ms: int) -> str:
    return _format(from_ms(t_ms))


def _read_instant(text: str | None) -> str | None:
    """Return an instant that somebody wrote on the clock of Paris; what is none stays as it is."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return _format(at if at.tzinfo else at.replace(tzinfo=PARIS))


def _read_number(text: str | None) -> float | str | None:
    if text is None:
        return None
    try:
        return float(text.replace(" ", "").replace("\u202f", "").replace(",", "."))
    except ValueError:
        return text


def _split(text: str | None) -> list[str]:
    return [one.strip() for one in (text or "").split(",") if one.strip()]


def _drop_empty(value: Any) -> Any:
    """Leave out what is not known: the schema has no empty values."""
    if isinstance(value, dict):
        kept = {name: _drop_empty(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None and one not in ({}, [])}
    return [_drop_empty(one) for one in value] if isinstance(value, list) else value
