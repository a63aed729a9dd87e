"""« Chaîne »: who hosts, operates and processes for whom; what is cut, and what goes on for each.

One page for every link: the host sees the whole chain, a hosted operator or an insurer its own.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.organisations import MandateKind
from rempart.accounts.permissions import Permission, can
from rempart.kernel.periods import OPEN_END, Period
from rempart.portals.administering import perform_or_404
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.list_page import ListPage
from rempart.portals.paging import describe_listing, read_listing
from rempart.portals.status_figures import (
    REASON_NAMES,
    SCOPE_NAMES,
    STILL_WORKS_NAMES,
    describe_cut,
)
from rempart.portals.visit import allows, require_visitor
from rempart.rights.cuts import CutScope
from rempart.workflows.rights import read_chain as chain
from rempart.workflows.rights.read_chain import (
    CutInForce,
    InsurerLink,
    Link,
    LinkColumn,
    Party,
    Touched,
)

DRAWN: Final = 30
"""The most insurers drawn under one party: the table has them all."""
KIND_NAMES: Final[Mapping[MandateKind, Promise]] = {
    "hosts": _("héberge"),
    "operates": _("gère le tiers payant de"),
    "sub_processes": _("traite pour"),
}
COLUMNS: Final = (
    ("agent", _("Qui")),
    ("kind", _("Fait quoi")),
    ("principal", _("Pour qui")),
    ("starts", _("Depuis le")),
    ("ends", _("Jusqu’au")),
)


def _describe_link(row: Link) -> dict[str, Any]:
    return {
        "row": row,
        "kind": KIND_NAMES[row.kind],
        "starts": row.period.starts_on,
        "ends": _find_end(row.period),
    }


_LINKS: Final = ListPage(
    template="portals/chain/chain.html",
    columns=COLUMNS,
    sortable=get_args(LinkColumn),
    load=chain.list_links,
    describe=_describe_link,
    descending=False,
)


@require_safe
@allows(Permission.READ_CHAIN)
def show(request: HttpRequest) -> HttpResponseBase:
    """Show the chain of today, what is cut in it, and every link."""
    visitor = require_visitor(request)
    now = get_desk().now()
    listing = read_listing(request.GET, get_args(LinkColumn), "agent", descending=False)
    sheet = perform_or_404(request, lambda tx, asker: chain.read_chain(tx, asker, now=now))
    rows, total = perform_or_404(request, lambda tx, asker: chain.list_links(tx, asker, listing))
    context = {
        **_draw(sheet.parties),
        "cuts": [_describe_cut(one) for one in sheet.cuts],
        "is_host": visitor.is_host,
        "relays": not visitor.is_host and can(visitor, Permission.RELAY_PACKAGES, now=now),
        "rows": [_describe_link(row) for row in rows],
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/chain/chain.html", context)


@require_safe
@allows(Permission.READ_CHAIN)
def show_csv(request: HttpRequest) -> HttpResponseBase:
    """Download every link the visitor sees."""
    header = (
        *(gettext("qui"), gettext("fait quoi"), gettext("pour qui")),
        *(gettext("depuis le"), gettext("jusqu’au")),
    )
    cells = (
        (
            *(row.agent, KIND_NAMES[row.kind], row.principal, row.period.starts_on.isoformat()),
            end.isoformat() if (end := _find_end(row.period)) else "",
        )
        for row in _LINKS.load_all(request)
    )
    return export_csv("chaine.csv", header, cells)


def describe_touched(
    touched: Iterable[Touched], told: Mapping[int, int] | None = None
) -> list[dict[str, Any]]:
    """Return what a page shows of what a cut does to each party, and whether it was told."""
    return [
        {
            "name": one.party.name,
            "worker": one.party.kind == "sub_processes",
            "what": SCOPE_NAMES[one.reach.scope]
            if one.reach.scope is not CutScope.INSURER
            else gettext("Vérification des droits"),
            "stopped": ", ".join(one.stopped),
            "untouched": ", ".join(one.untouched),
            "goes_on": [
                STILL_WORKS_NAMES[words] for words in one.reach.goes_on if words != "other_insurers"
            ],
            "checks": one.checks,
            "told": None if told is None else told.get(one.party.org_ref, 0),
        }
        for one in touched
    ]


def _describe_cut(one: CutInForce) -> dict[str, Any]:
    return {
        "what": describe_cut(one.cut),
        "why": REASON_NAMES[one.cut.reason],
        "since": one.cut.starts_at,
        "review": one.cut.review_at,
        "touched": describe_touched(one.touched, one.told),
    }


def _draw(parties: Iterable[Party]) -> dict[str, Any]:
    """Return the chain from the host down: hosted operators, their insurers, who processes."""
    parties = list(parties)
    hosts: dict[int, dict[str, Any]] = {}
    for party in parties:
        if party.hosting is not None:
            host = hosts.setdefault(
                party.hosting.agent_ref, {"name": party.hosting.agent, "parties": []}
            )
            host["parties"].append(_describe_party(party))
    operators = [one for one in parties if one.kind == "operates"]
    # Under the insurer they process for; apart only where no operator stands above it.
    drawn = {insurer.insurer_id for one in operators for insurer in one.insurers}
    workers = [
        one
        for one in parties
        if one.kind == "sub_processes"
        and not drawn.issuperset(insurer.insurer_id for insurer in one.insurers)
    ]
    return {
        "operators": operators,
        "hosts": list(hosts.values()),
        "direct": [_describe_party(one) for one in operators if one.hosting is None],
        "workers": [_describe_party(one) for one in workers],
    }


def _describe_party(party: Party) -> dict[str, Any]:
    return {
        "name": party.name,
        "since": party.hosting.period.starts_on if party.hosting else None,
        "insurers": [_describe_insurer(one) for one in party.insurers[:DRAWN]],
        "more": max(0, len(party.insurers) - DRAWN),
    }


def _describe_insurer(one: InsurerLink) -> dict[str, Any]:
    return {
        "name": one.name,
        "since": one.period.starts_on,
        "workers": [
            {"name": link.agent, "since": link.period.starts_on} for link in one.sub_processors
        ],
    }


def _find_end(period: Period) -> date | None:
    return None if period.ends_on == OPEN_END else period.ends_on
