"""What waits for a review: claims held, establishments watched; and what stands out in figures.

An insurer sees its members' claims only; the host's security sees holds by number, and no act.
Refuses words that accuse: a figure that stands out has many reasons.
"""

from typing import Any, Final, cast

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.references import format_reference
from rempart.portals.administering import FORM_METHODS, Refused, perform, perform_or_404, read_ref
from rempart.portals.care_wording import name_act
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import WhyForm, take_decision
from rempart.portals.desk import get_desk
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import cut_page, describe_listing, read_listing, sort_here
from rempart.portals.payer_wording import SIGNALS
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.claims import hold_claims, read_insured_claims
from rempart.workflows.claims.hold_claims import Decision, HoldDecision, HoldListed, WatchListed
from rempart.workflows.claims.read_insured_claims import Signal, SignalKind

COLUMNS: Final = (
    ("placed", _("Depuis")),
    ("claim", _("Facture")),
    ("reason", _("Raison")),
)
SIGNAL_COLUMNS: Final = (
    ("kind", _("Chiffre")),
    ("establishment", _("Établissement")),
    ("value", _("Ici")),
    ("usual", _("D’habitude")),
    ("counted", _("Compté sur")),
)


class DecideForm(WhyForm):
    """What becomes of a claim that waits."""

    decision = forms.ChoiceField(
        label=_("Décision"),
        choices=[("release", _("la laisser suivre")), ("reject", _("la rejeter"))],
        widget=forms.RadioSelect,
    )
    field_order = ("decision", "reason")

    def make_decision(self, hold_ref: int) -> HoldDecision:
        """Return what was decided; the form is valid."""
        return HoldDecision(
            hold_ref=hold_ref,
            decision=cast("Decision", self.cleaned_data["decision"]),
            why=self.why,
            at=get_desk().now(),
        )


@require_safe
@allows(Permission.HOLD_CLAIMS)
def holds(request: HttpRequest) -> HttpResponseBase:
    """Show the claims that wait for the visitor, and the establishments watched."""
    watches, held = perform_or_404(request, hold_claims.list_holds)
    listing = read_listing(request.GET, ("placed", "claim", "reason"), "placed")
    rows = sort_here(held, listing, lambda one: _find_value(one, listing.sort))
    is_insurer = require_visitor(request).insurer_id is not None
    context = {
        "rows": [
            {"row": row, "reference": format_reference(row.claim_ref)}
            for row in cut_page(rows, listing)
        ],
        "watches": [_describe_watch(request, one) for one in watches],
        "is_insurer": is_insurer,
        **describe_listing(listing, COLUMNS, len(rows)),
    }
    return render(request, "portals/payers/holds.html", context)


@require_safe
@allows(Permission.HOLD_CLAIMS)
def holds_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the claims that wait."""
    _watches, held = perform_or_404(request, hold_claims.list_holds)
    listing = read_listing(request.GET, ("placed", "claim", "reason"), "placed")
    rows = sort_here(held, listing, lambda one: _find_value(one, listing.sort))
    header = gettext("facture"), gettext("depuis"), gettext("raison")
    cells = [
        (format_reference(row.claim_ref), format_stamp(row.placed_at), row.reason) for row in rows
    ]
    return export_csv("factures-en-attente.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.HOLD_CLAIMS)
def decide(request: HttpRequest, claim_hold_ref: int) -> HttpResponseBase:
    """Let a claim go on, or reject it."""
    ref = read_ref(claim_hold_ref)
    _watches, held = perform_or_404(request, hold_claims.list_holds)
    found = next((one for one in held if one.hold_ref == ref), None)
    if found is None:
        raise Http404
    form = DecideForm(request.POST if request.method == "POST" else None)
    return take_decision(
        request,
        form,
        lambda tx, asker: hold_claims.decide_hold(tx, asker, form.make_decision(ref)),
        title=gettext("Décider de la facture"),
        reference=format_reference(found.claim_ref),
        sentence=gettext("Ce que vous décidez est fait dans la minute."),
        button=gettext("Décider"),
        refusal=gettext("Elle n’attend plus."),
        back=reverse("claim-holds"),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.HOLD_CLAIMS)
def watch(request: HttpRequest, biller_ref: int) -> HttpResponseBase:
    """Ask, then have the new claims of an establishment wait, for the insurer's members."""
    ref = read_ref(biller_ref)
    biller = perform_or_404(
        request, lambda tx, asker: read_insured_claims.name_biller(tx, asker, ref)
    )
    form = WhyForm(request.POST if request.method == "POST" else None)
    return take_decision(
        request,
        form,
        lambda tx, asker: hold_claims.watch_establishment(
            tx, asker, establishment_ref=ref, reason=form.why
        ),
        title=gettext("Vérifier les prochaines factures"),
        reference=f"{biller.name} – {biller.city}",
        sentence=gettext(
            "Ses nouvelles factures pour vos adhérents attendront une décision. Ce qui est déjà "
            "accepté lui est payé."
        ),
        button=gettext("Vérifier ses factures"),
        refusal=gettext("Ce n’est plus possible : relisez la liste."),
        back=reverse("claim-holds"),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.HOLD_CLAIMS)
