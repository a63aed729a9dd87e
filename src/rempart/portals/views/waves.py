"""« Messages suspects » of an insurer: what its members report, grouped; one answer for a group.

The list shows no word of a message and no person. Opening one is on record before it is shown, and
its addresses are written so that nobody follows them by mistake.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.disputes import MOST_LETTERS
from rempart.notices.suspicious import ReportVerdict, defang
from rempart.portals.administering import (
    FORM_METHODS,
    perform_or_404,
    read_ref,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.desk import get_desk
from rempart.portals.member_wording import MEDIA, VERDICT_BADGES, VERDICTS
from rempart.portals.paging import cut_page, describe_listing, read_listing, sort_here
from rempart.portals.times import format_stamp
from rempart.portals.views.my_reports import describe_row
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.workflows.members import report_message
from rempart.workflows.members.report_message import Wave

COLUMNS: Final = (
    ("last", _("Dernier reçu")),
    ("reports", _("Signalements")),
    ("waiting", _("Sans réponse")),
    ("acted", _("Ont donné suite")),
)
_KEYS: Final[Mapping[str, Callable[[Wave], Any]]] = {
    "last": lambda wave: wave.reports[0].made_at,
    "reports": lambda wave: len(wave.reports),
    "waiting": lambda wave: wave.waiting,
    "acted": lambda wave: wave.acted,
}
_SHOWN: Final = 50


class VerdictForm(forms.Form):
    """What the insurer says of a wave."""

    verdict = forms.ChoiceField(
        label=_("Votre réponse"),
        choices=list(VERDICTS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choisissez une réponse.")},
    )
    words = forms.CharField(
        label=_("Ce que vous ajoutez"),
        help_text=_("Facultatif : à quoi on le reconnaît, que faire. Ne nommez personne."),
        required=False,
        max_length=MOST_LETTERS,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.HEAR_MEMBERS)
def waves(request: HttpRequest) -> HttpResponseBase:
    """Show the messages reported of late, grouped."""
    rows, listing = _load(request)
    context = {
        "rows": [_describe(wave) for wave in cut_page(rows, listing)],
        "days": report_message.WAVE_DAYS,
        **describe_listing(listing, COLUMNS, len(rows)),
    }
    return render(request, "portals/payers/waves.html", context)


@require_safe
@allows(Permission.HEAR_MEMBERS)
def waves_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the groups: numbers and days, no message and nobody."""
    rows, _listing = _load(request)
    header = (
        *(gettext("premier reçu le"), gettext("dernier reçu le"), gettext("par")),
        *(gettext("signalements"), gettext("sans réponse"), gettext("ont donné suite")),
        gettext("réponse"),
    )
    cells = [
        (
            *(format_stamp(wave.reports[-1].made_at), format_stamp(wave.reports[0].made_at)),
            ", ".join(str(MEDIA[one]) for one in wave.media),
            *(len(wave.reports), wave.waiting, wave.acted),
            VERDICTS[wave.verdict] if wave.verdict else "",
        )
        for wave in rows
    ]
    return export_csv("messages-suspects.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.HEAR_MEMBERS)
def wave(request: HttpRequest, report_ref: int) -> HttpResponseBase:
    """Show the messages that are like one, or answer all who sent one."""
    ref, seal = read_ref(report_ref), get_desk().member_seal
    form = VerdictForm(request.POST if request.method == "POST" else None)
    sent = send_form(
        request,
        form,
        lambda tx, asker: report_message.answer_wave(
            tx,
            asker,
            seal,
            ref,
            verdict=ReportVerdict(form.cleaned_data["verdict"]),
            words=form.cleaned_data["words"],
        ),
        leads_to=lambda _done: reverse("waves"),
    )
    if isinstance(sent, HttpResponse):
        return sent
    found = perform_or_404(request, lambda tx, asker: report_message.find_wave(tx, asker, ref))
    context = {
        "wave": found,
        "media": [MEDIA[one] for one in found.media],
        "rows": [describe_row(row) for row in found.reports[:_SHOWN]],
        "more": max(len(found.reports) - _SHOWN, 0),
        "form": form,
        "refused": sent.refused,
    }
    return render(request, "portals/payers/wave.html", context, status=sent.status)


@require_safe
@allows(Permission.HEAR_MEMBERS)
def message(request: HttpRequest, report_ref: int) -> HttpResponseBase:
    """Open one message; the acts log has it first."""
    ref, desk = read_ref(report_ref), get_desk()
    by = make_author(require_visitor(request))
    found = perform_or_404(
        request,
        lambda tx, asker: report_message.read_report(
            tx, desk.readings, asker, desk.member_seal, ref, by=by
        ),
    )
    context = {
        "report": found,
        "text": defang(found.text),
        "hosts": [defang(host) for host in found.hosts],
        "medium": MEDIA[found.medium],
    }
    return render(request, "portals/payers/wave_message.html", context)


@require_safe
@allows(Permission.HEAR_MEMBERS)
def photo(request: HttpRequest, report_ref: int) -> HttpResponseBase:
    """Show the photograph of a message; the acts log has it first."""
    ref, desk = read_ref(report_ref), get_desk()
    by = make_author(require_visitor(request))
    kind, content = perform_or_404(
        request,
        lambda tx, asker: report_message.read_photo(
            tx, desk.readings, asker, desk.member_seal, ref, by=by
        ),
    )
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = "inline"
    return response


def _load(request: HttpRequest) -> Any:
    found = perform_or_404(request, report_message.list_waves)
    if "tri" not in request.GET:
        # As they come: those that wait first, then the largest.
        listing = read_listing(request.GET, tuple(_KEYS), "waiting")
        return found, listing
    listing = read_listing(request.GET, tuple(_KEYS), "waiting")
    return sort_here(found, listing, _KEYS[listing.sort]), listing


def _describe(wave: Wave) -> dict[str, Any]:
    badge, icon = ("badge-info", "clock") if wave.verdict is None else VERDICT_BADGES[wave.verdict]
    return {
        "ref": wave.reports[0].report_ref,
        "count": len(wave.reports),
        "waiting": wave.waiting,
        "acted": wave.acted,
        "first": wave.reports[-1].made_at,
        "last": wave.reports[0].made_at,
        "media": [MEDIA[one] for one in wave.media],
        "verdict": _("à trier") if wave.verdict is None else VERDICTS[wave.verdict],
        "badge": badge,
        "icon": icon,
    }
