"""« Vérifier des droits »: one form, one person, one answer.

What is typed travels in the body of a POST, is shown again when something is wrong with it, and is
kept nowhere. The page that shows the form names the request, so that a page sent twice is one
consultation.
"""

import re
import secrets
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from rempart.accounts.permissions import Permission
from rempart.exchange.rights_answer import OpenAnswer
from rempart.kernel.instants import PARIS
from rempart.portals import wording
from rempart.portals.addresses import find_browser_address
from rempart.portals.desk import get_desk, get_today
from rempart.portals.forms import FORMS, AnyCheckForm, CardCheckForm, current_language, make_initial
from rempart.portals.gateway_client import (
    Answered,
    Browser,
    CeremonyWanted,
    CutFacts,
    GatewayDown,
    GatewayReply,
    InputRefused,
    KeyRefused,
    RightsAreCut,
    SlowDown,
)
from rempart.portals.status_figures import REASON_NAMES, SCOPE_NAMES, STILL_WORKS_NAMES
from rempart.portals.visit import allows, end_visit, open_visit, require_visitor
from rempart.workflows.accounts.portal_account import read_profession

KEPT_FIELDS: Final = ("domain", "care_date", "purpose")
_LAST: Final = "last_check"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("card_code", "insured_nir", "amc_number", "birth_date", "birth_rank")
@allows(Permission.CHECK_RIGHTS)
def check(request: HttpRequest, *, mode: str) -> HttpResponseBase:
    """Show the form, or ask the gateway and show its answer."""
    if request.method != "POST":
        return _show_form(request, mode, FORMS[mode](initial=_make_initial(request)))
    form = FORMS[mode](request.POST)
    if not form.is_valid():
        return _show_form(request, mode, form, status=422)
    request.session[_LAST] = {name: form.cleaned_data[name] for name in ("domain", "purpose")}
    reply = get_desk().gateway.check_rights(
        require_visitor(request).session_ref,
        form.to_request(),
        browser=describe_browser(request),
        request_id=read_request_id(request),
    )
    return _show_reply(request, mode, form, reply)


def describe_browser(request: HttpRequest) -> Browser:
    """Return who really asks."""
    agent = request.headers.get("User-Agent", "").encode("ascii", "replace").decode()
    return Browser(address=find_browser_address(request), agent=agent, language=current_language())


def _show_reply(
    request: HttpRequest, mode: str, form: AnyCheckForm, reply: GatewayReply
) -> HttpResponse:
    match reply:
        case Answered():
            return _show_answer(request, mode, form, reply)
        case InputRefused(problem):
            form.add_refusals(problem.errors, problem.detail)
            return _show_form(request, mode, form, status=422)
        case KeyRefused():
            return send_away(request)
        case CeremonyWanted():
            return HttpResponseRedirect(f"{reverse('step-up')}?next={request.path}")
        case SlowDown(retry_after_s):
            return _show_trouble(request, mode, form, retry_after_s=retry_after_s, status=429)
        case RightsAreCut(cut, retry_after_s):
            return show_cut(request, cut, retry_after_s=retry_after_s)
        case GatewayDown(retry_after_s):
            return _show_trouble(request, mode, form, retry_after_s=retry_after_s, status=503)


def _show_form(
    request: HttpRequest, mode: str, form: AnyCheckForm, *, status: int = 200
) -> HttpResponse:
    # A form that was refused leaves as a new request: the old name may stand for other values.
    context = {"form": form, "mode": mode, "request_id": draw_request_id()}
    return render(request, "portals/check.html", context, status=status)


def _show_answer(
    request: HttpRequest, mode: str, form: AnyCheckForm, reply: Answered
) -> HttpResponse:
    desk, language = get_desk(), current_language()
    words = wording.describe_answer(reply.answer, language)
    context: dict[str, Any] = {
        "mode": mode,
        "words": words,
        "asked_about": form.describe_person(),
        "purpose": dict(wording.PURPOSES)[form.cleaned_data["purpose"]],
        "engagement": reply.answer.engagement if isinstance(reply.answer, OpenAnswer) else None,
        "receipt": reply.receipt,
        "answered_at": desk.now(),
        "next_form": (next_form := _make_next_form(form)),
        "kept_fields": [next_form[name] for name in KEPT_FIELDS],
        "request_id": draw_request_id(),
    }
    return render(request, "portals/answer.html", context)


def _make_next_form(form: AnyCheckForm) -> CardCheckForm:
    """Return a form for the next card, with everything but the card already chosen."""
    return CardCheckForm(initial={name: form.cleaned_data[name] for name in KEPT_FIELDS})


def _show_trouble(
    request: HttpRequest,
    mode: str,
    form: AnyCheckForm,
    *,
    retry_after_s: int,
    status: int,
) -> HttpResponse:
    # The retry keeps the request's name: if the first did arrive, this is the same consultation.
    context = {
        "mode": mode,
        "form": form,
        "too_many": status == HTTPStatus.TOO_MANY_REQUESTS,
        "retry_after_s": retry_after_s,
        "request_id": read_request_id(request),
    }
    response = render(request, "portals/trouble.html", context, status=status)
    response.headers["Retry-After"] = str(retry_after_s)
    return response


def show_cut(request: HttpRequest, cut: CutFacts, *, retry_after_s: int) -> HttpResponse:
    """Say that somebody cut rights, since when, and what still works."""
    context = {
        "what": SCOPE_NAMES.get(cut.scope, cut.scope),
        "why": REASON_NAMES.get(cut.reason, cut.reason),
        "since": cut.since.astimezone(PARIS),
        "until": None if cut.until is None else cut.until.astimezone(PARIS),
        "still_works": [STILL_WORKS_NAMES.get(one, one) for one in cut.still_works],
    }
    response = render(request, "portals/rights_cut.html", context, status=503)
    response.headers["Retry-After"] = str(retry_after_s)
    return response


def send_away(request: HttpRequest) -> HttpResponse:
    """End a session that the gateway no longer accepts."""
    end_visit(request, reason="revoked")
    return HttpResponseRedirect(f"{reverse('sign-in')}?fin=1")


def _make_initial(request: HttpRequest) -> dict[str, Any]:
    last = request.session.get(_LAST, {})
    return make_initial(
        domain=last.get("domain") or _choose_usual_domain(request),
        purpose=last.get("purpose", "billing"),
        today=get_today(),
    )


def _choose_usual_domain(request: HttpRequest) -> str:
    with open_visit(request) as (tx, visitor):
        return wording.choose_usual_domain(read_profession(tx, visitor))


def draw_request_id() -> str:
    """Return the name of a request to come."""
    return secrets.token_urlsafe(24)


def read_request_id(request: HttpRequest) -> str:
    """Return the name of a request, as its page gave it."""
    given = request.POST.get("request_id", "")
    return given if _REQUEST_ID.fullmatch(given) else draw_request_id()
