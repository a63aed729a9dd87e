"""`rempart scope map`: look at a log nobody has described, and propose what it means.

Refuses to overwrite a mapping: a proposal is corrected by hand, and that work is not lost.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rempart.exchange.foreign_bytes import STDIN
from rempart.exchange.foreign_facts import LogsRefused
from rempart.exchange.foreign_logs import LogFile, list_files
from rempart.exchange.foreign_mapping import LogMapping, MappingRefused, parse_mapping
from rempart.exchange.foreign_proposal import Proposal, propose_mapping
from rempart.exchange.foreign_raw import Unread, escape_head
from rempart.exchange.foreign_rows import Facts
from rempart.exchange.foreign_sample import LogSample, read_sample
from rempart.exchange.foreign_shapes import Shape

_EXAMPLES: Final = 5
_SCREENS: Final = 15
_PIECES: Final = 4
_OFTEN: Final = 0.05
_PEOPLE: Final = (Shape.NIR, Shape.PERSON, Shape.INSURER)
_err: Final = Console(stderr=True)


@click.command("map")
@click.argument("samples", nargs=-1, required=True)
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Try this mapping instead of proposing one.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the proposal here. Default: print it.",
)
@click.option("--name", help="How reports call this log.")
def scope_map(
    *, samples: tuple[str, ...], mapping: Path | None, out: Path | None, name: str | None
) -> None:
    """Propose a mapping for the logs SAMPLES, or try one on them.

    Says what each column seems to hold, which screens there are, and which lines are not
    understood. Only the beginning of each file is read. The log's values stay on this terminal:
    the proposal has none.
    """
    if out is not None and out.exists():
        raise click.UsageError(f"{out} exists already: give another name, or delete it")
    files = list_files(samples)
    if mapping is not None:
        text = mapping.read_text("utf-8")
        _try(files, parse_mapping(text, name=mapping.name))
        return
    sample = read_sample(files[0])
    if not sample.format:
        _refuse_unknown(files[0], sample)
    proposal = propose_mapping(sample, name=name or files[0].name)
    _show_columns(proposal)
    _show_screens(proposal)
    _try(files, parse_mapping(proposal.text, name="the proposal"))
    if out is None:
        click.echo(proposal.text)
    else:
        out.write_text(proposal.text, "utf-8")
        _err.print(f"Written to {out}. Fill in what each screen shows, then:", highlight=False)
        _err.print(f"  rempart scope map {files[0]} --mapping {out}", highlight=False)


def _refuse_unknown(path: Path, sample: LogSample) -> None:
    examples = "\n".join(f"  line {line}: {text}" for line, text in _escape(sample.unread))
    raise MappingRefused(
        f"{path.name} is no web log, no JSON, no CSV and no Parquet. Write a mapping with "
        f'format = "pattern" (docs/reference/mapping.md). Its first lines:\n{examples}'
    )


def _escape(unread: Sequence[Unread]) -> list[tuple[int, str]]:
    return [(one.line, escape_head(one.head)) for one in unread[:_EXAMPLES]]


def _show_columns(proposal: Proposal) -> None:
    table = Table(title="What each column seems to hold")
    for title in ("column", "seems to be", "distinct", "in lines"):
        table.add_column(title, justify="left" if title in ("column", "seems to be") else "right")
    for one in proposal.columns:
        if one.shape is not Shape.TEXT and (one.filled >= _OFTEN or one.shape in _PEOPLE):
            table.add_row(
                Text(escape_head(one.name.encode())),
                one.shape.value,
                f"{one.distinct:,}",
                f"{one.filled:.0%}",
            )
    _err.print(table)


def _show_screens(proposal: Proposal) -> None:
    if not proposal.screens:
        return
    table = Table(title="Screens")
    table.add_column("path or action")
    table.add_column("lines", justify="right")
    for one in proposal.screens[:_SCREENS]:
        table.add_row(Text(escape_head(one.path.encode())), f"{one.count:,}")
    if len(proposal.screens) > _SCREENS:
        table.add_row(f"and {len(proposal.screens) - _SCREENS} more", "")
    _err.print(table)


def _try(files: list[Path], mapping: LogMapping) -> None:
    """Read the beginning of each file and say what came of it."""
    for path in files:
        if str(path) == STDIN:
            continue  # what came in is gone
        log = LogFile(path, mapping)
        try:
            pieces = list(islice(log.facts(), _PIECES))
        except LogsRefused as refused:
            _err.print(Text(str(refused)))
            continue
        finally:
            log.close()
        _show_reading(path, pieces, log.broken)


def _show_reading(path: Path, pieces: list[Facts], broken: str) -> None:
    lines = sum(one.lines for one in pieces)
    unread = [line for one in pieces for line in one.unread]
    facts = sum(one.table.num_rows for one in pieces)
    views: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    named = 0
    for one in pieces:
        views.update(one.table.column("view").to_pylist())
        outcomes.update(one.table.column("outcome").to_pylist())
        named += len(one.table) - one.table.column("person").null_count
    ignored = sum(one.ignored for one in pieces)
    _err.print(
        Text(
            f"{path.name}: {lines:,} lines looked at: {lines - len(unread):,} understood "
            f"({ignored:,} of them ignored), {len(unread):,} not. {facts:,} facts, {named:,} of "
            f"them name a person, {sum(one.without_account for one in pieces):,} no account."
        )
    )
    known = ", ".join(f"{view} {count:,}" for view, count in views.most_common() if view)
    _err.print(Text(f"  screens: {known or 'none'}; not described: {views['']:,}"))
    told = ", ".join(f"{word} {count:,}" for word, count in outcomes.most_common())
    _err.print(Text(f"  outcomes: {told or 'none'}"))
    if broken:
        _err.print(Text(f"  {broken}"))
    for line, text in _escape(unread):
        _err.print(Text(f"  not understood, line {line}: {text}"))
