"""`rempart bank-details`: what time does to changes of account."""

import click

from rempart.wiring.database import open_installation
from rempart.wiring.settings import Settings
from rempart.workflows.settlement.change_bank_details import activate_due_changes


@click.group("bank-details")
def bank_details() -> None:
    """Look after the accounts that establishments are paid on."""


@bank_details.command()
def activate() -> None:
    """Write down the changes whose wait is over and warn of them; to be run every few minutes.

    Payments follow the calendar, not this command: it tells people. Run as often as one likes.
    """
    activated = 0
    with open_installation(Settings.from_environment()) as installation:
        while True:
            with installation.database.transaction("registrar") as tx:
                done = activate_due_changes(tx)
            activated += done
            if not done:
                break
    click.echo(f"{activated} changes took effect")
