"""How severe an incident is for people, whether they are told, and whether it is major under DORA.

Each is somebody's judgement, kept with their name and reasons. Refuses a judgement without them.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from rempart.accounts.permissions import Permission
from rempart.incidents.classification import Classification, IncidentScale, classify_incident
from rempart.incidents.room import EventKind
from rempart.incidents.severity import (
    Band,
    Judgement,
    RiskDecision,
    Severity,
    check_risk_decision,
    score_severity,
)
from rempart.kernel.errors import NotFound
from rempart.storage import authorities
from rempart.storage.connect import Transaction
from rempart.workflows.incidents.case_file import Writer, add_line, read_case


def score_group(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    insurer_id: int | None,
    judgement: Judgement,
) -> Severity:
    """Score how severe it is for one group of people, and keep who chose what and why.

    Raises:
        InvalidRequest: a factor has no reason (also NotFound, NotAllowed).
    """
    writer.check(Permission.SCORE_SEVERITY, Permission.RECEIVE_PACKAGE)
    writer.check_is_own(insurer_id)
    severity = score_severity(judgement)
    if authorities.load_head(tx, incident_id) is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    plain = {**asdict(judgement), "adjustments": sorted(judgement.adjustments)}
    authorities.save_severity(
        tx,
        incident_id,
        insurer_id,
        group=judgement.group.strip(),
        persons=judgement.persons,
        judgement=plain,
        quarters=severity.quarters,
        band=severity.band.value,
        author=writer.name,
    )
    if writer.insurer_id is None:
        details = {
            "group": judgement.group.strip(),
            "band": severity.band.value,
            "score": severity.score,
        }
        add_line(tx, writer, incident_id, EventKind.SEVERITY_SCORED, insurer_id, details)
    return severity


def decide_risk(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    insurer_id: int | None,
    decision: RiskDecision,
) -> None:
    """Write whether the people of one insurer are told (article 34), and why.

    Raises:
        InvalidRequest: nothing was scored, or the exception is not argued (also NotFound).
        NotAllowed: their role may not.
    """
    writer.check(Permission.SCORE_SEVERITY, Permission.RECEIVE_PACKAGE)
    writer.check_is_own(insurer_id)
    case = read_case(tx, writer, incident_id)
    worst = case.find_worst(insurer_id)
    check_risk_decision(decision, worst=None if worst is None else Band(worst.band))
    details = {
        "words": "Article 34 : informer les personnes"
        if decision.ground is None
        else "Article 34 : ne pas informer individuellement",
        "decision": "art34",
        "answer": decision.answer.value,
        "reason": decision.reason.strip(),
    }
    if decision.ground is not None:
        details |= {"ground": decision.ground.value, "instead": decision.instead.strip()}
    add_line(tx, writer, incident_id, EventKind.DECISION, insurer_id, details)


def classify(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    insurers: Collection[int],
    scale: Mapping[str, Any],
) -> Classification:
    """Classify an incident under DORA for some insurers, and write it in the timeline.

    Args:
        tx: A transaction of the writer.
        writer: Who.
        incident_id: The incident.
        insurers: For which entities.
        scale: What people know of `IncidentScale`, but for the clients, which are counted.

    Raises:
        NotFound: there is no such incident, or an insurer is not concerned (also NotAllowed).
    """
    writer.check(Permission.WORK_INCIDENT, Permission.RECEIVE_PACKAGE)
    classification = preview_classification(tx, writer, incident_id, insurers, scale)
    details = {
        "words": "majeur" if classification.major else "non majeur",
        "major": classification.major,
        "criteria": [one.value for one in classification.reached],
        "insurers": sorted(insurers),
        "scale": dict(scale),
    }
    add_line(tx, writer, incident_id, EventKind.CLASSIFIED, None, details)
    return classification


def preview_classification(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    insurers: Collection[int],
    scale: Mapping[str, Any],
) -> Classification:
    """Say what an incident would be classified as, without writing it.

    Raises:
        NotFound: there is no such incident, or an insurer is not concerned (also NotAllowed).
    """
    case = read_case(tx, writer, incident_id)
    try:
        clients = case.count_members(insurers)
    except KeyError as error:
        raise NotFound(f"incident {incident_id} does not concern this insurer") from error
    return classify_incident(IncidentScale(clients=clients, **scale))
