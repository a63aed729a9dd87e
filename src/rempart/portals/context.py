"""What every template may read besides what its view gives it."""

from django.http import HttpRequest

from rempart.portals.identity import get_person


def describe_visitor(request: HttpRequest) -> dict[str, object]:
    """Return who is signed in and where they are, for the header."""
    match = request.resolver_match
    return {"person": get_person(request), "here": match.view_name if match else ""}
