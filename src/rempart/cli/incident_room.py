"""`rempart incident hold|holds|release-hold|room|note…`: what is kept, and what is written.

For a night when the console does not answer, and for tools. Refuses to release evidence without a
name and a reason.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from rempart.accounts.inquiries import HoldState
from rempart.cli.ledger_ask import Instant
from rempart.incidents.room import COMMAND_LINE, HoldKind, RoomAuthor
from rempart.kernel.instants import PARIS, from_ms
from rempart.kernel.listing import Listing
from rempart.storage import inquiries
from rempart.storage.connect import Transaction
from rempart.wiring.database import open_installation, open_transaction
from rempart.wiring.settings import Settings
from rempart.workflows.incidents import incident_room
from rempart.workflows.retention import hold_evidence
from rempart.workflows.retention.hold_evidence import EvidenceHold

_MOST: Final = 1000

_number = click.argument("incident_id", metavar="N", type=click.IntRange(1))
_hold_number = click.argument("hold_ref", metavar="HOLD", type=click.IntRange(1))
_named = click.option("--by", required=True, metavar="NAME", help="Who does it; it stays written.")
_by = click.option("--by", default=COMMAND_LINE.name, show_default=True, metavar="NAME",
                   help="Who writes.")  # fmt: skip
_reason = click.option("--reason", required=True, help="Why; it stays written. Name nobody.")
_at = click.option("--at", "at_ms", type=Instant(), help="When it happened; now, if not given.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.option("--kind", type=click.Choice([kind.value for kind in HoldKind]), required=True,
              help="Who needs the evidence.")  # fmt: skip
@click.option("--incident", "incident_id", type=click.IntRange(1), help="For kind incident: which.")
@click.option("--from", "from_ms", type=Instant(), required=True, help="First day or instant kept.")
@click.option("--to", "to_ms", type=Instant(), required=True, help="Its end, excluded.")
@_reason
@_named
def hold(
    *, kind: str, incident_id: int | None, from_ms: int, to_ms: int, reason: str, by: str
) -> None:
    """Keep the evidence of a window beyond its normal expiry.

    An incident's own hold is placed when it is declared.
    """
    with _writing() as tx:
        hold_ref = hold_evidence.place_hold(
            tx,
            kind=HoldKind(kind),
            window=(from_ms, to_ms),
            reason=reason,
            by=RoomAuthor(name=by),
            incident_id=incident_id,
        )
    click.echo(f"evidence hold {hold_ref} placed: nothing of {_span(from_ms, to_ms)} expires")


@click.command()
@click.option("--all", "with_past", is_flag=True, help="Those that are over too.")
@_json
def holds(*, with_past: bool, as_json: bool) -> None:
    """List what is held: evidence kept, and entries that a judge has shown later."""
    with open_installation(Settings.from_environment()) as installation:
        with installation.database.transaction("analyst") as tx:
            kept = hold_evidence.list_holds(tx, in_force=not with_past)
        with installation.database.transaction("registrar") as tx:
            shown_later, _total = inquiries.list_holds(tx, Listing(sort="asked", limit=_MOST))
    now = datetime.now(UTC)
    later = [
        row
        for row in shown_later
        if with_past or (row.state is HoldState.APPROVED and row.ends_at > now)
    ]
    if as_json:
        evidence = [_describe(one) for one in kept]
        displays = [
            {
                "hold": str(row.hold_ref),
                "authority": row.authority,
                "reference": row.reference,
                "state": row.state.value,
                "from": _tell(row.from_ms),
                "to": _tell(row.to_ms),
                "shown_from": row.ends_at.astimezone(UTC).isoformat(timespec="seconds"),
            }
            for row in later
        ]
        click.echo(json.dumps({"evidence": evidence, "displays": displays}))
        return
    table = Table("hold", "for", "keeps", "since", "by", "state", title="evidence kept",
                  title_justify="left")  # fmt: skip
    for one in kept:
        table.add_row(
            str(one.hold_ref),
            one.title or one.kind.value,
            _span(one.from_ms, one.to_ms),
            f"{one.placed_at.astimezone(PARIS):%Y-%m-%d %H:%M}",
            one.placed_by,
            _name_state(one),
        )
    console = Console()
    console.print(table if kept else "no evidence is held")
    for row in later:
        console.print(
            f"display held: {row.authority}, {row.reference}, shown from {row.ends_at.date()} "
            f"({row.state}; two people decide in the console)",
            markup=False,
        )


@click.command("extend-hold")
@_hold_number
@click.option("--from", "from_ms", type=Instant(), required=True, help="First day or instant kept.")
@click.option("--to", "to_ms", type=Instant(), required=True, help="Its end, excluded.")
@_named
def extend_hold(*, hold_ref: int, from_ms: int, to_ms: int, by: str) -> None:
    """Keep more than HOLD keeps; it never keeps less."""
    with _writing() as tx:
        kept = hold_evidence.extend_hold(
            tx, hold_ref, window=(from_ms, to_ms), by=RoomAuthor(name=by)
        )
    click.echo(f"evidence hold {hold_ref} keeps {_span(*kept)}")


@click.command("release-hold")
@_hold_number
@_reason
@_named
@click.confirmation_option(prompt="What was due to expire may go from now on. Go on?")
def release_hold(*, hold_ref: int, reason: str, by: str) -> None:
    """Let the evidence of HOLD expire again."""
    with _writing() as tx:
        released = hold_evidence.release_hold(tx, hold_ref, reason=reason, by=RoomAuthor(name=by))
    click.echo(
        f"evidence hold {hold_ref} released: {_span(released.from_ms, released.to_ms)} expires "
        "as usual, unless another hold keeps it"
    )


@click.command()
@_number
@_json
def room(*, incident_id: int, as_json: bool) -> None:
    """Print the timeline of incident N, its tasks and who is there."""
    with _writing() as tx:
        found = incident_room.read_room(tx, incident_id)
    if as_json:
        click.echo(json.dumps(incident_room.describe_whole(found), ensure_ascii=False))
        return
    console = Console()
    mark = "EXERCISE  " if found.incident.exercise else ""
    state = " (closed)" if found.is_closed else ""
    console.print(f"{mark}{found.incident.title}{state}", markup=False)
    for event in found.events:
        said = ", ".join(f"{name}: {value}" for name, value in event.details.items() if value)
        who = event.author or "guard"
        console.print(f"{_local(event.happened_ms)}  {event.kind}  {who}  {said}", markup=False)
    for task in found.tasks:
        due = "" if task.due_ms is None else f", due {_local(task.due_ms)}"
        done = "done" if task.done_ms is not None else f"to do by {task.owner}{due}"
        console.print(f"task {task.task}: {task.words} ({done})", markup=False)


@click.command()
@_number
@click.argument("words")
@_at
@_by
def note(*, incident_id: int, words: str, at_ms: int | None, by: str) -> None:
    """Write WORDS in the timeline of incident N."""
    with _writing() as tx:
        line = incident_room.add_note(
            tx, incident_id, RoomAuthor(name=by), words=words, happened_ms=at_ms
        )
    click.echo(f"line {line} written")


@click.command()
@_number
@click.argument("words")
@_at
@_named
def aware(*, incident_id: int, words: str, at_ms: int | None, by: str) -> None:
    """Write that a breach of personal data is established: clocks start there."""
    with _writing() as tx:
        incident_room.note_awareness(
            tx, incident_id, RoomAuthor(name=by), words=words, happened_ms=at_ms
        )
    click.echo(f"written; next: rempart incident clocks {incident_id}")


@click.command()
@_number
@click.argument("line", metavar="LINE", type=click.IntRange(1))
@click.option("--at", "at_ms", type=Instant(), required=True, help="When it happened.")
@_reason
@_named
def correct(*, incident_id: int, line: int, at_ms: int, reason: str, by: str) -> None:
    """Write LINE of incident N again at the instant it happened: limits counted from it move.

    For an awareness, a receipt, a submission, a complaint or a note. `rempart incident room N
    --json` numbers the lines.
    """
    with _writing() as tx:
        new = incident_room.correct_instant(
            tx, incident_id, RoomAuthor(name=by), line, happened_ms=at_ms, reason=reason
        )
    click.echo(f"line {new} written in the place of {line}")


@click.command()
@_number
@click.argument("words")
@_reason
@click.option("--instead-of", "alternatives", default="", help="What else was considered.")
@_named
def decide(*, incident_id: int, words: str, reason: str, alternatives: str, by: str) -> None:
    """Write a decision, why, and what else was considered."""
    with _writing() as tx:
        line = incident_room.record_decision(
            tx,
            incident_id,
            RoomAuthor(name=by),
            words=words,
            reason=reason,
            alternatives=alternatives,
        )
    click.echo(f"line {line} written")


@click.command()
@_number
@_reason
@_named
def close(*, incident_id: int, reason: str, by: str) -> None:
    """Close incident N: nothing is added to it any more; its evidence stays held."""
    with _writing() as tx:
        incident_room.close_room(tx, incident_id, RoomAuthor(name=by), reason=reason)
    click.echo(f"incident {incident_id} closed")


@click.command()
@_number
@_reason
@_named
def reopen(*, incident_id: int, reason: str, by: str) -> None:
    """Open incident N again."""
    with _writing() as tx:
        incident_room.reopen_room(tx, incident_id, RoomAuthor(name=by), reason=reason)
    click.echo(f"incident {incident_id} is open again")


ROOM_COMMANDS: Final[tuple[click.Command, ...]] = (
    *(hold, holds, extend_hold, release_hold),
    *(room, note, aware, correct, decide, close, reopen),
)


def _describe(one: EvidenceHold) -> dict[str, object]:
    return {
        "hold": one.hold_ref,
        "kind": one.kind.value,
        "incident": one.incident_id,
        "exercise": one.exercise,
        "from": _tell(one.from_ms),
        "to": _tell(one.to_ms),
        "accounts": [str(ref) for ref in one.account_refs],
        "reason": one.reason,
        "placed_by": one.placed_by,
        "placed_at": one.placed_at.astimezone(UTC).isoformat(timespec="seconds"),
        "in_force": one.in_force,
        "released_by": one.released_by or None,
        "release_reason": one.release_reason or None,
    }


def _name_state(one: EvidenceHold) -> str:
    if not one.in_force:
        return f"released by {one.released_by}: {one.release_reason}"
    return "exercise: keeps nothing" if one.exercise else "in force"


def _tell(t_ms: int) -> str:
    return from_ms(t_ms).isoformat(timespec="milliseconds")


def _local(t_ms: int) -> str:
    return f"{from_ms(t_ms).astimezone(PARIS):%Y-%m-%d %H:%M:%S}"


def _span(from_ms: int, to_ms: int) -> str:
    return f"{_local(from_ms)} to {_local(to_ms)}"


@contextmanager
def _writing() -> Iterator[Transaction]:
    """Open a transaction of the role `analyst`: committed at the end, or rolled back."""
    with open_transaction("analyst") as tx:
        yield tx
