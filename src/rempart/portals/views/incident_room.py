"""« Salle » of an incident: declared in a minute, its timeline live, what is written in it.

Refuses to add to a closed incident, and to show a room to whoever is not of the host operator.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe
from psycopg import Connection

from rempart.accounts.permissions import Permission
from rempart.incidents.room import (
    EventKind,
    RoomAuthor,
    RoomEvent,
    RoomPart,
    name_file,
)
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.clock_wording import load_next_clocks
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.room_forms import (
    AwarenessForm,
    DecisionForm,
    DeclareForm,
    JoinForm,
    NoteForm,
    ReasonForm,
    TaskForm,
    read_moment,
    show_moment,
)
from rempart.portals.room_wording import (
    KIND_NAMES,
    describe_event,
    name_author,
    name_kind,
    name_part,
)
from rempart.portals.times import format_stamp, in_paris
from rempart.portals.visit import allows, require_visitor
from rempart.portals.watching import read_number
from rempart.portals.whole_numbers import read_whole
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.incidents import incident_room as acts
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.retention.hold_evidence import write_as

# Lines shown before one asks for all of them.
SHOWN: Final = 60
_BEFORE: Final = timedelta(hours=24)
FORMS: Final[Mapping[str, type[forms.Form]]] = MappingProxyType(
    {
        "note": NoteForm,
        "aware": AwarenessForm,
        "decision": DecisionForm,
        "task": TaskForm,
        "join": JoinForm,
        "close": ReasonForm,
        "reopen": ReasonForm,
    }
)
_ABILITIES: Final = (Permission.WORK_INCIDENT, Permission.READ_GUARD)
Transaction = Connection[tuple[Any, ...]]


@require_http_methods(FORM_METHODS)
@allows(Permission.DECLARE_INCIDENT)
def declare(request: HttpRequest) -> HttpResponseBase:
    """Declare an incident: suspicion is enough."""
    if not require_visitor(request).is_host:
        raise Http404
    if request.method != "POST":
        return _ask_declaration(request, DeclareForm(initial=_prefill(request)))
    form = DeclareForm(request.POST)
    if not form.is_valid():
        return _ask_declaration(request, form, status=422)
    answers = form.cleaned_data
    window = form.make_window(get_desk().now())
    found = perform(request, lambda tx, _asker: acts.find_accounts(tx, answers["accounts"]))
    if isinstance(found, Refused):
        form.add_error("accounts", gettext("Certains de ces numéros ne mènent à aucun compte."))
        return _ask_declaration(request, form, status=found.status)
    done = perform(
        request,
        lambda tx, asker: declare_incident(
            tx,
            title=answers["title"],
            window=window,
            account_refs=found,
            exercise=answers["exercise"] == "1",
            by=write_as(asker, Permission.DECLARE_INCIDENT),
        ),
    )
    if isinstance(done, Refused):
        return _ask_declaration(request, form, status=done.status)
    return HttpResponseRedirect(reverse("incident-room", args=[done]))


@require_safe
@allows(Permission.READ_INCIDENTS)
def show(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show the room; its lines are asked for again every few seconds."""
    return _show(request, incident_id)


