"""What every template may read besides what its view gives it."""

from contextlib import suppress

from django.http import HttpRequest

from rempart.accounts.permissions import Permission, can
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import RempartError
from rempart.portals.desk import get_desk
from rempart.portals.navigation import list_links, name_space
from rempart.portals.visit import SessionOver, get_visitor, get_whence, open_visit
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.claims.biller_claims import count_to_correct
from rempart.workflows.guard.my_limits import MyLimits, read_my_limits


def describe_visitor(request: HttpRequest) -> dict[str, object]:
    """Return who is signed in and where they are, for the header."""
    match = request.resolver_match
    here = match.view_name if match else ""
    visitor = get_visitor(request)
    if visitor is None:
        return {"visitor": None, "here": here}
    return {
        "visitor": visitor,
        "here": here,
        "links": list_links(visitor, here=here, now=get_desk().now()),
        "space": name_space(visitor.role),
        "my_limits": _read_limits(request, visitor),
        "to_correct": _count_to_correct(request, visitor),
    }


def _count_to_correct(request: HttpRequest, visitor: Visitor) -> int:
    """Return how many rejected claims wait for whoever bills, for the navigation."""
    now = get_desk().now()
    if not can(visitor, Permission.SUBMIT_CLAIMS, now=now):
        return 0
    with suppress(SessionOver, RempartError), open_visit(request) as (tx, mine):
        return count_to_correct(tx, Asker(visitor=mine, whence=get_whence(request), now=now))
    return 0


def _read_limits(request: HttpRequest, visitor: Visitor) -> MyLimits | None:
    """Return what limits a professional's account, for every page of theirs."""
    now = get_desk().now()
    if not can(visitor, Permission.ENTER_PROFESSIONAL_SPACE, now=now):
        return None
    # A page that says why the database is away says so without it.
    with suppress(SessionOver, RempartError), open_visit(request) as (tx, mine):
        return read_my_limits(tx, Asker(visitor=mine, whence=get_whence(request), now=now))
    return None
