"""Reading entries of the ledger on record: the act is durable before the first row is fetched.

A page that refreshes itself, or is read on, is one reading of ten minutes at most; then another.
Refuses to fetch anything on the strength of an act that may not be durable.
"""

import threading
from dataclasses import replace
from typing import Final

from rempart.disclosure.acts import NOBODY, Author, LedgerRead, Subject
from rempart.workflows.ledger.record_act import ActsLog, record_act

READING_MS: Final = 600_000
# Readings remembered; beyond, the oldest is forgotten and recorded again.
_REMEMBERED: Final = 10_000

_View = tuple[Author, Subject, LedgerRead]


class Readings:
    """The readings of one process that go on, by web session and by what is looked at.

    Args:
        acts: Where they are recorded.
    """

    def __init__(self, acts: ActsLog) -> None:
        self._acts = acts
        self._lock = threading.Lock()
        # What is read, without its times, and from when to when it is covered.
        self._covered: dict[_View, tuple[int, int]] = {}

    def record(self, read: LedgerRead, *, by: Author, subject: Subject = NOBODY) -> None:
        """Record one look, by itself.

        Raises:
            LedgerUnavailable: It cannot be recorded: nothing may be fetched.
        """
        record_act(self._acts, read, by=by, subject=subject)

    def go_on(
        self, read: LedgerRead, *, by: Author, now_ms: int, subject: Subject = NOBODY
    ) -> None:
        """Record a reading that may go on for ten minutes, unless it is on record already.

        The same visitor who looks at the same thing over a longer past reads something else.

        Args:
            read: What is looked at now.
            by: Who looks; without a web session, every look is recorded.
            now_ms: The present instant.
            subject: The one person or insurer it is about.

        Raises:
            LedgerUnavailable: It cannot be recorded: nothing may be fetched.
        """
        view = by, subject, replace(read, from_ms=0, to_ms=0, until_ms=0)
        with self._lock:
            from_ms, until_ms = self._covered.get(view, (read.from_ms, 0))
        if by.session_ref and from_ms <= read.from_ms and now_ms < until_ms:
            return
        until_ms = now_ms + READING_MS
        going_on = replace(read, to_ms=max(read.to_ms, until_ms), until_ms=until_ms)
        # A crash after the act leaves a reading on record that showed nothing: too much is said,
        # never too little. Another process of the pages records the same reading once more.
        record_act(self._acts, going_on, by=by, subject=subject)
        with self._lock:
            self._covered.pop(view, None)
            self._covered[view] = read.from_ms, until_ms
            if len(self._covered) > _REMEMBERED:
                del self._covered[next(iter(self._covered))]
