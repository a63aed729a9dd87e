"""Come in, choose a role, choose a language, go out. There is nothing to type to come in."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rempart.accounts.role_names import name_role
from rempart.portals.arrival import enter_in_role, get_arrival
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.landing import find_home
from rempart.portals.provider_ceremonies import find_logout_url
from rempart.portals.visit import end_visit, get_visitor, public, read_next
from rempart.workflows.accounts.passkey_ceremony import OpenRole, list_proven_roles

_LANGUAGE_COOKIE_S: Final = 365 * 24 * 3600


@require_safe
@public
def how_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Offer the three ways in; to somebody who is in already, the way on."""
    visitor = get_visitor(request)
    others = get_desk().providers.list_others()
    context = {
        "next_page": read_next(request, otherwise=""),
        "providers": [(provider.name, provider.label) for provider in others],
        "home_address": reverse(find_home(visitor.role)) if visitor else "",
    }
    return render(request, "portals/sign_in.html", context, status=200 if visitor else 401)


@require_http_methods(["GET", "HEAD", "POST"])
@public
def choose_role(request: HttpRequest) -> HttpResponse:
    """Let somebody just recognised choose in which role they come in: one per session."""
    arrival = get_arrival(request)
    if arrival is None:
        return HttpResponseRedirect(reverse("sign-in"))
    with get_desk().signin() as tx:
        roles = list_proven_roles(tx, arrival.actor_ref, arrival.credential_id)
    if not roles:
        return HttpResponseRedirect(reverse("sign-in"))
    wanted = request.POST.get("role", "")
    chosen = [role for role in roles if _name(role) == wanted]
    if request.method == "POST" and chosen:
        return HttpResponseRedirect(enter_in_role(request, arrival, chosen[0]))
    language = current_language()
    choices = [(_name(role), name_role(role.role, language), role.org_name) for role in roles]
    return render(request, "portals/choose_role.html", {"choices": choices})


@require_POST
@public
def leave(request: HttpRequest) -> HttpResponse:
    """Sign out: the session ends in the database, then the browser's token is forgotten.

    Whoever came through a provider may still be signed in there: a page offers the way out of it.
    """
    visitor = get_visitor(request)
    provider = find_logout_url(visitor) if visitor else None
    end_visit(request, reason="left")
    if provider is not None:
        return render(request, "portals/providers/left.html", {"address": provider})
    return HttpResponseRedirect(reverse("home"))


@require_POST
@public
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


def _name(role: OpenRole) -> str:
    return "member" if role.membership_ref is None else str(role.membership_ref)
