"""« Demandes » on their data: a member asks, their insurer answers within the month."""

from datetime import date
from typing import Any, Final, get_args

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import (
    FORM_METHODS,
    perform_or_404,
    read_ref,
)
from rempart.portals.care_wording import describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form, take_decision
from rempart.portals.desk import get_today
from rempart.portals.forms import DayField, current_language
from rempart.portals.list_page import ListPage
from rempart.portals.retention_wording import (
    FIELDS,
    REQUEST_BADGES,
    REQUEST_KINDS,
    REQUEST_STATES,
)
from rempart.portals.visit import allows
from rempart.retention.requests import Erasable, RequestKind, RequestState
from rempart.workflows.members import data_requests as acts
from rempart.workflows.members.data_requests import DataRequest, RequestColumn

COLUMNS: Final = (
    ("due", _("Répondre avant le")),
    ("received", _("Reçue le")),
    ("kind", _("Demande")),
    ("state", _("État")),
)
_WAITING: Final = frozenset({RequestState.OPEN, RequestState.EXTENDED})


class AskForm(forms.Form):
    """What a member asks of their data."""

    kind = forms.ChoiceField(
        label=_("Que demandez-vous ?"),
        choices=list(REQUEST_KINDS.items()),
        widget=forms.RadioSelect,
    )
    details = forms.CharField(
        label=_("Précisions"),
        help_text=_("Ce qui est faux et ce qui est juste, ou ce que vous voulez voir disparaître."),
        max_length=acts.WORDS_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )
    use_required_attribute = False


class LetterForm(AskForm):
    """What somebody asked by letter."""

    received_on = DayField(
        label=_("Lettre reçue le"),
        help_text=_("JJ/MM/AAAA. Le mois pour répondre court de ce jour."),
    )
    kind = forms.ChoiceField(
        label=_("Que demande la personne ?"),
        choices=list(REQUEST_KINDS.items()),
        widget=forms.RadioSelect,
    )
    field_order = ("received_on", "kind", "details")


class AnswerForm(forms.Form):
    """What the person is told."""

    words = forms.CharField(
        label=_("Ce que la personne lira"),
        help_text=_(
            "Ce qui a été fait, ou pourquoi non ; un refus rappelle qu’elle peut saisir la CNIL."
        ),
        max_length=acts.WORDS_LIMIT,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
    )
    use_required_attribute = False


def _describe(one: DataRequest) -> dict[str, Any]:
    due = acts.find_due_day(one)
    today = _today()
    return {
        "row": one,
        "kind": REQUEST_KINDS[one.kind],
        "state": describe_state(one.state, REQUEST_STATES, REQUEST_BADGES),
        "due": due,
        "days": (due - today).days,
        "waits": one.state in _WAITING,
    }


_LIST: Final = ListPage(
    template="portals/retention/requests.html",
    columns=COLUMNS,
    sortable=get_args(RequestColumn),
    load=acts.list_requests,
    describe=_describe,
    descending=False,
)


@require_safe
@allows(Permission.MAKE_REQUEST)
def my_requests(request: HttpRequest) -> HttpResponseBase:
    """Show what the member asked, and what they were answered."""
    rows, _total = perform_or_404(request, acts.list_own)
    context = {"rows": [_describe(one) for one in rows]}
    return render(request, "portals/retention/my_requests.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.MAKE_REQUEST)
def make_request(request: HttpRequest) -> HttpResponseBase:
    """Ask something of one's own data."""
    form = AskForm(request.POST if request.method == "POST" else None)
    sent = send_form(
        request,
        form,
        lambda tx, asker: acts.make_request(
            tx, asker, RequestKind(form.cleaned_data["kind"]), form.cleaned_data["details"]
        ),
        leads_to=lambda _done: reverse("my-requests"),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {"form": form, "refused": sent.refused}
    return render(request, "portals/retention/make_request.html", context, status=sent.status)


@require_safe
@allows(Permission.HANDLE_REQUESTS)
def requests(request: HttpRequest) -> HttpResponseBase:
    """Show what members asked, the most pressing first unless asked otherwise."""
    waiting, late = perform_or_404(request, acts.count_waiting)
    return _LIST.show(request, waiting=waiting, late=late)


@require_safe
@allows(Permission.HANDLE_REQUESTS)
def requests_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the list: no word of anybody."""
    header = (
        *(gettext("référence"), gettext("reçue le"), gettext("demande"), gettext("état")),
        gettext("à répondre avant le"),
    )
    cells = (
        (
            *(row.request_ref, row.received_on, REQUEST_KINDS[row.kind], REQUEST_STATES[row.state]),
            acts.find_due_day(row),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("demandes.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.HANDLE_REQUESTS)
def write_letter(request: HttpRequest, member_file_ref: int) -> HttpResponseBase:
    """Write down a request that came by letter, of whom an open file is about."""
    ref = read_ref(member_file_ref)
    form = LetterForm(request.POST if request.method == "POST" else None)
    return take_decision(
        request,
        form,
        lambda tx, asker: acts.write_letter(
            *(tx, asker, ref),
            kind=RequestKind(form.cleaned_data["kind"]),
            details=form.cleaned_data["details"],
            received_on=form.cleaned_data["received_on"],
        ),
        title=gettext("Noter une demande reçue par courrier"),
        sentence=gettext(
            "Pour qui n’a pas d’espace, ou l’a quitté : accès, rectification, effacement, "
            "limitation. La demande suit le même chemin que celles faites ici ; répondez à la "
            "personne par courrier, et écrivez ici ce que vous lui répondez."
        ),
        button=gettext("Noter la demande"),
        refusal=gettext(
            "Refusé : une lettre de moins d’un an, et ce qui est à corriger s’il faut corriger."
        ),
        back=reverse("members"),
        leads_to=lambda made: reverse("data-request", args=[made]),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.HANDLE_REQUESTS)
def answer(request: HttpRequest, data_request_ref: int) -> HttpResponseBase:
    """Show one request, then answer it, refuse it, or say that it takes longer."""
    ref = read_ref(data_request_ref)
    sheet = perform_or_404(request, lambda tx, asker: acts.read_request(tx, asker, ref))
    form = AnswerForm(request.POST if request.method == "POST" else None)

    def do(tx: Any, asker: Any) -> None:
        words = form.cleaned_data["words"]
        if "extend" in request.POST:
            acts.extend_request(tx, asker, ref, words)
        else:
            acts.answer_request(tx, asker, ref, words, accept="accept" in request.POST)

    sent = send_form(request, form, do, leads_to=lambda _done: reverse("data-request", args=[ref]))
    if isinstance(sent, HttpResponse):
        return sent
    context = {
        **_describe(sheet.request),
        "sheet": sheet,
        "erasable": [_describe_erasable(one, today=_today()) for one in sheet.erasable],
        "is_erasure": sheet.request.kind is RequestKind.ERASURE,
        "is_access": sheet.request.kind is RequestKind.ACCESS,
        "form": form,
        "refused": sent.refused,
    }
    return render(request, "portals/retention/request.html", context, status=sent.status)


def _today() -> date:
    return get_today()


def _describe_erasable(one: Erasable, *, today: date) -> dict[str, Any]:
    """Return a field with every text that still keeps it, in whichever store, and until when."""
    english = current_language() == "en"
    return {
        "row": one,
        "field": FIELDS[one.field],
        "reasons": [
            {
                "words": term.rule.en if english else term.rule.fr,
                "source": term.rule.source,
                "until": term.last_day,
            }
            for term in one.keeping.terms
            if term.runs_on(today)
        ],
        "until": one.keeping.gone_after,
    }
