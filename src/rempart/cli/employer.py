"""`rempart employer`: attach an employer to a collective contract, and say what it costs."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click

from rempart.cli.feed import Day
from rempart.employers.movements import Structure
from rempart.employers.statements import Price
from rempart.exchange.feed_rows import FeedTerms, read_feed_terms
from rempart.exchange.movement_file import read_movements
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.kernel.findings import BadValue
from rempart.kernel.listing import Listing
from rempart.storage import feeds
from rempart.storage.connect import Transaction
from rempart.storage.joiner_slot import make_joiner_box
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import open_installation, open_transaction
from rempart.wiring.employers import settle_all
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.register_organisation import list_organisations
from rempart.workflows.employers.declare_movements import load_staff
from rempart.workflows.employers.register_contract import register_contract, set_tariffs

_COLUMNS = (
    *("structure", "starts_on", "monthly_cents"),
    *("convention_type", "csr", "responsible", "terms"),
)
_SHOWN = 1_000


@click.group()
def employer() -> None:
    """Attach employers to collective contracts of insurers; say what they cost."""


@employer.command()
@click.option("--employer", "name", required=True, help="The employer's name, exactly.")
@click.option("--insurer", "amc_number", required=True, help="AMC number of the insurer.")
@click.option("--number", required=True, help="The insurer's number of the contract.")
@click.option("--from", "starts_on", type=Day(), required=True, help="First day.")
@click.option("--to", "ends_on", type=Day(), help="Last day.  [default: none]")
def contract(
    *, name: str, amc_number: str, number: str, starts_on: date, ends_on: date | None
) -> None:
    """Attach an employer to a collective contract and print its reference."""
    with open_installation(Settings.from_environment()) as at:
        with at.database.transaction("registrar") as tx:
            rows, _ = list_organisations(
                tx, ["employer"], Listing(sort="kind", limit=_SHOWN), words=name
            )
        found = [one for one in rows if one.name == name]
        if not found:
            raise NotFound(f"there is no employer named {name}: see `rempart organisation create`")
        with at.database.transaction("feeds") as tx:
            group_ref = register_contract(
                tx,
                org_ref=found[0].org_ref,
                employer_name=name,
                insurer_id=_find_insurer(tx, amc_number),
                number=number,
                starts_on=starts_on,
                ends_on=ends_on,
            )
    click.echo(group_ref)


@employer.command()
@click.option("--insurer", "amc_number", required=True, help="AMC number of the insurer.")
@click.option("--number", required=True, help="The insurer's number of the contract.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def tariffs(*, amc_number: str, number: str, file: Path) -> None:
    """Say what structures cost from the first day of a month on: a CSV file with semicolons.

    Its columns: structure (single, couple, family), starts_on, monthly_cents, and the guarantee as
    feeds write it: convention_type, csr, responsible, terms.
    """
    prices = list(_read_tariffs(file))
    with open_transaction("feeds") as tx:
        told = set_tariffs(tx, _find_insurer(tx, amc_number), number, prices)
    click.echo(f"{told} prices")


@employer.command()
@click.option("--insurer", "amc_number", required=True, help="AMC number of the insurer.")
@click.option("--number", required=True, help="The insurer's number of the contract.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def staff(*, amc_number: str, number: str, file: Path) -> None:
    """Take a staff list, or movements, that the insurer itself states: nothing waits.

    The file is the one employers send (see docs/how-to/work-with-employers.md). It is taken whole,
    or given back with its mistakes; `rempart jobs run settle_employers` applies it at once.
    """
    read = read_movements(file.read_bytes())
    with open_installation(Settings.from_environment()) as at:
        slot = make_joiner_box(at.home.key("master")).slot
        with at.database.transaction("feeds") as tx:
            told = load_staff(
                tx,
                _find_insurer(tx, amc_number),
                number,
                read,
                seal=lambda text, ref: slot.close(text, bound_to=ref),
                today=today_in_paris(),
            )
    for one in told.findings:
        click.echo(f"line {one.line}, {one.field}: {one.rule}", err=True)
    if told.findings:
        raise InvalidRequest(f"{len(told.findings)} mistakes in {file.name}: nothing was taken")
    click.echo(f"{told.taken} movements")


@employer.command()
def settle() -> None:
    """Apply accepted movements and issue the statements that are due, as the worker does."""
    with open_installation(Settings.from_environment()) as at:
        settled = settle_all(at, lambda _movements: None)
    click.echo(f"{settled} movements")


def _find_insurer(tx: Transaction, amc_number: str) -> int:
    insurer_id = feeds.find_insurer(tx, amc_number)
    if insurer_id is None:
        raise NotFound(f"no insurer of AMC number {amc_number} is registered")
    return insurer_id


def _read_tariffs(file: Path) -> Iterator[tuple[Price, FeedTerms]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines, delimiter=";")
        missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise InvalidRequest(f"{file.name}: the header lacks {', '.join(missing)}")
        for line, row in enumerate(rows, start=2):
            try:
                price = Price(
                    structure=Structure(row["structure"]),
                    starts_on=date.fromisoformat(row["starts_on"]),
                    monthly_cents=int(row["monthly_cents"]),
                )
                responsible = row["responsible"] in {"1", "true"}
                terms = read_feed_terms(
                    (row["convention_type"], row["csr"], responsible, row["terms"])
                )
            except (BadValue, ValueError) as bad:
                raise InvalidRequest(f"{file.name}, line {line}: {bad}") from None
            yield price, terms
