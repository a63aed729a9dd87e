"""« Code de présence »: the six digits a member reads out, when the card is not there.

The digits are the server's: a telephone whose clock is wrong shows the right ones, and is told.
"""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.errors import NotFound
from rempart.portals.administering import FORM_METHODS, confirm, perform
from rempart.portals.desk import get_desk
from rempart.portals.visit import allows, open_visit
from rempart.workflows.rights.presence_codes import read_presence_code, renew_presence_code


@require_safe
@allows(Permission.SHOW_PRESENCE_CODE)
def show(request: HttpRequest) -> HttpResponse:
    """Show the digits of this minute; the page comes back when they change."""
    now = get_desk().now()
    try:
        with open_visit(request) as (tx, visitor):
            code = read_presence_code(tx, visitor, get_desk().code_seal, now=now)
    except NotFound:
        raise Http404 from None
    context = {"digits": f"{code.digits[:3]} {code.digits[3:]}", "left": code.seconds_left}
    response = render(request, "portals/presence_code.html", context)
    response.headers["Refresh"] = str(code.seconds_left + 1)
    return response


@require_http_methods(FORM_METHODS)
@allows(Permission.SHOW_PRESENCE_CODE)
def renew(request: HttpRequest) -> HttpResponseBase:
    """Draw another secret, once confirmed."""
    now = get_desk().now()
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: renew_presence_code(tx, asker.visitor, now=now)),
        back=reverse("presence-code"),
        title=gettext("Changer de code"),
        sentence=gettext("Les codes montrés jusqu’ici ne servent plus, ceux à venir sont autres."),
        button=gettext("Changer"),
        refusal=gettext("Refusé."),
    )
