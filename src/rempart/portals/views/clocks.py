"""« Échéances »: what is due after incidents, all insurers on one screen, the most urgent first.

Refuses to count a limit that the timeline does not support: clocks are computed when asked.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.clock_calendar import Limit, write_calendar
from rempart.incidents.clock_rules import Trait
from rempart.incidents.clocks import ClockState, rank_urgency
from rempart.incidents.room import name_file
from rempart.portals.administering import (
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.clock_wording import STATES, TRAITS, describe_clock, list_parties
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.paging import cut_page, describe_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.incidents import clocks as acts
from rempart.workflows.incidents.clocks import ClockRow

COLUMNS: Final = (
    ("urgency", _("Échéance")),
    ("party", _("Pour")),
    ("due", _("Limite")),
    ("owner", _("Qui s’en charge")),
)
_SORTABLE: Final = ("urgency", "party", "due", "owner")
SHOWN: Final[dict[str, tuple[Any, frozenset[ClockState]]]] = {
    "ouvertes": (
        _("à faire et à venir"),
        frozenset({ClockState.MISSED, ClockState.RUNNING, ClockState.WAITING}),
    ),
    "retard": (_("en retard"), frozenset({ClockState.MISSED})),
    "faites": (_("faites"), frozenset({ClockState.MET, ClockState.MET_LATE})),
    "toutes": (_("toutes"), frozenset(ClockState)),
}
_OPERATOR: Final = "operateur"


class TraitForm(forms.Form):
    """What a party is, or is not, in an incident, and why.

    Args:
        parties: The parties to choose among.
    """

    party = forms.ChoiceField(label=_("Partie"))
    trait = forms.ChoiceField(
        label=_("Qualité"), choices=[(one.value, words) for one, words in TRAITS.items()]
    )
    held = forms.ChoiceField(
        label=_("Elle"), choices=[("oui", _("l’est")), ("non", _("ne l’est pas"))]
    )
    reason = forms.CharField(
        label=_("Raison"),
        help_text=_("Qui l’a décidé, sur quel texte."),
        max_length=acts.REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False

    def __init__(self, *values: Any, parties: Sequence[tuple[str, str]], **options: Any) -> None:
        super().__init__(*values, **options)
        field = self.fields["party"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = list(parties)


@require_safe
@allows(Permission.READ_CLOCKS)
def all_clocks(request: HttpRequest) -> HttpResponseBase:
    """Show what is due in every open incident."""
    rows = perform_or_404(request, acts.read_all_clocks)
    context = _describe(request, rows) | {
        "csv": reverse("clocks-csv"),
        "ics": reverse("clocks-ics"),
        "all_incidents": True,
    }
    return _render(request, "portals/clocks/clocks.html", context)


@require_safe
@allows(Permission.READ_CLOCKS)
def clocks_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what is due in every open incident."""
    return _export(request, perform_or_404(request, acts.read_all_clocks), "echeances.csv")


@require_safe
@allows(Permission.READ_CLOCKS)
def clocks_ics(request: HttpRequest) -> HttpResponseBase:
    """Download the limits of every open incident for a diary."""
    return export_calendar(perform_or_404(request, acts.read_all_clocks), "echeances.ics")


