"""An incident as standard events: FHIR AuditEvent (BALP) and OCSF findings and activities.

One AuditEvent per person and session, as IHE asks; persons and accounts are references that mean
something to this installation only. No standard says which fields a screen showed: a detail of the
entity does. Refuses to write a name, an identifier that people hold, or an address of a person.

Source:
    S72 (IHE BALP), S43 (OCSF).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rempart.disclosure.fields import fields_in
from rempart.exchange.alert_ocsf import OCSF_VERSION, Producer
from rempart.incidents.case import CaseFile, describe_event
from rempart.kernel.instants import from_ms, to_ms

PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_INCIDENT_CLASS, _DATASTORE_CLASS = 2005, 6005
_READ: Final = 1
_SEVERITIES: Final = {1: "Informational", 4: "High"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPerson:
    """One person and one session that was shown their data.

    Args:
        person_ref: The person.
        insurer_id: Whose member.
        session_ref: The session.
        account_ref: The account it was of.
        t_ms: When the session was opened, Unix milliseconds; None when its record is gone.
        address: From which address the session came.
        agent: With which software.
        tier: How sure it is.
        fields: What was shown.
    """

    person_ref: int
    insurer_id: int
    session_ref: int
    account_ref: int
    t_ms: int | None
    address: str
    agent: str
    tier: str
    fields: int


def make_audit_event(shown: ShownPerson, case: CaseFile) -> dict[str, Any]:
    """Return one person and session as a FHIR R4 AuditEvent of the BALP profile PatientRead."""
    names = ",".join(str(one.name).lower() for one in fields_in(shown.fields))
    at = case.starts_at if shown.t_ms is None else from_ms(shown.t_ms)
    return {
        "resourceType": "AuditEvent",
        "meta": {"profile": [PROFILE]},
        "type": _code("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "REST"),
        "subtype": [_code("http://hl7.org/fhir/restful-interaction", "read", "read")],
        "action": "R",
        "recorded": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
        "outcome": "0",
        "purposeOfEvent": [{"text": f"rempart incident {case.incident_id}"}],
        "agent": [
            {
                "type": _concept(_DCM, "110153", "Source Role ID"),
                "who": {"display": shown.agent or "unknown"},
                "requestor": False,
                "network": {"address": shown.address or "unknown", "type": "2"},
            },
            {
                "type": _concept(_DCM, "110152", "Destination Role ID"),
                "who": {"display": case.operator},
                "requestor": False,
            },
            {
                "type": _concept(
                    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                    "IRCP",
                    "information recipient",
                ),
                "who": _refer("account", shown.account_ref),
                "requestor": True,
            },
        ],
        "source": {
            "observer": {"display": case.operator},
            "type": [
                _code(
                    "http://terminology.hl7.org/CodeSystem/security-source-type",
                    "4",
                    "Application Server",
                )
            ],
        },
        "entity": [
            {
                "what": _refer("person", shown.person_ref),
                "type": _code(_ENTITY_TYPE, "1", "Person"),
                "role": _code(_ROLE, "1", "Patient"),
            },
            {
                "what": _refer("coverage-of", shown.person_ref),
                "type": _code(_ENTITY_TYPE, "2", "System Object"),
                "role": _code(_ROLE, "4", "Domain Resource"),
                "detail": [
                    {"type": "fields-shown", "valueString": names or "none"},
                    {"type": "tier", "valueString": shown.tier},
                    {"type": "insurer", "valueString": str(shown.insurer_id)},
                    {"type": "session", "valueString": str(shown.session_ref)},
                ],
            },
        ],
    }


def write_audit_events(shown: Iterable[ShownPerson], case: CaseFile) -> Iterator[bytes]:
    """Yield AuditEvents, one line of JSON each."""
    for one in shown:
        yield _dump(make_audit_event(one, case))


def write_ocsf(
    shown: Iterable[ShownPerson], case: CaseFile, producer: Producer, *, at: datetime
) -> Iterator[bytes]:
    """Yield the incident as an OCSF incident finding, then one datastore activity per line."""
    yield _dump(_describe_incident(case, producer, at))
    for one in shown:
        yield _dump(_describe_activity(one, case, producer))


def _describe_incident(case: CaseFile, producer: Producer, at: datetime) -> dict[str, Any]:
    severity = 1 if case.exercise else 4
    uid = f"rempart/{producer.installation}/incident/{case.incident_id}"
    title = f"{'EXERCICE – ' if case.exercise else ''}{case.title}"
    return {
        "activity_id": 2,
        "activity_name": "Update",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _INCIDENT_CLASS,
        "class_name": "Incident Finding",
        "type_uid": _INCIDENT_CLASS * 100 + 2,
        "time": to_ms(at),
        "start_time": to_ms(case.starts_at),
        "end_time": to_ms(case.ends_at),
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "status_id": 2,
        "status": "In Progress",
        "confidence_id": 3,
        "desc": title,
        "message": title,
        "is_suspected_breach": True,
        "assignee_group": {"name": case.operator},
        "metadata": _describe_producer(producer, uid),
        "finding_info_list": [
            {
                "uid": f"{uid}/{number}",
                "title": describe_event(event),
                "created_time": event.happened_ms,
                "types": [str(event.kind)],
            }
            for number, event in enumerate(case.timeline, 1)
        ]
        or [{"uid": f"{uid}/0", "title": title, "created_time": to_ms(case.declared_at)}],
        "unmapped": {
            "exercise": case.exercise,
            "insurers": [
                {
                    "insurer_id": one.insurer_id,
                    "persons": one.bounds.format(),
                    "fields": [str(field.name).lower() for field in fields_in(one.fields)],
                }
                for one in case.members
            ],
        },
    }


def _describe_activity(shown: ShownPerson, case: CaseFile, producer: Producer) -> dict[str, Any]:
    uid = (
        f"rempart/{producer.installation}/incident/{case.incident_id}"
        f"/shown/{shown.person_ref}/{shown.session_ref}"
    )
    severity = 1 if case.exercise else 4
    return {
        "activity_id": _READ,
        "activity_name": "Read",
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": _DATASTORE_CLASS,
        "class_name": "Datastore Activity",
        "type_uid": _DATASTORE_CLASS * 100 + _READ,
        "time": to_ms(case.starts_at) if shown.t_ms is None else shown.t_ms,
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "actor": {
            "user": {"uid": str(shown.account_ref), "type_id": 1, "type": "User"},
            "session": {"uid": str(shown.session_ref)},
        },
        "src_endpoint": {"ip": shown.address} if shown.address else {"name": "unknown"},
        "table": {"name": "rights", "uid": str(shown.person_ref)},
        "type_id": 3,
        "type": "Table",
        "metadata": _describe_producer(producer, uid),
        "unmapped": {
            "exercise": case.exercise,
            "tier": shown.tier,
            "insurer_id": shown.insurer_id,
            "fields": [str(one.name).lower() for one in fields_in(shown.fields)],
        },
    }


def _describe_producer(producer: Producer, uid: str) -> dict[str, Any]:
    return {
        "version": OCSF_VERSION,
        "uid": uid,
        "log_name": "incidents",
        "tenant_uid": producer.installation,
        "product": {
            "name": "Rempart",
            "vendor_name": "Rempart",
            "version": producer.version,
            "feature": {"name": "incidents"},
        },
    }


def _refer(kind: str, ref: int) -> dict[str, Any]:
    return {"identifier": {"system": f"urn:rempart:{kind}", "value": str(ref)}}


def _code(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [_code(system, code, display)]}


def _dump(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"
