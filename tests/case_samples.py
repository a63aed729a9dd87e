"""An incident as authorities are told of it: two insurers, some professionals, a timeline."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.incidents.bounds import Bounds
from rempart.incidents.case import CaseFile, GroupSeverity, Population
from rempart.incidents.classification import Classification, IncidentScale, classify_incident
from rempart.incidents.room import EventKind, RoomEvent
from rempart.incidents.severity import Band

START = datetime(2024, 1, 29, 8, 0, tzinfo=UTC)
SEVENTY_THREE = Bounds(lower=60, best=73, upper=80)


def tell(
    number: int, kind: EventKind, hours: float, insurer_id: int | None = None, **details: Any
) -> RoomEvent:
    """Return an event some hours after the start of the window."""
    at = START + timedelta(hours=hours)
    return RoomEvent(
        event_ref=number,
        kind=kind,
        happened_ms=int(at.timestamp() * 1000),
        recorded_at=at,
        author="Camille Roux",
        insurer_id=insurer_id,
        details=details,
    )


TIMELINE = (
    tell(1, EventKind.SUSPECTED, 80, words="Un opticien signale des consultations inconnues."),
    tell(2, EventKind.DECLARED, 81),
    tell(3, EventKind.HOLD_PLACED, 81, words="journaux du 22 janvier au 12 février"),
    tell(4, EventKind.CONTAINMENT, 82, step="suspend", target="account"),
    tell(5, EventKind.AWARENESS, 84, words="Confirmé."),
    tell(6, EventKind.PACKAGE_SENT, 100, 7),
    tell(7, EventKind.PACKAGE_RECEIVED, 101, 7),
    tell(8, EventKind.COMPLAINT_FILED, 110, reference="PV 2024/1"),
)


def make_case(**changes: Any) -> CaseFile:
    """Return the incident, with some things otherwise."""
    values: dict[str, Any] = {
        "incident_id": 12,
        "title": "Comptes d’opticiens détournés",
        "exercise": False,
        "operator": "Opérateur Exemple",
        "starts_at": START,
        "ends_at": START + timedelta(days=4),
        "declared_at": START + timedelta(hours=81),
        "answered_at": START + timedelta(hours=90),
        "accounts": 3,
        "members": (
            Population(
                insurer_id=7,
                name="Mutuelle Sept",
                bounds=SEVENTY_THREE,
                fields=int(EIGHT_FIELDS_OF_2024),
            ),
            Population(
                insurer_id=8,
                name="Mutuelle Huit",
                bounds=Bounds(lower=5, best=5, upper=5),
                fields=int(Field.RIGHTS_STATUS),
            ),
        ),
        "professionals": Population(
            insurer_id=None,
            name="",
            bounds=Bounds(lower=3, best=3, upper=3),
            fields=int(Field.PROFESSIONAL_NAME | Field.PROFESSIONAL_BANK_DETAILS),
        ),
        "severities": (
            GroupSeverity(
                insurer_id=7,
                group="Assurés dont le NIR a été montré",
                persons=73,
                score=3.0,
                band=Band.HIGH,
                reasons=("Une liste d’assurés.", "Nom et NIR.", "Acte malveillant."),
                author="Camille Roux",
            ),
        ),
        "timeline": TIMELINE,
    }
    return CaseFile(**(values | changes))


def classify(case: CaseFile, *, insurers: tuple[int, ...] = (7,), **known: Any) -> Classification:
    """Classify the incident as a theft of accounts."""
    scale = {
        "supports_critical": True,
        "malicious_access": True,
        "may_lose_data": True,
        "clients": case.count_members(insurers),
    }
    return classify_incident(IncidentScale(**(scale | known)))