def end_watch(request: HttpRequest, watch_ref: int) -> HttpResponseBase:
    """Ask, then let the claims of an establishment go on."""
    ref = read_ref(watch_ref)
    watches, _held = perform_or_404(request, hold_claims.list_holds)
    if ref not in {one.watch_ref for one in watches}:
        raise Http404
    status = 200
    if request.method == "POST":
        done = perform(request, lambda tx, asker: hold_claims.end_watch(tx, asker, ref))
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("claim-holds"))
        status = done.status
    context = {
        "title": gettext("Ne plus vérifier ses factures"),
        "sentence": gettext("Ses factures qui attendent suivent leur cours, les prochaines aussi."),
        "button": gettext("Ne plus vérifier"),
        "refusal": gettext("Ce n’est plus possible : relisez la liste."),
        "back": reverse("claim-holds"),
        "refused": status != 200,
    }
    return render(request, "portals/organisation/confirm.html", context, status=status)


@require_safe
@allows(Permission.HOLD_CLAIMS)
def signals(request: HttpRequest) -> HttpResponseBase:
    """Show what stands out, establishment by establishment."""
    rows, listing = _load_signals(request)
    context = {
        "rows": cut_page(rows, listing),
        "days": read_insured_claims.SIGNAL_DAYS,
        **describe_listing(listing, SIGNAL_COLUMNS, len(rows)),
    }
    return render(request, "portals/payers/signals.html", context)


@require_safe
@allows(Permission.HOLD_CLAIMS)
def signals_csv(request: HttpRequest) -> HttpResponseBase:
    """Download what stands out: establishments and figures, nobody."""
    rows, _listing = _load_signals(request)
    header = (
        *(gettext("chiffre"), gettext("établissement"), gettext("ville"), gettext("acte")),
        *(gettext("ici"), gettext("d’habitude"), gettext("compté sur")),
    )
    cells = [
        (
            *(one["kind"], one["name"], one["city"], one["signal"].act),
            *(_write_cell(one["signal"], "value"), _write_cell(one["signal"], "usual")),
            one["signal"].counted,
        )
        for one in rows
    ]
    return export_csv("signaux.csv", header, cells)


def _load_signals(request: HttpRequest) -> tuple[list[dict[str, Any]], Any]:
    if require_visitor(request).insurer_id is None:
        raise Http404
    found, names = perform_or_404(request, read_insured_claims.find_claim_signals)
    listing = read_listing(
        request.GET, ("counted", "kind", "establishment", "value", "usual"), "counted"
    )
    rows = [
        {
            "signal": one,
            "kind": SIGNALS[one.kind],
            "act": name_act(one.act) if one.act else "",
            "name": names[one.establishment_ref].name if one.establishment_ref in names else "",
            "city": names[one.establishment_ref].city if one.establishment_ref in names else "",
            "value": _write(one, "value"),
            "usual": _write(one, "usual"),
        }
        for one in found
    ]
    keys = {
        "kind": lambda row: row["signal"].kind,
        "establishment": lambda row: row["name"],
        "value": lambda row: row["signal"].value,
        "usual": lambda row: row["signal"].usual,
        "counted": lambda row: row["signal"].counted,
    }
    return sort_here(rows, listing, keys[listing.sort]), listing


def _write(signal: Signal, name: str) -> dict[str, Any]:
    """Return a figure of a signal with its unit, for a template."""
    figure = getattr(signal, name)
    if signal.kind is SignalKind.PRICE:
        return {"cents": figure}
    return {"share": figure / 10_000} if signal.kind is SignalKind.UNCHECKED else {"count": figure}


def _write_cell(signal: Signal, name: str) -> object:
    figure = getattr(signal, name)
    if signal.kind is SignalKind.VOLUME:
        return figure
    return format_cell(figure)


def _describe_watch(request: HttpRequest, one: WatchListed) -> dict[str, Any]:
    found = None
    if one.insurer_id:
        done = perform(
            request,
            lambda tx, asker: read_insured_claims.find_biller(tx, asker, one.establishment_ref),
        )
        found = None if isinstance(done, Refused) else done
    return {"watch": one, "biller": found}


def _find_value(row: HoldListed, column: str) -> Any:
    return {"placed": row.placed_at, "claim": row.claim_ref, "reason": row.reason}[column]
