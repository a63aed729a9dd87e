"""« Hors ligne »: the page that verifies cards with no network, and what it takes along.

Rendered without the visitor's session, so that it can be kept on a device. The documents are as
they were signed: nothing here can change one. Numbers are the gateway's: these pages carry them.
"""

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.template import loader
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.errors import NotFound
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.templatetags.rempart import asset
from rempart.portals.views.checks import describe_browser
from rempart.portals.visit import allows, get_visitor, public, require_visitor
from rempart.rights.card_verdict import CardReason
from rempart.rights.card_wording import WORDING
from rempart.workflows.rights.card_events import load_documents

FILES: Final = (
    *("vendor/pico.min.css", "rempart.css", "rempart.js", "rempart.svg"),
    *("vendor/zxing.min.js", "offline/page.js", "offline/card.js", "offline/shelf.js"),
    "offline/symbol.js",
)
KINDS: Final = ("keys", "revocations", "domains")
BATCHES_PATH: Final = "/v1/offline-batches"
ENGAGEMENTS_PATH: Final = "/v1/offline-engagements"
_WORKER: Final = Path(__file__).parent.parent / "static" / "offline" / "worker.js"


@public
@require_safe
def offline(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Show the page; the device keeps it."""
    context = {
        "root": base64.b64encode(get_desk().card_root).decode(),
        "words": json.dumps(_list_words(), ensure_ascii=False, sort_keys=True),
    }
    response = HttpResponse(loader.render_to_string("portals/offline.html", context))
    response.headers["Permissions-Policy"] = (
        "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"
    )
    return response


@public
@require_safe
def offline_worker(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Give the worker that keeps the page, with the list of what it keeps."""
    body = _make_worker(reverse("offline"))
    response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    response.headers["Service-Worker-Allowed"] = reverse("offline")
    return response


@public
@require_safe
def offline_manifest(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Describe the page as something to install."""
    return JsonResponse(
        {
            "name": gettext("Rempart hors ligne"),
            "short_name": "Rempart",
            "description": gettext("Vérifier une carte de tiers payant sans réseau."),
            "lang": current_language(),
            "start_url": reverse("offline"),
            "scope": reverse("offline"),
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": "#14385c",
            "icons": [
                {"src": asset("rempart.svg"), "sizes": "any", "type": "image/svg+xml"},
            ],
        },
        content_type="application/manifest+json",
    )


@public
@require_safe
def offline_documents(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Give the signed documents as they were published; none of what was not."""
    with get_desk().transaction() as tx:
        found = {kind: _load(tx, kind) for kind in KINDS}
    return JsonResponse({kind: text for kind, text in found.items() if text is not None})


@public
@require_safe
def offline_session(request: HttpRequest) -> JsonResponse:
    """Say whether somebody who may check rights is signed in, and what a request must carry."""
    visitor = get_visitor(request)
    return JsonResponse({"signed_in": visitor is not None, "csrf": get_token(request)})


@require_POST
@allows(Permission.CHECK_RIGHTS)
def offline_numbers(request: HttpRequest) -> HttpResponse:
    """Borrow numbers for the visitor's establishment."""
    return _pass_on(request, BATCHES_PATH, None)


@require_POST
@allows(Permission.CHECK_RIGHTS)
def offline_report(request: HttpRequest) -> HttpResponse:
    """Bring back what was promised offline."""
    try:
        # Stricter than the standard library: what it reads can be written to the gateway.
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return JsonResponse({"code": "malformed_request"}, status=400)
    return _pass_on(request, ENGAGEMENTS_PATH, body)


def _pass_on(request: HttpRequest, path: str, body: dict[str, Any] | None) -> HttpResponse:
    reply = get_desk().gateway.post(
        path, require_visitor(request).session_ref, body, browser=describe_browser(request)
    )
    if reply is None:
        return JsonResponse({"code": "unavailable"}, status=503)
    return HttpResponse(
        reply.content, status=reply.status_code, content_type=reply.headers["Content-Type"]
    )


def _load(tx: Any, kind: str) -> str | None:
    try:
        return load_documents(tx, [kind])[kind]
    except NotFound:
        return None


def _make_worker(shell: str) -> str:
    files = [asset(name) for name in FILES]
    version = hashlib.sha256(json.dumps([shell, *files]).encode()).hexdigest()[:16]
    listed = json.dumps({"version": version, "shell": shell, "files": files})
    return f"self.REMPART_OFFLINE = {listed};\n{_read_worker()}"


@functools.cache
def _read_worker() -> str:
    return _WORKER.read_text(encoding="utf-8")


def _list_words() -> dict[str, Any]:
    """Return every word the page may need, in its language."""
    language = current_language()
    reasons = {
        reason.value: [
            WORDING[reason].message(language),
            WORDING[reason].advice(language),
        ]
        for reason in CardReason
    }
    return {"language": language, "reasons": reasons, **_list_sentences()}


def _list_sentences() -> dict[str, Any]:
    return {
        "colours": {
            "green": gettext("Vert"),
            "amber": gettext("Orange"),
            "red": gettext("Rouge"),
        },
        "data_none": gettext("Aucune liste sur cet appareil : ouvrez cette page avec le réseau."),
        "data_no_list": gettext("La liste des cartes révoquées manque."),
        "data_old": gettext("Les listes sont trop vieilles : une carte ne peut plus être verte."),
        "data_fresh": gettext("Les listes sont en règle."),
        "data_refused": gettext(
            "Une liste reçue n’est pas signée comme il faut : elle est écartée."
        ),
        "data_of": gettext("Données du"),
        "ticket": gettext("ticket modérateur"),
        "line_not_covered": gettext("Cette ligne de la carte ne couvre pas aujourd’hui."),
        "nothing_read": gettext("Aucun symbole lu : rapprochez la carte, à plat, sans reflet."),
        "no_camera": gettext("Pas d’appareil photo : choisissez une image ou collez le code."),
        "numbers": gettext("%n numéros sur cet appareil ; %w à rapporter."),
        "no_number": gettext("Aucun numéro sur cet appareil : empruntez-en avec le réseau."),
        "over_amount": gettext("Un numéro promet %n € au plus."),
        "given": gettext("Numéro d’engagement hors ligne :"),
        "sign_in": gettext("Connectez-vous au portail professionnel, puis revenez ici."),
        "door_shut": gettext("La porte ne répond pas : rien n’est perdu, recommencez plus tard."),
        "none_left": gettext("Les numéros du jour sont tous empruntés."),
        "accepted": gettext("accepté"),
        "online": gettext("Avec réseau"),
        "offline": gettext("Sans réseau"),
        "refusals": {
            "unknown_number": gettext("refusé : numéro inconnu ici"),
            "used": gettext("refusé : numéro déjà rapporté"),
            "out_of_days": gettext("refusé : hors des jours du numéro"),
            "over_amount": gettext("refusé : montant trop grand"),
            "list_too_old": gettext("refusé : liste trop vieille ce jour-là"),
            "unknown_card": gettext("refusé : carte inconnue ou révoquée"),
            "not_covered": gettext("refusé : soin non couvert ce jour-là"),
        },
    }