@require_safe
@allows(Permission.READ_CLOCKS)
def incident_clocks(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show what is due in one incident."""
    return _show(request, incident_id)


@require_safe
@allows(Permission.READ_CLOCKS)
def incident_clocks_csv(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Download what is due in one incident."""
    read = _read(request, incident_id)
    name = name_file(f"echeances-{incident_id}", "csv", exercise=read.head.exercise)
    return _export(request, read.rows, name)


@require_safe
@allows(Permission.READ_CLOCKS)
def incident_clocks_ics(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Download the limits of one incident for a diary."""
    read = _read(request, incident_id)
    name = name_file(f"echeances-{incident_id}", "ics", exercise=read.head.exercise)
    return export_calendar(read.rows, name)


@require_POST
@allows(Permission.WORK_INCIDENT)
def assign(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Take a clock on, or give it back."""
    code, insurer_id = request.POST.get("code", ""), _read_party(request.POST.get("party", ""))
    mine = "prendre" in request.POST
    done = perform(
        request,
        lambda tx, asker: acts.assign_clock(
            tx,
            asker,
            read_ref(incident_id),
            (code, insurer_id),
            owner_ref=asker.visitor.actor_ref if mine else None,
        ),
    )
    if isinstance(done, Refused):
        return _show(request, incident_id, status=done.status)
    return HttpResponseRedirect(reverse("incident-clocks", args=[incident_id]))


@require_POST
@allows(Permission.WORK_INCIDENT)
def say_trait(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Say what a party is: which clocks it owes."""
    read = _read(request, incident_id)
    form = TraitForm(request.POST, parties=list_parties(read.rows))
    if not form.is_valid():
        return _show(request, incident_id, form=form, status=422)
    answers = form.cleaned_data
    done = perform(
        request,
        lambda tx, asker: acts.say_trait(
            tx,
            asker,
            incident_id,
            _read_party(answers["party"]),
            Trait(answers["trait"]),
            held=answers["held"] == "oui",
            reason=answers["reason"],
        ),
    )
    if isinstance(done, Refused):
        return _show(request, incident_id, form=form, status=done.status)
    return HttpResponseRedirect(reverse("incident-clocks", args=[incident_id]))


def _show(
    request: HttpRequest, incident_id: int, *, form: TraitForm | None = None, status: int = 200
) -> HttpResponse:
    read = _read(request, incident_id)
    context = _describe(request, read.rows) | {
        "incident": read.head,
        "incident_id": read.head.incident_id,
        "exercise": read.head.exercise,
        "here": "clocks",
        "csv": reverse("incident-clocks-csv", args=[incident_id]),
        "ics": reverse("incident-clocks-ics", args=[incident_id]),
        "said": [{"said": one, "trait": TRAITS[one.trait]} for one in read.said],
        "form": form or TraitForm(parties=list_parties(read.rows)),
        "refused": status == 403,
    }
    return _render(request, "portals/clocks/incident_clocks.html", context, status=status)


def _render(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Show the page, or only its table when the page refreshes itself."""
    name = "portals/clocks/clocks_table.html" if request.headers.get("HX-Request") else template
    return render(request, name, context, status=status)


def _read(request: HttpRequest, incident_id: int) -> acts.IncidentClocks:
    number = read_ref(incident_id)
    return perform_or_404(request, lambda tx, asker: acts.read_clocks(tx, asker, number))


def _describe(request: HttpRequest, rows: Sequence[ClockRow]) -> dict[str, Any]:
    now = get_desk().now()
    visitor = require_visitor(request)
    listing = read_listing(request.GET, _SORTABLE, "urgency", descending=False)
    kept = sorted(_filter(request, rows), key=_SORT_KEYS[listing.sort], reverse=listing.descending)
    # A rehearsal is counted on its own pages; beside real incidents it would drown them.
    real = (
        [row for row in rows if not row.exercise] if any(not row.exercise for row in rows) else rows
    )
    open_rows = [row for row in real if row.clock.is_open]
    return {
        "rows": [describe_clock(row, now) for row in cut_page(kept, listing)],
        **describe_listing(listing, COLUMNS, len(kept)),
        "shown": _read_shown(request),
        "choices": [(name, words) for name, (words, _states) in SHOWN.items()],
        "parties": list_parties(rows),
        "party": request.GET.get("partie", ""),
        "mine": "moi" in request.GET,
        "missed": sum(row.clock.state is ClockState.MISSED for row in open_rows),
        "open_count": len(open_rows),
        "not_begun": sum(row.clock.state is ClockState.WAITING for row in real),
        "practised": len(rows) - len(real),
        "unowned": sum(row.owner_ref is None for row in open_rows),
        "me": visitor.actor_ref,
        "at": now,
        **list_abilities(visitor, (Permission.WORK_INCIDENT,)),
    }


def _read_shown(request: HttpRequest) -> str:
    wanted = request.GET.get("etat", "")
    return wanted if wanted in SHOWN else "ouvertes"


def _filter(request: HttpRequest, rows: Sequence[ClockRow]) -> list[ClockRow]:
    _words, states = SHOWN[_read_shown(request)]
    party, mine = request.GET.get("partie", ""), "moi" in request.GET
    me = require_visitor(request).actor_ref
    return [
        row
        for row in rows
        if row.clock.state in states
        and (not party or _name_party(row) == party)
        and (not mine or row.owner_ref == me)
    ]


def _name_party(row: ClockRow) -> str:
    insurer_id = row.clock.party.insurer_id
    return _OPERATOR if insurer_id is None else str(insurer_id)


def _read_party(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _by_due(row: ClockRow) -> tuple[bool, float]:
    due = row.clock.due_at
    return due is None, 0 if due is None else due.timestamp()


_SORT_KEYS: Final[dict[str, Callable[[ClockRow], Any]]] = {
    "urgency": lambda row: (row.exercise, rank_urgency(row.clock), row.incident_id),
    "party": lambda row: (row.clock.party.name, rank_urgency(row.clock)),
    "due": _by_due,
    "owner": lambda row: (row.owner, rank_urgency(row.clock)),
}


def _export(request: HttpRequest, rows: Sequence[ClockRow], name: str) -> HttpResponse:
    now = get_desk().now()
    header = (
        *(gettext("incident"), gettext("titre"), gettext("exercice"), gettext("échéance")),
        *(gettext("pour"), gettext("à qui"), gettext("état"), gettext("commencée le")),
        *(gettext("limite"), gettext("limite sans report"), gettext("preuve"), gettext("faite le")),
        *(gettext("qui s’en charge"), gettext("texte")),
    )
    cells = []
    for row in _filter(request, rows):
        told = describe_clock(row, now)
        cells.append(
            (
                *(row.incident_id, row.title, gettext("oui") if row.exercise else ""),
                *(told["title"], told["party"], told["to"], STATES[row.clock.state]),
                *(format_stamp(told["started_at"]), format_stamp(told["due_at"])),
                *(format_stamp(row.clock.strict_at), told["evidence"]),
                *(format_stamp(told["met_at"]), row.owner, told["source"]),
            )
        )
    return export_csv(name, header, cells)


def export_calendar(rows: Sequence[ClockRow], name: str) -> HttpResponse:
    """Return the limits of some clocks as a calendar."""
    now = get_desk().now()
    limits = [_make_limit(row, now) for row in rows if row.clock.due_at is not None]
    body = write_calendar(limits, name=gettext("Échéances des incidents"), made_at=now)
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _make_limit(row: ClockRow, now: datetime) -> Limit:
    told = describe_clock(row, now)
    mark = gettext("EXERCICE – ") if row.exercise else ""
    return Limit(
        uid=f"{row.incident_id}-{row.clock.rule.code}-{_name_party(row)}@rempart",
        at=row.clock.due_at or now,
        title=f"{mark}{told['title']} – {told['party']}",
        text=f"{row.title}\n{told['to']}\n{told['source']}\n{told['late']}",
        done=not row.clock.is_open,
    )
