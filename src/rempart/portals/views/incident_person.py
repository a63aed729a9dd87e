"""« Une personne » of an incident: what it means for whom exact identifiers lead to.

The answer is the page that the question gives back: it has no address of its own. Refuses to show
again what was typed, and anything before the question is in the ledger.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from rempart.accounts.permissions import Permission
from rempart.disclosure.fields import format_fields
from rempart.incidents.population import Reason
from rempart.portals import wording
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.incident_figures import describe_reasons
from rempart.portals.person_forms import CardPersonForm, HostPersonForm, TypedPersonForm
from rempart.portals.retention_wording import FIELDS
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.workflows.ledger import inquiries
from rempart.workflows.notices import ask_about_person as acts
from rempart.workflows.notices.ask_about_person import AskedIncident, PersonTold

_REASONS: Final[Mapping[Reason, Any]] = MappingProxyType(
    {
        Reason.LISTED: _("sur la liste de cet incident"),
        Reason.HOLE: _("pas sur la liste, mais une partie des journaux manque : rien ne l’exclut"),
        Reason.NOTHING_MISSING: _("pas sur la liste, et rien ne manque aux journaux"),
    }
)
_SENSITIVE: Final = tuple(
    f"{form.prefix}-{name}"
    for form in (CardPersonForm, HostPersonForm)
    for name in form.base_fields
)


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters(*_SENSITIVE)
@allows(Permission.ASK_ABOUT_PERSON)
def of_the_host(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Ask about one person, as the host: of any insurer's."""
    if not require_visitor(request).is_host:
        raise Http404
    return _show(request, read_ref(incident_id))


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters(*_SENSITIVE)
@allows(Permission.ASK_ABOUT_PERSON)
def of_an_insurer(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Ask about one person, as their insurer."""
    if require_visitor(request).insurer_id is None:
        raise Http404
    return _show(request, read_ref(incident_id))


def _show(request: HttpRequest, incident_id: int) -> HttpResponse:
    incident = perform_or_404(
        request, lambda tx, asker: acts.read_asked_incident(tx, asker, incident_id)
    )
    asked = request.POST.get("act", "") if request.method == "POST" else ""
    bound = _make_forms(request, incident)
    context = {
        "incident": incident,
        "ends_at": in_paris(incident.ends_ms - 1),  # excluded
        "incident_id": incident_id,
        "is_host": require_visitor(request).is_host,
        **list_abilities(require_visitor(request), [Permission.MANAGE_RETENTION]),
    }
    if asked not in bound or not (form := bound[asked]).is_valid():
        shown = bound if asked in bound else _make_forms(request, incident, filled=False)
        context |= {"forms": shown, "wrong": asked in bound}
        return _keep_out(render(request, _PAGE, context, status=422 if asked in bound else 200))
    told = _ask(request, incident, form)
    context["forms"] = _make_forms(request, incident, filled=False)
    if isinstance(told, Refused):
        context["refused"] = True
        return _keep_out(render(request, _PAGE, context, status=told.status))
    return _keep_out(render(request, _PAGE, context | {"told": _describe(told)}))


_PAGE: Final = "portals/room/person.html"


def _make_forms(
    request: HttpRequest, incident: AskedIncident, *, filled: bool = True
) -> dict[str, Any]:
    """Return the two forms; the one that was sent is bound, unless they start empty."""
    asked = request.POST.get("act") if filled else None
    card = CardPersonForm(request.POST if asked == "carte" else None)
    sent = request.POST if asked == "saisie" else None
    if incident.amc_number:
        return {"carte": card, "saisie": TypedPersonForm(sent)}
    insurers = perform_or_404(request, lambda tx, _asker: inquiries.list_insurers(tx))
    return {"carte": card, "saisie": HostPersonForm(sent, insurers=insurers)}


def _ask(request: HttpRequest, incident: AskedIncident, form: forms.Form) -> PersonTold | Refused:
    desk, by = get_desk(), make_author(require_visitor(request))
    assert isinstance(form, CardPersonForm | TypedPersonForm)  # noqa: S101 - made above
    lookup_key = desk.designate(form.read_identifiers(incident.amc_number))
    return perform(
        request,
        lambda tx, asker: acts.ask_about_person(
            tx,
            desk.readings,
            asker,
            incident.incident_id,
            lookup_key=lookup_key,
            digest=desk.recall(lookup_key),
            by=by,
        ),
    )


def _describe(told: PersonTold) -> dict[str, Any]:
    language = current_language()
    return {
        "row": told,
        "tier_words": wording.TIERS[told.answer.tier],
        "reason": _REASONS[told.answer.reason],
        "is_listed": told.answer.reason is Reason.LISTED,
        "is_excluded": told.answer.reason is Reason.NOTHING_MISSING,
        "fields": format_fields(told.fields, language),
        "lost": format_fields(told.lost, language),
        "archived": [FIELDS.get(one, one) for one in told.archived],
        "sessions": [
            {
                "session": one,
                "profession": wording.describe_profession(one.profession),
                "verdict": wording.VERDICTS.get(one.verdict, one.verdict),
                "opened_at": None if one.opened_ms is None else in_paris(one.opened_ms),
                "reasons": describe_reasons(one),
            }
            for one in told.sessions
        ],
    }


def _keep_out(page: HttpResponse) -> HttpResponse:
    """Have no cache keep what is said of somebody."""
    page.headers["Cache-Control"] = "no-store"
    return page
