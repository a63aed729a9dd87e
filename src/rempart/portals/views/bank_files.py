"""The bank's files, the movements nobody explained, and claims counted: the host's, in sums."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, Literal, TypeAlias, get_args

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import perform_or_404
from rempart.portals.care_wording import CLAIM_STATES
from rempart.portals.charts import Point, Series, draw_columns
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_today
from rempart.portals.forms import current_language
from rempart.portals.list_page import ListPage
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import cut_page, describe_listing, read_listing, sort_here
from rempart.portals.payer_wording import BANK_FILES
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows
from rempart.settlement.return_reasons import find_reason
from rempart.workflows.claims import explain_claim
from rempart.workflows.claims.explain_claim import CountRead
from rempart.workflows.ledger.watch_lookups import list_insurer_names
from rempart.workflows.settlement import read_runs
from rempart.workflows.settlement.read_runs import (
    BankFileColumn,
    BankFileRow,
    SuspenseColumn,
    SuspenseRow,
)

DAYS_SHOWN: Final = 30
CountColumn: TypeAlias = Literal["day", "insurer", "state", "claims", "billed", "amc"]
COUNT_COLUMNS: Final = (
    ("day", _("Jour")),
    ("insurer", _("Complémentaire")),
    ("state", _("État")),
    ("claims", _("Factures")),
    ("billed", _("Facturé")),
    ("amc", _("Part complémentaire")),
)
REJECTED: Final = frozenset({"rejected"})
WAITING: Final = frozenset({"received", "held"})


def _describe_file(row: BankFileRow) -> dict[str, Any]:
    return {"row": row, "kind": BANK_FILES.get(row.kind, row.kind)}


def _describe_suspense(row: SuspenseRow) -> dict[str, Any]:
    reason = find_reason(row.return_code) if row.return_code else None
    words = "" if reason is None else reason.en if current_language() == "en" else reason.fr
    return {"row": row, "reason": words}


FILES: Final = ListPage[BankFileColumn, BankFileRow](
    template="portals/payers/bank_files.html",
    columns=(("imported", _("Importé")), ("lines", _("Mouvements"))),
    sortable=get_args(BankFileColumn),
    load=read_runs.list_bank_files,
    describe=_describe_file,
)
SUSPENSE: Final = ListPage[SuspenseColumn, SuspenseRow](
    template="portals/payers/suspense.html",
    columns=(("day", _("Jour")), ("amount", _("Montant"))),
    sortable=get_args(SuspenseColumn),
    load=read_runs.list_suspense,
    describe=_describe_suspense,
)


@require_safe
@allows(Permission.READ_RUNS)
def bank_files(request: HttpRequest) -> HttpResponseBase:
    """Show the bank's files."""
    return FILES.show(request)


@require_safe
@allows(Permission.READ_RUNS)
def bank_files_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the list of the bank's files."""
    header = (
        *(gettext("fichier"), gettext("relevé"), gettext("comptabilisé jusqu’au")),
        *(gettext("importé le"), gettext("mouvements"), gettext("sans explication")),
    )
    cells = [
        (
            *(BANK_FILES.get(row.kind, row.kind), row.statement_id, row.booked_to or ""),
            *(format_stamp(row.imported_at), row.lines, row.suspense),
        )
        for row in FILES.load_all(request)
    ]
    return export_csv("fichiers-banque.csv", header, cells)


@require_safe
@allows(Permission.READ_RUNS)
def suspense(request: HttpRequest) -> HttpResponseBase:
    """Show the movements nobody explained."""
    return SUSPENSE.show(request)


@require_safe
@allows(Permission.READ_RUNS)
def suspense_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the movements nobody explained."""
    header = (
        *(gettext("jour"), gettext("montant"), gettext("référence"), gettext("réf. banque")),
        gettext("code retour"),
    )
    cells = [
        (row.booked_on, format_cell(row.cents), row.end_to_end, row.bank_ref, row.return_code)
        for row in SUSPENSE.load_all(request)
    ]
    return export_csv("mouvements-a-expliquer.csv", header, cells)


@require_safe
@allows(Permission.READ_SERVICES)
def claim_counts(request: HttpRequest) -> HttpResponseBase:
    """Show how many claims came each day, and what became of them: sums only."""
    rows, names, listing, since = _load_counts(request)
    context = {
        "rows": [
            {"row": row, "state": CLAIM_STATES[row.state], "insurer": names.get(row.insurer_id)}
            for row in cut_page(rows, listing)
        ],
        "chart": _draw(rows, since),
        "claims": sum(row.claims for row in rows),
        "billed_cents": sum(row.billed_cents for row in rows),
        "amc_cents": sum(row.amc_cents for row in rows),
        "days": DAYS_SHOWN,
        **describe_listing(listing, COUNT_COLUMNS, len(rows)),
    }
    return render(request, "portals/payers/claim_counts.html", context)


@require_safe
@allows(Permission.READ_SERVICES)
def claim_counts_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the counts."""
    rows, names, _listing, _since = _load_counts(request)
    header = (
        *(gettext("jour"), gettext("n° complémentaire"), gettext("complémentaire")),
        *(gettext("état"), gettext("factures"), gettext("facturé"), gettext("part complémentaire")),
    )
    cells = [
        (
            *(row.day, row.insurer_id, names.get(row.insurer_id, "")),
            *(CLAIM_STATES[row.state], row.claims),
            *(format_cell(row.billed_cents), format_cell(row.amc_cents)),
        )
        for row in rows
    ]
    return export_csv("factures-par-jour.csv", header, cells)


def _load_counts(
    request: HttpRequest,
) -> tuple[list[CountRead], Mapping[int, str], Any, date]:
    since = get_today() - timedelta(days=DAYS_SHOWN - 1)
    rows, names = perform_or_404(
        request,
        lambda tx, asker: (explain_claim.count_claims(tx, asker, since), list_insurer_names(tx)),
    )
    listing = read_listing(request.GET, get_args(CountColumn), "day")
    keys: dict[CountColumn, Any] = {
        "day": lambda row: row.day,
        "insurer": lambda row: (names.get(row.insurer_id, ""), row.insurer_id),
        "state": lambda row: row.state,
        "claims": lambda row: row.claims,
        "billed": lambda row: row.billed_cents,
        "amc": lambda row: row.amc_cents,
    }
    return sort_here(rows, listing, keys[listing.sort]), names, listing, since


def _draw(rows: list[CountRead], since: date) -> Any:
    counts: dict[date, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        place = 2 if row.state in REJECTED else 1 if row.state in WAITING else 0
        counts[row.day][place] += row.claims
    days = [since + timedelta(days=place) for place in range(DAYS_SHOWN)]
    points = [
        Point(label=f"{day:%d/%m}", counts=(counts[day][0], counts[day][1], counts[day][2]))
        for day in days
    ]
    series = (
        Series(name=gettext("acceptées ou finies"), css="fill-open"),
        Series(name=gettext("en attente"), css="fill-unknown"),
        Series(name=gettext("rejetées"), css="fill-attributed"),
    )
    return draw_columns(points, series)
