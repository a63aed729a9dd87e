"""`rempart warnings`: where people are warned, and the warnings to send."""

import sys
from pathlib import Path

import click

from rempart.exchange.warning_text import FolderSender
from rempart.kernel.errors import SetupError
from rempart.storage.contacts import make_letterbox
from rempart.wiring.database import open_installation
from rempart.wiring.notices import read_phone
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.load_contacts import load_contacts
from rempart.workflows.accounts.warn_contacts import send_codes, send_warnings

FINDINGS_SHOWN = 20


@click.group()
def warnings() -> None:
    """Load where people are warned, and send the warnings."""


@warnings.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load(file: Path) -> None:
    """Load addresses from FILE (CSV with `;`: owner, channel, address).

    The owner is a FINESS, SIRET or RPPS number; the channel is email, sms or letter. Exits with 1
    when rows were refused; the others are loaded all the same.
    """
    with (
        open_installation(Settings.from_environment()) as installation,
        file.open(encoding="utf-8-sig", newline="") as lines,
        installation.database.transaction("registrar") as tx,
    ):
        letterbox = make_letterbox(installation.home.key("master"))
        report = load_contacts(tx, lines, letterbox=letterbox, language="en")
    for finding in report.findings[:FINDINGS_SHOWN]:
        where = f"line {finding.line}, {finding.field}"
        click.echo(f"{where}: {finding.message} {finding.advice}", err=True)
    click.echo(
        f"{report.added} addresses added, {report.replaced} replaced, "
        f"{report.unchanged} unchanged, {len(report.findings)} rows refused"
    )
    sys.exit(1 if report.findings else 0)


@warnings.command()
@click.option(
    "--to",
    "directory",
    required=True,
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Each warning becomes a text file here, for another programme to send.",
)
def send(directory: Path) -> None:
    """Write the warnings that wait; to be run every few minutes.

    Killed, it may write some a second time, under the same names; it loses none.
    """
    settings = Settings.from_environment()
    sender = FolderSender(directory, phone=read_phone(settings))
    sent = codes = unreadable = 0
    with open_installation(settings) as installation:
        letterbox = make_letterbox(installation.home.key("master"))
        after: int | None = 0
        while after is not None:
            try:
                with installation.database.transaction("registrar") as tx:
                    codes += send_codes(tx, sender, letterbox=letterbox)
                with installation.database.transaction("registrar") as tx:
                    done = send_warnings(tx, sender, letterbox=letterbox, after=after)
            except OSError as failure:
                raise SetupError(
                    f"{directory} takes no warning ({failure.strerror}): {sent} were written, "
                    "the others wait; make room and run this again"
                ) from failure
            sent, unreadable = sent + done.sent, unreadable + done.unreadable
            after = done.last_ref
    click.echo(f"{sent} warnings written to {directory}")
    if codes:
        click.echo(f"{codes} codes of new addresses written there too")
    if unreadable:
        click.echo(
            f"{unreadable} wait: their addresses were sealed by another home; load them again",
            err=True,
        )
        sys.exit(1)
