"""`rempart standing` and `rempart claims outside`: what amounts depend on besides claims."""

from pathlib import Path

import click

from rempart.storage.benefit_tables import find_insurer
from rempart.wiring.database import open_installation
from rempart.wiring.settings import Settings
from rempart.workflows.claims.load_benefit_inputs import (
    InputsReport,
    OutsideLoad,
    load_outside_uses,
    load_standing,
)

FINDINGS_SHOWN = 20
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def standing() -> None:
    """Say what is known of who bills: the tariff agreement, networks."""


@standing.command("load")
@click.argument("file", type=_FILE)
def load_standing_file(*, file: Path) -> None:
    """Load a FILE (CSV with `;`): establishment, since, optam, networks.

    Loading again changes nothing. Exits with 1 when lines were refused; the others are loaded.
    """
    with (
        open_installation(Settings.from_environment()) as at,
        file.open(encoding="utf-8-sig", newline="") as lines,
        at.database.transaction("settler") as tx,
    ):
        report = load_standing(tx, lines, "en")
    _end(report)


@click.group()
def outside() -> None:
    """Say what claims outside tiers payant used of limits."""


@outside.command("load")
@click.argument("file", type=_FILE)
@click.option("--insurer", required=True, help="Its AMC number.")
def load_outside_file(*, file: Path, insurer: str) -> None:
    """Load a FILE (CSV with `;`) of an insurer: what its members' other claims used.

    Loading again changes nothing. Exits with 1 when lines were refused; the others are loaded.
    """
    with (
        open_installation(Settings.from_environment()) as at,
        file.open(encoding="utf-8-sig", newline="") as lines,
        at.database.transaction("settler") as tx,
    ):
        orders = OutsideLoad(
            insurer_id=find_insurer(tx, insurer),
            amc_number=insurer,
            lookup_key=at.home.key("lookup"),
            contract_key=at.home.key("blind"),
        )
        report = load_outside_uses(tx, orders, lines, "en")
    _end(report)


def _end(report: InputsReport) -> None:
    for finding in report.findings[:FINDINGS_SHOWN]:
        place = f"line {finding.line}, {finding.field}"
        click.echo(f"{place}: {finding.message} {finding.advice} [{finding.rule}]", err=True)
    if len(report.findings) > FINDINGS_SHOWN:
        click.echo(f"... and {len(report.findings) - FINDINGS_SHOWN} more", err=True)
    click.echo(
        f"{report.changed} lines loaded, {report.known} known already, {report.refused} refused"
    )
    if report.refused:
        raise SystemExit(1)
