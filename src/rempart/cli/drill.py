"""`rempart drill`: January 2024 against the running gateway, and an exact answer to "who?"."""

import csv
import json
import secrets
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rempart.cli.continuity import PRESENCE, read_policy
from rempart.drill.cast import Person, Professional
from rempart.drill.plan import Script
from rempart.drill.replay import Progress as Told
from rempart.drill.report import print_report
from rempart.drill.run import Options, run_drill
from rempart.kernel.errors import SetupError
from rempart.synth import read_members
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import open_installation
from rempart.wiring.settings import Settings
from rempart.workflows.issue_token import Issuer

_PARIS = ZoneInfo("Europe/Paris")
# Enough for any drill; a larger set is read in proportion, insurer by insurer.
_MOST_PEOPLE = 200_000


@click.command()
@click.option("--stolen", type=click.IntRange(1), default=3, show_default=True,
              help="Stolen accounts.")  # fmt: skip
@click.option("--professionals", type=click.IntRange(1), default=300, show_default=True,
              help="Professionals at work.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(2), default=40, show_default=True,
              help="How long the traffic lasts.")  # fmt: skip
@click.option(
    "--seed", type=int, help="Replay the drill that printed this seed.  [default: a new one]"
)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False, exists=True),
required=True,
              help="A directory written by `rempart synth`, whose feeds are loaded.")  # fmt: skip
@click.option("--gateway-url", help="Where the gateway answers.  [default: as `rempart serve`]")
@click.option("--presence", type=click.Choice(PRESENCE), default=PRESENCE[0], show_default=True,
              help="For whom the players must prove presence.")  # fmt: skip
@click.option("--typed-new-persons", type=click.IntRange(0),
              help="How many new persons a day each player may type.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
@click.option(
    "--consulted",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write here the code of the card that was shown most often, to see its holder's history.",
)
def drill(
    *,
    stolen: int,
    professionals: int,
    seconds: float,
    seed: int | None,
    data: Path,
    gateway_url: str | None,
    presence: str,
    typed_new_persons: int | None,
    as_json: bool,
    consulted: Path | None,
) -> None:
    """Replay January 2024 and answer: who was exposed?

    Lawful traffic and robots on stolen accounts are played against the running gateway, each
    question signed with a key: thieves hold tokens bound to keys of their own, as after getting
    through Pro Santé Connect in their victims' place, or sit on their machines. Then the incident
    is declared, the sessions are judged, and the list is compared with the known truth. Ctrl-C ends
    the traffic early: what was shown until then is still answered for. Run it where the gateway
    trusts X-Forwarded-For (by default, the same machine): it tells the players apart.
    """
    settings = Settings.from_environment()
    options = Options(
        stolen=stolen,
        professionals=professionals,
        seconds=seconds,
        seed=secrets.randbelow(1 << 31) if seed is None else seed,
        url=gateway_url or f"http://127.0.0.1:{settings.gateway_port}",
        care_date=datetime.now(_PARIS).date(),
        policy=read_policy(presence, typed_new_persons),
    )
    console = Console(file=sys.stderr if as_json else sys.stdout)
    with console.status("reading the synthetic set"):
        people = list(read_people(data, options.care_date))
    with open_installation(settings) as installation, _Bars(console) as bars:
        outcome = run_drill(
            installation.database,
            open_acts_log(settings, installation.home, installation.database),
            installation.home.key("lookup"),
            people,
            list(read_professionals(data)),
            options,
            issuer=Issuer(url=settings.public_url, key_seed=installation.home.key("token")),
            say=bars.say,
            progress=bars.follow,
        )
    if consulted is not None:
        consulted.write_text(outcome.consulted, "utf-8")
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
        yield Professional(rpps=row["rpps"], profession=row["profession"])


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
