"""Somebody just proved a passkey: open their session, or let them choose in which role.

One session is one role. Between the ceremony and the choice, who was recognised is kept in a fresh
session of the browser, for ten minutes: nobody who planted the one before can choose instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.urls import reverse

from rempart.accounts.passkeys import is_challenge_alive
from rempart.portals.challenges import STRANGER_LIFETIME_S
from rempart.portals.desk import get_desk
from rempart.portals.landing import find_home
from rempart.portals.visit import begin_visit, end_visit
from rempart.workflows.accounts.passkey_ceremony import OpenRole
from rempart.workflows.accounts.web_session import Recognised

_SLOT: Final = "arrival"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Who just proved a passkey, before the choice of a role.

    `credential_id` is the key: revoked before the choice, it opens nothing. `next_page` is where
    they were going; empty for the first page of their space.
    """

    actor_ref: int
    credential_id: bytes
    next_page: str


def arrive(request: HttpRequest, arrival: Arrival, roles: Sequence[OpenRole]) -> str:
    """Open the session of somebody who has one role, or keep the choice; return where to go.

    Args:
        request: The last request of the ceremony.
        arrival: Who was recognised.
        roles: In which roles they may sign in now; at least one.
    """
    if len(roles) == 1:
        return enter_in_role(request, arrival, roles[0])
    end_visit(request, reason="replaced")
    request.session.create()
    request.session.set_expiry(STRANGER_LIFETIME_S)
    rotate_token(request)
    request.session[_SLOT] = {
        "actor_ref": arrival.actor_ref,
        "credential_id": arrival.credential_id.hex(),
        "next_page": arrival.next_page,
        "recognised_at": get_desk().now().isoformat(),
    }
    return reverse("choose-role")


def get_arrival(request: HttpRequest) -> Arrival | None:
    """Return who was recognised in this browser and has not chosen yet; None after five minutes."""
    kept = request.session.get(_SLOT)
    if kept is None:
        return None
    recognised_at = datetime.fromisoformat(kept["recognised_at"])
    if not is_challenge_alive(recognised_at, now=get_desk().now()):
        return None
    return Arrival(
        actor_ref=kept["actor_ref"],
        credential_id=bytes.fromhex(kept["credential_id"]),
        next_page=kept["next_page"],
    )


def enter_in_role(request: HttpRequest, arrival: Arrival, role: OpenRole) -> str:
    """Open a session in one role; return the page to go to."""
    begin_visit(
        request,
        Recognised(
            actor_ref=arrival.actor_ref,
            role=role.role,
            org_ref=role.org_ref,
            membership_ref=role.membership_ref,
            accountable_ref=role.accountable_ref,
            method="passkey",
        ),
    )
    return arrival.next_page or reverse(find_home(role.role))
