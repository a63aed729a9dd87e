"""Open an incident: what happened, since when, and which accounts are under suspicion.

Refuses to judge: naming an account accuses nobody, it says whose sessions will be looked at.
"""

from collections.abc import Collection

from rempart.incidents.evidence import Window
from rempart.incidents.room import COMMAND_LINE, TITLE_LIMIT, RoomAuthor
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.storage import incidents
from rempart.storage.connect import Transaction
from rempart.workflows.incidents.incident_room import open_room


def declare_incident(
    tx: Transaction,
    *,
    title: str,
    window: Window,
    account_refs: Collection[int] = (),
    exercise: bool = False,
    by: RoomAuthor = COMMAND_LINE,
    words: str = "",
) -> int:
    """Open an incident, its room, and a hold of its evidence: all in the transaction given.

    Args:
        tx: A transaction of a role that writes incidents and reads accounts.
        title: What people will call it.
        window: When it happened, as wide as doubt requires: what lies before its first instant is
            held to be the accounts' normal past.
        account_refs: The accounts whose credentials may have been stolen; none while nobody knows.
        exercise: Whether this is a drill.
        by: Who declares.
        words: What was seen.

    Returns:
        The incident's number.

    Raises:
        InvalidRequest: there is no title, or too long a one.
        NotFound: an account does not exist; nothing remains of the incident.
    """
    if not title.strip() or len(title) > TITLE_LIMIT:
        hint = f"say in a few words what, in {TITLE_LIMIT} letters at most"
        raise InvalidRequest("an incident needs a title", (("title", hint),))
    incident_id = incidents.save_incident(tx, title=title, exercise=exercise, window=window)
    known = incidents.save_suspect_accounts(tx, incident_id, account_refs)
    unknown = set(account_refs) - known
    if unknown:
        raise NotFound(f"{len(unknown)} of the suspect accounts do not exist: check the list")
    open_room(
        tx,
        incident_id,
        title=title,
        window=window,
        account_refs=account_refs,
        by=by,
        words=words,
    )
    return incident_id
