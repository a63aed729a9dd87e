"""`rempart invite`: the first agents of an organisation, and members by letter.

Prints a code once. Identifiers of a member are asked for, not given as options: the history of a
shell and the list of processes keep options.
"""

import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import click

from rempart.accounts.roles import Role
from rempart.cli.client import RppsNumber
from rempart.cli.feed import INSURER_NUMBER
from rempart.exchange.invitation_letter import format_invitation_letter
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import NotFound, SetupError
from rempart.kernel.findings import BadValue
from rempart.kernel.instants import PARIS, to_paris_day
from rempart.kernel.nir import Nir
from rempart.kernel.rpps import Rpps
from rempart.rights.lookup import CardCode, Identifiers, TypedIdentifiers
from rempart.storage.connect import Transaction
from rempart.storage.feeds import FeedInsurer, load_insurer
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.invite_people import (
    NewInvitation,
    find_member_person,
    invite_first_agent,
    invite_member,
)

Value = TypeVar("Value")


@click.group()
def invite() -> None:
    """Invite an organisation's first agents, or a member by letter."""


@invite.command()
@click.option("--org", type=int, metavar="REF", required=True, help="See `organisation list`.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--name", required=True, help="What colleagues call them.")
@click.option("--via", type=int, metavar="REF", help="The sub-processor whose agent this is.")
@click.option("--accountable", type=RppsNumber(), help="The holder who answers for an assistant.")
def agent(org: int, role: str, name: str, via: int | None, accountable: Rpps | None) -> None:
    """Invite somebody into organisation REF: its first administrator, usually.

    Later ones are invited from the organisation's own pages.
    """
    with open_installation(Settings.from_environment()) as installation:
        with installation.database.transaction("registrar") as tx:
            made = invite_first_agent(
                tx,
                org,
                role=Role(role),
                name=name,
                today=today_in_paris(),
                accountable=accountable,
                via_ref=via,
            )
        _print_code(made, installation.settings)


@invite.command()
@click.option("--insurer", type=INSURER_NUMBER, required=True, help="Number of the insurer.")
@click.option("--card", metavar="CODE", help="The code of their card; - to be asked for it.")
@click.option("--typed", is_flag=True, help="Asks for the NIR, the birth date and rank instead.")
@click.option(
    "--letter",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a letter to print, in French, instead of showing the code.",
)
def member(insurer: int, card: str | None, letter: Path | None, *, typed: bool) -> None:
    """Invite a member of an insurer, found by the exact code of a card or exact identifiers."""
    if typed == (card is not None):
        raise click.UsageError("give --card CODE or --typed")
    with open_installation(Settings.from_environment()) as installation:
        database, home = installation.database, installation.home
        # Refuses an existing file before anybody is invited.
        if letter is not None and letter.exists():
            raise SetupError(f"{letter} exists already: name another file")
        with database.transaction("feeds") as tx:
            known = _find_insurer(tx, insurer)
            person_ref = find_member_person(
                tx,
                _ask_identifiers(known.amc_number) if card is None else _read_card(card),
                insurer_id=insurer,
                lookup_secret=home.key("lookup"),
            )
        with database.transaction("registrar") as tx:
            made = invite_member(tx, insurer_id=insurer, person_ref=person_ref)
            if letter is not None:
                # Written before the commit: a code whose letter cannot be written opens nothing.
                _write_letter(letter, made, known.name, installation)
    if letter is None:
        _print_code(made, installation.settings)
    else:
        click.echo(f"{letter}: print it, send it, delete it")


def _find_insurer(tx: Transaction, insurer_id: int) -> FeedInsurer:
    found = load_insurer(tx, insurer_id)
    if found is None:
        raise NotFound(f"there is no insurer {insurer_id}: `rempart feed status` shows them")
    return found


def _print_code(made: NewInvitation, settings: Settings) -> None:
    """Show a code, the only time: alone on standard output, what to do with it beside."""
    until = made.expires_at.astimezone(PARIS)
    click.echo(
        f"hand this code over yourself, it is not shown again; it works once, until "
        f"{until:%Y-%m-%d %H:%M} (Paris), at {settings.public_url}/invitation",
        err=True,
    )
    click.echo(made.code.format())


def _write_letter(
    path: Path, made: NewInvitation, insurer: str, installation: Installation
) -> None:
    text = format_invitation_letter(
        made.code,
        address=f"{installation.settings.public_url}/invitation",
        insurer=insurer,
        last_day=_last_whole_day(made.expires_at),
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as failure:
        raise SetupError(f"{path} cannot be written ({failure.strerror})") from failure


def _last_whole_day(expires_at: datetime) -> date:
    return to_paris_day(expires_at) - timedelta(days=1)


def _read_card(text: str) -> CardCode:
    typed = click.prompt("Card code", hide_input=True) if text == "-" else text
    return _parse(CardCode.parse, typed)


def _ask_identifiers(amc_number: str) -> Identifiers:
    return TypedIdentifiers(
        amc_number=AmcNumber(amc_number),
        insured_nir=_parse(
            Nir.parse, click.prompt("NIR of the insured, with key", hide_input=True)
        ),
        birth_date=_parse(BirthDate.parse, click.prompt("Birth date (YYYYMMDD)", hide_input=True)),
        birth_rank=_parse(BirthRank.parse, click.prompt("Birth rank", default="1")),
    )


def _parse(parse: Callable[[str], Value], text: str) -> Value:
    try:
        return parse(text)
    except BadValue as bad:
        raise click.UsageError(f"{bad.refusal.en} {bad.refusal.advice_en}") from None
