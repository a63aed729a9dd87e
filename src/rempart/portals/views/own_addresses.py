"""« Adresses d’alerte »: where somebody is warned, given and confirmed by themselves.

Shows a hint of each address, never the address: this process cannot open one.
"""

from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.contacts import CODE_TRIES, Channel, parse_address, parse_channel
from rempart.accounts.permissions import Permission
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.findings import BadValue
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.visit import allows, get_whence, open_visit, require_visitor
from rempart.workflows.accounts.own_addresses import (
    OwnAddress,
    WaitingAddress,
    confirm_address,
    give_address,
    list_own_addresses,
    list_waiting_addresses,
    remove_address,
)

CHANNELS: Final = (("email", _("Adresse électronique")), ("sms", _("Téléphone, par SMS")))
_WORDS: Final = {"email": CHANNELS[0][1], "sms": CHANNELS[1][1], "letter": _("Courrier")}


class AddressForm(forms.Form):
    """A new address."""

    channel = forms.ChoiceField(label=_("Par"), choices=CHANNELS)
    address = forms.CharField(
        label=_("Adresse ou numéro"),
        help_text=_("Un code y est envoyé ; il vaut une heure."),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        """Return the address in order, or refuse it in the rule's own words."""
        found: dict[str, Any] = super().clean() or {}
        if "channel" in found and "address" in found:
            try:
                found["address"] = parse_address(parse_channel(found["channel"]), found["address"])
            except BadValue as bad:
                self.add_error("address", bad.refusal.message(current_language()))
        return found


class CodeForm(forms.Form):
    """The code that was sent."""

    code = forms.CharField(
        label=_("Code reçu"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "mono"}
        ),
    )
    use_required_attribute = False


class RemoveForm(forms.Form):
    """What it means to remove the last one."""

    silence = forms.BooleanField(
        label=_("Je sais que plus personne ne sera prévenu de ce qui touche à mon compte"),
        required=False,
    )


@require_safe
@allows(Permission.READ_OWN_ACCOUNT)
def addresses(request: HttpRequest) -> HttpResponseBase:
    """Show where one is warned, and what waits for its code."""
    with open_visit(request) as (tx, visitor):
        in_use = list_own_addresses(tx, visitor)
    with get_desk().signin() as tx:
        waiting = list_waiting_addresses(tx, visitor)
    context = {
        "addresses": [_describe(one) for one in in_use],
        "waiting": [_describe(one) for one in waiting],
    }
    return render(request, "portals/account/addresses.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.MANAGE_OWN_ADDRESSES)
def give(request: HttpRequest) -> HttpResponseBase:
    """Take a new address, and have a code sent there."""
    visitor = require_visitor(request)
    form = AddressForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        channel: Channel = parse_channel(form.cleaned_data["channel"])
        try:
            with get_desk().signin() as tx:
                contact_ref = give_address(
                    tx,
                    visitor,
                    channel,
                    form.cleaned_data["address"],
                    close=get_desk().close_address,
                )
        except Conflict:
            form.add_error(None, _("Plusieurs adresses attendent déjà leur code : confirmez-les."))
        else:
            return HttpResponseRedirect(reverse("confirm-address", args=[contact_ref]))
    status = 422 if form.errors else 200
    return render(request, "portals/account/give_address.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.MANAGE_OWN_ADDRESSES)
def confirm(request: HttpRequest, contact_ref: int) -> HttpResponseBase:
    """Take the code of an address."""
    visitor = require_visitor(request)
    with get_desk().signin() as tx:
        waiting = [
            one for one in list_waiting_addresses(tx, visitor) if one.contact_ref == contact_ref
        ]
    if not waiting:
        raise Http404
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with get_desk().signin() as tx:
            is_right = confirm_address(
                tx, visitor, contact_ref, form.cleaned_data["code"], whence=get_whence(request)
            )
        if is_right:
            return HttpResponseRedirect(reverse("own-addresses"))
        form.add_error("code", _("Ce n’est pas ce code."))
    context = {"form": form, "one": _describe(waiting[0]), "most": CODE_TRIES}
    status = 422 if form.errors else 200
    return render(request, "portals/account/confirm_address.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.MANAGE_OWN_ADDRESSES)
def remove(request: HttpRequest, contact_ref: int) -> HttpResponseBase:
    """Stop warning at an address; the last one only when its owner says they know."""
    with open_visit(request) as (tx, visitor):
        in_use = list_own_addresses(tx, visitor)
    found = [one for one in in_use if one.contact_ref == contact_ref]
    if not found:
        raise Http404
    form, refused = RemoveForm(request.POST or None), False
    if request.method == "POST" and form.is_valid():
        try:
            with get_desk().signin() as tx:
                remove_address(
                    tx,
                    visitor,
                    contact_ref,
                    accepts_silence=form.cleaned_data["silence"],
                    whence=get_whence(request),
                )
            return HttpResponseRedirect(reverse("own-addresses"))
        except NotFound:
            raise Http404 from None
        except Conflict:
            refused = True
    context = {
        "form": form,
        "one": _describe(found[0]),
        "is_last": len(in_use) == 1 or refused,
        "refused": refused,
    }
    status = 409 if refused else 200
    return render(request, "portals/account/remove_address.html", context, status=status)


def _describe(one: OwnAddress | WaitingAddress) -> dict[str, Any]:
    return {"row": one, "channel": _WORDS[one.channel]}
