"""Writes the folder of an answer: lists by insurer, sessions, coverage, method, report, changes.

The same inputs give the same bytes: no clock is read, and every order is total. Refuses to write a
value of a log anywhere but in the lists.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from rempart.exchange.scope_files import SUMMARY, AnswerFolder, is_answer
from rempart.exchange.scope_inputs import ScopeRefused
from rempart.exchange.scope_report import Report, make_html, make_pdf
from rempart.incidents.attribution import format_signals
from rempart.storage import scope
from rempart.storage.scope_reasons import list_reasons
from rempart.workflows.scope.figures import (
    Answer,
    Figures,
    describe_coverage,
    describe_method,
    format_instant,
    summarise,
)

PERSONS: Final = "persons"
STRANGERS: Final = "not-in-registry"
_PERSON_HEADER: Final = (
    *("amc_number", "contract_number", "member_number", "insured_nir", "own_nir", "birth_date"),
    *("birth_rank", "quality", "minor", "former", "tier", "reasons", "fields", "marginal_fields"),
    *("lookups", "first_seen", "last_seen", "sessions"),
)
_STRANGER_HEADER: Final = (
    *("identifier", "insurer_as_logged", "tier", "reasons", "fields", "marginal_fields"),
    *("lookups", "first_seen", "last_seen", "sessions"),
)


class Change(NamedTuple):
    """What changed for one person since an earlier answer.

    Of somebody whom no registry holds, `insured_nir` is what the logs call them, `amc_number` the
    insurer the logs name.
    """

    amc_number: str
    insured_nir: str
    birth_date: str
    birth_rank: str
    change: str
    tier_before: str
    tier_after: str
    fields_before: int
    fields_after: int

    def __repr__(self) -> str:
        return f"<Change {self.change}>"


def write_answer(
    answer: Answer,
    connection: duckdb.DuckDBPyConnection,
    folder: AnswerFolder,
    *,
    language: str,
    since: Path | None,
) -> tuple[Figures, list[Change]]:
    """Write everything; return the figures, and what changed since an earlier answer.

    Raises:
        ScopeRefused: the earlier folder holds no answer.
    """
    for insurer in answer.insurers:
        values = {
            "amc": insurer.amc,
            "starts_ms": answer.window.starts_ms,
            "ends_ms": answer.window.ends_ms,
        }
        place = f"insurers/{insurer.amc}/{PERSONS}"
        _write_list(answer, connection, folder, place, "list_persons", values)
    if scope.fetch(connection, "count_strangers"):
        _write_list(answer, connection, folder, STRANGERS, "list_strangers", {})
    _write_sessions(answer, connection, folder)
    _write_accounts(answer, folder)
    _write_unknown(answer, connection, folder)
    folder.write_json("coverage.json", describe_coverage(answer))
    folder.write_text("method.txt", describe_method(answer))
    summary = summarise(answer, connection)
    changes = [] if since is None else _compare(answer, connection, folder, since)
    if since is not None:
        summary["changes"] = {
            kind: sum(one.change == kind for one in changes)
            for kind in ("added", "removed", "raised", "lowered", "changed")
        }
    report = Report(summary=summary, language=language)
    folder.write_text("report.html", make_html(report))
    folder.write_bytes("report.pdf", make_pdf(report))
    folder.write_json(SUMMARY, summary)
    return summary, changes


def _write_list(
    answer: Answer,
    connection: duckdb.DuckDBPyConnection,
    folder: AnswerFolder,
    place: str,
    query: str,
    values: Mapping[str, Any],
) -> None:
    """Write a list twice, as Parquet for machines and CSV for people, a batch at a time."""
    header = _PERSON_HEADER if query == "list_persons" else _STRANGER_HEADER
    reader = scope.stream(connection, query, values)
    first = next(reader, None)
    schema = first.schema if first is not None else scope.describe(connection, query, values)
    with folder.open_parquet(f"{place}.parquet", schema) as parquet:

        def rows() -> Iterator[Sequence[object]]:
            batch = first
            while batch is not None:
                parquet.write_batch(batch)
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield _spell(answer, dict(zip(schema.names, row, strict=True)))
                batch = next(reader, None)

        folder.write_table(f"{place}.csv", header, rows())


def _spell(answer: Answer, row: dict[str, Any]) -> Sequence[object]:
    """Return a row of a list with words for its bits, and instants for its milliseconds."""
    words = {
        "reasons": " ".join(list_reasons(row["reasons"])),
        "fields": " ".join(answer.name_fields(row["fields"])),
        "gained": " ".join(answer.name_fields(row["gained"])),
        "first_ms": "" if row["first_ms"] is None else format_instant(row["first_ms"]),
        "last_ms": "" if row["last_ms"] is None else format_instant(row["last_ms"]),
        "sessions": " ".join(map(str, row["sessions"])),
    }
    return [words.get(name, value) for name, value in row.items()]


def _write_sessions(
    answer: Answer, connection: duckdb.DuckDBPyConnection, folder: AnswerFolder
) -> None:
    persons = dict(scope.fetch(connection, "count_sessions_persons"))
    header = (
        *("session", "account", "session_as_logged", "address", "agent", "first_seen", "last_seen"),
        *("lookups", "persons", "verdict", "thief_points", "owner_points", "reasons"),
    )
    folder.write_table(
        "sessions.csv",
        header,
        (
            (
                one.label.session_ref,
                one.label.account,
                one.label.session,
                one.tally.session.address,
                one.tally.session.agent,
                format_instant(one.tally.first_ms),
                format_instant(one.tally.last_ms),
                one.tally.lookups,
                persons.get(one.label.session_ref, 0),
                str(one.verdict.verdict),
                one.verdict.thief_points,
                one.verdict.owner_points,
                " ".join(
                    f"{sign['rule']}={sign['points']}"
                    for sign in format_signals(one.verdict.signals)
                    if sign["points"]
                ),
            )
            for one in answer.judged
        ),
    )


def _write_accounts(answer: Answer, folder: AnswerFolder) -> None:
    folder.write_table(
        "accounts.csv",
        ("line", "account", "session", "match", "in_the_logs", "nearly_the_same"),
        (
            (
                one.stolen.line,
                one.stolen.account,
                one.stolen.session,
                str(one.match),
                " | ".join(one.logged),
                " | ".join(near.account for near in one.near),
            )
            for one in answer.matched
        ),
    )


def _write_unknown(
    answer: Answer, connection: duckdb.DuckDBPyConnection, folder: AnswerFolder
) -> None:
    names = {one.index: Path(one.path).name for one in answer.read.sources}
    folder.write_table(
        "unknown.csv",
        ("file", "line", "time", "session", "view", "outcome", "why"),
        (
            (names.get(source, source), line, format_instant(t_ms), session, view, outcome, why)
            for source, line, t_ms, session, view, outcome, why in scope.fetch(
                connection, "list_unknown_screens"
            )
        ),
    )


def _compare(
    answer: Answer, connection: duckdb.DuckDBPyConnection, folder: AnswerFolder, since: Path
) -> list[Change]:
    if not is_answer(since):
        raise ScopeRefused(f"{since} holds no answer to compare with: give --since another folder")
    names = {f"insurers/{one.amc}/{PERSONS}" for one in answer.insurers}
    names |= {
        f"insurers/{one.parent.name}/{PERSONS}"
        for one in since.glob(f"insurers/*/{PERSONS}.parquet")
    }
    changes = []
    for place in (*sorted(names), STRANGERS):
        query = "diff_strangers" if place == STRANGERS else "diff_persons"
        now, before = (root / f"{place}.parquet" for root in (folder.path, since))
        if not now.exists() and not before.exists():
            continue
        empty = folder.path / ".empty.parquet"
        _write_empty(now if now.exists() else before, empty)
        values = {
            "now": str(now if now.exists() else empty),
            "before": str(before if before.exists() else empty),
        }
        changes += [Change(*row) for row in scope.fetch(connection, query, values)]
        empty.unlink()
    folder.write_table(
        "diff.csv",
        Change._fields,
        ((*one[:7], *(" ".join(answer.name_fields(mask)) for mask in one[7:])) for one in changes),
    )
    return changes


def _write_empty(like: Path, path: Path) -> None:
    """Write a list of nobody with the columns of another."""
    import pyarrow.parquet as pq

    pq.write_table(pq.read_schema(like).empty_table(), path)
