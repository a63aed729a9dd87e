"""An answer in figures, its coverage and its method: plain data, from which documents are made.

Refuses to hold a person: what names somebody is in the lists only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb

from rempart.disclosure.fields import Field
from rempart.exchange.foreign_facts import SourcesRead
from rempart.exchange.scope_files import FORMAT
from rempart.exchange.scope_inputs import InputFile
from rempart.incidents.attribution import RULES_VERSION, Verdict
from rempart.incidents.evidence import Window
from rempart.storage import scope
from rempart.storage.scope import PAST_DAYS, InsurerCount
from rempart.storage.scope_reasons import AHEAD_DAYS, Reason, RuledOut, list_reasons, name_rule
from rempart.workflows.scope.accounts import Match, MatchedAccount
from rempart.workflows.scope.sessions import JudgedSession

TIERS: Final = ("A", "B", "C", "D")
Figures: TypeAlias = dict[str, Any]
_SLICES: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything an answer rests on; persons are in the embedded database.

    Args:
        window: When the attack was.
        declared_window: Whether somebody said so, or it is all the logs tell.
        read: The logs, with their gaps.
        mapping_fields: Bits of fields of the mapping's own, and their names.
        inputs: The other files.
        matched: The accounts of the list.
        judged: The sessions of the window.
        insurers: What the registry holds.
        doubts: Why nobody can be excluded by the logs; nothing when they are whole.
        claim_days: A claim explains a look-up of so many days before; None without claims.
        attack_addresses: How many addresses and networks of the attack were given.
        engine: What read the facts.
    """

    window: Window
    declared_window: bool
    read: SourcesRead
    mapping_fields: Mapping[int, str]
    inputs: Sequence[InputFile]
    matched: Sequence[MatchedAccount]
    judged: Sequence[JudgedSession]
    insurers: Sequence[InsurerCount]
    doubts: Reason
    claim_days: int | None
    attack_addresses: int
    engine: str

    def count_matches(self, match: Match) -> int:
        """Return how many lines of the list of accounts have a fate."""
        return sum(one.match is match for one in self.matched)

    def name_fields(self, mask: int) -> list[str]:
        """Return the stable names of a bitmap's fields, lowest bit first, own ones included."""
        known = {one.bit_length() - 1: str(one.name).lower() for one in Field}
        names = {**known, **{int(bit): name for bit, name in self.mapping_fields.items()}}
        return [names.get(bit, f"bit_{bit}") for bit in range(63) if mask >> bit & 1]


def summarise(answer: Answer, connection: duckdb.DuckDBPyConnection) -> Figures:
    """Return the answer in figures, as plain data: what every other document is made from."""
    counted = scope.fetch(connection, "count_answer")
    strangers = dict.fromkeys(TIERS[:3], 0)
    stranger_fields = 0
    for tier, persons, fields in scope.fetch(connection, "count_strangers"):
        strangers[tier] = persons
        stranger_fields |= fields
    verdicts = [one.verdict.verdict for one in answer.judged]
    undecided = sum(
        one.verdict.verdict is Verdict.OWNER and one.verdict.owner_points == 0
        for one in answer.judged
    )
    return {
        "format": FORMAT,
        "rules": RULES_VERSION,
        "version": version("rempart"),
        "window": {
            "from": format_instant(answer.window.starts_ms),
            "to": format_instant(answer.window.ends_ms),
            "declared": answer.declared_window,
        },
        "logs": {
            "files": len(answer.read.sources),
            "lines": sum(one.lines for one in answer.read.sources),
            "unparsed": sum(one.unparsed for one in answer.read.sources),
            "duplicates": sum(one.duplicates for one in answer.read.sources),
            "facts": answer.read.facts,
        },
        "accounts": {
            "listed": len(answer.matched),
            **{str(match): answer.count_matches(match) for match in Match},
        },
        "sessions": {
            "judged": len(answer.judged),
            "thief": sum(one is Verdict.THIEF for one in verdicts),
            "mixed": sum(one is Verdict.MIXED for one in verdicts),
            "owner": sum(one is Verdict.OWNER for one in verdicts) - undecided,
            "undecided": undecided,
        },
        "coverage": {
            "whole": not answer.doubts,
            "doubts": list(list_reasons(answer.doubts)),
        },
        "insurers": [
            _summarise_insurer(answer, connection, one, counted) for one in answer.insurers
        ],
        "not_in_registry": {**strangers, "fields": answer.name_fields(stranger_fields)},
        "timeline": _summarise_timeline(answer, connection),
    }


def describe_coverage(answer: Answer) -> dict[str, Any]:
    """Return what the logs cover and what they lack, source by source, as plain data."""
    period = answer.read.period
    return {
        "from": format_instant(answer.window.starts_ms),
        "to": format_instant(answer.window.ends_ms),
        "whole": not answer.doubts,
        "doubts": list(list_reasons(answer.doubts)),
        "declared_period": None if period is None else [format_instant(one) for one in period],
        "missing_streams": [Path(one).name for one in answer.read.missing],
        "streams": [
            {
                "name": Path(one.name).name,
                "first": None if one.first_ms is None else format_instant(one.first_ms),
                "last": None if one.last_ms is None else format_instant(one.last_ms),
                "gaps": [
                    {
                        "from": format_instant(gap.from_ms),
                        "to": format_instant(gap.to_ms),
                        "reason": gap.reason,
                    }
                    for gap in one.gaps
                ],
            }
            for one in answer.read.streams
        ],
        "sources": [
            {
                "name": Path(one.path).name,
                "stream": Path(one.stream).name,
                "sha256": one.sha256,
                "lines": one.lines,
                "unparsed": one.unparsed,
                "duplicates": one.duplicates,
                "unknown_views": one.unknown_views,
                "without_account": one.without_account,
                "broken": one.broken,
                "same_as": one.same_as,
            }
            for one in answer.read.sources
        ],
        "notes": list(answer.read.notes),
    }


