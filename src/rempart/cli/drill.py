"""`rempart drill`: every known attack against the guard, and an exact answer to "who?"."""

import csv
import json
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rempart.cli.continuity import PRESENCE, read_policy
from rempart.drill.calendar import Calendar
from rempart.drill.cast import Person, Professional
from rempart.drill.plan import Script
from rempart.drill.replay import Progress as Told
from rempart.drill.report import print_report, write_figures
from rempart.drill.run import Options, run_drill
from rempart.guard.lookups import find_day
from rempart.kernel.errors import SetupError
from rempart.synth import read_members
from rempart.wiring.acts import open_acts_log
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import open_installation
from rempart.wiring.settings import Settings

# Enough for any drill; a larger set is read in proportion, insurer by insurer.
_MOST_PEOPLE = 200_000
# Two weeks and a day: rules rest on the week up to the day before yesterday, and the attack comes
# on a Tuesday.
HISTORY_DAYS: Final = 14
QUICK_DAYS: Final = 2
QUICK_ACCOUNTS: Final = 60


@click.command()
@click.option("--days", type=click.IntRange(1, 14), default=7, show_default=True,
              help="Days of the attack; a quiet one is played before it.")  # fmt: skip
@click.option("--accounts", type=click.IntRange(1), default=120, show_default=True,
              help="Accounts at work, stolen ones included.")  # fmt: skip
@click.option("--stolen", type=click.IntRange(1), default=2, show_default=True,
              help="Stolen accounts of each kind of attack.")  # fmt: skip
@click.option("--quick", is_flag=True, help="Two days, a smaller town, one account of each kind.")
@click.option(
    "--seed", type=int, help="Replay the drill that printed this seed.  [default: a new one]"
)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False, exists=True),
required=True,
              help="A directory written by `rempart synth`, whose feeds are loaded.")  # fmt: skip
@click.option("--presence", type=click.Choice(PRESENCE), default=PRESENCE[0], show_default=True,
              help="For whom the players must prove presence.")  # fmt: skip
@click.option("--typed-new-persons", type=click.IntRange(0),
              help="How many new persons a day each player may type.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave the exercise's accounts in the guard's console.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the figures here too, as JSON; nobody is named in them.")  # fmt: skip
@click.option(
    "--consulted",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write here the code of the card that was shown most often, to see its holder's history.",
)
def drill(
    *,
    days: int,
    accounts: int,
    stolen: int,
    quick: bool,
    seed: int | None,
    data: Path,
    presence: str,
    typed_new_persons: int | None,
    keep: bool,
    as_json: bool,
    out: Path | None,
    consulted: Path | None,
) -> None:
    """Play every known attack on stolen accounts, the guard on, and answer: who was exposed?

    Accounts made for the exercise work for weeks that are judged in memory, then for days that are
    played over HTTP against a gateway of the exercise, on the database of this home: simulated
    days, so that a week takes a few minutes. Thieves hold tokens bound to keys of their own, or sit
    on their victims' machines. Then the incident is declared, the sessions are judged, and the list
    is compared with the known truth. Ctrl-C ends the traffic early: what was shown until then is
    still answered for.
    """
    settings = Settings.from_environment()
    today = find_day(int(datetime.now(UTC).timestamp() * 1000))
    options = Options(
        accounts=QUICK_ACCOUNTS if quick else accounts,
        per_kind=1 if quick else stolen,
        calendar=Calendar(
            ends_day=today, history=HISTORY_DAYS, quiet=1, attacked=QUICK_DAYS if quick else days
        ),
        seed=secrets.randbelow(1 << 31) if seed is None else seed,
        policy=read_policy(presence, typed_new_persons),
        is_guarded=settings.guard == "on",
        keep=keep,
    )
    console = Console(file=sys.stderr if as_json else sys.stdout)
    with console.status("reading the synthetic set"):
        people = list(read_people(data, today_in_paris()))
    with open_installation(settings) as installation, _Bars(console) as bars:
        outcome = run_drill(
            installation.database,
            installation.home,
            open_acts_log(settings, installation.home, installation.database),
            people,
            list(read_professionals(data)),
            options,
            say=bars.say,
            progress=bars.follow,
        )
    if consulted is not None:
        consulted.write_text("\n".join(outcome.consulted), "utf-8")
    if out is not None:
        write_figures(out, outcome.report)
    page = f"{settings.public_url}/console/incidents/{outcome.incident_id}"
    if as_json:
        click.echo(json.dumps({**outcome.report, "incident_id": outcome.incident_id, "page": page}))
    else:
        print_report(console, outcome.report, page=page)


def read_people(data: Path, today: date) -> Iterator[Person]:
    """Read the beneficiaries of a synthetic set, each once, with whether a coverage lasts today."""
    insurers = list(_read_table(data / "insurers.csv"))
    total = sum(int(insurer["members"]) for insurer in insurers)
    share = min(1.0, _MOST_PEOPLE / max(total, 1))
    for insurer in insurers:
        limit = None if share == 1.0 else int(int(insurer["members"]) * share) + 1
        people: dict[tuple[str, str, str], Person] = {}
        for row in read_members(data, insurer["amc_number"], limit):
            key = (row["insured_nir"], row["birth_date"], row["birth_rank"])
            known = people.get(key)
            lasts = not row["period_end"] or row["period_end"] >= today.isoformat()
            people[key] = Person(
                amc_number=row["amc_number"],
                insured_nir=row["insured_nir"],
                birth_date=row["birth_date"],
                birth_rank=int(row["birth_rank"]),
                card_code=row["card_code"] or (known.card_code if known else ""),
                covered=lasts or (known is not None and known.covered),
            )
        yield from people.values()


def read_professionals(data: Path) -> Iterator[Professional]:
    """Read the professionals of a synthetic set."""
    for row in _read_table(data / "professionals.csv"):
        name = f"{row['first_name']} {row['family_name']}"
        yield Professional(name=name, profession=row["profession"])


def _read_table(path: Path) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise SetupError(f"{path} does not exist: write it with `rempart synth`")
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter=";")


class _Bars:
    """Two progress bars and the steps, on the terminal; quiet when it is not one."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:>8}"),
            BarColumn(),
            TextColumn("{task.completed:>6.0f} of {task.total:.0f}"),
            TimeElapsedColumn(),
            console=console,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        """Print one step above the bars."""
        self._progress.console.print(f"· {line}")

    def follow(self, script: Script) -> Told:
        """Return what to tell of each reply to a script."""
        robots = sum(ask.robot is not None for ask in script.asks)
        lawful_bar = self._progress.add_task("lawful", total=len(script.asks) - robots)
        robots_bar = self._progress.add_task("robots", total=robots)

        def told(lawful_done: int, robots_done: int) -> None:
            self._progress.update(lawful_bar, completed=lawful_done)
            self._progress.update(robots_bar, completed=robots_done)

        return told
