"""What authorities are told: prepared here, submitted by a person outside, recorded when it was.

Refuses to submit anything by itself: a submission is somebody's act, with its hour and reference,
and only that meets a clock.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.accounts.permissions import Permission
from rempart.exchange import dora_report
from rempart.exchange.cnil_export import make_register_line
from rempart.exchange.complaint import Evidence, Handling, make_bundle
from rempart.exchange.dora_report import DoraReport
from rempart.incidents.case import CaseFile, read_detail
from rempart.incidents.classification import IncidentScale, classify_incident
from rempart.incidents.cnil_form import (
    ANSWER_LIMIT,
    FORM_BY_CODE,
    Notification,
    Phase,
    complete_notification,
)
from rempart.incidents.room import EventKind, RoomEvent, read_words
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.instants import PARIS, from_ms
from rempart.storage import authorities
from rempart.storage.connect import Transaction
from rempart.workflows.incidents.case_file import Writer, add_line, read_case

REFERENCE_LIMIT: Final = 120
Report: TypeAlias = Literal["cnil", "dora", "complaint", "acpr", "anssi"]
PHASES: Final[Mapping[str, tuple[str, ...]]] = {
    "cnil": ("initial", "complementary"),
    "dora": ("initial", "intermediate", "final", "reclassified"),
    "acpr": ("",),
    "anssi": ("",),
    "persons": ("",),
    "cert": ("",),
    "nis2": ("early", "notification", "final"),
    "complaint": ("",),
}
"""What may be submitted, and in which phases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What somebody submitted outside.

    Args:
        report: What.
        phase: Which of its phases; empty when it has none.
        at: When.
        reference: What the authority gave back; may be empty.
        insurer_id: Whose; None for the operator's own, or an aggregated one.
        insurers: Those an aggregated one is for.
    """

    report: str
    phase: str
    at: datetime
    reference: str
    insurer_id: int | None = None
    insurers: tuple[int, ...] = ()


def prepare_notification(
    tx: Transaction, writer: Writer, incident_id: int, insurer_id: int | None, *, phase: Phase
) -> Notification:
    """Return a CNIL notification, filled with what is known and what was written.

    Raises:
        NotFound: there is no such incident, or this insurer is not concerned (also NotAllowed).
    """
    writer.check_is_own(insurer_id)
    case = read_case(tx, writer, incident_id)
    saved = authorities.load_report(tx, incident_id, insurer_id, report="cnil", phase=phase)
    if saved is None and phase == "complementary":
        saved = authorities.load_report(tx, incident_id, insurer_id, report="cnil", phase="initial")
    try:
        return complete_notification(
            case,
            insurer_id,
            phase=phase,
            written={} if saved is None else saved.answers,
            version=0 if saved is None else saved.version,
            zone=PARIS,
        )
    except KeyError as error:
        raise NotFound(f"incident {incident_id} does not concern this insurer") from error


def save_answers(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    insurer_id: int | None,
    *,
    report: Report,
    phase: str,
    answers: Mapping[str, str],
    after: int | None = None,
) -> int:
    """Keep what somebody completed as the next version; return its number.

    Args:
        tx: A transaction of the writer.
        writer: Who.
        incident_id: The incident.
        insurer_id: Whose; None for the operator's.
        report: What for.
        phase: Which phase.
        answers: By code; empty ones are left out.
        after: The version they worked from; None for whatever is last.

    Raises:
        Conflict: somebody saved another version meanwhile.
        InvalidRequest: an answer is too long, or of no question (also NotFound, NotAllowed).
    """
    writer.check(Permission.WORK_INCIDENT, Permission.RECEIVE_PACKAGE)
    writer.check_is_own(insurer_id)
    if phase not in PHASES[report]:
        raise InvalidRequest("phase: there is no such phase", (("phase", "choose one"),))
    if report == "cnil" and not set(answers) <= set(FORM_BY_CODE):
        raise InvalidRequest("answers: the form has no such question")
    kept = {
        code: read_words(text, code, ANSWER_LIMIT) for code, text in answers.items() if text.strip()
    }
    if authorities.load_head(tx, incident_id) is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    last = authorities.load_report(tx, incident_id, insurer_id, report=report, phase=phase)
    version = 0 if last is None else last.version
    if after is not None and last is not None and after != version:
        raise Conflict("somebody saved another version meanwhile: read it, then write again")
    saved = authorities.save_report(
        tx,
        incident_id,
        insurer_id,
        report=report,
        phase=phase,
        version=version + 1,
        answers=kept,
        author=writer.name,
    )
    if not saved:
        raise Conflict("somebody saved another version meanwhile: read it, then write again")
    if writer.insurer_id is None:
        details = {"report": report, "phase": phase, "version": version + 1}
        add_line(tx, writer, incident_id, EventKind.REPORT_MADE, insurer_id, details)
    return version + 1


def load_answers(
    tx: Transaction, incident_id: int, insurer_id: int | None, *, report: Report, phase: str
) -> tuple[int, Mapping[str, str]]:
    """Return the last version of what was completed, and its number; 0 when nothing was."""
    saved = authorities.load_report(tx, incident_id, insurer_id, report=report, phase=phase)
    return (0, {}) if saved is None else (saved.version, saved.answers)


def prepare_dora(
    tx: Transaction,
    writer: Writer,
    incident_id: int,
    insurers: Sequence[int],
    *,
    phase: dora_report.Phase,
) -> DoraReport:
    """Return the DORA report of some insurers from the last classification and what was written.

    Raises:
        Conflict: nobody classified the incident for these insurers yet.
        NotFound: there is no such incident, or an insurer is not concerned (also NotAllowed).
    """
    case = read_case(tx, writer, incident_id)
    classified = case.find_classification(insurers)
    if classified is None:
        raise Conflict("classify the incident first: the report says by which criteria")
    scale = read_scale(classified, insurers)
    _version, answers = load_answers(tx, incident_id, None, report="dora", phase="initial")
    _later, more = load_answers(tx, incident_id, None, report="dora", phase=phase)
    try:
        return dora_report.make_report(
            case,
            insurers,
            phase=phase,
            classification=classify_incident(
                IncidentScale(clients=case.count_members(insurers), **scale)
            ),
            classified_at=from_ms(classified.happened_ms),
            answers={**answers, **more},
            clients_total=scale.get("clients_total"),
            duration_until=case.ends_at if case.answered_at else None,
        )
    except KeyError as error:
        raise NotFound(f"incident {incident_id} does not concern this insurer") from error


def read_scale(classified: RoomEvent | None, insurers: Collection[int]) -> dict[str, Any]:
    """Return what was known of an incident when it was classified, as far as it is of these.

    Members in all are left out when they were counted for other insurers too.
    """
    scale = dict(read_detail(classified, "scale") or {})
    if set(read_detail(classified, "insurers") or ()) != set(insurers):
        scale.pop("clients_total", None)
    return scale


def record_submission(
    tx: Transaction, writer: Writer, incident_id: int, submission: Submission
) -> None:
    """Write that somebody submitted a report outside: this meets its clock.

    Raises:
        InvalidRequest: there is no such report or phase, or it has not happened yet.
        NotFound: there is no such incident (also NotAllowed, StepUpNeeded).
    """
    writer.check(Permission.NOTIFY_AUTHORITY, Permission.RECEIVE_PACKAGE)
    writer.check_is_own(submission.insurer_id)
    if submission.phase not in PHASES.get(submission.report, ()):
        raise InvalidRequest("report: there is no such report or phase", (("report", "choose"),))
    if submission.at > writer.now:
        raise InvalidRequest("at: it has not happened yet", (("at", "write when it happened"),))
    reference = " ".join(submission.reference.split())
    if len(reference) > REFERENCE_LIMIT or not reference.isprintable():
        raise InvalidRequest(f"reference: {REFERENCE_LIMIT} letters at most")
    if submission.insurers and writer.insurer_id is not None:
        raise NotAllowed("an insurer records its own submissions")
    head = authorities.load_head(tx, incident_id)
    if head is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    details: dict[str, Any] = {"reference": reference}
    if submission.report != "complaint":
        details |= {"report": submission.report, "phase": submission.phase}
    if submission.insurers:
        details["insurers"] = sorted(submission.insurers)
    kind = (
        EventKind.COMPLAINT_FILED
        if submission.report == "complaint"
        else EventKind.REPORT_SUBMITTED
    )
    add_line(tx, writer, incident_id, kind, submission.insurer_id, details, at=submission.at)


def make_complaint(
    tx: Transaction, writer: Writer, incident_id: int, evidence: Sequence[Evidence]
) -> bytes:
    """Return the bundle for the prosecutor, with the ledger's signed states in it.

    Args:
        tx: A transaction of the writer.
        writer: Who makes it: the last link of the chain of custody.
        incident_id: The incident.
        evidence: What else goes in.

    Raises:
        InvalidRequest: two pieces have one name (also NotFound, NotAllowed).
    """
    writer.check(Permission.WORK_INCIDENT, Permission.RECEIVE_PACKAGE)
    case = read_case(tx, writer, incident_id)
    _version, answers = load_answers(
        tx, incident_id, writer.insurer_id, report="complaint", phase=""
    )
    checkpoints = [
        Evidence(
            path=f"preuves/{number}-checkpoint.txt",
            content=one.note.encode(),
            what=f"dernier état signé du registre {one.origin}, {one.size} lignes",
            source=f"racine {one.root.hex()}",
        )
        for number, one in enumerate(authorities.list_checkpoints(tx), 1)
    ]
    handling = Handling(by=writer.name, at=writer.now, zone=PARIS)
    bundle = make_bundle(case, answers, [*checkpoints, *evidence], handling)
    if writer.insurer_id is None:
        details = {"report": "complaint", "phase": "", "files": len(checkpoints) + len(evidence)}
        add_line(tx, writer, incident_id, EventKind.REPORT_MADE, None, details)
    return bundle


def list_register(tx: Transaction, writer: Writer) -> list[dict[str, str]]:
    """Return the register of breaches (article 33(5)): one line per incident and controller.

    Raises:
        NotAllowed: their role may not.
    """
    writer.check(Permission.READ_CLOCKS, Permission.READ_OWN_INCIDENTS)
    cases: dict[int, CaseFile] = {}
    lines = []
    own = writer.insurer_id
    listed = authorities.list_register(tx) if own is None else authorities.list_my_register(tx, own)
    for incident_id, insurer_id in listed:
        case = cases.get(incident_id) or read_case(tx, writer, incident_id)
        cases[incident_id] = case
        lines.append(_make_line(tx, case, insurer_id))
    return lines


def _make_line(tx: Transaction, case: CaseFile, insurer_id: int | None) -> dict[str, str]:
    saved = [
        authorities.load_report(tx, case.incident_id, insurer_id, report="cnil", phase=phase)
        for phase in PHASES["cnil"]
    ]
    last = next((one for one in reversed(saved) if one is not None), None)
    form = complete_notification(
        case,
        insurer_id,
        phase="initial",
        written={} if last is None else last.answers,
        version=0 if last is None else last.version,
        zone=PARIS,
    )
    told = case.find_last(EventKind.REPORT_SUBMITTED, insurer_id, report="cnil")
    waived = case.find_last(EventKind.DECISION, insurer_id, decision="cnil_not_required")
    more = {
        "notified_at": ""
        if told is None
        else f"{from_ms(told.happened_ms).astimezone(PARIS):%d/%m/%Y %H:%M}",
        "reference": str(read_detail(told, "reference") or ""),
        "not_notified_reason": str(read_detail(waived, "reason") or ""),
        "author": "" if last is None else last.author,
        "changed_at": "" if last is None else f"{last.made_at.astimezone(PARIS):%d/%m/%Y %H:%M}",
    }
    return make_register_line(form, more)
