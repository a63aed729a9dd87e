"""The chain as each of its links sees it: who does what for whom, and what a cut stops for each.

Refuses to show one hosted operator another: the database gives each visitor their own links.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from rempart.accounts.chain import InsurerLink, Link, Party, draw_chain
from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import InvalidRequest
from rempart.kernel.instants import to_paris_day
from rempart.kernel.listing import Listing
from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.cuts import CutScope, Reach, decide_reach
from rempart.storage import chain, continuity
from rempart.storage.chain import LinkColumn
from rempart.storage.connect import Transaction
from rempart.storage.continuity import CutRow
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host

__all__ = ["InsurerLink", "Link", "LinkColumn", "Party"]

_EVERYBODY: Final = 5_000
_TOUCHED_DURING: Final = timedelta(days=1)
_HISTORY: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What a cut does to one party.

    Args:
        party: Who.
        reach: What stops and what goes on.
        stopped, untouched: The insurers, by name.
        checks: How many checks about those that stop there were these last 24 hours; None where
            the ledger is not read.
    """

    party: Party
    reach: Reach
    stopped: tuple[str, ...]
    untouched: tuple[str, ...]
    checks: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutInForce:
    """A cut, and what it does to each party the reader sees.

    Args:
        cut: What is cut.
        touched: What it does to each.
        told: To how many addresses each was written, by organisation; for the host only.
    """

    cut: CutRow
    touched: tuple[Touched, ...]
    told: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSheet:
    """The chain of a day.

    Args:
        parties: Who stands between insurers and the host; one's own place first for a party.
        cuts: What is cut now and touches one of them, the newest first.
    """

    parties: tuple[Party, ...]
    cuts: tuple[CutInForce, ...]


def read_chain(tx: Transaction, asker: Asker, *, now: datetime) -> ChainSheet:
    """Return the chain that the asker is part of, and what is cut in it.

    Raises:
        NotAllowed: their role does not read it.
    """
    check_can(asker.visitor, Permission.READ_CHAIN, now=asker.now)
    parties = _draw(tx, now)
    concerned = _list_concerned(asker, parties, now)
    cuts = [
        CutInForce(cut=row, touched=touched)
        for row in continuity.list_cuts(tx, since=now - _HISTORY)
        if row.is_in_force(now)
        and (touched := _list_touched(CutScope(row.scope), row.insurer_id, concerned, {}))
    ]
    if asker.visitor.is_host:
        cuts = [replace(one, told=chain.count_told(tx, one.cut.cut_ref)) for one in cuts]
    return ChainSheet(parties=parties, cuts=tuple(cuts))


def list_links(
    tx: Transaction, asker: Asker, listing: Listing[LinkColumn]
) -> tuple[list[Link], int]:
    """Return one page of the links the asker is part of, past ones too, and how many there are.

    Raises:
        NotAllowed: their role does not read it.
    """
    check_can(asker.visitor, Permission.READ_CHAIN, now=asker.now)
    return chain.list_links(tx, listing)


def preview_reach(
    tx: Transaction, asker: Asker, scope: CutScope, amc_number: str | None, *, now: datetime
) -> tuple[Touched, ...]:
    """Say what a cut would do to each hosted operator and sub-processor, before it is done.

    Raises:
        NotAllowed: their role does not cut.
        NotFound: they are no agent of the host.
        InvalidRequest: no such insurer.
    """
    check_can_as_host(asker, Permission.READ_CHAIN)
    insurer_id = None
    if scope is CutScope.INSURER:
        insurer = continuity.find_insurer(tx, amc_number or "")
        if insurer is None:
            raise InvalidRequest("insurer: no such number")
        insurer_id = insurer.insurer_id
    since_ms = int((now - _TOUCHED_DURING).timestamp() * 1000)
    checks = chain.count_checks(tx, since_ms=since_ms)
    return _list_touched(scope, insurer_id, _list_outside(_draw(tx, now)), checks, counts=True)


def list_reached(tx: Transaction, cut: CutRow, *, now: datetime) -> tuple[Touched, ...]:
    """Return whom a cut touches, the host left out: hosted operators, sub-processors, insurers.

    Args:
        tx: A transaction of the host's: of one of its agents, or of the command line.
        cut: What is cut.
        now: The instant: whoever works for whom on that day.
    """
    parties = _list_outside(_draw(tx, now))
    since = Period(to_paris_day(now), OPEN_END)
    for org_ref, insurer_id, name in chain.list_insurers(tx):
        own = InsurerLink(insurer_id=insurer_id, name=name, period=since)
        parties.append(Party(org_ref=org_ref, name=name, kind="operates", insurers=(own,)))
    return _list_touched(CutScope(cut.scope), cut.insurer_id, parties, {})


def _draw(tx: Transaction, now: datetime) -> tuple[Party, ...]:
    links, _total = chain.list_links(tx, Listing(sort="agent", limit=_EVERYBODY))
    return draw_chain(links, to_paris_day(now))


def _list_outside(parties: Iterable[Party]) -> list[Party]:
    """Return those that are not the host: hosted operators, and who processes for insurers."""
    return [one for one in parties if one.hosting is not None or one.kind == "sub_processes"]


def _list_concerned(asker: Asker, parties: Sequence[Party], now: datetime) -> list[Party]:
    """Return whom a cut is told about: all the others for the host, oneself for anybody else."""
    visitor = asker.visitor
    if visitor.is_host:
        return _list_outside(parties)
    mine = [one for one in parties if one.org_ref == visitor.org_ref]
    if visitor.insurer_id is None or visitor.org_ref is None:
        return mine
    since = Period(to_paris_day(now), OPEN_END)
    own = InsurerLink(insurer_id=visitor.insurer_id, name=visitor.org_name, period=since)
    myself = Party(org_ref=visitor.org_ref, name=own.name, kind="operates", insurers=(own,))
    return [myself, *mine]


def _list_touched(
    scope: CutScope,
    insurer_id: int | None,
    parties: Iterable[Party],
    checks: Mapping[int, int],
    *,
    counts: bool = False,
) -> tuple[Touched, ...]:
    found = []
    for party in parties:
        names = {one.insurer_id: one.name for one in party.insurers}
        reach = decide_reach(scope, insurer_id, tuple(names))
        if reach is None:
            continue
        found.append(
            Touched(
                party=party,
                reach=reach,
                stopped=tuple(names[one] for one in reach.stopped),
                untouched=tuple(names[one] for one in reach.untouched),
                checks=sum(checks.get(one, 0) for one in reach.stopped) if counts else None,
            )
        )
    return tuple(found)
