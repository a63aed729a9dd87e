"""`rempart organisation`: create, list, stop and restore organisations; record mandates."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final, get_args

import click
from rich.console import Console
from rich.table import Column, Table

from rempart.accounts.organisations import MandateKind
from rempart.accounts.roles import OrganisationKind
from rempart.cli.feed import Day
from rempart.kernel.listing import Listing
from rempart.kernel.periods import OPEN_END, Period
from rempart.storage.connect import Transaction
from rempart.wiring.database import open_transaction
from rempart.workflows.accounts import administer_organisation
from rempart.workflows.accounts.read_organisation import list_host_recoveries
from rempart.workflows.accounts.recover_alone import ask_recovery_alone
from rempart.workflows.accounts.register_organisation import (
    create_organisation,
    end_mandate,
    list_mandates,
    list_organisations,
    record_mandate,
)
from rempart.workflows.accounts.trust_provider import trust_provider

KINDS: Final = get_args(OrganisationKind)
SHOWN: Final = 200
MANDATES: Final[dict[str, MandateKind]] = {
    kind.replace("_", "-"): kind for kind in get_args(MandateKind)
}

reference = click.argument("org_ref", metavar="REF", type=int)


@contextmanager
def registering() -> Iterator[Transaction]:
    """Open a transaction of the role `registrar`: committed at the end, or rolled back."""
    with open_transaction("registrar") as tx:
        yield tx


@click.group()
def organisation() -> None:
    """Create, list, stop and restore organisations; record who works for whom."""


@organisation.command()
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What it is.")
@click.option("--name", required=True, help="What people call it.")
@click.option("--hosted-by", type=int, metavar="REF", help="The operator that hosts it.")
def create(kind: OrganisationKind, name: str, hosted_by: int | None) -> None:
    """Create an operator, an employer or a publisher and print its reference.

    Insurers come with their first feed, establishments with their professionals.
    """
    with registering() as tx:
        org_ref = create_organisation(tx, kind, name, hosted_by=hosted_by)
    click.echo(org_ref)


@organisation.command("list")
@click.option(
    "--kind", type=click.Choice(KINDS), help="Only this kind. [default: all but establishments]"
)
@click.option("--words", default="", help="Only names that contain this.")
def list_(kind: OrganisationKind | None, words: str) -> None:
    """List organisations by kind and name; establishments only when asked for."""
    kinds = [one for one in KINDS if one != "establishment"] if kind is None else [kind]
    with registering() as tx:
        rows, total = list_organisations(
            tx, kinds, Listing(sort="kind", descending=False, limit=SHOWN), words=words
        )
    # Never cut: references and kinds are copied into other commands.
    fixed = (Column("reference", min_width=19), Column("kind", min_width=13))
    table = Table(*fixed, "name", "people", Column("state", min_width=20), box=None)
    for one in rows:
        state = "in force" if one.suspended_at is None else f"suspended {one.suspended_at:%Y-%m-%d}"
        table.add_row(str(one.org_ref), one.kind, one.name, str(one.people), state)
    Console().print(table)
    if total > len(rows):
        click.echo(f"{len(rows)} of {total}: give --words to see others")


@organisation.command()
@reference
def suspend(org_ref: int) -> None:
    """Stop everybody of organisation REF, and of those it hosts, at once."""
    with registering() as tx:
        ended = administer_organisation.suspend_organisation(tx, None, org_ref)
    click.echo(f"organisation {org_ref} is suspended; sessions ended: {ended}")


@organisation.command()
@reference
def restore(org_ref: int) -> None:
    """Let organisation REF go on; its people sign in again."""
    with registering() as tx:
        administer_organisation.restore_organisation(tx, None, org_ref)
    click.echo(f"organisation {org_ref} is restored")


@organisation.command()
@click.argument("request_ref", metavar="REQUEST", type=int, required=False)
def recover(request_ref: int | None) -> None:
    """Approve recovery REQUEST at the host operator when nobody there can; print the code once.

    Without REQUEST, list what waits there.
    """
    with registering() as tx:
        if request_ref is None:
            for waiting in list_host_recoveries(tx):
                click.echo(f"{waiting.request_ref}  {waiting.asked_at:%Y-%m-%d %H:%M}")
            return
        made = administer_organisation.approve_recovery_at_the_machine(tx, request_ref)
    click.echo(made.code.format())


@organisation.command("ask-recovery")
@reference
@click.option("--reason", required=True, help="Why, and how you recognised the caller.")
def ask_recovery(org_ref: int, reason: str) -> None:
    """Ask a new key for the only administrator of organisation REF; print the request.

    Somebody else, signed in at the host operator, approves it in the console. At the host itself,
    `recover REQUEST` does.
    """
    with registering() as tx:
        request_ref = ask_recovery_alone(tx, org_ref, reason=reason)
    click.echo("somebody else approves it in the console of the host operator", err=True)
    click.echo(request_ref)


@organisation.command()
@reference
@click.option("--provider", help="Its configured name. [default: trust none any more]")
def trust(org_ref: int, provider: str | None) -> None:
    """Let the agents of organisation REF come through an identity provider, besides passkeys.

    The sessions of those who came through another one end at once.
    """
    with registering() as tx:
        ended = trust_provider(tx, org_ref, provider)
    told = f"; sessions ended: {ended}" if ended else ""
    click.echo(f"organisation {org_ref} trusts {provider or 'no provider'}{told}")


@organisation.command()
@click.option(
    "--kind",
    type=click.Choice(list(MANDATES)),
    required=True,
    help="What is done.",
)
@click.option("--for", "principal", type=int, metavar="REF", required=True, help="For whom.")
@click.option("--by", "agent", type=int, metavar="REF", required=True, help="By whom.")
@click.option("--from", "starts_on", type=Day(), required=True, help="First day.")
@click.option("--to", "ends_on", type=Day(), default=OPEN_END, help="Last day. [default: open]")
def mandate(kind: str, principal: int, agent: int, starts_on: date, ends_on: date) -> None:
    """Record what one organisation does for another, from a day to a day, both included."""
    if ends_on < starts_on:
        raise click.UsageError("--to is before --from")
    with registering() as tx:
        record_mandate(
            tx,
            MANDATES[kind],
            principal_ref=principal,
            agent_ref=agent,
            period=Period(starts_on, ends_on),
        )
    click.echo("recorded")


@organisation.command("end-mandate")
@click.option("--kind", type=click.Choice(list(MANDATES)), required=True, help="What is done.")
@click.option("--for", "principal", type=int, metavar="REF", required=True, help="For whom.")
@click.option("--by", "agent", type=int, metavar="REF", required=True, help="By whom.")
@click.option("--on", "last_day", type=Day(), required=True, help="Last day, included.")
def end_mandate_(kind: str, principal: int, agent: int, last_day: date) -> None:
    """Say when what one organisation does for another ends: the day after, its agents see no more.

    The pages check the day at each request.
    """
    with registering() as tx:
        end_mandate(tx, MANDATES[kind], principal_ref=principal, agent_ref=agent, last_day=last_day)
    click.echo("recorded")


@organisation.command()
@reference
def mandates(org_ref: int) -> None:
    """List what is done for organisation REF: what, by whom, from which day to which."""
    with registering() as tx:
        for one in list_mandates(tx, org_ref):
            end = "" if one.period.ends_on == OPEN_END else one.period.ends_on.isoformat()
            click.echo(f"{one.kind}  {one.agent_ref}  {one.period.starts_on} to {end or 'open'}")