def describe_method(answer: Answer) -> str:
    """Write how the answer was made, so that somebody else can make it again."""
    lines = [
        f"rempart {version('rempart')}, answer format: {FORMAT}",
        f"rules of attribution: {RULES_VERSION}",
        f"window: {format_instant(answer.window.starts_ms)} to "
        f"{format_instant(answer.window.ends_ms)} (excluded)"
        + ("" if answer.declared_window else ", all that the logs tell"),
        f"facts read by: {answer.engine}",
        (
            f"a session ends after a pause of {answer.read.session_gap_minutes} minutes "
            "where the log has none"
        ),
        f"an account's past: the {PAST_DAYS} days before the window",
        "claims: " + ("none given" if answer.claim_days is None else f"{answer.claim_days} days"),
        f"addresses of the attack given: {answer.attack_addresses}",
        f"a member's first line may have been sent {AHEAD_DAYS} days ahead",
        "",
        (
            "tiers: A a thief's session was shown the person; B a session that thief and owner "
            "both used; C cannot be excluded; D excluded, or cannot be concerned"
        ),
        "no D where the coverage is not whole: "
        + (" ".join(list_reasons(answer.doubts)) or "it is"),
        "",
        "inputs, by SHA-256 of their content:",
        *(
            f"  {one.sha256}  log: {Path(one.path).name}, {one.lines} lines"
            for one in answer.read.sources
        ),
        *(f"  {one.sha256}  {one.use}: {one.name}, {one.rows} rows" for one in answer.inputs),
    ]
    return "\n".join(lines) + "\n"


def format_instant(t_ms: int) -> str:
    """Write an instant in ISO 8601, universal time, to the second."""
    return datetime.fromtimestamp(t_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _summarise_insurer(
    answer: Answer,
    connection: duckdb.DuckDBPyConnection,
    insurer: InsurerCount,
    counted: Sequence[tuple[Any, ...]],
) -> dict[str, Any]:
    mine = [row for row in counted if row[0] == insurer.amc]
    tiers = {
        tier: sum(row[3] for row in mine if row[1] == tier or (tier == "D" and row[1] == "N"))
        for tier in TIERS
    }
    named_c = sum(row[4] for row in mine if row[1] == "C")
    fields = 0
    for row in mine:
        fields |= row[5]
    return {
        "amc_number": insurer.amc,
        "name": insurer.name,
        "via": insurer.via,
        "agreement_start": insurer.agreed_from,
        "persons": insurer.persons,
        "tiers": tiers,
        "named_c": named_c,
        "bounds": {
            "lower": tiers["A"],
            "best": tiers["A"] + tiers["B"],
            "upper": tiers["A"] + tiers["B"] + tiers["C"],
        },
        "cannot_be_concerned": {
            name_rule(rule): sum(row[3] for row in mine if row[1] == "N" and row[2] == rule)
            for rule in RuledOut
        },
        "excluded_by_logs": sum(row[3] for row in mine if row[1] == "D"),
        "fields": [
            {"field": name, "persons": persons, "marginal": gained}
            for name, persons, gained in _count_fields(answer, connection, insurer.amc)
        ],
        "reasons": {
            next(list_reasons(1 << bit)): persons
            for amc, bit, persons in _sum_reasons(connection)
            if amc == insurer.amc
        },
    }


def _count_fields(
    answer: Answer, connection: duckdb.DuckDBPyConnection, amc: str
) -> Iterator[tuple[str, int, int]]:
    sums: dict[int, tuple[int, int]] = {}
    for one, _, bit, persons, gained in scope.fetch(connection, "count_fields"):
        if one == amc:
            before = sums.get(bit, (0, 0))
            sums[bit] = (before[0] + persons, before[1] + gained)
    for bit, (persons, gained) in sorted(sums.items()):
        yield answer.name_fields(1 << bit)[0], persons, gained


def _sum_reasons(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, int]]:
    sums: dict[tuple[str, int], int] = {}
    for amc, _, bit, persons in scope.fetch(connection, "count_reasons"):
        sums[amc, bit] = sums.get((amc, bit), 0) + persons
    return [(amc, bit, persons) for (amc, bit), persons in sorted(sums.items())]


def _summarise_timeline(answer: Answer, connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    span = answer.window.ends_ms - answer.window.starts_ms
    slice_ms = -(-span // _SLICES)
    values = {"starts_ms": answer.window.starts_ms, "slice_ms": slice_ms}
    rows = scope.fetch(connection, "count_timeline", values)
    return {
        "slice_ms": slice_ms,
        "slices": [
            {"slice": place, "attributed": attributed, "owner": lawful}
            for place, attributed, lawful in rows
        ],
    }
