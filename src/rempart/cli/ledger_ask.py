"""`rempart ledger who-saw` and `seen-by`: the two questions, asked from the host's command line.

Identifiers of a person are asked for, never given as options: the history of a shell and the list
of processes keep options. Refuses to leave half an answer under the name that was asked for.
"""

import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import click
import psycopg
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rempart.disclosure.acts import COMMAND_LINE
from rempart.disclosure.entry import Kind, Mode, Outcome, Purpose
from rempart.disclosure.fields import fields_in
from rempart.disclosure.reach import Place, Reach, Stretch
from rempart.exchange.answer_files import (
    Column,
    open_answer,
    write_csv,
    write_lines,
    write_parquet,
)
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import RempartError, Unavailable
from rempart.kernel.findings import BadValue
from rempart.kernel.instants import PARIS
from rempart.kernel.nir import Nir
from rempart.rights.lookup import TypedIdentifiers, compute_lookup_key
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.segments import open_sealed_files
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.ask_ledger import (
    Period,
    Reader,
    Seen,
    SeenPerson,
    WhoSaw,
    ask_seen_by,
    ask_who_saw,
    find_persons,
)

EXIT_WHOLE, EXIT_PARTIAL, EXIT_NO_ANSWER, EXIT_INTERRUPTED = 0, 1, 2, 130
_COUNTED: Final = 10_000
Value = TypeVar("Value")

# A person of nobody, so that identifiers that lead to none are refused like somebody else's.
_NOBODY: Final = 0


class Instant(click.ParamType[int]):
    """A day or an instant in ISO 8601; without an offset, the clock of Paris."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return Unix milliseconds."""
        if isinstance(value, int):
            return value
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            self.fail("write a day such as 2024-01-29, or 2024-01-29T08:30:00+01:00", param, ctx)
        when = when if when.tzinfo else when.replace(tzinfo=PARIS)
        return int(when.timestamp() * 1000)


def _with_period(command: Callable[..., None]) -> Callable[..., None]:
    """Add what both questions take."""
    for option in (
        click.option(
            "-o",
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the answer here, whole or not at all.  [default: standard output]",
        ),
        click.option("--to", "to_ms", type=Instant(), required=True, help="Its end, excluded."),
        click.option(
            "--from", "from_ms", type=Instant(), required=True, help="First day or instant."
        ),
    ):
        command = option(command)
    return command


@click.command("who-saw")
@click.option("--person", "person_ref", type=int, metavar="REF", help="Their reference.")
@click.option("--typed", is_flag=True, help="Ask for their identifiers, which are not kept.")
@click.option("--inquiry", "inquiry_ref", type=int, metavar="REF", required=True, help="Approved.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
)
@_with_period
@click.pass_context
def who_saw(
    ctx: click.Context,
    *,
    person_ref: int | None,
    typed: bool,
    inquiry_ref: int,
    form: str,
    from_ms: int,
    to_ms: int,
    output: Path | None,
) -> None:
    """Say who has seen a person: every entry about them, oldest first.

    The inquiry is asked for in the console by one agent and approved by another. Without --person
    and --typed, everybody it is about. Exits with 0 when everything was looked at, 1 when a part
    of the ledger is no longer there, 2 when there is no answer.
    """
    if person_ref is not None and typed:
        raise click.UsageError("give --person or --typed, not both")

    def answer(installation: Installation) -> Reach:
        persons = None if person_ref is None else [person_ref]
        if typed:
            persons = _find_typed(installation) or [_NOBODY]
        with _reading(installation) as reader:
            found = ask_who_saw(
                reader,
                inquiry_ref=inquiry_ref,
                person_refs=persons,
                period=Period(from_ms=from_ms, to_ms=to_ms),
            )
        with _writing(output) as file:
            _write_entries(file, found, form)
        return found.reach

    ctx.exit(_run(answer))


