"""Answer for a session of an incident instead of the sums; ask for the analysis again.

Refuses whoever may only read, and a reason that says nothing. Nothing on the list changes here: the
next analysis does, and shows what changed.
"""

from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from rempart.accounts.permissions import Permission
from rempart.portals.administering import FORM_METHODS, Refused, confirm, perform, read_ref
from rempart.portals.exposure_wording import RULINGS, list_rulings
from rempart.portals.incident_figures import describe_reasons
from rempart.portals.views.incidents import read_sheet
from rempart.portals.visit import allows
from rempart.portals.wording import VERDICTS
from rempart.workflows.incidents.overrule_session import LEAST_WORDS, MOST_WORDS, overrule_session
from rempart.workflows.incidents.read_incident import IncidentSheet, SuspectSession
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.retention.hold_evidence import write_as

ANALYSIS: Final = "expose_incident"
_UNPROCESSABLE: Final = 422


class OverruleForm(forms.Form):
    """Whose session it was, and why."""

    verdict = forms.ChoiceField(
        label=_("Ce que vous affirmez"), choices=list_rulings, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label=_("Pourquoi"),
        help_text=_(
            "Ce qui le prouve : un appel au professionnel, un autre journal. Ne nommez aucune "
            "personne consultée."
        ),
        min_length=LEAST_WORDS,
        max_length=MOST_WORDS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.OVERRULE_SESSION)
def overrule(request: HttpRequest, incident_id: int, session_ref: int) -> HttpResponseBase:
    """Show why a session was judged so, and take what somebody answers for instead."""
    sheet = read_sheet(request, incident_id, is_export=False)
    session = _find_session(sheet, read_ref(session_ref))
    back = f"{reverse('incident', args=[incident_id])}#seances"
    if request.method != "POST":
        return _show(request, sheet, session, OverruleForm(), back=back)
    form = OverruleForm(request.POST)
    if not form.is_valid():
        return _show(request, sheet, session, form, back=back, status=_UNPROCESSABLE)
    values = form.cleaned_data
    done = perform(
        request,
        lambda tx, asker: overrule_session(
            tx,
            incident_id,
            session_ref,
            verdict=values["verdict"],
            reason=values["reason"],
            by=write_as(asker, Permission.OVERRULE_SESSION),
        ),
    )
    if isinstance(done, Refused):
        form.add_error(None, gettext("Refusé : l’incident est clos, ou la raison ne dit rien."))
        return _show(request, sheet, session, form, back=back, status=done.status)
    return HttpResponseRedirect(back)


@require_http_methods(FORM_METHODS)
@allows(Permission.WORK_INCIDENT)
def analyse(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Ask for the analysis again, once confirmed."""
    sheet = read_sheet(request, incident_id, is_export=False)
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, _asker: enqueue(tx, ANALYSIS, incident_id=sheet.incident_id)
        ),
        back=reverse("incident", args=[incident_id]),
        title=gettext("Refaire l’analyse"),
        sentence=gettext(
            "Les séances sont jugées de nouveau, avec ce qui a été affirmé depuis. La liste en "
            "place reste entière jusqu’à la fin, puis la page dit ce qui a changé."
        ),
        button=gettext("Refaire l’analyse"),
        refusal=gettext("Refusé : cet incident est clos, ou l’analyse ne peut être demandée."),
    )


def _find_session(sheet: IncidentSheet, session_ref: int) -> SuspectSession:
    for account in sheet.accounts:
        for session in account.sessions:
            if session.session_ref == session_ref:
                return session
    raise Http404


def _show(
    request: HttpRequest,
    sheet: IncidentSheet,
    session: SuspectSession,
    form: OverruleForm,
    *,
    back: str,
    status: int = 200,
) -> HttpResponseBase:
    context: dict[str, Any] = {
        "incident": sheet,
        "session": session,
        "verdict": VERDICTS.get(session.verdict, session.verdict),
        "reasons": describe_reasons(session),
        "written": [
            {
                "words": RULINGS[one.verdict],
                "author": one.author,
                "made_at": one.made_at,
                "reason": one.reason,
            }
            for one in sheet.overrules
            if one.session_ref == session.session_ref
        ],
        "form": form,
        "back": back,
    }
    return render(request, "portals/console/overrule.html", context, status=status)
