"""A desk without a database: sheets of known people, a ledger in a list. For properties only."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tests.api.world import GUARANTEE, INSURER_ID, NEVER, Person

from rempart.accounts.session import Origin, Session
from rempart.disclosure.entry import Draft
from rempart.disclosure.session import SessionFacts
from rempart.rights.coverage import Terms
from rempart.rights.lookup import compute_lookup_key
from rempart.storage.care import PecRow
from rempart.storage.gateway import Found, Sheet, Wanted
from rempart.storage.ledger_writer import Receipt, Replay
from rempart.workflows.rights.open_session import SessionBook
from rempart.workflows.rights.rights_desk import Asked, Desk, Question

SECRET = bytes(range(32))
NOW_MS = 1_795_000_000_000
ORIGIN = Origin(5, 50, "psc+dpop", "192.0.2.1", "Logiciel")
TERMS = {
    1: Terms(convention_type="IS", csr="", responsible=True, domains=GUARANTEE),
    2: Terms(convention_type="IS", csr="", responsible=True, domains={"PHAR": GUARANTEE["PHAR"]}),
}


class MemorySheets:
    """The sheets of some people."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.by_key = {
            compute_lookup_key(SECRET, identifiers): person
            for person in people
            for identifiers in (person.typed, person.card)
        }
        self.given: dict[tuple[int, bytes], tuple[bytes, bytes]] = {}
        self.sessions: dict[Origin, Session] = {}

    async def load(self, wanted: Sequence[Wanted]) -> list[Found]:
        """Find the sheets, as the database would."""
        return [self._find(want) for want in wanted]

    async def load_sessions(
        self, origins: Sequence[Origin], *, log_id: int, log_size: int
    ) -> Mapping[Origin, Session]:
        """Find sessions, as the database would."""
        return {o: self.sessions[o] for o in origins if o in self.sessions}

    def _find(self, want: Wanted) -> Found:
        person = self.by_key.get(want.lookup_key)
        given = None
        if want.session_ref is not None:
            given = self.given.get((want.session_ref, want.request_id))
        if person is None:
            return Found(None, None, None, given)
        return Found(person.person_ref, INSURER_ID, Sheet(make_row(person), TERMS), given)


class MemoryLedger:
    """Entries in a list, durable as long as the test."""

    log_id = 1
    origin = "rempart.invalid/test/log/1"
    checkpoint = "signed\n"

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.sessions: list[SessionFacts] = []
        self.replays: list[Replay] = []
        self.pecs: list[PecRow] = []

    @property
    def size(self) -> int:
        """The index of the next entry."""
        return len(self.drafts)

    async def append(
        self,
        drafts: Sequence[Draft],
        *,
        sessions: Sequence[SessionFacts] = (),
        replays: Sequence[Replay] = (),
        pecs: Sequence[PecRow] = (),
    ) -> list[Receipt]:
        """Keep a batch."""
        first = self.size
        self.drafts += drafts
        self.sessions += sessions
        self.replays += replays
        self.pecs += pecs
        return [
            Receipt(self.log_id, self.origin, index, self.checkpoint)
            for index in range(first, self.size)
        ]


def make_row(person: Person) -> dict[str, Any]:
    """The stored sheet of a person."""
    spells = person.spells
    return {
        "insurer_id": INSURER_ID,
        "opened_in": person.version,
        "contract_ref": [person.person_ref + 1_000_000 for _ in spells],
        "starts_on": [spell.starts_on for spell in spells],
        "ends_on": [spell.ends_on for spell in spells],
        "suspended_from": [spell.suspended[0] for spell in spells],
        "suspended_to": [spell.suspended[1] for spell in spells],
        "terms_id": [1 if spell.terms == "full" else 2 for spell in spells],
        "agreement_from": date.min,
        "agreement_to": NEVER,
    }


def make_desk(*people: Person) -> tuple[Desk, MemorySheets, MemoryLedger]:
    """A desk, and the two things behind it."""
    sheets, ledger = MemorySheets(people), MemoryLedger()
    desk = Desk(
        sheets=sheets,
        ledger=ledger,
        sessions=SessionBook(opened_ms=NOW_MS),
        lookup_secret=SECRET,
        engagement_secret=SECRET,
    )
    return desk, sheets, ledger


def make_asked(question: Question, **changes: Any) -> Asked:
    """A question of the one client."""
    facts: dict[str, Any] = {
        "question": question,
        "origin": ORIGIN,
        "request_id": bytes(16),
        "body_digest": None,
    }
    return Asked(**{**facts, **changes})
