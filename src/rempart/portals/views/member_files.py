"""« Adhérents »: the file of one member, or of one contract, opened by exact identifiers.

Each question and each display is in the ledger before anything is shown, and the member reads it.
Refuses a search and a list of names; no address carries an identifier of a person.
"""

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rempart.accounts.member_files import CONTRACT_LETTERS, MOST_PEOPLE_TOLD, FileMotive
from rempart.accounts.permissions import Permission
from rempart.claims.references import format_reference
from rempart.disclosure.entry import Outcome
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION
from rempart.exchange.proof_words import describe_fields
from rempart.exchange.rights_answer import build_terms
from rempart.kernel.errors import InconsistentRecord
from rempart.portals import wording
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.care_wording import CLAIM_BADGES, CLAIM_STATES, describe_state
from rempart.portals.desk import get_desk, get_today
from rempart.portals.forms import current_language
from rempart.portals.insurer_wording import MOTIVES
from rempart.portals.person_forms import CardPersonForm, TypedPersonForm
from rempart.portals.pseudonyms import format_contract
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.rights.terms import parse_domains
from rempart.tariffs.domains import DOMAINS, Domain
from rempart.workflows.members import open_member_file as acts
from rempart.workflows.members.open_member_file import (
    FileConsultation,
    FileExposure,
    MemberFile,
    SheetLine,
)

_SPENT: Final = 409


class _FileForm(forms.Form):
    """Why a file is opened; the kinds of identifiers add what they need."""

    motive = forms.ChoiceField(
        label=_("Motif"),
        help_text=_("Inscrit au registre ; la personne le lira."),
        choices=[(one.value, words) for one, words in MOTIVES.items()],
    )
    use_required_attribute = False

    @property
    def motive_given(self) -> FileMotive:
        """Why; the form is valid."""
        return FileMotive(self.cleaned_data["motive"])


class CardFileForm(CardPersonForm, _FileForm):
    """The code of a card that the member reads out."""

    field_order = ("card_code", "motive")


class TypedFileForm(TypedPersonForm, _FileForm):
    """The identifiers that the certificate shows."""

    field_order = ("insured_nir", "birth_date", "birth_rank", "motive")


class ContractFileForm(_FileForm):
    """The exact number of a contract."""

    prefix = "contrat"
    contract_number = forms.RegexField(
        regex=rf"^[A-Za-z0-9][A-Za-z0-9/._-]{{0,{CONTRACT_LETTERS - 1}}}$",
        label=_("Numéro de contrat"),
        help_text=_("En entier, comme dans vos flux : majuscules et minuscules comptent."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"invalid": _("Lettres, chiffres et / . _ - seulement, trente au plus.")},
    )
    field_order = ("contract_number", "motive")


_FORMS: Final = {"carte": CardFileForm, "saisie": TypedFileForm, "contrat": ContractFileForm}
_SENSITIVE: Final = tuple(
    f"{form.prefix}-{name}" for form in _FORMS.values() for name in form.base_fields
)


@require_http_methods(FORM_METHODS)
@sensitive_post_parameters(*_SENSITIVE)
@allows(Permission.OPEN_MEMBER_FILES)
def members(request: HttpRequest) -> HttpResponseBase:
    """Ask for one member or one contract, then open its file."""
    name = request.POST.get("act", "") if request.method == "POST" else ""
    if name not in _FORMS:
        return _show_search(request)
    form = _FORMS[name](request.POST)
    if not form.is_valid():
        return _show_search(request, name, form, status=422)
    opened = _open_contract(request, form) if name == "contrat" else _open_member(request, form)
    if isinstance(opened, Refused):
        return _show_search(request, name, form, status=opened.status)
    if opened is None:
        return _show_search(request, name, form, nobody=True)
    route = "contract-file" if name == "contrat" else "member-file"
    return HttpResponseRedirect(reverse(route, args=[opened]))


@require_safe
@allows(Permission.OPEN_MEMBER_FILES)
def member(request: HttpRequest, member_file_ref: int) -> HttpResponseBase:
    """Show the file of one member."""
    read = _read(request, member_file_ref, acts.read_file)
    context = {
        "file": read,
        "file_ref": member_file_ref,
        **list_abilities(require_visitor(request), [Permission.HANDLE_REQUESTS]),
        "motive": MOTIVES[FileMotive(read.opened.motive)],
        "state": _describe_state(read),
        "lines": [_describe_line(one) for one in read.lines],
        "claims": [
            {
                "row": one,
                "reference": format_reference(one.claim_ref),
                "biller": read.billers.get(one.establishment_ref),
                "state": describe_state(one.state, CLAIM_STATES, CLAIM_BADGES),
            }
            for one in read.claims
        ],
        "consultations": [_describe_consultation(one) for one in read.consultations],
        "consultation_days": acts.CONSULTATION_DAYS,
        "exposures": [_describe_exposure(one) for one in read.exposures],
    }
    return _keep_out(render(request, "portals/insurer/member.html", context))


@require_safe
@allows(Permission.OPEN_MEMBER_FILES)
def contract(request: HttpRequest, member_file_ref: int) -> HttpResponseBase:
    """Show the file of one contract: how many people, and whose file may be opened from there."""
    read = _read(request, member_file_ref, acts.read_contract)
    context = {
        "file": read,
        "file_ref": member_file_ref,
        **list_abilities(require_visitor(request), [Permission.HANDLE_REQUESTS]),
        "motive": MOTIVES[FileMotive(read.opened.motive)],
        "contract": format_contract(read.opened.contract_ref),
        "most_people": MOST_PEOPLE_TOLD,
    }
    return _keep_out(render(request, "portals/insurer/contract.html", context))


