"""An insurer's incident on one screen: what it was told, what it owes, what it did and wrote.

Refuses to show what was not sent to it, and another insurer's anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as say
from django.views.decorators.http import require_POST, require_safe
from psycopg import Connection

from rempart.accounts.permissions import Permission
from rempart.incidents.clock_rules import Trait
from rempart.incidents.packages import PackageState
from rempart.incidents.room import EventKind, RoomEvent, name_file
from rempart.incidents.severity import Answer
from rempart.portals.administering import (
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.authority_wording import ANSWERS, BANDS, REPORTS
from rempart.portals.clock_wording import TRAITS, describe_clock
from rempart.portals.containment_wording import STEP_NAMES as MEASURE_NAMES
from rempart.portals.desk import get_desk
from rempart.portals.own_forms import (
    OwnAwarenessForm,
    OwnDutyForm,
    OwnNoteForm,
    OwnSubmissionForm,
    OwnTraitForm,
)
from rempart.portals.package_wording import LEVELS, WAYS, describe_package
from rempart.portals.room_forms import show_moment
from rempart.portals.room_wording import describe_event, name_kind
from rempart.portals.times import in_paris
from rempart.portals.views.clocks import export_calendar
from rempart.portals.visit import allows, require_visitor
from rempart.portals.watching import read_words
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.incidents import clocks as clock_acts
from rempart.workflows.incidents import insurer_incidents as acts
from rempart.workflows.incidents import notify_authority, own_room
from rempart.workflows.incidents.case_file import write_as
from rempart.workflows.incidents.insurer_incidents import OwnNote
from rempart.workflows.incidents.own_room import OwnRoom

_FORMS: Final[Mapping[str, type[forms.Form]]] = {
    "note": OwnNoteForm,
    "submission": OwnSubmissionForm,
    "duty": OwnDutyForm,
    "aware": OwnAwarenessForm,
    "trait": OwnTraitForm,
}
_LATE: Final = {EventKind.REPORT_SUBMITTED, EventKind.COMPLAINT_FILED}


@require_safe
@allows(Permission.READ_OWN_INCIDENTS)
def own_incident(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show one incident as the insurer was told of it, and what it owes."""
    return _show(request, incident_id)


