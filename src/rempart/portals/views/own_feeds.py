"""« Flux »: an insurer's feeds as it sent them: what was kept, and what is wrong, row by row."""

from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import perform_or_404
from rempart.portals.care_wording import describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.insurer_wording import FEED_BADGES, FEED_KINDS, FEED_STATES
from rempart.portals.list_page import ListPage
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows
from rempart.portals.watching import read_words
from rempart.portals.whole_numbers import read_whole
from rempart.workflows.feeds import own_feeds as acts
from rempart.workflows.feeds.own_feeds import FeedColumn, FindingColumn, OwnFeed

COLUMNS: Final = (
    ("started", _("Reçu")),
    ("rows", _("Lignes")),
    ("rejected", _("Rejetées")),
    ("findings", _("Anomalies")),
    ("state", _("État")),
)
FINDING_COLUMNS: Final = (("line", _("Ligne")), ("field", _("Champ")), ("rule", _("Règle")))
_RULE_LETTERS: Final = 60


def _describe(row: OwnFeed) -> dict[str, Any]:
    return {
        "row": row,
        "kind": FEED_KINDS.get(row.kind, row.kind),
        "state": describe_state(row.state, FEED_STATES, FEED_BADGES),
        "share": row.rows_rejected / row.rows_done if row.rows_done else 0.0,
    }


_LIST: Final = ListPage(
    template="portals/insurer/feeds.html",
    columns=COLUMNS,
    sortable=get_args(FeedColumn),
    load=acts.list_feeds,
    describe=_describe,
)


@require_safe
@allows(Permission.READ_FEEDS)
def feeds(request: HttpRequest) -> HttpResponseBase:
    """Show the feeds, the newest first unless asked otherwise."""
    return _LIST.show(request)


@require_safe
@allows(Permission.READ_FEEDS)
def feeds_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the list of feeds."""
    header = (
        *(gettext("numéro"), gettext("nature"), gettext("état"), gettext("reçu le")),
        *(gettext("publié le"), gettext("lignes"), gettext("retenues"), gettext("rejetées")),
        gettext("anomalies"),
    )
    cells = (
        (
            *(row.feed_version, FEED_KINDS.get(row.kind, row.kind)),
            *(FEED_STATES.get(row.state, row.state), format_stamp(row.started_at)),
            *(format_stamp(row.published_at), row.rows_done, row.rows_applied),
            *(row.rows_rejected, row.findings),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("flux.csv", header, cells)


@require_safe
@allows(Permission.READ_FEEDS)
def feed(request: HttpRequest, feed_number: str) -> HttpResponseBase:
    """Show one feed and what is wrong in it."""
    version, rule = _read_number(feed_number), _read_rule(request)
    listing = read_listing(request.GET, get_args(FindingColumn), "line", descending=False)

    def load(tx: Any, asker: Any) -> Any:
        found, rules = acts.read_feed(tx, asker, version)
        return found, rules, acts.list_findings(tx, asker, version, listing, rule=rule)

    found, rules, (rows, total) = perform_or_404(request, load)
    context = {
        **_describe(found),
        "feed_number": version,
        "rules": rules,
        "rule": rule,
        "rows": rows,
        **describe_listing(listing, FINDING_COLUMNS, total),
    }
    return render(request, "portals/insurer/feed.html", context)


@require_safe
@allows(Permission.READ_FEEDS)
def findings_csv(request: HttpRequest, feed_number: str) -> HttpResponseBase:
    """Download what is wrong in a feed, for whoever corrects the file; it holds no value of it."""
    version, rule = _read_number(feed_number), _read_rule(request)
    listing = export_listing(
        read_listing(request.GET, get_args(FindingColumn), "line", descending=False)
    )
    rows, _total = perform_or_404(
        request,
        lambda tx, asker: acts.list_findings(tx, asker, version, listing, rule=rule),
    )
    header = (
        *(gettext("ligne"), gettext("champ"), gettext("règle"), gettext("anomalie")),
        gettext("que faire"),
    )
    return export_csv(f"anomalies-flux-{version}.csv", header, rows)


def _read_number(text: str) -> int:
    number = read_whole(text)
    if number is None:
        raise Http404
    return number


def _read_rule(request: HttpRequest) -> str | None:
    return read_words(request.GET, "regle", most=_RULE_LETTERS) or None