@require_POST
@allows(Permission.OPEN_MEMBER_FILES)
def open_covered(request: HttpRequest, member_file_ref: int, place: int) -> HttpResponseBase:
    """Open the file of one of the people on a contract."""
    ref = read_ref(member_file_ref)
    by, readings = make_author(require_visitor(request)), get_desk().readings
    opened = perform(
        request,
        lambda tx, asker: acts.open_from_contract(tx, readings, asker, ref, read_ref(place), by=by),
    )
    if isinstance(opened, Refused):
        return _show_search(request, status=opened.status)
    return HttpResponseRedirect(reverse("member-file", args=[opened]))


def _read(request: HttpRequest, file_ref: int, read: Callable[..., Any]) -> Any:
    ref = read_ref(file_ref)
    by, readings = make_author(require_visitor(request)), get_desk().readings
    return perform_or_404(request, lambda tx, asker: read(tx, readings, asker, ref, by=by))


def _open_member(request: HttpRequest, form: Any) -> int | Refused | None:
    by, desk = make_author(require_visitor(request)), get_desk()
    return perform(
        request,
        lambda tx, asker: acts.open_file(
            tx,
            desk.readings,
            asker,
            lookup_key=desk.designate(form.read_identifiers(acts.find_amc_number(tx, asker))),
            motive=form.motive_given,
            by=by,
        ),
    )


def _open_contract(request: HttpRequest, form: Any) -> int | Refused | None:
    by, desk = make_author(require_visitor(request)), get_desk()
    number = form.cleaned_data["contract_number"]
    return perform(
        request,
        lambda tx, asker: acts.open_contract(
            tx,
            desk.readings,
            asker,
            contract_ref=desk.name_contract(acts.find_amc_number(tx, asker), number),
            motive=form.motive_given,
            by=by,
        ),
    )


def _show_search(
    request: HttpRequest,
    name: str = "",
    form: forms.Form | None = None,
    *,
    nobody: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Show the forms; what was typed comes back only to be corrected, never with an answer."""
    keeps = status == 422
    shown = {one: form if keeps and one == name else make() for one, make in _FORMS.items()}
    counts = perform_or_404(request, acts.count_files)
    mine = require_visitor(request).actor_ref
    context = {
        "by_card": shown["carte"],
        "by_typing": shown["saisie"],
        "by_contract": shown["contrat"],
        "form": form if keeps else None,
        "asked_contract": name == "contrat",
        "nobody": nobody,
        "spent": status == _SPENT,
        "used": next((one.files for one in counts if one.actor_ref == mine), 0),
        "counts": counts if len(counts) > 1 or any(one.actor_ref != mine for one in counts) else [],
    }
    return render(request, "portals/insurer/members.html", context, status=status)


def _keep_out(page: HttpResponse) -> HttpResponse:
    """Have no cache keep what a file shows."""
    page.headers["Cache-Control"] = "no-store"
    return page


def _describe_state(read: MemberFile) -> dict[str, str]:
    today = get_today()
    if not read.is_present:
        return {"badge": "badge-plain", "icon": "minus", "name": gettext("Ancien adhérent")}
    running = [line for line in read.lines if line.starts_on <= today <= (line.ends_on or today)]
    if not running:
        return {"badge": "badge-plain", "icon": "clock", "name": gettext("Sans droits ce jour")}
    if all(_is_suspended(line, today) for line in running):
        return {"badge": "badge-attention", "icon": "pause", "name": gettext("Suspendu")}
    return {"badge": "badge-open", "icon": "check", "name": gettext("Droits ouverts")}


def _is_suspended(line: SheetLine, day: Any) -> bool:
    starts, ends = line.suspended_from, line.suspended_to
    return starts is not None and starts <= day <= (ends or day)


def _describe_line(line: SheetLine) -> dict[str, Any]:
    language = current_language()
    try:
        terms = parse_domains(line.domains)
        told = [
            (
                DOMAINS[code].label(language),
                ", ".join(wording.describe_terms(build_terms(one), language)),
            )
            for code, one in terms.items()
        ]
    except InconsistentRecord:
        told = [(gettext("Garantie illisible"), gettext("renvoyez le flux"))]
    return {"row": line, "contract": format_contract(line.contract_ref), "terms": told}


def _describe_consultation(one: FileConsultation) -> dict[str, Any]:
    return {
        "row": one,
        "at": in_paris(one.t_ms),
        "domain": Domain.from_number(one.domain).label(current_language()) if one.domain else "",
        "mode": wording.MODES.get(one.mode, ""),
        "outcome": wording.OUTCOMES.get(one.outcome, ""),
        "is_open": one.outcome == Outcome.OPEN,
    }


def _describe_exposure(one: FileExposure) -> dict[str, Any]:
    return {
        "row": one,
        "tier": wording.TIERS.get(one.tier or "", gettext("retirée de la liste")),
        "fields": describe_fields(one.fields, FIELDS_SCHEMA_VERSION, current_language())
        if one.tier
        else "",
    }
