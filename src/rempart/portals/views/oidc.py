"""Agents and members come in through their own organisation's identity provider, where it has one.

Refuses a name nobody linked: an invitation links it once. Refuses a role of an organisation that
does not trust this provider.
"""

from typing import cast

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rempart.accounts.permissions import Permission
from rempart.accounts.role_names import name_role
from rempart.kernel.errors import AccessDenied
from rempart.portals import provider_ceremonies as ceremonies
from rempart.portals.addresses import find_browser_address
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.oidc import PSC, OidcClient, Recognition
from rempart.portals.provider_ceremonies import Choice, Pending
from rempart.portals.views.provider_logout import obey_logout
from rempart.portals.visit import allows, get_visitor, get_whence, public
from rempart.workflows.accounts.provider_logout import find_session_provider
from rempart.workflows.accounts.sign_in_with_oidc import (
    Audience,
    OidcSignIn,
    OpenRole,
    link_with_invitation,
    list_oidc_roles,
    make_recognised,
    sign_in_with_oidc,
)


class InvitationForm(forms.Form):
    """The code that links a provider's name of somebody to their account, once."""

    code = forms.CharField(
        label=_("Code d’invitation"),
        help_text=_("Vingt-quatre lettres et chiffres, remis par votre administrateur."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@public
@require_GET
def oidc_start(request: HttpRequest, slug: str) -> HttpResponse:
    """Send somebody to their organisation's provider."""
    client = _find(slug)
    if client is None:
        return ceremonies.refuse(request, "no_provider", status=404)
    return ceremonies.start(request, client, purpose="sign_in")


@allows(Permission.READ_OWN_ACCOUNT)
@require_GET
def oidc_step_up(request: HttpRequest) -> HttpResponse:
    """Send somebody signed in to their provider once more, to prove who they are."""
    visitor = get_visitor(request)
    if visitor is None:
        return ceremonies.refuse(request, "expired")
    with get_desk().signin() as tx:
        found = find_session_provider(tx, visitor.session_ref)
    client = _find(found[0]) if found else None
    if client is None:
        return ceremonies.refuse(request, "no_provider", status=404)
    return ceremonies.start(request, client, purpose="step_up", session_ref=visitor.session_ref)


@public
@require_GET
def oidc_return(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a provider's answer."""
    return ceremonies.finish(request, _find(slug), _welcome)


@public
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def oidc_invitation(request: HttpRequest, slug: str) -> HttpResponse:
    """Link somebody a provider recognised to their account, with the code they were given."""
    client, choice = _find(slug), ceremonies.read_choice(request, slug)
    if client is None or choice is None or choice.actor_ref is not None:
        return ceremonies.refuse(request, "expired")
    form = InvitationForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _show_form(request, client, form, status=422 if form.is_bound else 200)
    if get_desk().allowances.codes.ask(find_browser_address(request)):
        form.add_error("code", _("Trop d’essais depuis cette adresse : patientez une minute."))
        return _show_form(request, client, form, status=429)
    linked = _link(request, client, choice, form.cleaned_data["code"])
    if linked is None:
        form.add_error("code", _("Ce code n’ouvre rien : recopiez-le, ou demandez-en un autre."))
        return _show_form(request, client, form, status=422)
    return _choose_or_open(request, client, linked, choice)


@public
@require_http_methods(["GET", "HEAD", "POST"])
def oidc_role(request: HttpRequest, slug: str) -> HttpResponse:
    """Let somebody recognised choose in which role they act."""
    client, choice = _find(slug), ceremonies.read_choice(request, slug)
    if client is None or choice is None or choice.actor_ref is None:
        return ceremonies.refuse(request, "expired")
    with get_desk().signin() as tx:
        roles = list_oidc_roles(tx, choice.actor_ref, slug, _audience(client))
    if not roles:
        return ceremonies.refuse(request, "no_role")
    named, language = {str(role.membership_ref or 0): role for role in roles}, current_language()
    chosen = named.get(request.POST.get("role", ""))
    if request.method == "POST" and chosen is not None:
        return _open(request, client, choice.actor_ref, chosen, choice)
    context = {
        "roles": [(name, role, name_role(role.role, language)) for name, role in named.items()],
        "slug": slug,
        "missing": request.method == "POST",
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "portals/providers/role.html", context, status=status)


@public
@csrf_exempt
@require_POST
def oidc_logout(request: HttpRequest, slug: str) -> HttpResponse:
    """Obey a provider when it says that a session is over (back-channel logout)."""
    return obey_logout(request, _find(slug))


def _welcome(
    request: HttpRequest, client: OidcClient, pending: Pending, recognition: Recognition
) -> HttpResponse:
    with get_desk().signin() as tx:
        found = sign_in_with_oidc(
            tx,
            client.provider.name,
            recognition.subject,
            audience=_audience(client),
            whence=get_whence(request),
        )
    choice = Choice(
        provider=client.provider.name,
        actor_ref=found.actor_ref,
        subject=recognition.subject,
        sid=recognition.sid,
        next=pending.next,
        at=ceremonies.get_now(),
        places=[],
    )
    if found.actor_ref is None:
        ceremonies.keep_choice(request, choice)
        return HttpResponseRedirect(reverse("oidc-invitation", args=[choice.provider]))
    return _choose_or_open(request, client, found, choice)


def _choose_or_open(
    request: HttpRequest, client: OidcClient, found: OidcSignIn, choice: Choice
) -> HttpResponse:
    if found.actor_ref is None or not found.roles:
        return ceremonies.refuse(request, "no_role")
    if len(found.roles) == 1:
        return _open(request, client, found.actor_ref, found.roles[0], choice)
    kept = Choice(
        provider=choice.provider,
        actor_ref=found.actor_ref,
        subject=choice.subject,
        sid=choice.sid,
        next=choice.next,
        at=ceremonies.get_now(),
        places=[],
    )
    ceremonies.keep_choice(request, kept)
    return HttpResponseRedirect(reverse("oidc-role", args=[choice.provider]))


def _open(
    request: HttpRequest, client: OidcClient, actor_ref: int, role: OpenRole, choice: Choice
) -> HttpResponse:
    recognised = make_recognised(
        actor_ref, role, provider=client.provider.name, subject=choice.subject, sid=choice.sid
    )
    return ceremonies.enter(request, recognised, choice.next)


def _link(request: HttpRequest, client: OidcClient, choice: Choice, code: str) -> OidcSignIn | None:
    try:
        with get_desk().signin() as tx:
            return link_with_invitation(
                tx,
                code,
                provider=client.provider.name,
                subject=choice.subject,
                audience=_audience(client),
                whence=get_whence(request),
            )
    except AccessDenied:
        return None


def _show_form(
    request: HttpRequest, client: OidcClient, form: InvitationForm, *, status: int
) -> HttpResponse:
    context = {"form": form, "label": client.provider.label, "slug": client.provider.name}
    return render(request, "portals/providers/invitation.html", context, status=status)


def _find(slug: str) -> OidcClient | None:
    """Return a provider of agents or members: professionals have their own way in."""
    return None if slug == PSC else get_desk().providers.find(slug)


def _audience(client: OidcClient) -> Audience:
    return cast("Audience", client.provider.audience)
