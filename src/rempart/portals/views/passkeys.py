"""The ceremonies of passkeys: come in, enrol with a code, confirm who one is.

Each is two requests of a script of ours (static/passkeys.js), in JSON: the first gets what the
authenticator is asked, the second brings what it answered. A refusal never says why.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.errors import AccessDenied
from rempart.portals.arrival import Arrival, arrive
from rempart.portals.challenges import (
    STRANGER_LIFETIME_S,
    answer_next,
    answer_options,
    answer_refused,
    count_try,
    get_party,
    open_challenge,
    read_credential,
    read_message,
    read_text,
    take_challenge,
)
from rempart.portals.desk import get_desk
from rempart.portals.devices import describe_device
from rempart.portals.landing import find_home
from rempart.portals.visit import (
    allows,
    get_whence,
    public,
    read_next,
    renew_visit,
    require_visitor,
)
from rempart.workflows.accounts.passkey_ceremony import (
    ask_for_any_key,
    ask_for_own_key,
    confirm_with_passkey,
    sign_in_with_passkey,
)
from rempart.workflows.accounts.redeem_invitation import (
    compute_invitation_digest,
    open_invitation,
    record_refused_code,
    redeem_invitation,
)

_SIGN_IN = "sign-in"
_INVITATION = "invitation"
_STEP_UP = "step-up"


@require_POST
@public
def start_sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for any key of this site; nobody says who they are first."""
    too_many = count_try(request, get_desk().allowances.ceremonies)
    if too_many:
        return too_many
    _shorten(request)
    challenge = open_challenge(request, _SIGN_IN)
    return answer_options(ask_for_any_key(get_party(), challenge))


@require_POST
@public
def finish_sign_in(request: HttpRequest) -> HttpResponse:
    """Let in whoever proved a key, or refuse."""
    too_many = count_try(request, get_desk().allowances.ceremonies)
    if too_many:
        return too_many
    challenge, message = take_challenge(request, _SIGN_IN), read_message(request)
    with get_desk().signin() as tx:
        proven = sign_in_with_passkey(
            tx,
            read_credential(message),
            party=get_party(),
            challenge=challenge.value,
            whence=get_whence(request),
        )
    if proven is None:
        return answer_refused()
    arrival = Arrival(
        actor_ref=proven.actor_ref,
        credential_id=proven.credential_id,
        next_page=read_next(request, otherwise=""),
    )
    return answer_next(arrive(request, arrival, proven.roles))


@require_safe
@public
def invitation(request: HttpRequest) -> HttpResponse:
    """Ask for the code of an invitation."""
    return render(request, "portals/invitation.html")


@require_POST
@public
def start_invitation(request: HttpRequest) -> HttpResponse:
    """Ask for a new key, against a code that is worth something."""
    too_many = count_try(request, get_desk().allowances.codes)
    if too_many:
        return too_many
    _shorten(request)
    # The code itself stays in the browser's page; its digest says which one this browser gave.
    digest = compute_invitation_digest(read_text(read_message(request), "code"))
    challenge = open_challenge(request, _INVITATION, facts={"code": digest.hex()})
    with get_desk().signin() as tx:
        options = open_invitation(
            tx, digest, party=get_party(), challenge=challenge, whence=get_whence(request)
        )
    return answer_refused() if options is None else answer_options(options)


@require_POST
@public
def finish_invitation(request: HttpRequest) -> HttpResponse:
    """Keep the new key and use the code up, then let its person in."""
    too_many = count_try(request, get_desk().allowances.codes)
    if too_many:
        return too_many
    challenge, message = take_challenge(request, _INVITATION), read_message(request)
    whence = get_whence(request)
    try:
        with get_desk().signin() as tx:
            proven = redeem_invitation(
                tx,
                bytes.fromhex(challenge.facts.get("code", "")),
                read_credential(message),
                label=describe_device(whence.agent),
                party=get_party(),
                challenge=challenge.value,
                whence=whence,
            )
    except AccessDenied:
        with get_desk().signin() as tx:
            record_refused_code(tx, None, whence=whence)
        return answer_refused()
    arrival = Arrival(
        actor_ref=proven.actor_ref,
        credential_id=proven.credential_id,
        next_page=reverse("second-key"),
    )
    return answer_next(arrive(request, arrival, proven.roles))


@require_safe
@allows(Permission.READ_OWN_ACCOUNT)
def step_up(request: HttpRequest) -> HttpResponseBase:
    """Ask somebody signed in to prove once more who they are."""
    visitor = require_visitor(request)
    context = {"next_page": read_next(request, otherwise=reverse(find_home(visitor.role)))}
    return render(request, "portals/step_up.html", context)


@require_POST
@allows(Permission.READ_OWN_ACCOUNT)
def start_step_up(request: HttpRequest) -> HttpResponseBase:
    """Ask for one of the visitor's own keys."""
    challenge = open_challenge(request, _STEP_UP)
    with get_desk().signin() as tx:
        options = ask_for_own_key(tx, require_visitor(request), get_party(), challenge)
    return answer_refused() if options is None else answer_options(options)


@require_POST
@allows(Permission.READ_OWN_ACCOUNT)
def finish_step_up(request: HttpRequest) -> HttpResponseBase:
    """Note the fresh ceremony and give the session a new token, or refuse."""
    visitor, whence = require_visitor(request), get_whence(request)
    challenge, message = take_challenge(request, _STEP_UP), read_message(request)
    with get_desk().signin() as tx:
        confirmed = confirm_with_passkey(
            tx,
            visitor,
            read_credential(message),
            party=get_party(),
            challenge=challenge.value,
            whence=whence,
        )
    if not confirmed or not renew_visit(request, visitor):
        return answer_refused()
    return answer_next(read_next(request, otherwise=reverse(find_home(visitor.role))))


def _shorten(request: HttpRequest) -> None:
    """Have what a stranger leaves in the session table go soon."""
    if request.session.is_empty():
        request.session.set_expiry(STRANGER_LIFETIME_S)
