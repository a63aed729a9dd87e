"""« Employeurs » of an insurer: its collective contracts, and movements that wait for it."""

from typing import Any, Final, get_args

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.listing import Listing
from rempart.portals.administering import (
    Refused,
    list_abilities,
    perform,
    perform_or_404,
)
from rempart.portals.desk import get_today
from rempart.portals.employer_wording import STATES
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.views.employer_movements import describe_movement, export_movements
from rempart.portals.visit import allows, require_visitor
from rempart.portals.whole_numbers import read_whole
from rempart.workflows.employers import insurer_employers as acts
from rempart.workflows.employers.insurer_employers import REASON_LIMIT, MovementColumn

COLUMNS: Final = (
    ("declared", _("Déclaré")),
    ("number", _("Matricule")),
    ("day", _("Jour")),
    ("state", _("État")),
)


class DecideForm(forms.Form):
    """What becomes of the movements chosen."""

    decision = forms.ChoiceField(
        label=_("Décision"), choices=[("accept", _("accepter")), ("refuse", _("refuser"))]
    )
    reason = forms.CharField(
        label=_("Motif du refus"),
        help_text=_("L’employeur le lit. Pas de nom, pas de santé."),
        required=False,
        max_length=REASON_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.READ_EMPLOYERS)
def employers(request: HttpRequest) -> HttpResponseBase:
    """Show the contracts, then the movements that wait unless another state is asked for."""
    return _show(request, DecideForm(), status=200)


@require_safe
@allows(Permission.READ_EMPLOYERS)
def movements_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the movements."""
    listing, only = export_listing(_read(request)), _only(request)
    rows, _total = perform_or_404(
        request, lambda tx, asker: acts.list_movements(tx, asker, listing, only=only)
    )
    return export_movements("mouvements-employeurs.csv", rows)


@require_http_methods(["POST"])
@allows(Permission.DECIDE_MOVEMENTS)
def decide(request: HttpRequest) -> HttpResponseBase:
    """Accept or refuse the movements that were chosen."""
    form = DecideForm(request.POST)
    sent = map(read_whole, request.POST.getlist("mouvement"))
    chosen = [one for one in sent if one is not None]
    if form.is_valid():
        given = form.cleaned_data
        done = perform(
            request,
            lambda tx, asker: acts.decide_movements(
                tx, asker, chosen, accepted=given["decision"] == "accept", reason=given["reason"]
            ),
        )
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("employers"))
        form.add_error("reason", _("Choisissez au moins un mouvement ; un refus dit pourquoi."))
    return _show(request, form, status=422)


def _show(request: HttpRequest, form: DecideForm, *, status: int) -> HttpResponseBase:
    listing, only = _read(request), _only(request)
    today = get_today()

    def load(tx: Any, asker: Any) -> Any:
        groups = acts.list_employers(tx, asker, today=today)
        return groups, acts.list_movements(tx, asker, listing, only=only)

    groups, (rows, total) = perform_or_404(request, load)
    context = {
        "groups": groups,
        "rows": [describe_movement(one) for one in rows],
        "form": form,
        "only": only,
        "states": STATES.items(),
        **list_abilities(require_visitor(request), [Permission.DECIDE_MOVEMENTS]),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/employer/employers.html", context, status=status)


def _read(request: HttpRequest) -> Listing[MovementColumn]:
    return read_listing(request.GET, get_args(MovementColumn), "declared")


def _only(request: HttpRequest) -> str:
    only = request.GET.get("etat", "waiting")
    return only if only in STATES else ""
