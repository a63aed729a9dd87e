"""`rempart incident suspect`: name accounts after the declaration, or only what points to some.

Refuses a line of a list that leads to no account, and a doubt that is nothing of ours.
"""

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from rempart.incidents.room import RoomAuthor
from rempart.incidents.suspicion import Doubt, DoubtKind, How, read_doubt
from rempart.kernel.errors import InvalidRequest
from rempart.wiring.database import open_transaction
from rempart.workflows.incidents.name_accounts import name_accounts
from rempart.workflows.incidents.suspects import add_suspects

_KINDS: Final[Mapping[str, DoubtKind]] = MappingProxyType(
    {
        "establishment": DoubtKind.ESTABLISHMENT,
        "address": DoubtKind.ADDRESS,
        "software": DoubtKind.SOFTWARE,
    }
)


@click.command()
@click.argument("incident_id", metavar="N", type=click.IntRange(1))
@click.option(
    "--accounts",
    type=click.File(encoding="utf-8-sig", errors="replace"),
    help="A CSV of RPPS, FINESS or SIRET numbers, or references; - for standard input.",
)
@click.option("--stolen", is_flag=True, help="An operator established that they were stolen.")
@click.option("--establishment", multiple=True, metavar="FINESS", help="Doubt who works there.")
@click.option("--address", multiple=True, metavar="IP", help="Doubt who came from there.")
@click.option("--software", multiple=True, metavar="NAME", help="Doubt who used it.")
@click.option("--everybody", is_flag=True, help="Doubt every account of the window.")
@click.option("--reason", required=True, help="Why; it stays written. Name nobody.")
@click.option("--by", required=True, metavar="NAME", help="Who does it; it stays written.")
def suspect(
    *,
    incident_id: int,
    accounts: io.TextIOBase | None,
    stolen: bool,
    everybody: bool,
    reason: str,
    by: str,
    **doubted: tuple[str, ...],
) -> None:
    """Add accounts to an incident, or what points to some.

    What only points to accounts confirms nobody: a thief found there is probable (B), the rest
    cannot be excluded (C). Analyse again afterwards: the answer says what changed.
    """
    doubts = [Doubt(kind=DoubtKind.EVERYBODY)] if everybody else []
    for name, kind in _KINDS.items():
        doubts += [read_doubt(kind, text) for text in doubted[name]]
    with open_transaction("analyst") as tx:
        refs, findings = name_accounts(tx, accounts) if accounts is not None else ((), ())
        for one in findings:
            place = "whole list" if one.line is None else f"line {one.line}"
            click.echo(f"{place}: {one.message} {one.advice} [{one.rule}]", err=True)
        if findings:
            wrong = f"{len(findings)} lines of the list are wrong; nothing was added"
            raise InvalidRequest(wrong, (("accounts", wrong),))
        new = add_suspects(
            tx,
            incident_id,
            RoomAuthor(name=by),
            reason=reason,
            account_refs=refs,
            doubts=doubts,
            how=How.STOLEN if stolen else How.NAMED,
        )
    click.echo(f"{new} accounts and {len(doubts)} doubts added")
    click.echo(f"next: rempart incident analyse {incident_id}")
