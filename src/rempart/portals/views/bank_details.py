"""« Coordonnées bancaires »: where the establishment is paid, and how that changes.

Shows the last four characters of an account, never more. A page that proposes or approves is shown
after a fresh ceremony; the one button that stops a change works without.
"""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rempart.accounts.bank_details import (
    AccountVersion,
    Approver,
    ChangeRefused,
    PayeeCheck,
    compute_active_from,
)
from rempart.accounts.events import SecurityEventKind
from rempart.accounts.permissions import Permission
from rempart.accounts.roles import ROLES_OF
from rempart.accounts.visitor import Visitor
from rempart.exchange.payee_check import ask_payee
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.kernel.findings import BadValue
from rempart.kernel.iban import Iban
from rempart.kernel.listing import Listing
from rempart.portals import bank_wording
from rempart.portals.administering import read_ref
from rempart.portals.bank_wording import format_digits
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.paging import cut_page, describe_listing, read_listing, sort_here
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, get_whence, open_visit
from rempart.workflows.settlement.change_bank_details import (
    Asker,
    NewAccount,
    approve_change,
    prepare_proposal,
    propose_change,
    stop_change,
)
from rempart.workflows.settlement.read_bank_details import (
    BankDetailsSheet,
    HistoryLine,
    read_bank_details,
)

HISTORY_ROWS: Final = 20
_OPERATOR: Final = frozenset(ROLES_OF["operator"])

COLUMNS: Final = (
    ("asked", _("Demandé le")),
    ("account", _("Compte")),
    ("state", _("État")),
    ("by", _("Demandé par")),
    ("approved", _("Approuvé par")),
    ("begins", _("Payé à partir du")),
    ("ends", _("Fin")),
)


class IbanField(forms.CharField):
    """An IBAN, read by the kernel; its value is an `Iban`, which does not print."""

    def clean(self, value: Any) -> Any:
        """Return the IBAN, or refuse it in the rule's own words."""
        text = super().clean(value)
        try:
            return Iban.parse(text)
        except BadValue as bad:
            language = current_language()
            sentences = (bad.refusal.message(language), bad.refusal.advice(language))
            raise forms.ValidationError(" ".join(sentences), code=bad.refusal.rule) from None


class NewAccountForm(forms.Form):
    """The account to be paid from now on."""

    iban = IbanField(
        label=_("IBAN du nouveau compte"),
        help_text=_("Sur le RIB de la banque. Espaces et minuscules sont acceptés."),
        max_length=60,
        error_messages={"required": _("Recopiez l’IBAN du relevé d’identité bancaire.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "autocapitalize": "characters",
            }
        ),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.READ_BANK_DETAILS)
def bank_details(request: HttpRequest) -> HttpResponseBase:
    """Show the account paid, the change under way, and all there ever were."""
    return _show(request)


@require_safe
@allows(Permission.READ_BANK_DETAILS)
def bank_details_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the history in the order of the page."""
    with open_visit(request) as (tx, visitor):
        sheet = read_bank_details(tx, make_asker(request, visitor))
    lines = _sort([_describe(line) for line in sheet.history], _read_listing(request))
    header = [str(words) for _name, words in COLUMNS]
    return export_csv("coordonnees-bancaires.csv", header, (_to_cells(line) for line in lines))


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("iban")
@allows(Permission.PROPOSE_BANK_DETAILS)
def propose(request: HttpRequest) -> HttpResponseBase:
    """Show the form, or propose the account it names."""
    form = NewAccountForm(request.POST) if request.method == "POST" else NewAccountForm()
    try:
        with open_visit(request) as (tx, visitor):
            payee_name = prepare_proposal(tx, make_asker(request, visitor))
            sheet = read_bank_details(tx, make_asker(request, visitor))
        if request.method == "POST" and form.is_valid():
            iban = form.cleaned_data["iban"]
            # Outside of any transaction: a bank takes its time.
            payee = ask_payee(get_desk().payee_provider, iban, payee_name)
            account = NewAccount(iban=iban, close=get_desk().close_iban, payee=payee)
            with open_visit(request) as (tx, visitor):
                propose_change(tx, make_asker(request, visitor), account)
            return HttpResponseRedirect(reverse("bank-details"))
    except ChangeRefused as refusal:
        return _show(request, refusal)
    context = {
        "form": form,
        "sheet": sheet,
        "paid": _describe_paid(sheet),
        "days": count_cooling_days(PayeeCheck.MATCH),
        "unverified_days": count_cooling_days(PayeeCheck.UNAVAILABLE),
    }
    return render(request, "portals/bank/propose.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.APPROVE_BANK_DETAILS)
def approve(request: HttpRequest, change_ref: int) -> HttpResponseBase:
    """Show a colleague's change whole, or approve it."""
    try:
        with open_visit(request) as (tx, visitor):
            asker = make_asker(request, visitor)
            if request.method == "POST":
                approve_change(tx, asker, read_ref(change_ref))
                return HttpResponseRedirect(reverse("bank-details"))
            sheet = read_bank_details(tx, asker)
    except ChangeRefused as refusal:
        return _show(request, refusal)
    except NotFound:
        raise Http404 from None
    if change_ref not in {line.version.change_ref for line in sheet.history}:
        raise Http404
    pending = sheet.pending
    if not sheet.may_approve or pending is None or pending.version.change_ref != change_ref:
        return HttpResponseRedirect(reverse("bank-details"))
    return render(request, "portals/bank/approve.html", _describe_pending(sheet, visitor))