@click.command("seen-by")
@click.option("--session", "session_refs", type=int, multiple=True, metavar="REF")
@click.option("--account", "account_refs", type=int, multiple=True, metavar="REF")
@click.option("--sessions-file", type=click.File("r"), help="One session's reference on each line.")
@click.option("--reason", required=True, help="Why, in words that name nobody: kept for ever.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "parquet"]),
    default="table",
    show_default=True,
)
@_with_period
@click.pass_context
def seen_by(
    ctx: click.Context,
    *,
    session_refs: tuple[int, ...],
    account_refs: tuple[int, ...],
    sessions_file: IO[str] | None,
    reason: str,
    form: str,
    from_ms: int,
    to_ms: int,
    output: Path | None,
) -> None:
    """Say whom some sessions, or some accounts, have seen: each person with the fields shown.

    By person, then insurer. Exits with 0 when everything was looked at, 1 when a part of the
    ledger is no longer there, 2 when there is no answer.
    """
    if form == "parquet" and output is None:
        raise click.UsageError("Parquet needs a file: give --output")
    if sessions_file is not None:
        session_refs += tuple(_read_refs(sessions_file))

    def answer(installation: Installation) -> Reach:
        with _reading(installation) as reader:
            reach, persons = ask_seen_by(
                reader,
                account_refs=account_refs,
                session_refs=session_refs,
                period=Period(from_ms=from_ms, to_ms=to_ms),
                reason=reason,
            )
            with _writing(output) as file, _counting() as count:
                _write_persons(file, count(persons), form)
        return reach

    ctx.exit(_run(answer))


# ---- asking --------------------------------------------------------------------------------------


def _run(answer: Callable[[Installation], Reach]) -> int:
    """Open the installation, answer, say how far the look reached; return the exit code."""
    try:
        with open_installation(Settings.from_environment(), Console(stderr=True).print) as found:
            reach = answer(found)
    except RempartError as refusal:
        click.echo(f"rempart: {refusal} [{refusal.code}]", err=True)
        return EXIT_NO_ANSWER
    except KeyboardInterrupt:
        click.echo("rempart: interrupted; no file was left, the question stays on record", err=True)
        return EXIT_INTERRUPTED
    for line in format_reach(reach):
        click.echo(line, err=True)
    return EXIT_PARTIAL if reach.missing else EXIT_WHOLE


@contextmanager
def _reading(installation: Installation) -> Iterator[Reader]:
    settings, home, database = installation.settings, installation.home, installation.database
    files = open_sealed_files(settings, home)
    try:
        with database.transaction("auditor") as tx:
            yield Reader(
                tx=tx,
                acts=open_acts_log(settings, home, database),
                by=COMMAND_LINE,
                files=files,
            )
    except psycopg.Error as failure:
        raise Unavailable(
            f"the database stopped the question ({type(failure).__name__}): "
            "see its state with `rempart db status`, then ask again"
        ) from failure


def _find_typed(installation: Installation) -> list[int]:
    """Ask for identifiers and return whom they lead to, or ever led to."""
    key = compute_lookup_key(installation.home.key("lookup"), ask_identifiers())
    with installation.database.transaction("feeds") as tx:
        return find_persons(tx, key)


def ask_identifiers() -> TypedIdentifiers:
    """Ask for the identifiers of a person at the terminal; only the insurer's is shown as typed."""
    return TypedIdentifiers(
        amc_number=_ask(AmcNumber.parse, "AMC number", hide=False),
        insured_nir=_ask(Nir.parse, "NIR of the insured, with key"),
        birth_date=_ask(BirthDate.parse, "Birth date (YYYYMMDD)"),
        birth_rank=_ask(BirthRank.parse, "Birth rank"),
    )


def _ask(parse: Callable[[str], Value], words: str, *, hide: bool = True) -> Value:
    try:
        return parse(click.prompt(words, hide_input=hide, err=True))
    except BadValue as refusal:
        raise click.UsageError(f"{refusal.refusal.en} {refusal.refusal.advice_en}") from None


def _read_refs(lines: Iterable[str]) -> Iterator[int]:
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                yield int(line)
        except ValueError:
            raise click.UsageError(
                f"--sessions-file, line {number}: one reference, a whole number, on each line"
            ) from None


# ---- writing -------------------------------------------------------------------------------------


@contextmanager
def _writing(output: Path | None) -> Iterator[IO[bytes]]:
    with nullcontext(sys.stdout.buffer) if output is None else open_answer(output) as file:
        yield file


@contextmanager
def _text(file: IO[bytes]) -> Iterator[IO[str]]:
    """Write text to a file of bytes, which stays open."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


@contextmanager
def _counting() -> Iterator[Callable[[Iterable[SeenPerson]], Iterator[SeenPerson]]]:
    """Show on stderr how many persons were written; nothing when nobody watches."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} persons"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=None)

        def count(persons: Iterable[SeenPerson]) -> Iterator[SeenPerson]:
            for number, person in enumerate(persons, 1):
                if number % _COUNTED == 0:
                    progress.update(task, completed=number)
                yield person

        yield count


