"""« Cartes »: an insurer follows the issuing of its cards, has one made again or takes one back.

Shows no name and no contract number: a card is known by the number printed on it.
"""

from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission, can
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.instants import PARIS
from rempart.portals.administering import read_ref
from rempart.portals.card_wording import EXPIRED, IN_FORCE, KINDS, PURPOSES, REASONS
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk, get_today
from rempart.portals.paging import Paging, read_paging
from rempart.portals.visit import allows, get_whence, open_visit
from rempart.portals.watching import EXPORT_ROWS, read_order
from rempart.rights.card import CardSerial
from rempart.workflows.rights.read_cards import (
    BatchColumn,
    CardColumn,
    FoundCard,
    ListedBatch,
    ListedCard,
    count_orders,
    list_batches,
    list_cards,
    order_again,
    read_card,
    take_card_back,
)
from rempart.workflows.settlement.change_bank_details import Asker

BATCH_COLUMNS: Final[tuple[tuple[BatchColumn, Any], ...]] = (
    ("made", _("Fait le")),
    ("kind", _("Nature")),
    ("year", _("Année")),
    ("number", _("Lot")),
    ("cards", _("Cartes")),
    ("printed", _("Fichier écrit le")),
)
CARD_COLUMNS: Final[tuple[tuple[CardColumn, Any], ...]] = (
    ("page", _("Page")),
    ("beneficiaries", _("Bénéficiaires")),
    ("begins", _("Du")),
    ("ends", _("Au")),
    ("state", _("État")),
)


