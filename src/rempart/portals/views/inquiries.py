"""« Enquêtes »: what the host operator asks about a person by name, with a colleague's agreement.

Refuses to show whether the identifiers lead to anybody before the agreement, and any answer that is
not in the ledger first.
"""

from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.inquiries import Inquiry, InquiryPurpose
from rempart.accounts.permissions import Permission
from rempart.kernel.listing import Listing
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.history_wording import (
    INQUIRY_PURPOSES,
    INQUIRY_STATES,
    describe_consultation,
)
from rempart.portals.list_page import ListPage
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.person_forms import HostPersonForm
from rempart.portals.pseudonyms import format_account
from rempart.portals.times import format_stamp, in_paris
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.ledger import inquiries as acts
from rempart.workflows.members.member_history import HistoryColumn

COLUMNS: Final = (("asked", _("Demandée")), ("purpose", _("Motif")), ("state", _("État")))
ANSWER_COLUMNS: Final = (("when", _("Quand")), ("who", _("Qui")))


class InquiryForm(HostPersonForm):
    """Whom to ask about and why. The identifiers are read once and not kept."""

    prefix = None
    purpose = forms.ChoiceField(
        label=_("Motif"),
        help_text=_("Inscrit au registre ; la personne le lira."),
        choices=[(one.value, words) for one, words in INQUIRY_PURPOSES.items()],
    )
    reason = forms.CharField(
        label=_("Raison"),
        help_text=_("Pour le collègue qui décidera : dossier, demande reçue. Ne nommez personne."),
        max_length=acts.REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


def _describe(row: Inquiry) -> dict[str, Any]:
    return {
        "row": row,
        "purpose": INQUIRY_PURPOSES[row.purpose],
        "state": INQUIRY_STATES[row.state],
        "ends_at": row.ends_at,
    }


_LIST: Final = ListPage(
    template="portals/inquiries/inquiries.html",
    columns=COLUMNS,
    sortable=get_args(acts.InquiryColumn),
    load=acts.list_inquiries,
    describe=_describe,
)


@require_safe
@allows(Permission.ASK_INQUIRY)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """Show the inquiries, the newest first unless asked otherwise."""
    return _LIST.show(request)


@require_safe
@allows(Permission.ASK_INQUIRY)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the inquiries."""
    header = (
        *(gettext("référence"), gettext("demandée le"), gettext("par"), gettext("complémentaire")),
        *(gettext("motif"), gettext("raison"), gettext("état"), gettext("décidée le")),
        gettext("décidée par"),
    )
    cells = (
        (
            *(row.inquiry_ref, format_stamp(row.asked_at), row.asked_by_name, row.insurer),
            *(INQUIRY_PURPOSES[row.purpose], row.reason, INQUIRY_STATES[row.state]),
            *(format_stamp(row.decided_at), row.decided_by_name),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("enquetes.csv", header, cells)


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters("insured_nir", "birth_date", "birth_rank")
@allows(Permission.ASK_INQUIRY)
def ask(request: HttpRequest) -> HttpResponseBase:
    """Ask about a person."""
    if not require_visitor(request).is_host:
        raise Http404
    insurers = perform_or_404(request, lambda tx, _asker: acts.list_insurers(tx))
    form = InquiryForm(request.POST if request.method == "POST" else None, insurers=insurers)
    sent = send_form(
        request,
        form,
        lambda tx, asker: acts.ask_inquiry(
            tx,
            asker,
            lookup_key=get_desk().designate(form.read_identifiers()),
            insurer_id=form.cleaned_data["insurer"],
            purpose=InquiryPurpose(form.cleaned_data["purpose"]),
            reason=form.cleaned_data["reason"],
        ),
        leads_to=lambda made: reverse("inquiry", args=[made]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {"form": form, "refused": sent.refused}
    return render(request, "portals/inquiries/ask.html", context, status=sent.status)


@require_safe
@allows(Permission.ASK_INQUIRY)
def one(request: HttpRequest, inquiry_ref: int) -> HttpResponseBase:
    """Show one inquiry, and what may be done with it."""
    return _show(request, inquiry_ref)


@require_http_methods(["POST"])
@allows(Permission.APPROVE_INQUIRY)
def decide(request: HttpRequest, inquiry_ref: int) -> HttpResponseBase:
    """Approve or refuse an inquiry."""
    do = acts.approve_inquiry if "approve" in request.POST else acts.refuse_inquiry
    done = perform(request, lambda tx, asker: do(tx, asker, read_ref(inquiry_ref)))
    if isinstance(done, Refused):
        return _show(request, inquiry_ref, status=done.status)
    return HttpResponseRedirect(reverse("inquiry", args=[inquiry_ref]))


@require_safe
@allows(Permission.ASK_INQUIRY)
def answer(request: HttpRequest, inquiry_ref: int) -> HttpResponseBase:
    """Show who saw the person of an approved inquiry."""
    listing = _read_answer_listing(request)
    read = _answer(request, inquiry_ref, listing)
    if isinstance(read, Refused):
        return _show(request, inquiry_ref, status=read.status)
    context = {
        **_describe(read.inquiry),
        "rows": [
            {
                "row": row.consultation,
                "account": format_account(row.account_ref),
                "words": describe_consultation(row.consultation, current_language()),
            }
            for row in read.rows
        ],
        "inquiry": read.inquiry,
        "away": [
            {"first": in_paris(one.first_ms), "last": in_paris(one.last_ms)}
            for one in read.away
            if one.state == "cold"
        ],
        **describe_listing(listing, ANSWER_COLUMNS, read.total),
    }
    return render(request, "portals/inquiries/answer.html", context)


@require_safe
@allows(Permission.ASK_INQUIRY)
def answer_csv(request: HttpRequest, inquiry_ref: int) -> HttpResponseBase:
    """Download the answer to an approved inquiry."""
    read = _answer(request, inquiry_ref, export_listing(_read_answer_listing(request)))
    if isinstance(read, Refused):
        return _show(request, inquiry_ref, status=read.status)
    header = (
        *(gettext("instant"), gettext("compte"), gettext("qui"), gettext("profession et ville")),
        *(gettext("pour quoi"), gettext("désignation"), gettext("réponse")),
        *(gettext("ce qui a été montré"), gettext("logiciel"), gettext("complémentaire")),
        *(gettext("registre"), gettext("indice")),
    )
    return export_csv(f"enquete-{inquiry_ref}.csv", header, map(_to_cells, read.rows))


def _read_answer_listing(request: HttpRequest) -> Listing[HistoryColumn]:
    return read_listing(request.GET, get_args(HistoryColumn), "when")


def _answer(
    request: HttpRequest, inquiry_ref: int, listing: Listing[HistoryColumn]
) -> acts.Answer | Refused:
    return perform(
        request,
        lambda tx, asker: acts.read_answer(
            tx, asker, get_desk().acts, read_ref(inquiry_ref), listing
        ),
    )


def _show(request: HttpRequest, inquiry_ref: int, *, status: int = 200) -> HttpResponseBase:
    inquiry = perform_or_404(
        request, lambda tx, asker: acts.read_inquiry(tx, asker, read_ref(inquiry_ref))
    )
    visitor = require_visitor(request)
    context = {
        **_describe(inquiry),
        **list_abilities(visitor, [Permission.APPROVE_INQUIRY, Permission.APPROVE_PURGE]),
        "is_own": inquiry.asked_by == visitor.actor_ref,
        "is_over": inquiry.ends_at is not None and inquiry.ends_at <= get_desk().now(),
        "refused": status != 200,
    }
    return render(request, "portals/inquiries/inquiry.html", context, status=status)


def _to_cells(one: acts.Answered) -> tuple[object, ...]:
    row, words = one.consultation, describe_consultation(one.consultation, current_language())
    return (
        *(words.at.isoformat(timespec="seconds"), format_account(one.account_ref), words.who),
        *(words.where, words.why, words.how, words.answer, words.shown, words.software),
        *(words.insurer, row.log_id, row.idx),
    )
