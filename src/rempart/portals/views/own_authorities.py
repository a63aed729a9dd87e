"""What an insurer tells the CNIL and keeps in its register, prepared on its own pages.

Refuses to submit anything: somebody does outside, and writes when and under which reference.
"""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rempart.accounts.permissions import Permission
from rempart.incidents.severity import suggest_data_class, suggest_identification
from rempart.portals.administering import FORM_METHODS, Act, Refused, perform
from rempart.portals.authority_wording import BANDS, REPORTS
from rempart.portals.own_forms import OwnRiskForm, OwnSeverityForm
from rempart.portals.views import authority_forms, breach_register
from rempart.portals.views.authorities import list_decisions
from rempart.portals.views.own_incident import describe_own_head, load_own_room
from rempart.portals.visit import allows
from rempart.workflows.incidents import judge_incident
from rempart.workflows.incidents.case_file import write_as
from rempart.workflows.incidents.own_room import OwnRoom


@require_http_methods(FORM_METHODS)
@allows(Permission.RECEIVE_PACKAGE)
def own_cnil(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Complete the insurer's own CNIL notification."""
    room = load_own_room(request, incident_id)
    phase = authority_forms.read_phase(request)
    done = authority_forms.complete_cnil(request, incident_id, room.people.insurer_id, phase)
    if isinstance(done, HttpResponseRedirect):
        return done
    context, status = done
    context |= describe_own_head(room) | {
        "controller": room.people.name,
        "what": REPORTS[f"cnil/{phase}"],
        "file": reverse("own-cnil-file", args=[incident_id]),
        "own": True,
    }
    return render(request, "portals/authorities/cnil.html", context, status=status)


@require_safe
@allows(Permission.RECEIVE_PACKAGE)
def own_cnil_file(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Take the notification away: PDF, JSON, or text to retype."""
    room = load_own_room(request, incident_id)
    phase = authority_forms.read_phase(request)
    return authority_forms.send_cnil(request, incident_id, room.people.insurer_id, phase)


@require_http_methods(FORM_METHODS)
@allows(Permission.RECEIVE_PACKAGE)
def own_severity(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show the scores of each group of the insurer's people, and score one."""
    room = load_own_room(request, incident_id)
    if request.method != "POST":
        return _show(request, room)
    form = OwnSeverityForm(request.POST, case=room.case)
    return _judge(
        request,
        room,
        {"form": form},
        lambda tx, asker: judge_incident.score_group(
            tx, write_as(asker), incident_id, asker.visitor.insurer_id, form.make_judgement()
        ),
    )


@require_POST
@allows(Permission.RECEIVE_PACKAGE)
def own_risk(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Decide whether the insurer's people are told."""
    room = load_own_room(request, incident_id)
    form = OwnRiskForm(request.POST, case=room.case)
    return _judge(
        request,
        room,
        {"risk": form},
        lambda tx, asker: judge_incident.decide_risk(
            tx, write_as(asker), incident_id, asker.visitor.insurer_id, form.make_decision()
        ),
    )


@require_safe
@allows(Permission.READ_OWN_INCIDENTS)
def own_register(request: HttpRequest) -> HttpResponseBase:
    """Show the insurer's register of breaches: one line per incident."""
    return breach_register.show_register(request, own=True)


@require_safe
@allows(Permission.READ_OWN_INCIDENTS)
def own_register_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the insurer's register as a table."""
    return breach_register.send_csv(request)


@require_safe
@allows(Permission.READ_OWN_INCIDENTS)
def own_register_json(request: HttpRequest) -> HttpResponseBase:
    """Download the insurer's register as JSON."""
    return breach_register.send_json(request)


def _judge(
    request: HttpRequest, room: OwnRoom, form: dict[str, Any], act: Act[object]
) -> HttpResponseBase:
    [filled] = form.values()
    if not filled.is_valid():
        return _show(request, room, **form, status=422)
    done = perform(request, act)
    if isinstance(done, Refused):
        return _show(request, room, **form, status=done.status)
    return HttpResponseRedirect(reverse("own-severity", args=[room.case.incident_id]))


def _show(
    request: HttpRequest,
    room: OwnRoom,
    *,
    form: OwnSeverityForm | None = None,
    risk: OwnRiskForm | None = None,
    status: int = 200,
) -> HttpResponseBase:
    people, used = room.people, form or risk
    initial = {
        "persons": people.bounds.best or None,
        "data_class": suggest_data_class(people.fields).value,
        "identification": suggest_identification(people.fields).value,
    }
    context = describe_own_head(room) | {
        "scores": [
            {"one": one, "party": people.name, "band": BANDS[one.band]}
            for one in room.case.severities
        ],
        "form": form or OwnSeverityForm(case=room.case, initial=initial),
        "risk": risk or OwnRiskForm(case=room.case),
        "decisions": list_decisions(room.case),
        "refused": used is not None and not used.errors,
        "own": True,
    }
    return render(request, "portals/authorities/severity.html", context, status=status)
