"""« Qui a consulté mes droits »: a member's own page of the ledger, its exports, its proofs.

Every answer of this page is preceded by an act in the ledger. Addresses name an entry by its place
in a log, never a person.
"""

from datetime import datetime
from typing import Any, Final, get_args

from django import forms
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    QueryDict,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.disclosure.proof_file import SUFFIX
from rempart.exchange.proof_document import print_history, print_proof
from rempart.kernel.errors import NotFound
from rempart.kernel.instants import PARIS, to_ms
from rempart.portals.administering import FORM_METHODS
from rempart.portals.charts import Point, Series, draw_columns
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.history_wording import READERS, describe_consultation
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, open_visit
from rempart.portals.watching import EXPORT_ROWS
from rempart.workflows.accounts.own_account import WORDS_LIMIT
from rempart.workflows.members.member_history import (
    Consultation,
    History,
    HistoryColumn,
    Page,
    prove_consultation,
    read_consultation,
    read_history,
    report_consultation,
)

COLUMNS: Final = (("when", _("Quand")), ("who", _("Qui")))
MONTHS_DRAWN: Final = 12
PDF_ROWS: Final = 2_000
_ALWAYS: Final = (0, (1 << 63) - 1)
_FILLS: Final = {
    "professional": "fill-lawful",
    "insurer": "fill-card",
    "operator": "fill-attributed",
    "self": "fill-unknown",
}


class ReportForm(forms.Form):
    """What somebody says of a consultation they do not understand."""

    words = forms.CharField(
        label=_("Ce que vous en savez"),
        help_text=_(
            "Facultatif : vous n’y étiez pas ce jour-là, vous ne connaissez pas ce professionnel… "
            "N’écrivez le nom de personne."
        ),
        required=False,
        max_length=WORDS_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.READ_OWN_HISTORY)
def my_history(request: HttpRequest) -> HttpResponseBase:
    """Show who consulted the visitor's rights, the newest first unless asked otherwise."""
    page = _read_page(request.GET)
    history = _read_history(request, page)
    month = _read_month(request.GET)
    context = {
        "rows": [_describe(row, history) for row in history.rows],
        **describe_listing(page.listing, COLUMNS, history.total),
        "month": month,
        "months": [(one, _name_month(one)) for one in _list_months(history)],
        "chart": _draw_months(history),
        "since": None if history.since_ms is None else in_paris(history.since_ms),
        "away": [
            {"first": in_paris(one.first_ms), "last": in_paris(one.last_ms), "state": one.state}
            for one in history.away
        ],
    }
    return render(request, "portals/history/history.html", context)


@require_safe
@allows(Permission.READ_OWN_HISTORY)
def my_history_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the entries of the page's period, in its order."""
    history = _read_history(request, _read_page(request.GET, export=EXPORT_ROWS))
    header = (
        *(gettext("instant"), gettext("qui"), gettext("profession et ville"), gettext("pour quoi")),
        *(gettext("désignation"), gettext("réponse"), gettext("ce qui a été montré")),
        *(gettext("logiciel"), gettext("complémentaire"), gettext("registre"), gettext("indice")),
    )
    return export_csv("mes-consultations.csv", header, map(_to_cells, history.rows))


@require_safe
@allows(Permission.READ_OWN_HISTORY)
def my_history_pdf(request: HttpRequest) -> HttpResponseBase:
    """Download the same as a document to keep or to print."""
    now = get_desk().now()
    history = _read_history(request, _read_page(request.GET, export=PDF_ROWS))
    columns = (
        *(gettext("Quand"), gettext("Qui"), gettext("Pour quoi"), gettext("Désignation")),
        gettext("Ce qui a été montré"),
    )
    lead = gettext(
        "%(count)s lignes sur %(total)s, au %(day)s. Preuve de chacune : sur la page."
    ) % {
        "count": len(history.rows),
        "total": history.total,
        "day": f"{now.astimezone(PARIS):%d/%m/%Y}",
    }
    document = print_history(
        columns,
        [_to_document_row(row) for row in history.rows],
        lead=lead,
        unproved=_list_blind_spots(),
        made_at=now,
    )
    return _send_file(document, "mes-consultations.pdf", "application/pdf")


@require_safe
@allows(Permission.READ_OWN_HISTORY)
def my_proof(request: HttpRequest, log_id: int, idx: int) -> HttpResponseBase:
    """Download the proof of one entry."""
    text = _prove(request, log_id, idx)
    return _send_file(text.encode(), f"preuve-{log_id}-{idx}{SUFFIX}", "text/plain; charset=utf-8")


@require_safe
@allows(Permission.READ_OWN_HISTORY)
def my_proof_pdf(request: HttpRequest, log_id: int, idx: int) -> HttpResponseBase:
    """Download the proof of one entry as a page to print, with its square code."""
    desk = get_desk()
    text = _prove(request, log_id, idx)
    printed = print_proof(
        text,
        keys=[key for key in desk.log_keys if f"\n\n{key.name}\n" in text],
        page_address=f"{desk.public_url}{reverse('check-proof')}",
        made_at=desk.now(),
    )
    return _send_file(printed, f"preuve-{log_id}-{idx}.pdf", "application/pdf")


