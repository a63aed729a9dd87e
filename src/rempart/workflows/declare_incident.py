"""Open an incident: when it happened, and which accounts are under suspicion.

Refuses to judge: naming an account accuses nobody, it says whose sessions will be looked at.
"""

from collections.abc import Collection

from rempart.incidents.evidence import Window
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.storage import incidents
from rempart.storage.connect import Transaction


def declare_incident(
    tx: Transaction,
    *,
    title: str,
    window: Window,
    account_refs: Collection[int],
    exercise: bool = False,
) -> int:
    """Open an incident.

    Args:
        tx: A transaction of a role that owns the incidents plane and reads accounts.
        title: What people will call it.
        window: When it happened, as wide as doubt requires: what lies before its first instant is
            held to be the accounts' normal past.
        account_refs: The accounts whose credentials may have been stolen.
        exercise: Whether this is a drill.

    Returns:
        The incident's number.

    Raises:
        InvalidRequest: there is no title or no account.
        NotFound: an account does not exist; nothing remains of the incident.
    """
    if not title.strip():
        raise InvalidRequest("an incident needs a title", (("title", "say in a few words what"),))
    if not account_refs:
        raise InvalidRequest(
            "an incident needs at least one suspect account",
            (("account_refs", "name the accounts whose credentials may be stolen"),),
        )
    incident_id = incidents.save_incident(tx, title=title, exercise=exercise, window=window)
    known = incidents.save_suspect_accounts(tx, incident_id, account_refs)
    unknown = set(account_refs) - known
    if unknown:
        raise NotFound(f"{len(unknown)} of the suspect accounts do not exist: check the list")
    return incident_id
