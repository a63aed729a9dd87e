"""Pages for anybody: what this is, how it looks and why, what the API offers, what went wrong."""

import sys
from typing import Final

import psycopg
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.views.decorators.http import require_safe

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, format_fields
from rempart.kernel.errors import Unavailable
from rempart.portals import api_docs, design
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.visit import public

RETRY_AFTER_S: Final = 5
# What goes by itself: the database restarting, a part of ours not answering.
_PASSING: Final = (OperationalError, psycopg.OperationalError, Unavailable)


@public
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is and for whom."""
    eight_fields = format_fields(EIGHT_FIELDS_OF_2024, current_language())
    return render(request, "portals/home.html", {"eight_fields": eight_fields})


@public
@require_safe
def charter(request: HttpRequest) -> HttpResponse:
    """Show the design of these pages: colours with their contrast, type, spacing, components."""
    return render(request, "portals/design.html", {"design": design.read_design()})


@public
@require_safe
def api(request: HttpRequest) -> HttpResponse:
    """Describe the API from the gateway's own description."""
    document = get_desk().gateway.read_openapi()
    if document is None:
        return _answer_unavailable()
    context = {
        "api": api_docs.describe_api(document),
        "base_url": f"{request.scheme}://{request.get_host()}",
        "today": get_desk().now(),
    }
    return render(request, "portals/api.html", context)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a request that cannot be read."""
    return _answer("bad_request", 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer somebody who is signed in as somebody else."""
    return _answer("forbidden", 403)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a form that did not come from a page of ours, or from an old one."""
    return _answer("form_expired", 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer an address that leads nowhere."""
    return _answer("not_found", 404)


def failed(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a failure: one that passes is told from a fault that somebody must read."""
    if isinstance(sys.exception(), _PASSING):
        return _answer_unavailable()
    return _answer("failed", 500)


def _answer_unavailable() -> HttpResponse:
    response = _answer("unavailable", 503)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _answer(what: str, status: int) -> HttpResponse:
    """Render without the visitor's session: it may be what cannot be read."""
    html = loader.render_to_string("portals/error.html", {"what": what, "status": status})
    return HttpResponse(html, status=status)