@require_http_methods(FORM_METHODS)
@allows(Permission.REPORT_CONSULTATION)
def report(request: HttpRequest, log_id: int, idx: int) -> HttpResponseBase:
    """Tell the operator that one does not know who consulted, or why."""
    desk = get_desk()
    try:
        with open_visit(request) as (tx, visitor):
            found, reported = read_consultation(
                tx,
                visitor,
                desk.acts,
                files=desk.sealed_files,
                log_id=log_id,
                idx=idx,
                now_ms=to_ms(desk.now()),
            )
    except NotFound:
        raise Http404 from None
    form = ReportForm(request.POST) if request.method == "POST" else ReportForm()
    sent = send_form(
        request,
        form,
        lambda tx, asker: report_consultation(
            tx,
            asker,
            files=desk.sealed_files,
            log_id=log_id,
            idx=idx,
            words=form.cleaned_data["words"],
        ),
        leads_to=lambda _done: reverse("report-consultation", args=[log_id, idx]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {
        "words": describe_consultation(found, current_language()),
        "reported": reported,
        "form": form,
    }
    return render(request, "portals/history/report.html", context, status=sent.status)


def _read_history(request: HttpRequest, page: Page) -> History:
    desk = get_desk()
    with open_visit(request) as (tx, visitor):
        return read_history(
            tx, visitor, desk.acts, page, files=desk.sealed_files, now_ms=to_ms(desk.now())
        )


def _prove(request: HttpRequest, log_id: int, idx: int) -> str:
    desk = get_desk()
    try:
        with open_visit(request) as (tx, visitor):
            _found, text = prove_consultation(
                tx,
                visitor,
                desk.acts,
                desk.unfinished_tiles,
                files=desk.sealed_files,
                log_id=log_id,
                idx=idx,
                now_ms=to_ms(desk.now()),
            )
    except NotFound:
        raise Http404 from None
    return text


def _read_page(query: QueryDict, *, export: int = 0) -> Page:
    """Return the page an address asks for; its whole period, up to `export` rows, for a file."""
    listing = read_listing(query, get_args(HistoryColumn), "when")
    month = _read_month(query)
    from_ms_, to_ms_ = _bound_month(month) if month else _ALWAYS
    return Page(
        from_ms=from_ms_,
        to_ms=to_ms_,
        listing=export_listing(listing, limit=export) if export else listing,
    )


def _read_month(query: QueryDict) -> str:
    """Return the month an address asks for, as AAAA-MM; empty for all of them."""
    text = query.get("mois", "")
    try:
        month = datetime.strptime(text, "%Y-%m")  # noqa: DTZ007 - a month, not an instant
    except ValueError:
        return ""
    # Years are written without their zeroes.
    return f"{month.year:04}-{month:%m}"


def _bound_month(month: str) -> tuple[int, int]:
    year, number = int(month[:4]), int(month[5:])
    if not 1970 <= year < 9999:
        return (0, 0)
    after = (year + 1, 1) if number == 12 else (year, number + 1)
    start = datetime(year, number, 1, tzinfo=PARIS)
    return to_ms(start), to_ms(datetime(*after, 1, tzinfo=PARIS))


def _list_months(history: History) -> list[str]:
    return sorted({month for month, _reader, _count in history.months}, reverse=True)


def _name_month(month: str) -> str:
    return f"{month[5:]}/{month[:4]}"


def _draw_months(history: History) -> object:
    """Draw the last months, by who read; a year at most, months without a line included."""
    counts = {(month, reader): count for month, reader, count in history.months}
    last = get_desk().now().astimezone(PARIS)
    months = []
    for back in range(MONTHS_DRAWN - 1, -1, -1):
        number = last.year * 12 + last.month - 1 - back
        months.append(f"{number // 12}-{number % 12 + 1:02d}")
    readers = [one for one in READERS if any((month, one) in counts for month in months)]
    shown = readers or ["professional"]
    return draw_columns(
        [
            Point(
                label=_name_month(month),
                counts=tuple(counts.get((month, one), 0) for one in shown),
            )
            for month in months
        ],
        [Series(name=str(READERS[one]), css=_FILLS[one]) for one in shown],
    )


def _describe(row: Consultation, history: History) -> dict[str, Any]:
    return {
        "row": row,
        "words": describe_consultation(row, current_language()),
        "reported": history.reported.get((row.log_id, row.idx)),
    }


def _to_cells(row: Consultation) -> tuple[object, ...]:
    words = describe_consultation(row, current_language())
    return (
        *(words.at.isoformat(timespec="seconds"), words.who, words.where, words.why, words.how),
        *(words.answer, words.shown, words.software, words.insurer, row.log_id, row.idx),
    )


def _to_document_row(row: Consultation) -> list[str]:
    words = describe_consultation(row, current_language())
    who = ", ".join(part for part in (words.who, words.where) if part)
    through = f" ({words.software})" if words.software else ""
    shown = " : ".join(part for part in (words.answer, words.shown) if part)
    return [f"{words.at:%d/%m/%Y %H:%M:%S}", f"{who}{through}", words.why, words.how or "–", shown]


def _list_blind_spots() -> list[str]:
    return [
        gettext("ce qui ne passe pas par la passerelle : sauvegardes, administrateurs, machines"),
        gettext("les consultations qui n’ont trouvé personne : elles ne mènent à personne"),
        gettext("ce qu’une autorité judiciaire demande de montrer plus tard, le temps qu’elle dit"),
        gettext("que la réponse a été lue : une ligne est écrite avant que la réponse parte"),
    ]


def _send_file(content: bytes, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
