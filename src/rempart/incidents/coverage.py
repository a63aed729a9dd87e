"""How whole the record is: what lets somebody be told "not you", and what forbids it.

Nobody is excluded because nothing was found: only because nothing can be missing. Counters without
a gap say that nothing an account did is missing, whatever became of the rest of a log. A hole
hides everybody it could have been about.

Refuses to take the absence of a line for a proof.

Source: S25 (a period without evidence counts as exposed), S50 (exclusion needs proof).
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rempart.incidents.evidence import Window


class HoleKind(enum.StrEnum):
    """What is missing."""

    ACCOUNT_GAP = "account_gap"
    """Numbers of a suspect account's counter have no entry that can be read."""
    UNREADABLE_TAIL = "unreadable_tail"
    """Entries after the account's last one cannot be read: one of them may be its own."""
    UNSIGNED = "unsigned"
    """The end of the window is not under a signed checkpoint yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A part of the record that could hide somebody.

    Args:
        kind: What is missing.
        source: The log or the file it is missing from.
        from_ms: The first instant it may be about.
        to_ms: The instant after the last one.
        hidden: How many look-ups it hides at most; None when nobody can say.
        insurers: Whose people it may hide; None: anybody's.
    """

    kind: HoleKind
    source: str
    from_ms: int
    to_ms: int
    hidden: int | None = None
    insurers: frozenset[int] | None = None

    def may_hide(self, insurer_id: int) -> bool:
        """Say whether people of an insurer may be in the hole."""
        return self.insurers is None or insurer_id in self.insurers


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedState:
    """A log as it was signed: how many entries, under which root."""

    size: int
    root: str
    t_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvidence:
    """What is there of one log of the ledger.

    Args:
        log_id: The log.
        origin: Its name.
        begins: The last signed state before the window; None: the log begins in it.
        ends: The first signed state that holds all of the window; None: none does yet.
        is_still: Whether nothing was written since the last signed state.
        unreadable: How many entries of the window have no opening that can be read.
    """

    log_id: int
    origin: str
    begins: SignedState | None
    ends: SignedState | None
    is_still: bool
    unreadable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEvidence:
    """What the numbers of one suspect account in one log show.

    Args:
        log_id: The log.
        account_ref: The account.
        before: Its last number before the window that can be read; 0 for none.
        first: Its first number in the window; 0 when it did nothing.
        last: Its last number in the window; 0 when it did nothing.
        count: How many of its entries in the window can be read.
        after: Its first number after the window; None when there is none.
    """

    log_id: int
    account_ref: int
    before: int
    first: int
    last: int
    count: int
    after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the record covers of a window, and its holes.

    Args:
        window: The window.
        logs: The ledger's logs, with their signed states at both ends.
        holes: What is missing.
    """

    window: Window
    logs: tuple[LogEvidence, ...] = ()
    holes: tuple[Hole, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.holes

    def covers(self, insurer_id: int) -> bool:
        """Say whether nothing about people of this insurer can be missing."""
        return not any(hole.may_hide(insurer_id) for hole in self.holes)

    def count_hidden(self, insurer_id: int) -> int | None:
        """Return how many persons of an insurer may be hidden at most; None: nobody can say."""
        hidden = [hole.hidden for hole in self.holes if hole.may_hide(insurer_id)]
        if None in hidden:
            return None
        return sum(count or 0 for count in hidden)


def compute_ledger_coverage(
    window: Window, logs: Iterable[LogEvidence], accounts: Iterable[AccountEvidence]
) -> Coverage:
    """Find the holes of the ledger for some accounts.

    An erased or dropped entry is a hole only when it may have been one of theirs: the account's
    counter runs through every entry it ever made, so a counter without a gap excludes it.

    Args:
        window: The incident's window.
        logs: Every log of the ledger.
        accounts: The suspect accounts' counters, in each log they wrote in or may have.
    """
    logs = tuple(sorted(logs, key=lambda one: one.log_id))
    by_log = {one.log_id: one for one in logs}
    holes = [_find_unsigned(window, one) for one in logs]
    holes += [
        _find_gap(window, by_log[one.log_id], one)
        for one in sorted(accounts, key=lambda one: (one.log_id, one.account_ref))
    ]
    return Coverage(window=window, logs=logs, holes=tuple(hole for hole in holes if hole))


def format_coverage(coverage: Coverage) -> dict[str, Any]:
    """Write a coverage as plain data: what it rests on, and every hole."""
    return {
        "from_ms": coverage.window.starts_ms,
        "to_ms": coverage.window.ends_ms,
        "is_whole": coverage.is_whole,
        "logs": [
            {
                "log_id": one.log_id,
                "origin": one.origin,
                "begins": _format_state(one.begins),
                "ends": _format_state(one.ends),
                "unreadable": one.unreadable,
            }
            for one in coverage.logs
        ],
        "holes": [
            {
                "kind": str(hole.kind),
                "source": hole.source,
                "from_ms": hole.from_ms,
                "to_ms": hole.to_ms,
                "hidden": hole.hidden,
                "insurers": None if hole.insurers is None else sorted(hole.insurers),
            }
            for hole in coverage.holes
        ],
    }


def parse_coverage(written: Mapping[str, Any]) -> Coverage:
    """Read back the window and the holes of a written coverage: what decides who is excluded."""
    window = Window(starts_ms=written["from_ms"], ends_ms=written["to_ms"])
    holes = tuple(
        Hole(
            kind=HoleKind(hole["kind"]),
            source=hole["source"],
            from_ms=hole["from_ms"],
            to_ms=hole["to_ms"],
            hidden=hole["hidden"],
            insurers=None if hole["insurers"] is None else frozenset(hole["insurers"]),
        )
        for hole in written["holes"]
    )
    return Coverage(window=window, holes=holes)


def _find_unsigned(window: Window, log: LogEvidence) -> Hole | None:
    if log.ends is not None or log.is_still:
        return None
    since = log.begins.t_ms if log.begins else window.starts_ms
    return Hole(
        kind=HoleKind.UNSIGNED,
        source=log.origin,
        from_ms=max(window.starts_ms, since),
        to_ms=window.ends_ms,
        hidden=0,
    )


def _find_gap(window: Window, log: LogEvidence, account: AccountEvidence) -> Hole | None:
    """Find what is missing of one account's numbers.

    Inside the window, a missing number is a hole whatever the reason. At its edges it may be
    missing outside of it, and is a hole only when something of the window cannot be read.
    """
    inside = account.last - account.first + 1 - account.count if account.count else 0
    kind, hidden = HoleKind.ACCOUNT_GAP, None
    if not log.unreadable:
        hidden = inside
    elif account.after is not None:
        hidden = account.after - 1 - account.before - account.count
    else:
        kind = HoleKind.UNREADABLE_TAIL
    if hidden == 0:
        return None
    if hidden is not None and hidden < 0:
        hidden = None  # more entries than numbers: they say nothing of what is missing
    return Hole(
        kind=kind,
        source=log.origin,
        from_ms=window.starts_ms,
        to_ms=window.ends_ms,
        hidden=hidden if hidden is None else min(hidden, log.unreadable or hidden),
    )


def _format_state(state: SignedState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {"size": state.size, "root": state.root, "t_ms": state.t_ms}
