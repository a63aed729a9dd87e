"""« Devis » and prise en charge: one person, acts line by line, and who would pay what.

What is typed travels in the body of a POST, is shown again in the form so that a price can be
changed, and is kept nowhere. A quote is a consultation like any other: the ledger has it first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from rempart.accounts.permissions import Permission
from rempart.exchange.quote_answer import PecAnswer, QuoteAnswer
from rempart.exchange.rights_answer import ClosedAnswer
from rempart.portals import wording
from rempart.portals.administering import FORM_METHODS, perform_or_404
from rempart.portals.care_calls import Promised, Quoted, ask_pec, ask_quote, make_caller
from rempart.portals.care_forms import (
    CardQuoteForm,
    CareLineForm,
    Lines,
    TypedQuoteForm,
    format_typed,
    keep_typed,
)
from rempart.portals.care_wording import NO_LINE, advise, list_acts, name_act, name_rule
from rempart.portals.desk import get_desk, get_today
from rempart.portals.forms import current_language
from rempart.portals.views.care_replies import answer_refusal
from rempart.portals.views.checks import draw_request_id, read_request_id
from rempart.portals.visit import allows
from rempart.workflows.claims import read_pecs
from rempart.workflows.claims.read_pecs import PecLine

AnyForm: TypeAlias = CardQuoteForm | TypedQuoteForm
FORMS: Final[Mapping[str, type[AnyForm]]] = {"card": CardQuoteForm, "typed": TypedQuoteForm}
SECRETS: Final = ("card_code", "insured_nir", "amc_number", "birth_date", "birth_rank")


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters(*SECRETS)
@allows(Permission.CHECK_RIGHTS)
def quote(request: HttpRequest, *, mode: str) -> HttpResponseBase:
    """Show the form, or ask for amounts or for a promise and show them."""
    if request.method != "POST":
        replaces, lines = _read_replaced(request)
        today = get_today()
        form = FORMS[mode](initial={"care_date": today, "replaces": replaces})
        return _show(request, mode, form, Lines(CareLineForm, initial=lines))
    lines_ = Lines(CareLineForm, request.POST)
    if "more" in request.POST:
        return _show(request, mode, FORMS[mode](initial=keep_typed(request.POST)), lines_)
    form = FORMS[mode](request.POST)
    is_right = all([form.is_valid(), lines_.is_valid()])
    if not lines_.filled:
        form.add_error(None, NO_LINE)
        is_right = False
    if not is_right:
        return _show(request, mode, form, lines_, status=422)
    promises = request.POST.get("faire") == "pec"
    body = form.to_quote(lines_, promises=promises)
    caller, request_id = make_caller(request), read_request_id(request)
    ask = ask_pec if promises else ask_quote
    reply = ask(caller, body, request_id=request_id)
    if isinstance(reply, Quoted | Promised):
        return _show(request, mode, form, lines_, result=_describe(reply))
    return answer_refusal(
        request,
        reply,
        blame=lambda errors, detail: form.add_all(lines_, errors, detail),
        show=lambda status: _show(
            request, mode, form, lines_, status=status, request_id=request_id
        ),
    )


def fill_promised(line: PecLine) -> dict[str, Any]:
    """Return an act of a promise as a form proposes it."""
    return {
        "act": line.act,
        "quantity": line.quantity,
        "billed": format_typed(line.billed_cents),
        "base": format_typed(line.base_cents),
    }


def is_unpromised(result: Mapping[str, Any] | None) -> bool:
    """Say whether a prise en charge was asked for and nothing was promised."""
    pec = (result or {}).get("pec")
    return pec is not None and pec.state != "agreed"


def _show(
    request: HttpRequest,
    mode: str,
    form: AnyForm,
    lines: Lines,
    *,
    status: int = 200,
    result: Mapping[str, Any] | None = None,
    request_id: str = "",
) -> HttpResponse:
    context = {
        "mode": mode,
        "form": form,
        "lines": lines,
        "acts": list_acts(),
        "result": result,
        "is_unpromised": is_unpromised(result),
        "request_id": request_id or draw_request_id(),
        "answered_at": get_desk().now(),
        "wrong": form.errors or any(one.errors for one in lines.filled),
    }
    return render(request, "portals/care/quote.html", context, status=status)


def _describe(reply: Quoted | Promised) -> dict[str, Any]:
    """Return what the page shows of an answer."""
    answer = reply.answer
    if isinstance(answer, ClosedAnswer):
        words = wording.describe_answer(answer, current_language())
        return {"words": words, "receipt": reply.receipt}
    return {
        "quote": answer,
        "pec": answer.pec if isinstance(answer, PecAnswer) else None,
        "lines": [{"line": line, "label": name_act(line.act)} for line in answer.lines],
        "findings": [
            {"line": one.line, "message": name_rule(one.rule), "advice": advise(one.rule)}
            for one in answer.findings
        ],
        "domain": _name_domain(answer),
        "receipt": reply.receipt,
    }


def _name_domain(answer: QuoteAnswer | PecAnswer) -> str:
    return dict(wording.list_domain_choices(current_language())).get(answer.domain, answer.domain)


def _read_replaced(request: HttpRequest) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """Return the promise an address asks to change, and its acts; nothing when there is none."""
    number = request.GET.get("remplace", "")
    if not number:
        return "", ()
    lines = perform_or_404(
        request,
        lambda tx, asker: read_pecs.read_pec_lines(tx, asker, get_desk().pec_numbers, number),
    )
    return number, [fill_promised(one) for one in lines]
