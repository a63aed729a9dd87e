"""A child of separated parents, on the card of each: the insurer puts them there or takes them off.

Shows no name: a child is known by a card's number and their line on it. Neither parent is told of
the other's card.
"""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from rempart.accounts.permissions import Permission
from rempart.portals.administering import FORM_METHODS, Refused, perform
from rempart.portals.visit import allows
from rempart.rights.card import MAX_BENEFICIARIES, CardSerial
from rempart.workflows.accounts import administer_organisation
from rempart.workflows.rights.read_cards import read_card, share_line, unshare_line
from rempart.workflows.settlement.change_bank_details import Asker


class LineForm(forms.Form):
    """The line of a child on a card."""

    line = forms.IntegerField(
        label=_("Ligne de l’enfant"),
        help_text=_("Le numéro devant son nom, sur cette carte."),
        min_value=2,
        max_value=MAX_BENEFICIARIES,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    use_required_attribute = False


class ShareForm(LineForm):
    """The line of a child on a card, and the card of the other adult."""

    other = forms.CharField(
        label=_("Carte de l’autre parent"),
        help_text=_("Son numéro : seize lettres et chiffres, sous le symbole."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_other(self) -> CardSerial:
        """Read the number."""
        serial = CardSerial.parse(self.cleaned_data["other"])
        if serial is None:
            raise forms.ValidationError(_("Un numéro de carte a quatre groupes de quatre."))
        return serial


@require_http_methods(FORM_METHODS)
@allows(Permission.MANAGE_CARDS)
def share(request: HttpRequest, serial: str) -> HttpResponseBase:
    """Put a child of this card on another adult's too."""
    form = ShareForm(request.POST if request.method == "POST" else None)
    found = _read(request, serial)
    if request.method == "POST" and form.is_valid():
        other = form.cleaned_data["other"].code
        refusal = gettext(
            "Refusé : il faut deux cartes en cours de deux adultes d’un même contrat, déjà "
            "séparées, et un enfant qui n’est pas encore sur l’autre."
        )
        if _do(request, form, lambda tx, asker, line: share_line(tx, asker, found, line, other)):
            return HttpResponseRedirect(reverse("one-card", args=[found]))
        form.add_error(None, refusal)
    return _show(request, form, found, is_sharing=True)


@require_http_methods(FORM_METHODS)
@allows(Permission.MANAGE_CARDS)
def unshare(request: HttpRequest, serial: str) -> HttpResponseBase:
    """Take a child off this card; they stay on the other adult's."""
    form = LineForm(request.POST if request.method == "POST" else None)
    found = _read(request, serial)
    if request.method == "POST" and form.is_valid():
        if _do(request, form, lambda tx, asker, line: unshare_line(tx, asker, found, line)):
            return HttpResponseRedirect(reverse("one-card", args=[found]))
        form.add_error(
            None,
            gettext(
                "Refusé : sur cette ligne, il n’y a pas d’enfant qui ait aussi une autre carte."
            ),
        )
    return _show(request, form, found, is_sharing=False)


def _do(request: HttpRequest, form: LineForm, act: Any) -> bool:
    line = form.cleaned_data["line"]
    try:
        done = perform(request, lambda tx, asker: act(tx, _as_reader(asker), line))
    except Http404:  # the other card, or the line: this card was there a moment ago
        return False
    return not isinstance(done, Refused)


def _read(request: HttpRequest, serial: str) -> str:
    found = perform(request, lambda tx, asker: read_card(tx, _as_reader(asker), serial))
    if isinstance(found, Refused):
        raise Http404
    return CardSerial(found.serial).code


def _as_reader(asker: administer_organisation.Asker) -> Asker:
    return Asker(visitor=asker.visitor, whence=asker.whence, now=asker.now)


def _show(
    request: HttpRequest, form: LineForm, serial: str, *, is_sharing: bool
) -> HttpResponseBase:
    number = CardSerial.parse(serial)
    context = {
        "form": form,
        "code": serial,
        "serial": "" if number is None else number.format(),
        "is_sharing": is_sharing,
    }
    status = 422 if form.errors else 200
    return render(request, "portals/cards/share.html", context, status=status)