@require_http_methods(["POST"])
@allows(Permission.WORK_INCIDENT)
def write(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Write in the room: one line of the timeline."""
    act = request.POST.get("act", "")
    make = FORMS.get(act)
    form = make(request.POST, prefix=act) if make else None
    if (form is None and act not in _PLAIN) or (form and not form.is_valid()):
        return _show(request, incident_id, form=form, act=act, status=422)
    answers: Mapping[str, Any] = form.cleaned_data if form else request.POST
    done = perform(
        request,
        lambda tx, asker: _WRITERS[act](
            tx, read_ref(incident_id), write_as(asker, Permission.WORK_INCIDENT), answers
        ),
    )
    if isinstance(done, Refused):
        now = get_desk().now()
        if form and (form.cleaned_data.get("happened") or now) > now:
            form.add_error("happened", gettext("Ce moment n’est pas encore arrivé."))
        return _show(request, incident_id, form=form, act=act, status=done.status)
    return HttpResponseRedirect(reverse("incident-room", args=[incident_id]))


@require_safe
@allows(Permission.READ_INCIDENTS)
def timeline_csv(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Download the timeline as a table."""
    room = _load(request, incident_id)
    header = (
        *(gettext("n°"), gettext("arrivé le"), gettext("écrit le"), gettext("quoi")),
        *(gettext("détail"), gettext("par"), gettext("n° complémentaire"), gettext("exercice")),
    )
    cells = (
        (
            "" if event.event_ref is None else event.event_ref,
            *(format_stamp(in_paris(event.happened_ms)), format_stamp(event.recorded_at)),
            *(name_kind(event.kind), describe_event(event), event.author),
            "" if event.insurer_id is None else event.insurer_id,
            gettext("oui") if room.incident.exercise else gettext("non"),
        )
        for event in _choose(request, room)
    )
    return export_csv(_name(room, "csv"), header, cells)


@require_safe
@allows(Permission.READ_INCIDENTS)
def timeline_json(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Download the room as JSON: docs/reference/incident-room-json.md."""
    room = _load(request, incident_id)
    answer = JsonResponse(acts.describe_whole(room), json_dumps_params={"ensure_ascii": False})
    answer.headers["Content-Disposition"] = f'attachment; filename="{_name(room, "json")}"'
    return answer


def _show(
    request: HttpRequest,
    incident_id: int,
    *,
    form: forms.Form | None = None,
    act: str = "",
    status: int = 200,
) -> HttpResponseBase:
    room, clocks = perform_or_404(
        request, lambda tx, asker: _read_with_clocks(tx, asker, incident_id)
    )
    visitor = require_visitor(request)
    is_aware = any(
        event.kind is EventKind.AWARENESS and event.insurer_id is None for event in room.events
    )
    chosen = _choose(request, room)
    shown = chosen if "tout" in request.GET else chosen[-SHOWN:]
    context = {
        "room": room,
        "incident": room.incident,
        "now": in_paris(room.now_ms),
        "events": [_describe(event) for event in reversed(shown)],
        "hidden": len(chosen) - len(shown),
        "kinds": [
            (kind.value, name, kind.value == request.GET.get("genre"))
            for kind, name in KIND_NAMES.items()
            if any(event.kind is kind for event in room.events)
        ],
        "tasks": [
            {
                "task": task,
                "due": None if task.due_ms is None else in_paris(task.due_ms),
                "done": None if task.done_ms is None else in_paris(task.done_ms),
                "is_late": task.is_late(now_ms=room.now_ms),
            }
            for task in room.tasks
        ],
        "open_tasks": sum(task.done_ms is None for task in room.tasks),
        "people": [
            {"row": one, "part": name_part(one.part), "since": in_paris(one.since_ms)}
            for one in room.people
        ],
        "is_there": any(one.actor_ref == visitor.actor_ref for one in room.people),
        "is_aware": is_aware,
        # Confirmed persons and no awareness: somebody forgot to start the operator's clocks.
        "must_be_aware": bool(room.figures.get("lower")) and not is_aware and not room.is_closed,
        "held": [hold for hold in room.holds if hold.in_force],
        **clocks,
        **list_abilities(visitor, _ABILITIES),
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "portals/room/live.html", context)
    context |= {
        "forms": {
            name: form if name == act and form else make(prefix=name)
            for name, make in FORMS.items()
        },
        "act": act,
        "refused": status != 200,
        "is_conflict": status == 409,
    }
    return render(request, "portals/room/room.html", context, status=status)


def _load(request: HttpRequest, incident_id: int) -> acts.Room:
    return perform_or_404(
        request, lambda tx, asker: acts.read_room_as(tx, asker, read_ref(incident_id))
    )


def _read_with_clocks(
    tx: Transaction, asker: Asker, incident_id: int
) -> tuple[acts.Room, dict[str, Any]]:
    room = acts.read_room_as(tx, asker, read_ref(incident_id))
    return room, load_next_clocks(tx, asker, incident_id)


def _choose(request: HttpRequest, room: acts.Room) -> list[RoomEvent]:
    kind = request.GET.get("genre")
    return [event for event in room.events if kind in (None, "", event.kind.value)]


def _describe(event: RoomEvent) -> dict[str, Any]:
    happened = in_paris(event.happened_ms)
    late = event.recorded_at - happened > timedelta(minutes=5)
    return {
        "event": event,
        "author": name_author(event),
        "name": name_kind(event.kind),
        "words": describe_event(event),
        "happened": happened,
        "written": event.recorded_at if late else None,
    }


def _name(room: acts.Room, suffix: str) -> str:
    incident = room.incident
    return name_file(f"incident-{incident.incident_id}", suffix, exercise=incident.exercise)


def _prefill(request: HttpRequest) -> dict[str, str]:
    start = show_moment(get_desk().now() - _BEFORE)
    account = read_number(request.GET, "compte")
    if account is None:
        return {"since": start}
    title = gettext("Compte confiné : usage par quelqu’un d’autre ?")
    return {"since": start, "accounts": str(account), "title": title}


def _ask_declaration(
    request: HttpRequest, form: DeclareForm, *, status: int = 200
) -> HttpResponseBase:
    context = {"form": form, "refused": status != 200 and not form.errors}
    return render(request, "portals/room/declare.html", context, status=status)


def _write_note(tx: Transaction, incident: int, by: RoomAuthor, answers: Mapping[str, Any]) -> None:
    acts.add_note(
        tx, incident, by, words=answers["words"], happened_ms=read_moment(answers, "happened")
    )


def _write_awareness(
    tx: Transaction, incident: int, by: RoomAuthor, answers: Mapping[str, Any]
) -> None:
    acts.note_awareness(
        tx, incident, by, words=answers["words"], happened_ms=read_moment(answers, "happened")
    )


def _write_decision(
    tx: Transaction, incident: int, by: RoomAuthor, answers: Mapping[str, Any]
) -> None:
    acts.record_decision(
        tx,
        incident,
        by,
        words=answers["words"],
        reason=answers["reason"],
        alternatives=answers["alternatives"],
    )


def _write_task(tx: Transaction, incident: int, by: RoomAuthor, answers: Mapping[str, Any]) -> None:
    acts.add_task(
        tx,
        incident,
        by,
        words=answers["words"],
        owner=answers["owner"],
        due_ms=read_moment(answers, "due"),
    )


def _finish_task(
    tx: Transaction, incident: int, by: RoomAuthor, answers: Mapping[str, Any]
) -> None:
    acts.finish_task(tx, incident, by, read_whole(str(answers.get("task", ""))) or 0)


_WRITERS: Final[Mapping[str, Callable[[Transaction, int, RoomAuthor, Mapping[str, Any]], None]]] = (
    MappingProxyType(
        {
            "note": _write_note,
            "aware": _write_awareness,
            "decision": _write_decision,
            "task": _write_task,
            "done": _finish_task,
            "join": lambda tx, incident, by, answers: acts.join_room(
                tx, incident, by, part=RoomPart(answers["part"]), on_call=answers["on_call"]
            ),
            "leave": lambda tx, incident, by, _answers: acts.leave_room(tx, incident, by),
            "close": lambda tx, incident, by, answers: acts.close_room(
                tx, incident, by, reason=answers["reason"]
            ),
            "reopen": lambda tx, incident, by, answers: acts.reopen_room(
                tx, incident, by, reason=answers["reason"]
            ),
        }
    )
)
# What needs no form: a button says it all.
_PLAIN: Final = frozenset({"done", "leave"})
