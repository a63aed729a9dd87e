"""The live sessions of a log: in memory, and in the database for half an hour after a start."""

import asyncio

from rempart.accounts.session import IDLE_LIMIT_MS, Origin, Session
from rempart.workflows.rights.open_session import SessionBook

NOW_MS = 1_795_000_000_000
HERE = Origin(1, 10, "psc+dpop", "192.0.2.1", "Logiciel")
ELSEWHERE = HERE._replace(address="192.0.2.2")


class Reader:
    """The sessions of the database."""

    def __init__(self, **sessions: Session) -> None:
        self.known = {HERE: sessions.get("here"), ELSEWHERE: sessions.get("elsewhere")}
        self.asked: list[list[Origin]] = []

    async def load_sessions(self, origins, *, log_id, log_size):
        self.asked.append(list(origins))
        return {o: self.known[o] for o in origins if self.known[o] is not None}


def find(book, reader, *origins, now_ms=NOW_MS):
    found = book.find(origins, reader=reader, log_id=1, log_size=0, now_ms=now_ms)
    return asyncio.run(found)


def test_a_session_opened_before_a_restart_goes_on():
    reader = Reader(here=Session(7, NOW_MS - 1000))
    found = find(SessionBook(opened_ms=NOW_MS), reader, HERE, ELSEWHERE)
    assert found == {HERE: Session(7, NOW_MS - 1000)}
    assert reader.asked == [[HERE, ELSEWHERE]]


def test_a_session_in_memory_is_not_asked_of_the_database():
    book, reader = SessionBook(opened_ms=NOW_MS), Reader()
    book.remember(HERE, 8, now_ms=NOW_MS)
    assert find(book, reader, HERE) == {HERE: Session(8, NOW_MS)}
    assert reader.asked == []


def test_an_old_session_is_over_wherever_it_is_found():
    book = SessionBook(opened_ms=NOW_MS)
    book.remember(HERE, 8, now_ms=NOW_MS - IDLE_LIMIT_MS)
    reader = Reader(elsewhere=Session(7, NOW_MS - IDLE_LIMIT_MS))
    assert find(book, reader, HERE, ELSEWHERE) == {}


def test_half_an_hour_after_a_start_the_database_is_not_asked_any_more():
    book, reader = SessionBook(opened_ms=NOW_MS - IDLE_LIMIT_MS), Reader()
    assert find(book, reader, HERE) == {}
    assert reader.asked == []


def test_dead_sessions_are_forgotten(monkeypatch):
    monkeypatch.setattr("rempart.workflows.rights.open_session._SWEEP_AT", 3)
    book = SessionBook(opened_ms=0)
    for n in range(10):
        book.remember(Origin(n, 0, "", "", ""), n, now_ms=NOW_MS + n * IDLE_LIMIT_MS)
    assert len(book._sessions) <= 4