@require_safe
@allows(Permission.READ_OWN_INCIDENTS)
def own_incident_json(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Download it as JSON: docs/reference/incident-room-json.md."""
    room = _load(request, incident_id)
    answer = JsonResponse(own_room.describe_own(room), json_dumps_params={"ensure_ascii": False})
    name = name_file(f"incident-{incident_id}", "json", exercise=room.case.exercise)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_safe
@allows(Permission.READ_OWN_INCIDENTS)
def own_clocks_ics(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Download the insurer's limits for a diary."""
    read = _load(request, incident_id).clocks
    name = name_file(f"echeances-{incident_id}", "ics", exercise=read.head.exercise)
    return export_calendar(read.rows, name)


@require_POST
@allows(Permission.RECEIVE_PACKAGE)
def write(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Write a note, a submission, a decision of the law, what the insurer knew or is."""
    name = request.POST.get("act", "")
    if name not in _FORMS:
        return _show(request, incident_id, status=422)
    form = _FORMS[name](request.POST)
    if not form.is_valid():
        return _show(request, incident_id, act=name, form=form, status=422)
    number = read_ref(incident_id)
    done = perform(request, lambda tx, asker: _WRITERS[name](tx, asker, number, form))
    if isinstance(done, Refused):
        return _show(request, incident_id, act=name, form=form, status=done.status)
    return HttpResponseRedirect(reverse("own-incident", args=[incident_id]))


@require_POST
@allows(Permission.RECEIVE_PACKAGE)
def take_clock(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Take a clock on, or give it back."""
    code, mine = request.POST.get("code", ""), "prendre" in request.POST
    perform_or_404(
        request,
        lambda tx, asker: clock_acts.assign_clock(
            tx,
            asker,
            read_ref(incident_id),
            (code, asker.visitor.insurer_id),
            owner_ref=asker.visitor.actor_ref if mine else None,
        ),
    )
    return HttpResponseRedirect(reverse("own-incident", args=[incident_id]))


@require_POST
@allows(Permission.RECEIVE_PACKAGE)
def finish_task(request: HttpRequest, note_ref: int) -> HttpResponseBase:
    """Say that a task is done, and what shows it."""
    proof = read_words(request.POST, "proof", most=acts.PROOF_LIMIT)
    incident_id = perform_or_404(
        request, lambda tx, asker: acts.finish_task(tx, asker, read_ref(note_ref), proof=proof)
    )
    return HttpResponseRedirect(reverse("own-incident", args=[incident_id]))


def describe_own_head(room: OwnRoom) -> dict[str, Any]:
    """Return what the head of each page of an insurer's incident shows."""
    return {
        "case": room.case,
        "incident_id": room.case.incident_id,
        "exercise": room.case.exercise,
    }


def load_own_room(request: HttpRequest, incident_id: int) -> OwnRoom:
    """Return an insurer's side of an incident for a page.

    Raises:
        Http404: it was told of no such incident.
    """
    return _load(request, incident_id)


def _load(request: HttpRequest, incident_id: int) -> OwnRoom:
    number = read_ref(incident_id)
    return perform_or_404(request, lambda tx, asker: own_room.read_own_room(tx, asker, number))


def _show(
    request: HttpRequest,
    incident_id: int,
    *,
    act: str = "",
    form: forms.Form | None = None,
    status: int = 200,
) -> HttpResponseBase:
    room = _load(request, incident_id)
    now, visitor = get_desk().now(), require_visitor(request)
    latest = room.dossier.latest
    worst = room.case.find_worst(room.people.insurer_id)
    context = describe_own_head(room) | {
        "room": room,
        "latest": describe_package(latest),
        "fields": ", ".join(room.people.field_names),
        "clocks": [
            {**describe_clock(row, now), "reminded_at": room.reminded.get(row.clock.key)}
            for row in room.clocks.rows
        ],
        "open_count": sum(row.clock.is_open for row in room.clocks.rows),
        "late_count": sum(row.clock.state.value == "missed" for row in room.clocks.rows),
        "said": [
            {"said": one, "trait": TRAITS[Trait(one.trait)]}
            for one in room.clocks.said
            if one.insurer_id == room.people.insurer_id
        ],
        "notifications": [
            {"made": one, "what": REPORTS[f"cnil/{one.phase}"], "gaps": len(one.gaps)}
            for one in room.forms
        ],
        "worst": None if worst is None else {"one": worst, "band": BANDS[worst.band]},
        "told": _describe_article_34(room),
        "submissions": [_describe_line(one) for one in room.case.timeline if one.kind in _LATE],
        "packages": [_describe_received(one) for one in room.dossier.packages],
        "timeline": _list_timeline(room),
        "tasks": [note for note in room.dossier.notes if note.kind == "task"],
        "now": now,
        "me": visitor.actor_ref,
        "act": act,
        "refused": status not in {200, 422} or (status == 422 and form is None),
        "forms": {
            name: form if name == act and form is not None else make(initial=_prefill(name, now))
            for name, make in _FORMS.items()
        },
        **list_abilities(visitor, [Permission.RECEIVE_PACKAGE]),
    }
    return render(request, "portals/packages/own_incident.html", context, status=status)


def _prefill(name: str, now: Any) -> dict[str, Any]:
    return {"at": show_moment(now)} if name == "submission" else {}


def _describe_received(one: acts.Received) -> dict[str, Any]:
    return {
        **describe_package(one.package),
        "receipts": [
            {"row": receipt, "level": LEVELS[receipt.level], "way": WAYS[receipt.way]}
            for receipt in one.receipts
        ],
        "may_receive": one.package.state is PackageState.SENT,
    }


def _describe_article_34(room: OwnRoom) -> dict[str, Any] | None:
    decided = room.case.find_last(EventKind.DECISION, room.people.insurer_id, decision="art34")
    if decided is None:
        return None
    return {"answer": ANSWERS[Answer(decided.details["answer"])], "author": decided.author}


def _list_timeline(room: OwnRoom) -> list[dict[str, Any]]:
    """Merge what happened with what the insurer wrote, the last first."""
    lines = [_describe_line(event) for event in room.case.timeline]
    lines += [_describe_note(note) for note in room.dossier.notes]
    return sorted(lines, key=lambda one: one["at"], reverse=True)


def _describe_line(event: RoomEvent) -> dict[str, Any]:
    said = event.details
    if event.kind is EventKind.CONTAINMENT:
        step = str(said.get("step", ""))
        words = f"{MEASURE_NAMES.get(step, say('la garde'))} : {said.get('words', '')}"
    elif event.kind in _LATE:
        key = f"{said.get('report', 'complaint')}/{said.get('phase', '')}"
        words = " – ".join(
            filter(None, (str(REPORTS.get(key, key)), str(said.get("reference", ""))))
        )
    else:
        words = describe_event(replace(event, insurer=""))
    return {
        "at": in_paris(event.happened_ms),
        "name": name_kind(event.kind),
        "words": words,
        "author": event.author,
        "is_own": False,
    }


def _describe_note(note: OwnNote) -> dict[str, Any]:
    names = {"note": say("Note"), "task": say("Tâche"), "decision": say("Décision")}
    parts = [note.words]
    if note.reason:
        parts.append(say("Pourquoi : %(reason)s") % {"reason": note.reason})
    return {
        "at": note.written_at,
        "name": names[note.kind],
        "words": " · ".join(parts),
        "author": note.author,
        "is_own": True,
    }


_Writer = Callable[[Connection[tuple[Any, ...]], Asker, int, Any], object]
_WRITERS: Final[Mapping[str, _Writer]] = {
    "note": lambda tx, asker, incident, form: acts.add_note(tx, asker, incident, form.make_note()),
    "submission": lambda tx, asker, incident, form: notify_authority.record_submission(
        tx, write_as(asker), incident, form.make_submission(asker.visitor.insurer_id)
    ),
    "duty": lambda tx, asker, incident, form: own_room.decide_duty(
        tx, asker, incident, form.cleaned_data["duty"], reason=form.cleaned_data["reason"]
    ),
    "aware": lambda tx, asker, incident, form: own_room.note_awareness(
        tx, asker, incident, words=form.cleaned_data["words"], at=form.cleaned_data["at"]
    ),
    "trait": lambda tx, asker, incident, form: clock_acts.say_trait(
        tx,
        asker,
        incident,
        asker.visitor.insurer_id,
        Trait(form.cleaned_data["trait"]),
        held=form.cleaned_data["held"] == "oui",
        reason=form.cleaned_data["reason"],
    ),
}
