"""Professionals come in through Pro Santé Connect, in one of their situations of exercise.

Refuses to let a browser name a situation that was not offered: the choice is checked again.
"""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rempart.accounts.permissions import Permission
from rempart.accounts.role_names import name_role
from rempart.accounts.situations import Offer, describe_offers
from rempart.exchange.psc import PscAnswerRefused, parse_psc_identity
from rempart.portals import provider_ceremonies as ceremonies
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.oidc import PSC, OidcClient, Recognition
from rempart.portals.provider_ceremonies import Choice, Pending
from rempart.portals.views.provider_logout import obey_logout
from rempart.portals.visit import allows, get_visitor, get_whence, public
from rempart.workflows.accounts.sign_in_with_psc import (
    NamedPlace,
    PscSignIn,
    list_psc_offers,
    make_recognised,
    sign_in_with_psc,
)


@public
@require_GET
def psc_start(request: HttpRequest) -> HttpResponse:
    """Send a professional to Pro Santé Connect."""
    client = get_desk().providers.find(PSC)
    if client is None:
        return ceremonies.refuse(request, "no_provider", status=404)
    return ceremonies.start(request, client, purpose="sign_in")


@allows(Permission.READ_OWN_ACCOUNT)
@require_GET
def psc_step_up(request: HttpRequest) -> HttpResponse:
    """Send a professional signed in to Pro Santé Connect once more, to prove who they are."""
    client, visitor = get_desk().providers.find(PSC), get_visitor(request)
    if client is None or visitor is None:
        return ceremonies.refuse(request, "no_provider", status=404)
    return ceremonies.start(request, client, purpose="step_up", session_ref=visitor.session_ref)


@public
@require_GET
def psc_return(request: HttpRequest) -> HttpResponse:
    """Take Pro Santé Connect's answer."""
    return ceremonies.finish(request, get_desk().providers.find(PSC), _welcome)


@public
@require_http_methods(["GET", "HEAD", "POST"])
def psc_situation(request: HttpRequest) -> HttpResponse:
    """Let somebody recognised choose in which situation they act."""
    choice = ceremonies.read_choice(request, PSC)
    if choice is None or choice.actor_ref is None:
        return ceremonies.refuse(request, "expired")
    with get_desk().signin() as tx:
        places = [NamedPlace(**place) for place in choice.places]
        offers = list_psc_offers(tx, choice.actor_ref, places)
    if not offers:
        return ceremonies.refuse(request, "no_place")
    named, language = describe_offers(offers), current_language()
    chosen = named.get(request.POST.get("situation", ""))
    if request.method == "POST" and chosen is not None:
        return _open(request, choice.actor_ref, chosen, choice)
    context = {
        "offers": [(name, offer, name_role(offer.role, language)) for name, offer in named.items()],
        "missing": request.method == "POST",
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "portals/providers/situation.html", context, status=status)


@public
@csrf_exempt
@require_POST
def psc_logout(request: HttpRequest) -> HttpResponse:
    """Obey Pro Santé Connect when it says that a session is over (back-channel logout)."""
    return obey_logout(request, get_desk().providers.find(PSC))


def _welcome(
    request: HttpRequest, client: OidcClient, pending: Pending, recognition: Recognition
) -> HttpResponse:
    try:
        identity = parse_psc_identity(recognition.claims)
    except PscAnswerRefused as refused:
        ceremonies.note_refusal(request, client.provider.name, refused.reason)
        return ceremonies.refuse(request, refused.reason)
    with get_desk().signin() as tx:
        found = sign_in_with_psc(tx, identity, whence=get_whence(request))
    if found.refusal is not None or found.actor_ref is None:
        return ceremonies.refuse(request, found.refusal or "unknown")
    choice = _make_choice(found, pending, recognition)
    if len(found.offers) == 1:
        return _open(request, found.actor_ref, found.offers[0], choice)
    ceremonies.keep_choice(request, choice)
    return HttpResponseRedirect(reverse("psc-situation"))


def _make_choice(found: PscSignIn, pending: Pending, recognition: Recognition) -> Choice:
    return Choice(
        provider=PSC,
        actor_ref=found.actor_ref,
        subject=recognition.subject,
        sid=recognition.sid,
        next=pending.next,
        at=ceremonies.get_now(),
        places=[asdict(place) for place in found.places],
    )


def _open(request: HttpRequest, actor_ref: int, offer: Offer, choice: Choice) -> HttpResponse:
    recognised = make_recognised(actor_ref, offer, subject=choice.subject, sid=choice.sid)
    return ceremonies.enter(request, recognised, choice.next)