def _write_entries(file: IO[bytes], found: WhoSaw, form: str) -> None:
    with _text(file) as text:
        if form == "json":
            answer = {
                "from_ms": found.reach.from_ms,
                "to_ms": found.reach.to_ms,
                "missing": [one._asdict() for one in found.reach.missing],
                "erased": {str(log_id): n for log_id, n in found.reach.erased.items()},
                "entries": [_describe(one) for one in found.entries],
            }
            text.write(json.dumps(answer, indent=1) + "\n")
        elif form == "csv":
            header = (*Seen._fields, "shown")
            write_csv(text, header, ((*one, _name_fields(one.fields)) for one in found.entries))
        else:
            write_lines(text, _ENTRY_COLUMNS, found.entries)


def _write_persons(file: IO[bytes], persons: Iterable[SeenPerson], form: str) -> None:
    if form == "parquet":
        write_parquet(file, SeenPerson._fields, persons)
        return
    with _text(file) as text:
        if form == "csv":
            header = (*SeenPerson._fields, "shown")
            write_csv(text, header, ((*one, _name_fields(one.fields)) for one in persons))
        else:
            write_lines(text, _PERSON_COLUMNS, persons)


def format_reach(reach: Reach) -> list[str]:
    """Say in lines how far an answer reached: what was looked at, and what was not."""
    kinds = {place: sum(one.place is place for one in reach.stretches) for place in Place}
    logs = sorted({one.log_id for one in reach.stretches})
    looked = (
        f"looked at {_when(reach.from_ms)} to {_when(reach.to_ms)}: "
        f"logs {', '.join(map(str, logs)) or 'none'}, {kinds[Place.HOT]} segments in the database, "
        f"{kinds[Place.COLD]} in sealed files"
    )
    lines = [looked]
    lines += [f"NOT LOOKED AT: {_describe_loss(one)}" for one in reach.missing]
    lines += [
        f"log {log_id}: {count} openings erased one by one around then; "
        "they may be missing from the answer"
        for log_id, count in sorted(reach.erased.items())
    ]
    return lines


def _describe_loss(one: Stretch) -> str:
    why = {
        Place.DROPPED: "dropped at the end of its retention",
        Place.LOST: "its files are not in the store (REMPART_SEGMENTS): restore them",
    }[one.place]
    when = ""
    if one.first_ms is not None and one.last_ms is not None:
        when = f", {_when(one.first_ms)} to {_when(one.last_ms)}"
    return f"log {one.log_id}, segment {one.segment}{when}: {why}"


def _describe(entry: Seen) -> dict[str, object]:
    """Return an entry with the names of its numbers beside them."""
    return {
        **entry._asdict(),
        "time": _when(entry.t_ms),
        "kind": _name(Kind, entry.kind),
        "purpose": _name(Purpose, entry.purpose),
        "mode": _name(Mode, entry.mode),
        "outcome": _name(Outcome, entry.outcome),
        "shown": _name_fields(entry.fields).split(),
    }


def _when(t_ms: int) -> str:
    try:
        return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{t_ms} ms"  # beyond the calendar


def _name(names: type[IntEnum], value: int) -> str:
    return names(value).name.lower() if value in names._value2member_map_ else str(value)


def _name_fields(mask: int) -> str:
    return " ".join(str(one.name).lower() for one in fields_in(mask))


_ENTRY_COLUMNS: Final[Sequence[Column]] = (
    ("time", 23, lambda one: _when(one.t_ms)),
    ("log", 5, lambda one: str(one.log_id)),
    ("index", 12, lambda one: str(one.idx)),
    ("kind", 11, lambda one: _name(Kind, one.kind)),
    ("account", 20, lambda one: str(one.account_ref)),
    ("session", 20, lambda one: str(one.session_ref)),
    ("purpose", 9, lambda one: _name(Purpose, one.purpose)),
    ("mode", 6, lambda one: _name(Mode, one.mode)),
    ("outcome", 20, lambda one: _name(Outcome, one.outcome)),
    ("shown", 1, lambda one: _name_fields(one.fields)),
)
_PERSON_COLUMNS: Final[Sequence[Column]] = (
    ("person", 20, lambda one: str(one.person_ref)),
    ("insurer", 8, lambda one: str(one.insurer_id)),
    ("lookups", 8, lambda one: str(one.lookups)),
    ("first", 23, lambda one: _when(one.first_ms)),
    ("last", 23, lambda one: _when(one.last_ms)),
    ("shown", 1, lambda one: _name_fields(one.fields)),
)
