"""Answer for a session instead of the sums: who it was, and why, in writing.

Changes no list: the next analysis does, and shows what changed. Refuses a reason that says nothing,
and to take anything back in silence: an overrule is followed by another, never removed.
"""

from typing import Final

from rempart.incidents.attribution import Verdict
from rempart.incidents.room import EventKind, RoomAuthor
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.storage import incident_analyses
from rempart.storage.connect import Transaction
from rempart.storage.incident_room import add_event, read_clock

LEAST_WORDS: Final = 10
MOST_WORDS: Final = 2000
# What an overrule may say; `sums` gives the word back to the rules.
CHOICES: Final = (*(verdict.value for verdict in Verdict), incident_analyses.SUMS)


def overrule_session(
    tx: Transaction,
    incident_id: int,
    session_ref: int,
    *,
    verdict: str,
    reason: str,
    by: RoomAuthor,
) -> None:
    """Write what somebody answers for.

    Args:
        tx: A transaction of the role analyst, or of the pages for whoever may overrule.
        incident_id: The incident.
        session_ref: A session that an analysis of it judged.
        verdict: One of `CHOICES`.
        reason: Why, in ten letters at least. Names nobody who was looked up.
        by: Who answers for it.

    Raises:
        InvalidRequest: the verdict is none, or the reason says nothing or too much.
        NotFound: no analysis of this incident judged this session.
        Conflict: the incident is closed.
    """
    words = reason.strip()
    if verdict not in CHOICES:
        hint = f"choose one of {', '.join(CHOICES)}"
        raise InvalidRequest("there is no such verdict", (("verdict", hint),))
    if not LEAST_WORDS <= len(words) <= MOST_WORDS or "\x00" in words:
        hint = f"say why, in {LEAST_WORDS} to {MOST_WORDS} letters"
        raise InvalidRequest("an overrule needs a written reason", (("reason", hint),))
    found = incident_analyses.add_overrule(
        tx, incident_id, session_ref, verdict=verdict, reason=words, author=by.name
    )
    if not found:
        raise NotFound(
            f"no analysis of incident {incident_id} judged this session: see its list of sessions"
        )
    add_event(
        tx,
        incident_id,
        kind=EventKind.OVERRULED,
        happened_ms=read_clock(tx),
        author=by.name,
        author_ref=by.actor_ref,
        details={"session": session_ref, "verdict": verdict, "reason": words[:500]},
    )
