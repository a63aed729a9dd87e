"""« Ma carte »: the e-card of whoever is signed in, to show, print, order again or declare lost.

Shows nobody else's: each adult sees their own card and who is on it. A page that orders or declares
lost is shown after a fresh ceremony.
"""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.card_letter import describe_cells
from rempart.exchange.card_symbol import draw_png, draw_svg
from rempart.kernel.crockford import format_groups
from rempart.kernel.errors import Conflict, NotFound
from rempart.portals.card_wording import EXPIRED, PURPOSES, REASONS
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.visit import allows, get_whence, open_visit
from rempart.portals.watching import read_number
from rempart.tariffs.domains import DOMAINS
from rempart.workflows.rights.read_cards import (
    MyCard,
    declare_lost,
    order_my_card,
    print_my_card,
    read_my_card,
    read_my_cards,
)
from rempart.workflows.settlement.change_bank_details import Asker

PIXELS_PER_MODULE = 8


class OrderForm(forms.Form):
    """What a member may choose of a new card."""

    large_print = forms.BooleanField(
        label=_("En grands caractères, cette fois et les suivantes"), required=False
    )


@require_safe
@allows(Permission.READ_OWN_CARDS)
def my_cards(request: HttpRequest) -> HttpResponseBase:
    """Show the visitor's cards: symbol, labels, table; then those that count no more."""
    with open_visit(request) as (tx, visitor):
        asker = Asker(visitor=visitor, whence=get_whence(request), now=get_desk().now())
        found = read_my_cards(tx, asker, get_desk().prints)
    context = {
        "cards": [_describe(card, _read_place(request, card)) for card in found.current],
        "past": [_describe_past(card) for card in found.past],
        "ordered": found.ordered,
    }
    return render(request, "portals/cards/mine.html", context)


@require_safe
@allows(Permission.READ_OWN_CARDS)
def card_pdf(request: HttpRequest, serial: str) -> HttpResponseBase:
    """Download one's card as it is printed."""
    card = _find(request, serial)
    return _download(print_my_card(card, now=get_desk().now()), "application/pdf", "carte.pdf")


@require_safe
@allows(Permission.READ_OWN_CARDS)
def card_png(request: HttpRequest, serial: str) -> HttpResponseBase:
    """Download the symbol alone, for a telephone's wallet."""
    card = _find(request, serial)
    if card.printed is None:
        raise Http404
    picture = draw_png(card.printed.symbol, scale=PIXELS_PER_MODULE)
    return _download(picture, "image/png", "symbole.png")


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.ORDER_OWN_CARD)
def order(request: HttpRequest) -> HttpResponseBase:
    """Show what ordering does, or order."""
    form = OrderForm(request.POST) if request.method == "POST" else OrderForm()
    trouble = False
    if request.method == "POST" and form.is_valid():
        try:
            with open_visit(request) as (tx, visitor):
                asker = Asker(visitor=visitor, whence=get_whence(request), now=get_desk().now())
                order_my_card(tx, asker, large_print=form.cleaned_data["large_print"])
            return HttpResponseRedirect(reverse("my-card"))
        except Conflict:
            trouble = True
    context = {"form": form, "trouble": trouble}
    return render(request, "portals/cards/order.html", context, status=409 if trouble else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.ORDER_OWN_CARD)
def lost(request: HttpRequest, serial: str) -> HttpResponseBase:
    """Show what a declaration does, or declare the card lost."""
    card = _find(request, serial)
    if request.method == "POST":
        try:
            with open_visit(request) as (tx, visitor):
                asker = Asker(visitor=visitor, whence=get_whence(request), now=get_desk().now())
                declare_lost(tx, asker, serial)
        except NotFound:
            raise Http404 from None
        return HttpResponseRedirect(reverse("my-card"))
    return render(request, "portals/cards/lost.html", {"card": _describe(card)})


def _read_place(request: HttpRequest, card: MyCard) -> int:
    """Return whose line of a card an address asks for; the first one when it asks for none."""
    if request.GET.get("carte", card.serial.code) != card.serial.code:
        return 1
    people = 0 if card.printed is None else len(card.printed.names)
    place = read_number(request.GET, "qui", most=people)
    return place or 1


def _find(request: HttpRequest, serial: str) -> MyCard:
    try:
        with open_visit(request) as (tx, visitor):
            asker = Asker(visitor=visitor, whence=get_whence(request), now=get_desk().now())
            return read_my_card(tx, asker, get_desk().prints, serial)
    except NotFound:
        raise Http404 from None


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _describe(mine: MyCard, chosen: int = 1) -> dict[str, Any]:
    """Return a card that counts, as the page shows it for one of the people on it."""
    printed = mine.printed
    if printed is None:
        raise Http404
    card = printed.card
    cells = describe_cells(card, chosen)
    language = current_language()
    # Drawn by us from the modules of a symbol: digits and letters of a path, nothing of anybody's.
    symbol = mark_safe(draw_svg(printed.symbol))  # noqa: S308
    return {
        "serial": mine.serial.format(),
        "key": mine.serial.code,
        "code": format_groups(card.presence(chosen).format()),
        "symbol": symbol,
        "insurer": printed.insurer,
        "card": card,
        "amc": card.amc_number.format(),
        "is_specimen": card.amc_number.is_synthetic,
        "purpose": PURPOSES[printed.purpose],
        "people": [
            {"place": place, "name": name, "one": one, "birth": one.birth_date.format()}
            for place, (name, one) in enumerate(
                zip(printed.names, card.beneficiaries, strict=True), 1
            )
        ],
        "place": chosen,
        "chosen": printed.names[chosen - 1],
        "days": card.period_of(card.beneficiaries[chosen - 1]),
        "rows": [
            {"code": code, "label": domain.label(language), "cell": cell}
            for (code, domain), cell in zip(DOMAINS.items(), cells, strict=True)
        ],
    }


def _describe_past(mine: MyCard) -> dict[str, Any]:
    row = mine.row
    return {
        "serial": mine.serial.format(),
        "row": row,
        "purpose": PURPOSES[row.purpose],
        "state": REASONS[row.revoked_reason] if row.revoked_reason else EXPIRED,
    }
