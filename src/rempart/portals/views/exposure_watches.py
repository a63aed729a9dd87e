"""« Remboursements surveillés »: claims of exposed members that do not look like their others.

The list names nobody; opening the claim is on record. Refuses words that accuse.
"""

from typing import Any, Final, cast, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission, can
from rempart.claims.references import format_reference
from rempart.kernel.listing import Listing
from rempart.portals.administering import (
    FORM_METHODS,
    confirm,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.care_wording import CLAIM_BADGES, CLAIM_STATES, describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.desk import get_desk
from rempart.portals.insurer_wording import DECISION_BADGES, DECISIONS, describe_reason
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.claims import exposure_watches as acts
from rempart.workflows.claims.exposure_watches import (
    WATCH_DAYS,
    WHY_LIMIT,
    FlagColumn,
    FlagDecision,
    FlagFilter,
    ListedFlag,
    Verdict,
    WatchColumn,
)

COLUMNS: Final = (
    ("raised", _("Signalée")),
    ("points", _("Poids")),
    ("care", _("Soins")),
    ("billed", _("Facturé")),
    ("state", _("État")),
)
_WATCHES: Final[Listing[WatchColumn]] = Listing(sort="started", descending=True)


class FlagForm(forms.Form):
    """What becomes of a claim that was flagged."""

    decision = forms.ChoiceField(
        label=_("Décision"), choices=list(DECISIONS.items()), widget=forms.RadioSelect
    )
    why = forms.CharField(
        label=_("Raison"),
        help_text=_("Vos collègues la lisent. Ne nommez personne."),
        max_length=WHY_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.WATCH_REIMBURSEMENTS)
def flags(request: HttpRequest) -> HttpResponseBase:
    """Show the claims flagged that wait, or all, and the incidents watched."""
    listing = read_listing(request.GET, get_args(FlagColumn), "raised")
    which = _read_filter(request)
    visitor, now = require_visitor(request), get_desk().now()
    may_start = can(visitor, Permission.START_WATCH, now=now)

    def load(tx: Any, asker: Any) -> Any:
        rows, total = acts.list_flags(tx, asker, listing, which)
        watches, _count = acts.list_watches(tx, asker, _WATCHES)
        unwatched = acts.list_unwatched(tx, asker) if may_start else []
        names = acts.name_billers(tx, asker, {row.establishment_ref for row in rows})
        return rows, total, watches, unwatched, names

    rows, total, watches, unwatched, names = perform_or_404(request, load)
    context = {
        "rows": [{**_describe(row), "biller": names.get(row.establishment_ref)} for row in rows],
        "watches": watches,
        "unwatched": unwatched,
        "all": not which.waiting,
        "now": now,
        **list_abilities(visitor, [Permission.START_WATCH]),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/insurer/flags.html", context)


@require_safe
@allows(Permission.WATCH_REIMBURSEMENTS)
def flags_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the claims flagged, with their reasons and decisions: nobody's name."""
    listing = export_listing(read_listing(request.GET, get_args(FlagColumn), "raised"))
    which = _read_filter(request)
    rows, _total = perform_or_404(
        request, lambda tx, asker: acts.list_flags(tx, asker, listing, which)
    )
    header = (
        *(gettext("facture"), gettext("incident"), gettext("signalée le"), gettext("poids")),
        *(gettext("raisons"), gettext("facturé"), gettext("état"), gettext("décision")),
        *(gettext("raison de la décision"), gettext("décidée le"), gettext("décidée par")),
    )
    cells = (
        (
            *(format_reference(row.claim_ref), row.incident_id, format_stamp(row.raised_at)),
            *(row.points, " ; ".join(str(describe_reason(one)["name"]) for one in row.reasons)),
            *(format_cell(row.billed_cents), CLAIM_STATES[row.state]),
            *(DECISIONS[row.decision] if row.decision else "", row.why),
            *(format_stamp(row.decided_at), row.decided_by),
        )
        for row in rows
    )
    return export_csv("remboursements-surveilles.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.WATCH_REIMBURSEMENTS)
def decide(request: HttpRequest, claim_ref: int) -> HttpResponseBase:
    """Show one flag with its reasons, and decide on it."""
    ref = read_ref(claim_ref)
    flag = perform_or_404(request, lambda tx, asker: acts.read_flag(tx, asker, ref))
    form = FlagForm(request.POST if request.method == "POST" else None)

    def decide(tx: Any, asker: Any) -> None:
        verdict = Verdict(
            decision=cast("FlagDecision", form.cleaned_data["decision"]),
            why=form.cleaned_data["why"],
        )
        acts.decide_flag(tx, asker, ref, verdict)

    sent = send_form(request, form, decide, leads_to=lambda _done: reverse("exposure-flags"))
    if isinstance(sent, HttpResponse):
        return sent
    names = perform_or_404(
        request, lambda tx, asker: acts.name_billers(tx, asker, {flag.establishment_ref})
    )
    context = {
        **_describe(flag),
        "form": form,
        "biller": names.get(flag.establishment_ref),
        "refused": sent.refused,
        **list_abilities(require_visitor(request), [Permission.HOLD_CLAIMS]),
    }
    return render(request, "portals/insurer/flag.html", context, status=sent.status)


@require_http_methods(FORM_METHODS)
@allows(Permission.START_WATCH)
def start(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Ask, then watch the claims of whom an incident exposed."""
    ref = read_ref(incident_id)
    unwatched = perform_or_404(request, acts.list_unwatched)
    if ref not in {one.incident_id for one in unwatched}:
        raise Http404
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: acts.start_watch(tx, asker, ref)),
        back=reverse("exposure-flags"),
        title=gettext("Surveiller les remboursements des personnes exposées"),
        sentence=gettext(
            "Chaque facture de ces personnes, depuis le premier jour de l’incident et pendant "
            "%(days)s jours, est comparée à leurs soins habituels. Rien n’est bloqué : ce qui ne "
            "leur ressemble pas vous est signalé, avec les raisons. Elles lisent dans leur espace "
            "que leurs remboursements sont surveillés."
        )
        % {"days": WATCH_DAYS},
        button=gettext("Surveiller"),
        refusal=gettext("Cet incident est surveillé déjà."),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.START_WATCH)
def end(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Ask, then stop watching."""
    ref = read_ref(incident_id)
    watches, _count = perform_or_404(
        request, lambda tx, asker: acts.list_watches(tx, asker, _WATCHES)
    )
    if ref not in {one.incident_id for one in watches if one.ended_at is None}:
        raise Http404
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: acts.end_watch(tx, asker, ref)),
        back=reverse("exposure-flags"),
        title=gettext("Ne plus surveiller"),
        sentence=gettext(
            "Aucune nouvelle facture ne sera comparée. Ce qui est signalé attend toujours votre "
            "décision. Une surveillance arrêtée ne reprend pas."
        ),
        button=gettext("Ne plus surveiller"),
        refusal=gettext("Ce n’est plus possible : relisez la liste."),
    )


def _read_filter(request: HttpRequest) -> FlagFilter:
    return FlagFilter(waiting="tout" not in request.GET)


def _describe(row: ListedFlag) -> dict[str, Any]:
    return {
        "row": row,
        "reference": format_reference(row.claim_ref),
        "reasons": [describe_reason(one) for one in row.reasons],
        "state": describe_state(row.state, CLAIM_STATES, CLAIM_BADGES),
        "decision": describe_state(row.decision, DECISIONS, DECISION_BADGES)
        if row.decision
        else None,
    }
