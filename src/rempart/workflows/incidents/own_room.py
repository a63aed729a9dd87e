"""An insurer's own side of an incident, whole: what it was told, what it owes, what it did.

Everything is read as the insurer may read it, under its own rows. Refuses to show a fact of another
insurer, a note of the operator's room, or a list that was not sent yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.accounts.permissions import Permission
from rempart.disclosure.fields import format_fields
from rempart.incidents.case import CaseFile, Population
from rempart.incidents.cnil_form import Notification
from rempart.incidents.room import REASON_LIMIT, EventKind, read_words
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.instants import from_ms
from rempart.storage import authorities
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.incidents.case_file import add_line, read_case, write_as
from rempart.workflows.incidents.clocks import ClockRow, IncidentClocks, read_clocks
from rempart.workflows.incidents.insurer_incidents import Dossier, read_dossier
from rempart.workflows.incidents.notify_authority import prepare_notification

JSON_FORMAT: Final = "rempart insurer incident 1"
Duty: TypeAlias = Literal["cnil_not_required", "cnil_complete"]
DUTIES: Final[Mapping[str, str]] = {
    "cnil_not_required": "Article 33 : la CNIL n’a pas à être notifiée",
    "cnil_complete": "Article 33 : la notification initiale était complète",
}
"""What an insurer may decide about what it owes the CNIL, as its timeline says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRoom:
    """What an insurer sees of one incident.

    Attributes:
        case: The facts, from which its notification is written; its timeline is its own.
        clocks: What it owes, the most urgent first; what the operator owes it too.
        dossier: Its packages and its own notes.
        forms: Its notifications to the CNIL, as far as they are filled.
        reminded: When the owner of each clock was reminded last.
    """

    case: CaseFile
    clocks: IncidentClocks
    dossier: Dossier
    forms: Sequence[Notification]
    reminded: Mapping[tuple[str, int | None], datetime]

    @property
    def people(self) -> Population:
        """The insurer's own people."""
        return self.case.members[0]


def read_own_room(tx: Transaction, asker: Asker, incident_id: int) -> OwnRoom:
    """Return an insurer's own side of an incident.

    Raises:
        NotFound: it was told of no such incident (also NotAllowed).
    """
    dossier = read_dossier(tx, asker, incident_id)
    writer = write_as(asker)
    case = read_case(tx, writer, incident_id)
    if not case.members:
        raise NotFound("no such incident")
    own = case.members[0].insurer_id
    return OwnRoom(
        case=case,
        clocks=read_clocks(tx, asker, incident_id),
        dossier=dossier,
        forms=[
            prepare_notification(tx, writer, incident_id, own, phase=phase)
            for phase in ("initial", "complementary")
        ],
        reminded=authorities.list_reminded(tx, incident_id),
    )


def decide_duty(
    tx: Transaction, asker: Asker, incident_id: int, duty: Duty, *, reason: str
) -> None:
    """Write that an insurer owes the CNIL no notification, or no further one, and why.

    Raises:
        InvalidRequest: no reason, or no such decision.
        NotFound: it was told of no such incident (also NotAllowed).
    """
    if duty not in DUTIES:
        raise InvalidRequest("duty: there is no such decision", (("duty", "choose one"),))
    own = _check_own(tx, asker, incident_id)
    details = {
        "words": DUTIES[duty],
        "decision": duty,
        "reason": read_words(reason, "reason", REASON_LIMIT),
    }
    add_line(tx, write_as(asker), incident_id, EventKind.DECISION, own, details)


def note_awareness(
    tx: Transaction, asker: Asker, incident_id: int, *, words: str, at: datetime | None
) -> None:
    """Write that the insurer knew of a breach otherwise than by the operator's notice.

    Raises:
        Conflict: it was written already.
        InvalidRequest: no words, or it has not happened yet.
        NotFound: it was told of no such incident (also NotAllowed).
    """
    own = _check_own(tx, asker, incident_id)
    if at is not None and at > asker.now:
        raise InvalidRequest("at: it has not happened yet", (("at", "write when it happened"),))
    writer = write_as(asker)
    if read_case(tx, writer, incident_id).find_first(EventKind.AWARENESS, own) is not None:
        raise Conflict("when the insurer became aware is in its timeline already")
    details = {"words": read_words(words, "words")}
    add_line(tx, writer, incident_id, EventKind.AWARENESS, own, details, at=at)


def describe_own(room: OwnRoom) -> dict[str, Any]:
    """Return an insurer's side as JSON values: docs/reference/incident-room-json.md."""
    case, people = room.case, room.people
    return {
        "format": JSON_FORMAT,
        "incident": {
            "incident": case.incident_id,
            "title": case.title,
            "exercise": case.exercise,
            "operator": case.operator,
            "starts_at": _write(case.starts_at),
            "ends_at": _write(case.ends_at),
        },
        "persons": {**people.bounds.format(), "fields": format_fields(people.fields, "en")},
        "packages": [
            {
                "number": one.package.number,
                "conclusion": str(one.package.conclusion),
                "state": str(one.package.state),
                "sent_at": _write(one.package.sent_at),
                "received_at": _write(one.package.received_at),
            }
            for one in room.dossier.packages
        ],
        "clocks": [_describe_clock(row, room) for row in room.clocks.rows],
        "severity": [
            {"group": one.group, "persons": one.persons, "score": one.score, "band": str(one.band)}
            for one in case.severities
        ],
        "timeline": [
            {
                "kind": event.kind.value,
                "happened_at": _write(from_ms(event.happened_ms)),
                "author": event.author or None,
                "details": dict(event.details),
            }
            for event in case.timeline
        ],
        "notes": [
            {
                "kind": note.kind,
                "words": note.words,
                "reason": note.reason or None,
                "owner": note.owner or None,
                "due_at": _write(note.due_at),
                "author": note.author,
                "written_at": _write(note.written_at),
                "done_at": _write(note.done_at),
                "done_by": note.done_by or None,
                "proof": note.proof or None,
            }
            for note in room.dossier.notes
        ],
    }


def _describe_clock(row: ClockRow, room: OwnRoom) -> dict[str, Any]:
    clock = row.clock
    return {
        "clock": clock.rule.code,
        "state": clock.state.value,
        "owed_by": clock.rule.owed_by,
        "started_at": _write(None if clock.started is None else clock.started.happened_at),
        "due_at": _write(clock.due_at),
        "met_at": _write(None if clock.met is None else clock.met.happened_at),
        "reference": None if clock.met is None else clock.met.details.get("reference"),
        "owner": row.owner or None,
        "reminded_at": _write(room.reminded.get(clock.key)),
        "source": clock.rule.source,
    }


def _check_own(tx: Transaction, asker: Asker, incident_id: int) -> int:
    """Return the insurer that the asker answers for, once it was told of the incident."""
    write_as(asker).check(Permission.WORK_INCIDENT, Permission.RECEIVE_PACKAGE)
    read_dossier(tx, asker, incident_id)
    own = asker.visitor.insurer_id
    if own is None:
        raise NotFound("no such incident")
    return own


def _write(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds")