@require_POST
@allows(Permission.CANCEL_BANK_DETAILS)
def stop(request: HttpRequest, change_ref: int) -> HttpResponseBase:
    """Stop a change: refused or cancelled, as it stands."""
    try:
        with open_visit(request) as (tx, visitor):
            stop_change(tx, make_asker(request, visitor), read_ref(change_ref))
    except ChangeRefused as refusal:
        if visitor.role in _OPERATOR:
            return HttpResponseRedirect(reverse("bank-reviews"))
        return _show(request, refusal)
    except (NotFound, NotAllowed):
        raise Http404 from None
    return HttpResponseRedirect(
        reverse("bank-reviews" if visitor.role in _OPERATOR else "bank-details")
    )


def make_asker(request: HttpRequest, visitor: Visitor) -> Asker:
    """Return who asks, from where, and when."""
    return Asker(visitor=visitor, whence=get_whence(request), now=get_desk().now())


def count_cooling_days(check: PayeeCheck) -> int:
    """Return the length of a cooling-off period that would begin now, in days."""
    now = get_desk().now()
    return (compute_active_from(check, at=now) - now).days


def _show(request: HttpRequest, refusal: ChangeRefused | None = None) -> HttpResponse:
    listing = _read_listing(request)
    with open_visit(request) as (tx, visitor):
        sheet = read_bank_details(tx, make_asker(request, visitor))
    lines = _sort([_describe(line) for line in sheet.history], listing)
    context = {
        **_describe_pending(sheet, visitor),
        "trouble": bank_wording.OBSTACLES[refusal.obstacle] if refusal else "",
        "rows": cut_page(lines, listing),
        **describe_listing(listing, COLUMNS, len(lines)),
    }
    return render(request, "portals/bank/account.html", context, status=409 if refusal else 200)


def _describe_pending(sheet: BankDetailsSheet, visitor: Visitor) -> dict[str, Any]:
    """Return the change under way as pages show it, and the account it would replace."""
    pending = sheet.pending
    context: dict[str, Any] = {
        "sheet": sheet,
        "paid": _describe_paid(sheet),
        "needs_colleague": sheet.approver is Approver.COLLEAGUE,
        "needs_operator": sheet.approver is Approver.OPERATOR,
        "pending": None,
    }
    if pending is not None:
        warned = [told.warnings for told in pending.steps]
        context["pending"] = _describe(pending) | {
            "check_words": describe_check(pending.version.payee_check),
            "is_match": pending.version.payee_check is PayeeCheck.MATCH,
            "steps": _describe_steps(pending, visitor),
            "warned": max(warned, default=0),
            "is_mine": pending.version.proposed_by == visitor.actor_ref,
        }
    return context


def describe_check(check: PayeeCheck | None) -> bank_wording.Words:
    """Say what the payee's bank said."""
    return bank_wording.CHECKS[check or PayeeCheck.UNAVAILABLE]


def _describe_paid(sheet: BankDetailsSheet) -> dict[str, Any]:
    paid = sheet.paid
    return {
        "digits": format_digits(paid.last_digits if paid else ""),
        "since": paid.active_from if paid else None,
    }


def _describe(line: HistoryLine) -> dict[str, Any]:
    version = line.version
    badge, sign = bank_wording.LOOKS[version.state]
    return {
        "version": version,
        "digits": format_digits(version.last_digits),
        "state": bank_wording.STATES[version.state],
        "badge": badge,
        "sign": sign,
        "by": _name(line.proposed.name, line.proposed.role) if line.proposed else _by_file(version),
        "approved": _name(line.approved.name, line.approved.role) if line.approved else "",
        "begins": _find_first_instant(version),
    }


def _describe_steps(line: HistoryLine, visitor: Visitor) -> list[dict[str, Any]]:
    """Return what happened, with a way to say "it was not me" of what one's own account did."""
    return [
        {
            "at": told.step.at,
            "words": bank_wording.STEPS[told.step.kind],
            "name": ""
            if told.step.kind is SecurityEventKind.BANK_DETAILS_ACTIVE
            else _name(told.step.name, told.step.role),
            "warnings": told.warnings,
            "report_ref": told.step.event_ref if told.step.actor_ref == visitor.actor_ref else None,
        }
        for told in line.steps
    ]


def _name(name: str, role: str) -> str:
    return str(bank_wording.OPERATOR) if role in _OPERATOR else name


def _by_file(version: AccountVersion) -> str:
    return str(bank_wording.OPERATOR) if version.proposed_by is None else ""


def _find_first_instant(version: AccountVersion) -> Any:
    """Return when an account is or was paid first; None for one that never was."""
    never = version.ended_by is not None
    return None if never else version.active_from


def _read_listing(request: HttpRequest) -> Listing[str]:
    names = tuple(name for name, _words in COLUMNS)
    return read_listing(request.GET, names, "asked", limit=HISTORY_ROWS)


def _sort(lines: Sequence[dict[str, Any]], listing: Listing[str]) -> list[dict[str, Any]]:
    def find_value(line: dict[str, Any]) -> Any:
        version = line["version"]
        return {
            "asked": version.proposed_at,
            "account": version.last_digits,
            "state": str(line["state"]),
            "by": line["by"],
            "approved": line["approved"],
            "begins": line["begins"],
            "ends": version.ended_at,
        }[listing.sort]

    return sort_here(lines, listing, find_value)


def _to_cells(line: dict[str, Any]) -> tuple[object, ...]:
    version = line["version"]
    return (
        *(format_stamp(version.proposed_at), line["digits"], line["state"], line["by"]),
        *(line["approved"], format_stamp(line["begins"]), format_stamp(version.ended_at)),
    )


def name_approver(approver: Approver) -> str:
    """Say who must still approve a change."""
    return {
        Approver.NOBODY: gettext("personne : l’attente court"),
        Approver.COLLEAGUE: gettext("une personne de l’établissement"),
        Approver.OPERATOR: gettext("l’opérateur"),
    }[approver]
