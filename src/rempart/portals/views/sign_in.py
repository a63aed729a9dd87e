"""Sign in by a one-time link, choose a language, sign out.

Opening a link shows a button and uses nothing up: mail scanners and link previews open links too.
"""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rempart.kernel.errors import AccessDenied
from rempart.portals.desk import get_desk
from rempart.portals.identity import Person, get_person, open_key, sign_in, sign_out
from rempart.workflows.open_sign_in_link import PORTAL_KEY_LIFETIME, redeem_sign_in_link
from rempart.workflows.portal_account import end_portal_key, read_professional

_LANGUAGE_COOKIE_S: Final = 365 * 24 * 3600


@require_GET
def how_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Say how one gets in; there is no password to type anywhere."""
    return render(request, "portals/sign_in.html", status=200 if get_person(request) else 401)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("token")
def use_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show the button of a link, or use the link up when the button was pressed."""
    if request.method != "POST":
        return render(request, "portals/use_link.html")
    try:
        person = _redeem(token)
    except AccessDenied:
        return render(request, "portals/link_refused.html", status=403)
    sign_in(request, person, lifetime_s=int(PORTAL_KEY_LIFETIME.total_seconds()))
    return HttpResponseRedirect(reverse("console" if person.is_operator else "check-card"))


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Sign out: the portal key is revoked, then forgotten."""
    person, desk = get_person(request), get_desk()
    if person is not None and person.sealed_key:
        with desk.transaction() as tx:
            end_portal_key(tx, open_key(person, desk.seal))
    # A crash here leaves a session whose key opens nothing: the next check asks to sign in again.
    sign_out(request)
    return HttpResponseRedirect(reverse("home"))


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember the language of this browser and go back where it was."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = resolve_url("home")
    response = HttpResponseRedirect(back)
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=_LANGUAGE_COOKIE_S,
            httponly=True,
            secure=request.is_secure(),
            samesite="Lax",
        )
    return response


def _redeem(token: str) -> Person:
    desk = get_desk()
    with desk.transaction() as tx:
        signed_in = redeem_sign_in_link(tx, token)
        if signed_in.account_ref is None or signed_in.client_key is None:
            return Person(role="operator")
        professional = read_professional(tx, signed_in.account_ref)
    return Person(
        role="professional",
        name=professional.name,
        profession=professional.profession,
        sealed_key=desk.seal.close(signed_in.client_key),
    )
