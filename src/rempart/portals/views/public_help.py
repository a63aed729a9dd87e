"""Where to report a suspicious message, and who answers for this site: pages for anybody.

Refuses to send anybody to a place that is not for what they have.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rempart.notices.channels import CHANNELS, Channel, ReportKind, find_channel
from rempart.portals.concerned_wording import REPORT_KINDS
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.visit import public


@public
@require_safe
def report_phishing(request: HttpRequest) -> HttpResponse:
    """Ask what arrived, and say where to report it first."""
    asked = request.GET.get("quoi", "")
    kind = next((one for one in ReportKind if one.value == asked), None)
    first = None if kind is None else find_channel(kind)
    context = {
        "kinds": [{"kind": one, "words": words} for one, words in REPORT_KINDS.items()],
        "asked": kind,
        "first": None if first is None else _describe(first),
        "others": [_describe(one) for one in CHANNELS if one is not first],
    }
    return render(request, "portals/concerned/report_phishing.html", context)


@public
@require_safe
def legal_notices(request: HttpRequest) -> HttpResponse:
    """Say who answers for this site, what it keeps of whoever reads it, and their rights."""
    return render(request, "portals/concerned/legal.html", {"legal": get_desk().legal})


def _describe(channel: Channel) -> dict[str, Any]:
    return {"channel": channel, "purpose": channel.purpose[current_language()]}
