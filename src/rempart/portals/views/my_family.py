"""« Ma famille » : who is on the member's own card, and what each of them sees and does not.

Reads the member's own card and nothing else: another adult's card, care and consultations are
theirs, whoever pays for the contract.
"""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.desk import get_desk
from rempart.portals.visit import allows, get_whence, open_visit
from rempart.workflows.rights.read_family import Relative, read_family
from rempart.workflows.settlement.change_bank_details import Asker


@require_safe
@allows(Permission.READ_OWN_CARDS)
def my_family(request: HttpRequest) -> HttpResponseBase:
    """Show who is on the member's card, and what each sees."""
    with open_visit(request) as (tx, visitor):
        asker = Asker(visitor=visitor, whence=get_whence(request), now=get_desk().now())
        relatives = read_family(tx, asker, get_desk().prints)
    context = {
        "me": [_describe(one) for one in relatives if one.is_holder],
        "adults": [_describe(one) for one in relatives if not one.is_holder and not one.is_minor],
        "children": [_describe(one) for one in relatives if not one.is_holder and one.is_minor],
    }
    return render(request, "portals/member/family.html", context)


def _describe(one: Relative) -> dict[str, Any]:
    return {"name": one.name, "place": one.place, "serial": one.serial, "ends_on": one.ends_on}
