"""An incident for other people's tools: CISO Assistant (data breach), DFIR-IRIS (case, timeline).

Refuses to carry a person: counts, fields and what was done.

Source:
    S71: the public models of both.
"""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any, Final

from rempart.incidents.case import CaseFile, Population, describe_bounds, describe_event
from rempart.incidents.room import EventKind, RoomEvent
from rempart.incidents.severity import Band
from rempart.kernel.instants import from_ms

_RISKS: Final = {
    Band.LOW: "privacy_risk",
    Band.MEDIUM: "privacy_risk",
    Band.HIGH: "privacy_high_risk",
    Band.VERY_HIGH: "privacy_high_risk",
}
_BREACH_COLUMNS: Final = (
    *("ref_id", "name", "description", "discovered_on", "breach_type", "risk_level", "status"),
    *("affected_subjects_count", "affected_personal_data_count", "authority_notified_on"),
    *("authority_notification_ref", "subjects_notified_on", "potential_consequences"),
    "observation",
)
_IRIS_COLUMNS: Final = (
    *("event_date", "event_tz", "event_title", "event_category", "event_content", "event_raw"),
    *("event_source", "event_assets", "event_iocs", "event_tags"),
)
_IRIS_OTHER: Final = 1


def list_breaches(case: CaseFile) -> list[dict[str, Any]]:
    """Return one CISO Assistant data breach for each controller, by the names of its model."""
    return [_describe_breach(case, people) for people in (*case.members, case.professionals)]


def write_breaches_csv(case: CaseFile) -> bytes:
    """Return the data breaches as a CSV that CISO Assistant's data wizard maps."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _BREACH_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: "" if value is None else value for name, value in one.items()}
        for one in list_breaches(case)
    )
    return text.getvalue().encode()


def write_iris_case(case: CaseFile, *, customer: int) -> bytes:
    """Return what DFIR-IRIS takes to open a case, with its timeline beside.

    Args:
        case: What is known.
        customer: The number of the customer there.
    """
    body = {
        "case_soc_id": f"rempart-{case.incident_id}",
        "case_customer": customer,
        "case_name": _name(case),
        "case_description": _describe(case),
        "classification_id": _IRIS_OTHER,
        "timeline": [_describe_iris_event(event) for event in case.timeline],
    }
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"


def write_iris_timeline(case: CaseFile) -> bytes:
    """Return the timeline as the CSV that DFIR-IRIS loads into a case."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _IRIS_COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_describe_iris_event(event) for event in case.timeline)
    return text.getvalue().encode()


def _describe_breach(case: CaseFile, people: Population) -> dict[str, Any]:
    insurer_id = people.insurer_id
    aware = case.find_first(EventKind.PACKAGE_RECEIVED, insurer_id) or case.find_first(
        EventKind.AWARENESS, insurer_id
    )
    notified = case.find_last(EventKind.REPORT_SUBMITTED, insurer_id, report="cnil")
    told = case.find_last(EventKind.REPORT_SUBMITTED, insurer_id, report="persons")
    worst = case.find_worst(insurer_id)
    status = "privacy_under_investigation" if case.answered_at else "privacy_discovered"
    if notified is not None:
        status = "privacy_authority_notified"
    if told is not None:
        status = "privacy_subjects_notified"
    discovered = case.declared_at if aware is None else from_ms(aware.happened_ms)
    name = people.name or f"{case.operator} (professionnels)"
    return {
        "ref_id": f"rempart-{case.incident_id}-{'operator' if insurer_id is None else insurer_id}",
        "name": f"{_name(case)} – {name}"[:200],
        "description": _describe(case),
        "discovered_on": _format(discovered),
        "breach_type": "privacy_unauthorized_access",
        "risk_level": "privacy_risk" if worst is None else _RISKS[worst.band],
        "status": status,
        "affected_subjects_count": people.bounds.best,
        "affected_personal_data_count": people.bounds.best * len(people.field_names),
        "authority_notified_on": None
        if notified is None
        else _format(from_ms(notified.happened_ms)),
        "authority_notification_ref": ""
        if notified is None
        else str(notified.details.get("reference", "")),
        "subjects_notified_on": None if told is None else _format(from_ms(told.happened_ms)),
        "potential_consequences": "" if worst is None else " ".join(worst.reasons),
        "observation": f"{describe_bounds(people.bounds)} ; {', '.join(people.field_names)}",
    }


def _describe_iris_event(event: RoomEvent) -> dict[str, str]:
    said = describe_event(event)
    return {
        "event_date": f"{from_ms(event.happened_ms):%Y-%m-%dT%H:%M:%S.%f}"[:-3],
        "event_tz": "+00:00",
        "event_title": said[:200],
        "event_category": "Unspecified",
        "event_content": said,
        "event_raw": "",
        "event_source": f"rempart – {event.author}",
        "event_assets": "",
        "event_iocs": "",
        "event_tags": f"rempart|{event.kind}",
    }


def _name(case: CaseFile) -> str:
    return f"{'EXERCICE – ' if case.exercise else ''}{case.title}"


def _describe(case: CaseFile) -> str:
    return (
        f"{_name(case)}. {case.operator}, {case.accounts} compte(s), du {_format(case.starts_at)} "
        f"au {_format(case.ends_at)}."
    )


def _format(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