class FindForm(forms.Form):
    """The number printed on a card."""

    serial = forms.CharField(
        label=_("Numéro de la carte"),
        help_text=_("Seize lettres et chiffres, sous le symbole."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    use_required_attribute = False


class ReissueForm(forms.Form):
    """Why a card is made again."""

    purpose = forms.ChoiceField(
        label=_("Pourquoi"),
        choices=[
            ("reissue", _("La refaire telle quelle, aux droits d’aujourd’hui")),
            ("name_change", _("Changement de nom")),
            ("separation", _("Une carte par adulte, chacune avec ses enfants")),
            ("lost", _("Perdue : l’ancienne ne compte plus, tout de suite")),
        ],
    )
    large_print = forms.BooleanField(label=_("En grands caractères"), required=False)


class TakeBackForm(forms.Form):
    """Why a card counts no more."""

    reason = forms.ChoiceField(
        label=_("Pourquoi"),
        choices=[
            ("ended", REASONS["ended"]),
            ("stolen", REASONS["stolen"]),
            ("lost", REASONS["lost"]),
            ("mistake", REASONS["mistake"]),
        ],
    )


@require_safe
@allows(Permission.READ_CARDS)
def batches(request: HttpRequest) -> HttpResponseBase:
    """List the batches, and lead to the card whose number is given."""
    form = FindForm(request.GET) if "serial" in request.GET else FindForm()
    if form.is_bound and form.is_valid():
        serial = CardSerial.parse(form.cleaned_data["serial"])
        if serial is not None:
            return HttpResponseRedirect(reverse("one-card", args=[serial.code]))
        form.add_error("serial", _("Un numéro de carte a quatre groupes de quatre."))
    paging = read_paging(request.GET)
    column, descending = read_order(request.GET, tuple(name for name, _w in BATCH_COLUMNS), "made")
    with open_visit(request) as (tx, visitor):
        asker = _ask(request, visitor)
        rows, total = list_batches(tx, asker, sort=column, descending=descending, **_window(paging))
        waiting = count_orders(tx, asker)
    context = {
        "rows": [{"row": row, "kind": KINDS[row.kind]} for row in rows],
        "waiting": waiting,
        **paging.describe(total),
        "columns": BATCH_COLUMNS,
        "sort": column,
        "descending": descending,
        "form": form,
    }
    return render(
        request, "portals/cards/batches.html", context, status=422 if form.errors else 200
    )


@require_safe
@allows(Permission.READ_CARDS)
def batches_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the batches in the order of the page."""
    column, descending = read_order(request.GET, tuple(name for name, _w in BATCH_COLUMNS), "made")
    with open_visit(request) as (tx, visitor):
        rows, _total = list_batches(
            tx, _ask(request, visitor), sort=column, descending=descending, limit=EXPORT_ROWS
        )
    header = [str(words) for _name, words in BATCH_COLUMNS]
    return export_csv("lots-de-cartes.csv", header, (_batch_cells(row) for row in rows))


@require_safe
@allows(Permission.READ_CARDS)
def batch(request: HttpRequest, batch_ref: int) -> HttpResponseBase:
    """List the cards of a batch."""
    paging = read_paging(request.GET)
    column, descending = _card_order(request)
    with open_visit(request) as (tx, visitor):
        asker = _ask(request, visitor)
        rows, total = list_cards(
            tx,
            asker,
            read_ref(batch_ref),
            sort=column,
            descending=descending,
            **_window(paging),
        )
    if not rows and paging.page == 1:
        raise Http404
    context = {
        "batch_ref": batch_ref,
        "rows": [_describe(row) for row in rows],
        **paging.describe(total),
        "columns": CARD_COLUMNS,
        "sort": column,
        "descending": descending,
    }
    return render(request, "portals/cards/batch.html", context)


@require_safe
@allows(Permission.READ_CARDS)
def batch_csv(request: HttpRequest, batch_ref: int) -> HttpResponseBase:
    """Download the cards of a batch in the order of the page."""
    column, descending = _card_order(request)
    with open_visit(request) as (tx, visitor):
        asker = _ask(request, visitor)
        rows, _total = list_cards(
            tx,
            asker,
            read_ref(batch_ref),
            sort=column,
            descending=descending,
            limit=EXPORT_ROWS,
        )
    if not rows:
        raise Http404
    header = [str(_("Carte")), *(str(words) for _name, words in CARD_COLUMNS)]
    return export_csv("cartes.csv", header, (_card_cells(row) for row in rows))


@require_safe
@allows(Permission.READ_CARDS)
def one_card(request: HttpRequest, serial: str) -> HttpResponseBase:
    """Show one card of the insurer."""
    return _show(request, serial)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.MANAGE_CARDS)
def reissue(request: HttpRequest, serial: str) -> HttpResponseBase:
    """Show what making a card again does, or order it."""
    form = ReissueForm(request.POST or None)
    try:
        with open_visit(request) as (tx, visitor):
            asker = _ask(request, visitor)
            card = read_card(tx, asker, serial)
            if request.method == "POST" and form.is_valid():
                chosen = form.cleaned_data
                order_again(tx, asker, serial, chosen["purpose"], large_print=chosen["large_print"])
                return HttpResponseRedirect(reverse("one-card", args=[_format(card)]))
    except NotFound:
        raise Http404 from None
    except Conflict:
        return _show(request, serial, ordered=True)
    context = {"form": form, "line": _describe_found(card)}
    status = 422 if form.errors else 200
    return render(request, "portals/cards/reissue.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.MANAGE_CARDS)
def take_back(request: HttpRequest, serial: str) -> HttpResponseBase:
    """Show what taking a card back does, or take it back."""
    form = TakeBackForm(request.POST or None)
    try:
        with open_visit(request) as (tx, visitor):
            asker = _ask(request, visitor)
            card = read_card(tx, asker, serial)
            if request.method == "POST" and form.is_valid():
                take_card_back(tx, asker, serial, form.cleaned_data["reason"])
                return HttpResponseRedirect(reverse("one-card", args=[_format(card)]))
    except NotFound:
        raise Http404 from None
    context = {"form": form, "line": _describe_found(card)}
    status = 422 if form.errors else 200
    return render(request, "portals/cards/take_back.html", context, status=status)


def _show(request: HttpRequest, serial: str, *, ordered: bool = False) -> HttpResponseBase:
    try:
        with open_visit(request) as (tx, visitor):
            asker = _ask(request, visitor)
            card = read_card(tx, asker, serial)
    except NotFound:
        raise Http404 from None
    context = {
        "line": _describe_found(card),
        "ordered": ordered,
        "may_manage": can(visitor, Permission.MANAGE_CARDS, now=asker.now),
    }
    return render(request, "portals/cards/one.html", context, status=409 if ordered else 200)


def _ask(request: HttpRequest, visitor: Any) -> Asker:
    return Asker(visitor=visitor, whence=get_whence(request), now=get_desk().now())


def _window(paging: Paging) -> dict[str, int]:
    return {"limit": paging.limit, "offset": paging.offset}


def _card_order(request: HttpRequest) -> tuple[CardColumn, bool]:
    column, descending = read_order(request.GET, tuple(name for name, _w in CARD_COLUMNS), "page")
    # Pages are read from the first one.
    return column, descending and "sens" in request.GET


def _format(card: FoundCard) -> str:
    return CardSerial(card.serial).code


def _describe(row: ListedCard) -> dict[str, Any]:
    serial = CardSerial(row.serial)
    return {
        "row": row,
        "serial": serial.format(),
        "code": serial.code,
        **_describe_state(row),
    }


def _describe_found(card: FoundCard) -> dict[str, Any]:
    serial = CardSerial(card.serial)
    return {
        "row": card,
        "serial": serial.format(),
        "code": serial.code,
        **_describe_state(card),
    }


def _describe_state(card: ListedCard | FoundCard) -> dict[str, Any]:
    expired = card.valid_to < get_today()
    state = REASONS[card.revoked_reason] if card.revoked_reason else EXPIRED
    counts = card.revoked_at is None and not expired
    return {
        "counts": counts,
        "state": IN_FORCE if counts else state,
        "purpose": PURPOSES[card.purpose],
    }


def _batch_cells(row: ListedBatch) -> tuple[object, ...]:
    made, printed = (
        instant.astimezone(PARIS).isoformat(timespec="seconds") if instant else ""
        for instant in (row.made_at, row.printed_at)
    )
    return (made, str(KINDS[row.kind]), row.year, row.number, row.cards, printed)


def _card_cells(row: ListedCard) -> tuple[object, ...]:
    line = _describe(row)
    return (
        *(line["serial"], row.page, row.beneficiaries),
        *(row.valid_from.isoformat(), row.valid_to.isoformat(), str(line["state"])),
    )
