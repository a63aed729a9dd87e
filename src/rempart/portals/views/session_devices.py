"""Where browsers bind a session to their device, and prove the device again.

They call by themselves, without a form: what stands for the form's token is a header that no page
of another site can send, and a signature over a challenge that serves once.
"""

from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from rempart.portals.challenges import count_try
from rempart.portals.desk import get_desk
from rempart.portals.device_binding import (
    RESPONSE,
    SESSION_ID,
    challenge_next,
    give_cookie,
    make_instructions,
)
from rempart.portals.session_store import compute_token_digest
from rempart.portals.visit import get_whence, public
from rempart.portals.whole_numbers import read_whole
from rempart.workflows.accounts.bind_device import (
    Challenged,
    Proved,
    Refused,
    bind_device,
    refresh_device,
)

_SAME_ORIGIN: Final = frozenset({"", "none", "same-origin"})


@csrf_exempt
@require_POST
@public
def bind(request: HttpRequest) -> HttpResponse:
    """Bind the session that was just opened to the key that signed its challenge."""
    header, key = request.headers.get(RESPONSE, ""), request.session.session_key
    if not header or not key or _is_from_elsewhere(request):
        return _forget()
    too_many = count_try(request, get_desk().allowances.ceremonies)
    if too_many:
        return too_many
    with get_desk().signin() as tx:
        outcome = bind_device(
            tx,
            compute_token_digest(key),
            header,
            address=_name_here("bind-device"),
            whence=get_whence(request),
        )
    return _answer(request, outcome)


@csrf_exempt
@require_POST
@public
def refresh(request: HttpRequest) -> HttpResponse:
    """Give another cookie for another signature, or say what to sign."""
    session_ref, key = _read_session(request), request.session.session_key
    if session_ref is None or not key or _is_from_elsewhere(request):
        return _forget()
    too_many = count_try(request, get_desk().allowances.ceremonies)
    if too_many:
        return too_many
    with get_desk().signin() as tx:
        outcome = refresh_device(
            tx,
            compute_token_digest(key),
            session_ref,
            request.headers.get(RESPONSE, ""),
            address=_name_here("refresh-device"),
            whence=get_whence(request),
        )
    return _answer(request, outcome)


def _answer(request: HttpRequest, outcome: Proved | Challenged | Refused) -> HttpResponse:
    match outcome:
        case Proved(session_ref, cookie, challenge):
            response: HttpResponse = JsonResponse(make_instructions(request, session_ref))
            give_cookie(request, response, cookie)
            challenge_next(response, session_ref, challenge)
            return response
        case Challenged(session_ref, challenge):
            # The one refusal after which a browser tries again.
            response = HttpResponse(status=HTTPStatus.FORBIDDEN)
            challenge_next(response, session_ref, challenge)
            return response
        case _:
            return _forget()


def _forget() -> HttpResponse:
    """Have the browser drop what it bound, without saying why."""
    return HttpResponse(status=HTTPStatus.UNAUTHORIZED)


def _read_session(request: HttpRequest) -> int | None:
    text = request.headers.get(SESSION_ID, "").strip().removeprefix('"').removesuffix('"')
    return read_whole(text)


def _is_from_elsewhere(request: HttpRequest) -> bool:
    return request.headers.get("Sec-Fetch-Site", "") not in _SAME_ORIGIN


def _name_here(name: str) -> str:
    return f"{get_desk().public_url}{reverse(name)}"
