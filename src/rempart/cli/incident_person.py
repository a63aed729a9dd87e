"""`rempart incident person`: what an incident means for somebody who gives their own numbers.

Refuses to keep what is typed, and to print a reference.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import click

from rempart.cli.ledger_ask import ask_identifiers
from rempart.disclosure.acts import COMMAND_LINE
from rempart.disclosure.fields import format_fields
from rempart.incidents.population import NotHeld, Reason
from rempart.rights.lookup import compute_lookup_key
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import open_installation
from rempart.wiring.retention import load_certificate_signer, open_vault
from rempart.wiring.settings import Settings
from rempart.workflows.notices.answer_person import AnswerDesk, PersonAnswer, answer_person

_WHY: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.LISTED: "on the list of this incident: what was shown of them is below",
        Reason.HOLE: "not on the list, but the record has a hole that may hide them",
        Reason.NOTHING_MISSING: "not on the list, and nothing is missing from the record",
    }
)


@click.command()
@click.argument("incident_id", metavar="N", type=click.IntRange(1))
def person(*, incident_id: int) -> None:
    """Say what incident N means for somebody: their numbers are asked for, and not kept.

    Somebody erased before the window was not in the base: the signed certificates that show it are
    named. Somebody erased since is found all the same, by the reference that the list keeps.
    """
    identifiers = ask_identifiers()
    with open_installation(Settings.from_environment()) as at:
        database = at.database
        acts = open_acts_log(at.settings, at.home, database)
        with (
            database.transaction("feeds") as finder,
            database.transaction("keeper") as keeper,
            database.transaction("analyst") as analyst,
        ):
            desk = AnswerDesk(
                finder=finder,
                keeper=keeper,
                analyst=analyst,
                vault=open_vault(at.home),
                verifier=load_certificate_signer(at.home).verifier,
                acts=acts,
                by=COMMAND_LINE,
            )
            key = compute_lookup_key(at.home.key("lookup"), identifiers)
            told = answer_person(desk, incident_id, key)
    for line in describe(told):
        click.echo(line)


def describe(told: PersonAnswer) -> Iterator[str]:
    """Say an answer in lines; nobody is named."""
    answer = told.answer
    if answer.not_held is NotHeld.PURGED_BEFORE:
        runs = ", ".join(map(str, told.certificates))
        yield (
            f"{answer.tier}: not in the base in this window; nothing of them since "
            f"{told.purged_on}, as certificates of runs {runs} show "
            "(`rempart retention certificate N`)"
        )
    else:
        yield f"{answer.tier}: {_WHY[answer.reason]}"
    if told.fields:
        yield f"shown: {', '.join(format_fields(told.fields, 'en'))}"
    if not told.known:
        yield "these numbers lead to nobody here, and never left a trace: check them"
    if told.purged_on is not None and answer.not_held is None:
        yield f"erased since: nothing of them in the base from {told.purged_on} on"
    if told.uncertified:
        yield f"{told.uncertified} departures without a certificate: they prove nothing"
    if told.archived:
        yield f"the archive, which answers nobody, keeps: {', '.join(told.archived)}"
    for name in told.held_by:
        yield f"kept beyond their time by hold {name}"
