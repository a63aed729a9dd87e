"""`rempart guard canaries`: plant people nobody looks up, let them live, count them.

Refuses to say who they are without leaving an entry in the ledger.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import SystemRandom

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from rempart.cli.feed import Day
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import NotFound
from rempart.kernel.findings import BadValue
from rempart.storage.feeds import find_insurer
from rempart.storage.sealing import FileKms
from rempart.wiring.acts import open_acts_log
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.feeds.import_feed import FeedSecrets
from rempart.workflows.guard.canary_numbers import NumberSource, read_registers
from rempart.workflows.guard.list_canaries import list_canary_counts, reveal_canaries, share_out
from rempart.workflows.guard.plant_canaries import (
    PlantRequest,
    plant_canaries,
    refresh_canaries,
    retire_canaries,
)

_err = Console(stderr=True)

_REGISTERS = click.option(
    "--registers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="How many births communes register in a month (place;births); needed among real people.",
)
_INSURER = click.option("--insurer", metavar="AMC", help="Only this insurer, by its AMC number.")


@click.group()
def canaries() -> None:
    """Plant people whom nobody lawful looks up: whoever does is held."""


@canaries.command()
@_INSURER
@click.option("--count", type=click.IntRange(1), required=True, help="How many people.")
@_REGISTERS
@click.option("--today", type=Day(), hidden=True)
def plant(*, insurer: str | None, count: int, registers: Path | None, today: date | None) -> None:
    """Plant COUNT people among the members, in families, spread over places, ages and contracts.

    Without --insurer, among the members of all, in proportion. A full feed does not sweep them
    away; they get no letter and are in no list of exposed people.
    """
    numbers = None if registers is None else read_registers(registers)
    with open_installation(Settings.from_environment(), _err.print) as installation:
        shares = _choose_insurers(installation, insurer, count)
        with _progress(sum(shares.values())) as advance:
            for insurer_id, share in shares.items():
                with installation.database.transaction("feeds") as tx:
                    planted = plant_canaries(
                        tx,
                        _make_secrets(installation.home),
                        _request(insurer_id, numbers, today, share),
                        report=advance(),
                    )
                click.echo(
                    f"insurer {insurer_id}: {planted.people} people planted in "
                    f"{planted.households} households, {planted.keys} keys"
                )


@canaries.command()
@_INSURER
@_REGISTERS
@click.option("--today", type=Day(), hidden=True)
def refresh(*, insurer: str | None, registers: Path | None, today: date | None) -> None:
    """Let canaries live as members do: renew, change, have children, leave. After each feed."""
    numbers = None if registers is None else read_registers(registers)
    with open_installation(Settings.from_environment(), _err.print) as installation:
        for insurer_id in _list_with_canaries(installation, insurer):
            with installation.database.transaction("feeds") as tx:
                lives = refresh_canaries(
                    tx,
                    _make_secrets(installation.home),
                    _request(insurer_id, numbers, today),
                )
            click.echo(
                f"insurer {insurer_id}: {lives.living} living, {lives.renewed} renewed, "
                f"{lives.changed} changed, {lives.born} born, {lives.left} left"
            )


@canaries.command()
@_INSURER
@click.option("--count", type=click.IntRange(1), help="How many people of each insurer.")
@click.option("--all", "everybody", is_flag=True, help="All of them.")
def retire(*, insurer: str | None, count: int | None, everybody: bool) -> None:
    """Have canaries leave their insurer at the next refresh. They stay canaries for ever."""
    if (count is None) != everybody:
        raise click.UsageError("give --count or --all")
    with open_installation(Settings.from_environment(), _err.print) as installation:
        for insurer_id in _list_with_canaries(installation, insurer):
            with installation.database.transaction("feeds") as tx:
                leaving = retire_canaries(tx, insurer_id, count=count, chance=SystemRandom())
            click.echo(f"insurer {insurer_id}: {leaving} will leave at the next refresh")


@canaries.command("list")
@_INSURER
@click.option("--reveal", is_flag=True, help="Say which references they have. Goes on record.")
@click.option("--reason", help="With --reveal: why, in words that name nobody: kept for ever.")
def list_command(*, insurer: str | None, reveal: bool, reason: str | None) -> None:
    """Count canaries by insurer; with --reveal, list their references."""
    if reveal != (reason is not None):
        raise click.UsageError("--reveal needs --reason, and --reason needs --reveal")
    with open_installation(Settings.from_environment(), _err.print) as installation:
        if reason is not None:
            _reveal(installation, _list_with_canaries(installation, insurer), reason)
            return
        only = None if insurer is None else _find_insurer(installation, insurer)
        with installation.database.transaction("feeds") as tx:
            counts = list_canary_counts(tx)
    table = Table("Insurer", "Living", "Retired", "Keys", "Last refresh", box=None)
    for one in counts:
        if only in (None, one.insurer_id):
            refreshed = "" if one.refreshed_at is None else f"{one.refreshed_at:%Y-%m-%d %H:%M}"
            figures = (str(one.living), str(one.retired), str(one.keys), refreshed)
            table.add_row(f"{one.insurer_id} {one.insurer}", *figures)
    Console().print(table)


def _reveal(installation: Installation, insurer_ids: Sequence[int], reason: str) -> None:
    acts = open_acts_log(installation.settings, installation.home, installation.database)
    with installation.database.transaction("feeds") as tx:
        found = reveal_canaries(
            tx, acts, insurer_ids, reason=reason, now_ms=time.time_ns() // 1_000_000
        )
    click.echo("insurer;person;keys;planted;refreshed;retired")
    for insurer_id, one in found:
        retired = "" if one.retired_at is None else f"{one.retired_at:%Y-%m-%d}"
        click.echo(
            f"{insurer_id};{one.person_ref};{one.keys};{one.planted_at:%Y-%m-%d};"
            f"{one.refreshed_at:%Y-%m-%d};{retired}"
        )


def _choose_insurers(installation: Installation, amc: str | None, count: int) -> dict[int, int]:
    if amc is not None:
        return {_find_insurer(installation, amc): count}
    with installation.database.transaction("feeds") as tx:
        return share_out(tx, count)


def _list_with_canaries(installation: Installation, amc: str | None) -> list[int]:
    if amc is not None:
        return [_find_insurer(installation, amc)]
    with installation.database.transaction("feeds") as tx:
        return [one.insurer_id for one in list_canary_counts(tx) if one.keys]


def _find_insurer(installation: Installation, amc: str) -> int:
    try:
        number = AmcNumber.parse(amc).number
    except BadValue as bad:
        raise click.UsageError(f"{bad.refusal.en} {bad.refusal.advice_en}") from bad
    with installation.database.transaction("feeds") as tx:
        found = find_insurer(tx, number)
    if found is None:
        raise NotFound(f"no insurer has the AMC number {number}: see `rempart feed status`")
    return found


def _request(
    insurer_id: int, numbers: NumberSource | None, today: date | None, count: int = 0
) -> PlantRequest:
    return PlantRequest(
        insurer_id=insurer_id,
        today=today or today_in_paris(),
        chance=SystemRandom(),
        count=count,
        registers=numbers,
    )


def _make_secrets(home: Home) -> FeedSecrets:
    return FeedSecrets(
        lookup_key=home.key("lookup"),
        contract_key=home.key("blind"),
        kms=FileKms(home.key("master")),
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], Callable[[int], None]]]:
    """Show how many people are planted; what it gives begins the count of one more insurer."""
    columns = (SpinnerColumn(), TextColumn("{task.completed} of {task.total} people"), BarColumn())
    with Progress(*columns, console=_err, transient=True) as bar:
        task = bar.add_task("", total=total)

        def advance() -> Callable[[int], None]:
            before = int(bar.tasks[0].completed)
            return lambda done: bar.update(task, completed=before + done)

        yield advance
