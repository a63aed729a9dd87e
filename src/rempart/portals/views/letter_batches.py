"""Letters of a campaign, for an insurer that posts them: sealed batches, what came back.

Refuses to show what a batch holds: it is sealed, and these pages count. Who takes one is written on
the ledger first.
"""

from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.package_sealing import format_fingerprint
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.campaign_forms import ReturnsForm
from rempart.portals.campaign_wording import BATCH_STATES
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.views.campaign_files import describe_file
from rempart.portals.views.campaigns import load_sheet
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.notices import letter_batches as acts
from rempart.workflows.notices.campaigns import draw_reference
from rempart.workflows.notices.letter_batches import BatchColumn, ListedBatch, TakenBatch

COLUMNS: Final = (("number", _("Lot")), ("letters", _("Lettres")))
_POSTS: Final = (Permission.POST_LETTERS,)
_MOST_BATCHES: Final = 2**31 - 1


@require_safe
@allows(Permission.READ_CAMPAIGNS)
def batches(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """List the batches of letters of a campaign."""
    ref = read_ref(campaign_ref)
    sheet = load_sheet(request, ref)
    listing = read_listing(request.GET, get_args(BatchColumn), "number")
    rows, total = perform_or_404(
        request, lambda tx, asker: acts.list_batches(tx, asker, ref, listing)
    )
    context = {
        "campaign": sheet.campaign,
        "rows": [_describe(row) for row in rows],
        **list_abilities(require_visitor(request), _POSTS),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/campaigns/letters.html", context)


@require_safe
@allows(Permission.READ_CAMPAIGNS)
def batches_csv(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """Download the list of batches: counts and hours, nobody of whom they are for."""
    ref = read_ref(campaign_ref)
    load_sheet(request, ref)
    listing = export_listing(read_listing(request.GET, get_args(BatchColumn), "number"))
    rows, _total = perform_or_404(
        request, lambda tx, asker: acts.list_batches(tx, asker, ref, listing)
    )
    header = (
        *(gettext("lot"), gettext("lettres"), gettext("pages"), gettext("état")),
        *(gettext("imprimé le"), gettext("pris par"), gettext("pris le")),
        *(gettext("posté par"), gettext("posté le")),
    )
    cells = [
        (
            *(row.number, row.letters, row.pages, BATCH_STATES[row.state]),
            *(format_stamp(row.made_at), row.downloaded_name, format_stamp(row.downloaded_at)),
            *(row.posted_name, format_stamp(row.posted_at)),
        )
        for row in rows
    ]
    return export_csv(f"lettres-campagne-{ref}.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.POST_LETTERS)
def batch(request: HttpRequest, campaign_ref: int, batch_number: int) -> HttpResponseBase:
    """Take a sealed batch, or say that it was handed to the post."""
    ref, number = read_ref(campaign_ref), _read_number(batch_number)
    sheet = load_sheet(request, ref)
    status = 200
    if request.method == "POST":
        if request.POST.get("geste") == "poster":
            done: object = perform(
                request, lambda tx, asker: acts.post_batch(tx, asker, ref, number)
            )
        else:
            desk = get_desk()
            done = perform(
                request,
                lambda tx, asker: acts.take_batch(
                    tx, asker, ref, number, folder=desk.letters_to, acts=desk.acts
                ),
            )
        if isinstance(done, TakenBatch):
            return _hand_out(done)
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("campaign-letters", args=[ref]))
        status = done.status
    row = perform_or_404(request, lambda tx, asker: acts.find_batch(tx, asker, ref, number))
    context = {"campaign": sheet.campaign, "line": _describe(row), "refused": status != 200}
    return render(request, "portals/campaigns/letter.html", context, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.POST_LETTERS)
def returns(request: HttpRequest) -> HttpResponseBase:
    """Show the lists of letters that came back; take another."""
    is_given = request.method == "POST"
    form = ReturnsForm(request.POST if is_given else None, request.FILES if is_given else None)
    status = 200
    if is_given:
        status = 422
        if form.is_valid():
            done = _give(request, form)
            if not isinstance(done, Refused):
                return HttpResponseRedirect(reverse("letter-returns"))
            form.add_error("file", _("Ce fichier est vide, ou trop grand."))
            status = done.status
    files = perform_or_404(request, acts.list_returns)
    context = {"form": form, "files": [describe_file(one) for one in files]}
    return render(request, "portals/campaigns/returns.html", context, status=status)


def _read_number(number: int) -> int:
    if number > _MOST_BATCHES:
        raise Http404
    return number


def _give(request: HttpRequest, form: forms.Form) -> Refused | None:
    content, ref = form.cleaned_data["file"].read(), draw_reference()
    slot = get_desk().contacts_slot
    return perform(
        request, lambda tx, asker: acts.give_returns(tx, asker, slot, content, file_ref=ref)
    )


def _hand_out(taken: TakenBatch) -> HttpResponse:
    answer = HttpResponse(taken.content, content_type="application/pkcs7-mime")
    answer.headers["Content-Disposition"] = f'attachment; filename="{taken.name}"'
    return answer


def _describe(row: ListedBatch) -> dict[str, Any]:
    return {
        "row": row,
        "state": BATCH_STATES[row.state] if row.written_at else gettext("pas encore écrit"),
        "fingerprint": format_fingerprint(bytes(row.sealed_for)) if row.sealed_for else "",
    }
