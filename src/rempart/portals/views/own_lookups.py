"""« Consultations » of an insurer: who asked about its members, as it happens, by pseudonyms."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals import wording
from rempart.portals.administering import perform_or_404
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.pseudonyms import format_account
from rempart.portals.times import in_paris
from rempart.portals.views.console import describe_lookup, describe_period
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.portals.watching import EXPORT_ROWS, PAGE_ROWS, PERIODS_MINUTES, Watch, parse_watch
from rempart.tariffs.domains import DOMAINS, Domain
from rempart.workflows.ledger.watch_own_lookups import LookupPage, watch_own_lookups

COLUMNS: Final = (
    ("time", _("Heure")),
    ("account", _("Compte")),
    ("domain", _("Domaine")),
    ("mode", _("Mode")),
    ("outcome", _("Réponse")),
)
SECONDARY: Final = ("domain", "mode")


@require_safe
@allows(Permission.READ_OWN_LOOKUPS)
def own_lookups(request: HttpRequest) -> HttpResponseBase:
    """Show the latest look-ups; the page asks for its table again every two seconds."""
    watch = parse_watch(request.GET)
    page = _load(request, watch, limit=PAGE_ROWS, offset=watch.offset)
    language = current_language()
    context = {
        "watch": watch,
        "rows": [describe_lookup(row) for row in page.rows],
        "total": page.total,
        "unexamined": page.unexamined,
        "first": watch.offset + 1,
        "last": watch.offset + len(page.rows),
        "has_next": watch.offset + PAGE_ROWS < page.total,
        "columns": COLUMNS,
        "secondary": SECONDARY,
        "periods": [(minutes, describe_period(minutes)) for minutes in PERIODS_MINUTES],
        "domains": [(domain.number, domain.label(language)) for domain in DOMAINS.values()],
        "modes": [(int(mode), words) for mode, words in wording.MODES.items()],
        "outcomes": [(int(outcome), words) for outcome, words in wording.OUTCOMES.items()],
        "now": get_desk().now(),
    }
    # htmx asks for the table alone; any other visitor gets the whole page.
    is_fragment = request.headers.get("HX-Request") == "true"
    template = "lookups_table.html" if is_fragment else "lookups.html"
    return render(request, f"portals/insurer/{template}", context)


@require_safe
@allows(Permission.READ_OWN_LOOKUPS)
def own_lookups_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the look-ups that the filter lets through, by pseudonyms."""
    page = _load(request, parse_watch(request.GET), limit=EXPORT_ROWS, leaves=True)
    header = (
        *(gettext("registre"), gettext("indice"), gettext("instant"), gettext("compte")),
        *(gettext("domaine"), gettext("mode"), gettext("réponse")),
    )
    cells = (
        (
            *(row.log_id, row.idx, in_paris(row.t_ms).isoformat(timespec="milliseconds")),
            format_account(row.account_ref),
            Domain.from_number(row.domain).code if row.domain else "",
            *(wording.MODES.get(row.mode, ""), wording.OUTCOMES.get(row.outcome, "")),
        )
        for row in page.rows
    )
    return export_csv("consultations-adherents.csv", header, cells)


def _load(
    request: HttpRequest, watch: Watch, *, limit: int, offset: int = 0, leaves: bool = False
) -> LookupPage:
    desk, by = get_desk(), make_author(require_visitor(request))

    def load(tx: Any, asker: Any) -> LookupPage:
        return watch_own_lookups(
            tx,
            desk.readings,
            asker,
            watch.make_filter(desk.now()),
            by=by,
            sort="time" if watch.sort in {"insurer", "session"} else watch.sort,
            descending=watch.descending,
            limit=limit,
            offset=offset,
            leaves=leaves,
        )

    return perform_or_404(request, load)
