"""What every template may read besides what its view gives it."""

from django.http import HttpRequest

from rempart.portals.desk import get_desk
from rempart.portals.navigation import list_links, name_space
from rempart.portals.visit import get_visitor


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
    }
