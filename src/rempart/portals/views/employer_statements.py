"""« Appels de cotisations »: month by month, on a page, as CSV, on paper."""

from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.contribution_document import print_statement
from rempart.portals.administering import perform_or_404, read_ref
from rempart.portals.csv_export import export_csv
from rempart.portals.employer_wording import STRUCTURES
from rempart.portals.list_page import ListPage
from rempart.portals.money_cells import format_cell
from rempart.portals.visit import allows
from rempart.workflows.employers import employer_space as acts
from rempart.workflows.employers.employer_space import StatementColumn

COLUMNS: Final = (
    ("month", _("Mois")),
    ("active", _("Salariés")),
    ("amount", _("Montant")),
)
_LIST: Final = ListPage(
    template="portals/employer/statements.html",
    columns=COLUMNS,
    sortable=get_args(StatementColumn),
    load=acts.list_statements,
    describe=lambda row: {"row": row},
)


@require_safe
@allows(Permission.READ_STATEMENTS)
def statements(request: HttpRequest) -> HttpResponseBase:
    """Show the statements, the latest month first."""
    return _LIST.show(request)


@require_safe
@allows(Permission.READ_STATEMENTS)
def statements_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the list."""
    header = (
        *(gettext("contrat"), gettext("mois"), gettext("salariés"), gettext("portabilité")),
        gettext("montant"),
    )
    cells = (
        (
            *(one.contract_number, f"{one.month:%Y-%m}", one.active, one.ported),
            format_cell(one.amount_cents),
        )
        for one in _LIST.load_all(request)
    )
    return export_csv("cotisations.csv", header, cells)


@require_safe
@allows(Permission.READ_STATEMENTS)
def statement(request: HttpRequest, statement_ref: int) -> HttpResponseBase:
    """Show one statement: the month's lines, then what changed of months past."""
    row, lines = _load(request, statement_ref)
    described = [{"line": one, "structure": STRUCTURES[one.structure.value]} for one in lines]
    context = {
        "row": row,
        "own": [one for one in described if one["line"].about == row.month],
        "late": [one for one in described if one["line"].about != row.month],
    }
    return render(request, "portals/employer/statement.html", context)


@require_safe
@allows(Permission.READ_STATEMENTS)
def statement_csv(request: HttpRequest, statement_ref: int) -> HttpResponseBase:
    """Download its lines."""
    row, lines = _load(request, statement_ref)
    header = (
        *(gettext("mois"), gettext("structure"), gettext("salariés"), gettext("portabilité")),
        *(gettext("prix"), gettext("montant")),
    )
    cells = (
        (
            *(f"{one.about:%Y-%m}", STRUCTURES[one.structure.value], one.active, one.ported),
            *(format_cell(one.unit_cents), format_cell(one.amount_cents)),
        )
        for one in lines
    )
    return export_csv(f"cotisations-{row.month:%Y-%m}.csv", header, cells)


@require_safe
@allows(Permission.READ_STATEMENTS)
def statement_pdf(request: HttpRequest, statement_ref: int) -> HttpResponseBase:
    """Download it on paper, in French."""
    row, lines = _load(request, statement_ref)
    content = print_statement(
        lines,
        month=row.month,
        contract_number=row.contract_number,
        employer_name=row.employer_name,
        insurer_name=row.insurer_name,
        issued_at=row.issued_at,
    )
    answer = HttpResponse(content, content_type="application/pdf")
    answer.headers["Content-Disposition"] = (
        f'attachment; filename="cotisations-{row.month:%Y-%m}.pdf"'
    )
    return answer


def _load(request: HttpRequest, statement_ref: int) -> Any:
    return perform_or_404(
        request, lambda tx, asker: acts.read_statement(tx, asker, read_ref(statement_ref))
    )
