"""« Garanties » of an insurer: files of benefit tables, tried, then approved by two people.

Refuses a file that could not be read to its end: what is wrong is told with its place.
"""

from typing import Any, Final, Literal, TypeAlias

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.regression_file import RegressionCase, read_regression_pack
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    confirm,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.benefit_case import CaseForm
from rempart.portals.care_wording import describe_state, name_act
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk, get_today
from rempart.portals.forms import current_language
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import cut_page, describe_listing, read_listing, sort_here
from rempart.portals.payer_wording import (
    FILE_BADGES,
    FILE_STATES,
    describe_judgement,
    describe_table,
)
from rempart.portals.times import format_stamp
from rempart.portals.uploads import FILE_LIMIT
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.claims import benefit_tables
from rempart.workflows.claims.benefit_tables import (
    MOST_ASKED,
    MOST_LETTERS,
    FileRow,
    Judgement,
    Proposal,
    Tried,
    read_benefit_tables,
)

FileColumn: TypeAlias = Literal["proposed", "state", "decided"]
COLUMNS: Final = (
    ("proposed", _("Proposé le")),
    ("state", _("État")),
    ("decided", _("Décidé le")),
)
SORTABLE: Final[tuple[FileColumn, ...]] = ("proposed", "state", "decided")


class ProposeForm(forms.Form):
    """A file of tables, why, and the cases to try it on."""

    file = forms.FileField(
        label=_("Fichier de garanties (TOML)"),
        help_text=_(
            "Un ou plusieurs tableaux. Partez d’un fichier déjà proposé : sa page le donne."
            " La forme est décrite dans docs/reference/benefit-tables.md."
        ),
    )
    note = forms.CharField(
        label=_("Note"),
        help_text=_("Ce qui change, pour la personne qui approuvera."),
        required=False,
        max_length=MOST_LETTERS,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False


class PackForm(forms.Form):
    """Cases whose result is known."""

    pack = forms.FileField(
        label=_("Cas de non-régression (TOML)"),
        help_text=_("Chaque cas dit l’acte, le prix, et ce que le contrat doit payer."),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.PROPOSE_BENEFITS)
def benefits(request: HttpRequest) -> HttpResponseBase:
    """Show the files of the insurer, and the tables in force."""
    rows, listing = _load(request)
    context = {
        "rows": [_describe(row) for row in cut_page(rows, listing)],
        "waiting": sum(row.state == "proposed" for row in rows),
        **describe_listing(listing, COLUMNS, len(rows)),
    }
    return render(request, "portals/payers/benefits.html", context)


@require_safe
@allows(Permission.PROPOSE_BENEFITS)
def benefits_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the history of the files."""
    rows, _listing = _load(request)
    header = gettext("fichier"), gettext("proposé le"), gettext("état"), gettext("décidé le")
    cells = [
        (
            *(row.file_ref, format_stamp(row.proposed_at), FILE_STATES[row.state]),
            *(format_stamp(row.decided_at) if row.decided_at else "", row.note),
        )
        for row in rows
    ]
    return export_csv("garanties.csv", (*header, gettext("note")), cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.PROPOSE_BENEFITS)
def propose(request: HttpRequest) -> HttpResponseBase:
    """Read a file, tell what is wrong with it, or propose it."""
    form = ProposeForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
    )
    findings: list[Any] = []
    status = 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        content = bytes(form.cleaned_data["file"].read(FILE_LIMIT + 1))
        findings = list(read_benefit_tables(content, current_language()).findings)
        status = 422
        if not findings:
            made = _propose(request, content, form.cleaned_data["note"])
            if isinstance(made, int):
                return HttpResponseRedirect(reverse("benefit-file", args=[made]))
            form.add_error("file", _("Un choix mène à un tableau qui n’existe pas."))
    context = {"form": form, "findings": findings}
    return render(request, "portals/payers/propose_benefits.html", context, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.PROPOSE_BENEFITS)
def benefit_file(request: HttpRequest, file_ref: int) -> HttpResponseBase:
    """Show a file as its members would read it, and what a responsible contract may not do.

    It is tried on cases against what is in force.
    """
    row = _find(request, file_ref)
    pack, one = PackForm(), CaseForm()
    tried: list[Tried] | None = None
    status = 200
    if request.method == "POST":
        asked = request.POST.get("essai", "")
        cases: tuple[RegressionCase, ...] = ()
        if asked == "cas":
            one = CaseForm(request.POST)
            cases = (one.make_case(),) if one.is_valid() else ()
        else:
            pack = PackForm(request.POST, request.FILES)
            cases = _read_pack(pack)
        status = 200 if cases else 422
        tried = _try(request, row, cases) if cases else None
    context = {
        **_describe(row),
        "tables": [
            describe_table(table) for table in read_benefit_tables(row.content.encode()).tables
        ],
        "responsible": describe_judgement(_judge(row)),
        "pack": pack,
        "one": one,
        "tried": tried,
        "changed": sum(line.differs for line in tried or ()),
        "wrong": sum(not line.is_right for line in tried or ()),
        "is_own": row.proposed_by == require_visitor(request).actor_ref,
        **list_abilities(require_visitor(request), [Permission.PROPOSE_BENEFITS]),
    }
    return render(request, "portals/payers/benefit_file.html", context, status=status)


@require_safe
@allows(Permission.PROPOSE_BENEFITS)
def benefit_toml(request: HttpRequest, file_ref: int) -> HttpResponseBase:
    """Download a file as it was proposed."""
    row = _find(request, file_ref)
    response = HttpResponse(row.content, content_type="application/toml; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="garanties-{file_ref}.toml"'
    return response


@require_safe
@allows(Permission.PROPOSE_BENEFITS)
def responsible_csv(request: HttpRequest, file_ref: int) -> HttpResponseBase:
    """Download what a responsible contract may not do, act by act."""
    header = (
        *(gettext("tableau"), gettext("à partir du"), gettext("soins du"), gettext("acte")),
        *(gettext("libellé"), gettext("règle"), gettext("ce qui ne va pas"), gettext("que faire")),
    )
    cells = [
        (
            *(one.table.code, one.table.period.starts_on.isoformat(), one.day.isoformat()),
            *(wrong.field, name_act(wrong.field), wrong.rule, wrong.message, wrong.advice),
        )
        for one in _judge(_find(request, file_ref)).wrong
        for wrong in one.findings
    ]
    return export_csv("contrat-responsable.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.PROPOSE_BENEFITS)
def simulate_csv(request: HttpRequest, file_ref: int) -> HttpResponseBase:
    """Download what a pack gives, line by line; a page to come back to when there is no pack."""
    row = _find(request, file_ref)
    pack = PackForm(request.POST, request.FILES)
    cases = _read_pack(pack) if request.method == "POST" else ()
    if not cases:
        return HttpResponseRedirect(reverse("benefit-file", args=[file_ref]))
    header = (
        *(gettext("cas"), gettext("ligne"), gettext("attendu"), gettext("aujourd’hui")),
        gettext("avec ce fichier"),
    )
    cells = [
        (
            *(one.case, one.line, format_cell(one.expected_cents)),
            *(format_cell(one.now_cents), format_cell(one.then_cents)),
        )
        for one in _try(request, row, cases)
    ]
    return export_csv("simulation.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_BENEFITS)
def approve(request: HttpRequest, file_ref: int) -> HttpResponseBase:
    """Ask, then be the second person."""
    row = _find(request, file_ref)
    sentence = gettext(
        "Les factures calculées à partir de maintenant sont payées selon ces tableaux, par "
        "date de soins. Un fichier approuvé ne se modifie plus : un autre le remplace."
    )
    if found := _judge(row).total:
        warning = ngettext(
            "Contrat responsable : %(n)s point reste à revoir sur la page du fichier.",
            "Contrat responsable : %(n)s points restent à revoir sur la page du fichier.",
            found,
        )
        sentence = f"{sentence} {warning % {'n': found}}"
    return confirm(
        request,
        lambda: perform(
            request,
            lambda tx, asker: benefit_tables.approve_benefits(
                tx, asker, row.file_ref, now=get_desk().now()
            ),
        ),
        back=reverse("benefit-file", args=[file_ref]),
        title=gettext("Approuver ces garanties"),
        sentence=sentence,
        button=gettext("Approuver"),
        refusal=gettext(
            "Il faut une deuxième personne, arrivée indépendamment de la première, et un fichier "
            "qui attend encore."
        ),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.PROPOSE_BENEFITS)
def refuse(request: HttpRequest, file_ref: int) -> HttpResponseBase:
    """Ask, then refuse a colleague's file, or withdraw one's own."""
    row = _find(request, file_ref)
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: benefit_tables.refuse_benefits(tx, asker, row.file_ref)
        ),
        back=reverse("benefit-file", args=[file_ref]),
        title=gettext("Refuser ou retirer ce fichier"),
        sentence=gettext("Rien ne change : les garanties approuvées restent celles qui paient."),
        button=gettext("Refuser ou retirer"),
        refusal=gettext("Ce fichier est déjà décidé."),
    )


def _propose(request: HttpRequest, content: bytes, note: str) -> int | Refused:
    def act(tx: Any, asker: Any) -> int:
        insurer_id = asker.visitor.insurer_id
        if insurer_id is None:
            raise NotFound("benefit tables are an insurer's")
        return benefit_tables.propose_benefits(
            tx, asker, Proposal(insurer_id=insurer_id, content=content, note=note)
        )

    return perform(request, act)


def _read_pack(form: PackForm) -> tuple[RegressionCase, ...]:
    """Return the cases of a pack; none, told beside its field, when it cannot be read."""
    if not form.is_valid():
        return ()
    try:
        cases = read_regression_pack(bytes(form.cleaned_data["pack"].read(FILE_LIMIT + 1)))
    except InvalidRequest as wrong:
        form.add_error("pack", _("Ce fichier ne se lit pas : %(why)s") % {"why": wrong})
        return ()
    if not cases:
        form.add_error("pack", _("Ce fichier ne contient aucun cas."))
    return cases


def _try(request: HttpRequest, row: FileRow, cases: tuple[RegressionCase, ...]) -> list[Tried]:
    book = perform_or_404(request, lambda tx, _asker: benefit_tables.load_book(tx, row.insurer_id))
    return benefit_tables.simulate_benefits(book, row.content.encode(), cases, now=get_desk().now())


def _judge(row: FileRow) -> Judgement:
    tables = read_benefit_tables(row.content.encode()).tables
    return benefit_tables.judge_tables(
        tables, today=get_today(), language=current_language(), most=MOST_ASKED
    )


def _load(request: HttpRequest) -> tuple[list[FileRow], Any]:
    insurer_id = require_visitor(request).insurer_id
    if insurer_id is None:
        raise Http404
    rows = perform_or_404(
        request, lambda tx, _asker: benefit_tables.list_benefit_files(tx, insurer_id)
    )
    listing = read_listing(request.GET, SORTABLE, "proposed")
    keys: dict[FileColumn, Any] = {
        "proposed": lambda row: row.proposed_at,
        "state": lambda row: row.state,
        "decided": lambda row: row.decided_at,
    }
    return sort_here(rows, listing, keys[listing.sort]), listing


def _find(request: HttpRequest, file_ref: int) -> FileRow:
    ref = read_ref(file_ref)
    insurer_id = require_visitor(request).insurer_id
    if insurer_id is None:
        raise Http404
    rows = perform_or_404(
        request, lambda tx, _asker: benefit_tables.list_benefit_files(tx, insurer_id)
    )
    found = next((row for row in rows if row.file_ref == ref), None)
    if found is None:
        raise Http404
    return found


def _describe(row: FileRow) -> dict[str, Any]:
    read = read_benefit_tables(row.content.encode())
    return {
        "row": row,
        "codes": [table.code for table in read.tables],
        "choices": len(read.choices),
        "state": describe_state(row.state, FILE_STATES, FILE_BADGES),
    }
