"""What an insurer watches: the latest look-ups about its members, and in its name about nobody.

Pseudonymous: accounts are references, and whoever was asked about appears nowhere. Refuses another
insurer's, whatever the filter says.
"""

from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.disclosure.acts import Author
from rempart.kernel.errors import NotAllowed
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.ledger import watch_lookups
from rempart.workflows.ledger.read_on_record import Readings
from rempart.workflows.ledger.watch_lookups import LookupFilter, LookupPage, SortColumn

__all__ = ["LookupFilter", "LookupPage"]

PURPOSE: Final = "suivi, par une complémentaire, des consultations de ses adhérents"


def watch_own_lookups(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    wanted: LookupFilter,
    *,
    by: Author,
    sort: SortColumn,
    descending: bool,
    limit: int,
    offset: int = 0,
    leaves: bool = False,
) -> LookupPage:
    """Return one page of the look-ups of the asker's insurer, once the ledger holds the reading.

    Args:
        tx: A transaction with the asker's ticket.
        readings: Where the reading is recorded, unless it goes on.
        asker: An agent of the insurer.
        wanted: The filter; its insurer is the asker's, whatever it says.
        by: The asker, as the author of the reading.
        sort: The column to sort by; the newest comes first among equals.
        descending: Whether its greatest value comes first.
        limit: Rows of the page.
        offset: Rows before the page.
        leaves: Whether a file leaves: a reading of its own, each time.

    Raises:
        NotAllowed: they are not an insurer's agent.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    check_can(asker.visitor, Permission.READ_OWN_LOOKUPS, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotAllowed("look-ups of members are their insurer's to watch")
    mine = wanted.of_insurer(asker.visitor.insurer_id)
    now_ms = int(asker.now.timestamp() * 1000)
    if leaves:
        return watch_lookups.export_lookups(
            tx,
            readings,
            mine,
            by=by,
            now_ms=now_ms,
            sort=sort,
            descending=descending,
            limit=limit,
            purpose=PURPOSE,
        )
    return watch_lookups.watch_lookups(
        tx,
        readings,
        mine,
        by=by,
        now_ms=now_ms,
        sort=sort,
        descending=descending,
        limit=limit,
        offset=offset,
        purpose=PURPOSE,
    )
