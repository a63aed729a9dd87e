"""What feeds should do, written a second time as simply as possible: one row after the other, on
plain dictionaries, with no pieces, no keys, no versions and no database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.feed_samples import TODAY, Row

OPEN = "9999-12-31"


@dataclass
class Someone:
    """One person: identifiers, the rows that said who they are, lines by contract and start."""

    names: set[tuple[str, ...]] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    identity: Row = field(default_factory=dict)
    contracts: dict[str, Row] = field(default_factory=dict)
    lines: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    waiting: list[tuple[int, Row]] = field(default_factory=list)
    stated: bool = False
    kept: bool = False
    new: bool = True


class Model:
    """One insurer's people."""

    def __init__(self) -> None:
        self.people: list[Someone] = []

    def apply(self, rows: Sequence[Row], *, delta: bool) -> list[tuple[int, str]]:
        """Apply a feed; return the refused rows, as (line of the file, rule)."""
        refused = []
        for someone in self.people:
            someone.stated = someone.kept = someone.new = False
        for number, row in enumerate(rows, start=2):
            rule = self._state(number, row, delta=delta)
            if rule:
                refused.append((number, rule))
        for someone in self.people:
            refused += _settle(someone)
            if not delta and not someone.stated and not someone.kept and _running(someone):
                someone.lines.clear()
        self.people = [one for one in self.people if one.lines or not one.new]
        return sorted(refused)

    def show(self) -> list[tuple[Any, ...]]:
        """Return what readers see: names, cards that open something, lines."""
        return sorted(
            (
                one.identity["family_name"],
                one.identity["insured_nir"][:13],
                sorted(one.contracts),
                sorted(_open_cards(one)),
                sorted((start, end) for (_, start), (end, *_) in one.lines.items()),
                bool(_running(one)),
            )
            for one in self.people
        )

    def _state(self, number: int, row: Row, *, delta: bool) -> str | None:
        birth = (row["birth_date"], row["birth_rank"])
        nirs = [row[name] for name in ("insured_nir", "own_nir", "previous_nir") if row[name]]
        names = {(nir, *birth) for nir in nirs}
        found = [one for one in self.people if one.names & names]
        holder = [one for one in self.people if row["card_code"] in one.cards]
        if len(found) > 1 or (holder and holder != found):
            for one in found + holder:
                one.kept = True
            return "two_persons" if len(found) > 1 else "card_code_taken"
        removes = row["action"] == "remove"
        if not found and delta and removes:
            return "unknown_line"
        someone = found[0] if found else Someone(stated=True)
        rule = self._apply(someone, number, row, delta=delta, new=not found)
        if rule is None:
            someone.names |= names
            someone.cards |= {row["card_code"]} - {""}
            someone.stated = True
            if not found:
                self.people.append(someone)
        return rule

    def _apply(
        self, someone: Someone, number: int, row: Row, *, delta: bool, new: bool
    ) -> str | None:
        if not delta:
            if not someone.stated:
                someone.lines, someone.contracts, someone.identity = {}, {}, {}
            rule = _refuse(someone, row, key=None)
            if rule:
                return rule
            _identify(someone, row)
            someone.lines[_key(row)] = _line(row)
            return None
        if row["action"] != "remove":
            if not someone.waiting:
                _age(someone)
            _identify(someone, row)
        if someone.waiting:
            someone.waiting.append((number, row))
        elif row["action"] == "remove":
            if _key(row) not in someone.lines:
                return "unknown_line"
            del someone.lines[_key(row)]
        elif _refuse(someone, row, key=_key(row)):
            someone.waiting.append((number, row))
        else:
            someone.lines[_key(row)] = _line(row)
        return None


def _settle(someone: Someone) -> list[tuple[int, str]]:
    refused, again = [], True
    while again:
        again, blocked, left = False, set(), []
        for number, row in someone.waiting:
            removes = row["action"] == "remove"
            if _key(row) in blocked or (not removes and _refuse(someone, row, key=_key(row))):
                blocked.add(_key(row))
                left.append((number, row))
            elif removes and _key(row) not in someone.lines:
                refused.append((number, "unknown_line"))
            else:
                again = True
                someone.lines.pop(_key(row), None)
                if not removes:
                    someone.lines[_key(row)] = _line(row)
        someone.waiting = left
    refused += [(number, "duplicate_coverage") for number, _ in someone.waiting]
    someone.waiting = []
    return refused


def _age(someone: Someone) -> None:
    for contract, row in someone.contracts.items():
        left = max((start for number, start in someone.lines if number == contract), default="")
        someone.contracts[contract] = row | {"period_start": min(row["period_start"], left)}
    if someone.identity:
        latest = max(row["period_start"] for row in someone.contracts.values())
        start = min(someone.identity["period_start"], latest)
        someone.identity = someone.identity | {"period_start": start}


def _identify(someone: Someone, row: Row) -> None:
    known = someone.contracts.get(row["contract_number"])
    if known is None or known["period_start"] <= row["period_start"]:
        someone.contracts[row["contract_number"]] = row
    if not someone.identity or someone.identity["period_start"] <= row["period_start"]:
        someone.identity = row


def _refuse(someone: Someone, row: Row, key: tuple[str, str] | None) -> str | None:
    start, end = row["period_start"], row["period_end"] or OPEN
    for other, (other_end, *rest) in someone.lines.items():
        if other != key and start <= other_end and other[1] <= end:
            same = other == _key(row) and (other_end, *rest) == _line(row)
            return "duplicate_row" if same and key is None else "duplicate_coverage"
    return None


def _key(row: Mapping[str, str]) -> tuple[str, str]:
    return row["contract_number"], row["period_start"]


def _line(row: Mapping[str, str]) -> tuple[str, ...]:
    return (row["period_end"] or OPEN, row["terms"], row["suspended_from"])


def _running(someone: Someone) -> list[tuple[str, str]]:
    return [key for key, (end, *_) in someone.lines.items() if date.fromisoformat(end) >= TODAY]


def _open_cards(someone: Someone) -> set[str]:
    running = {contract for contract, _ in _running(someone)}
    return {
        row["card_code"].replace("-", "")
        for contract, row in someone.contracts.items()
        if contract in running and row["card_code"]
    }
