"""`rempart notice campaign`: what an insurer tells people, driven from the host's command line."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from rempart.disclosure.acts import COMMAND_LINE
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.kernel.findings import BadValue
from rempart.kernel.listing import Listing
from rempart.notices.campaigns import OPERATOR, Step
from rempart.notices.facts_json import read_facts
from rempart.storage import campaign_pages, packages
from rempart.storage.connect import Transaction
from rempart.storage.contacts import make_letterbox
from rempart.storage.sealing import FileKms
from rempart.wiring.acts import open_acts_log
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation, open_installation, open_transaction
from rempart.wiring.settings import Settings
from rempart.workflows.notices import campaign_contacts, campaign_text, campaigns, prepare_campaign
from rempart.workflows.notices.campaigns import Decider
from rempart.workflows.notices.prepare_campaign import Preparation

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_REF = click.IntRange(1)
_EVERYTHING: Final = 100_000
PROFESSIONALS: Final = "professionals"
"""Written where an insurer's number is: the operator tells those it keeps accounts of."""
_STEPS: Final = {"send-back": Step.SEND_BACK, "pause": Step.PAUSE, "stop": Step.STOP}


@click.group()
def campaign() -> None:
    """Tell people: draft, give contact data, prepare, propose, agree, pause, stop."""


@campaign.command()
@click.argument("incident", type=_REF)
@click.argument("insurer")
def facts(*, incident: int, insurer: str) -> None:
    """Print as JSON what is known for a campaign of INSURER (AMC number) about INCIDENT.

    INSURER may be `professionals`: the operator writes to those whose accounts were entered. What
    is missing is to be filled in before `begin`.
    """
    with open_transaction("notifier") as tx:
        decider = _decide_for(tx, insurer)
        package = campaigns.read_package(tx, incident, decider.insurer_id)
        known = campaigns.suggest_facts(tx, package, incident, now=decider.now)
    click.echo(json.dumps(known, ensure_ascii=False, indent=1))


@campaign.command()
@click.argument("insurer")
@click.argument("file", type=_FILE)
def contacts(*, insurer: str, file: Path) -> None:
    """Read contact data of INSURER (AMC number) from FILE, of any size."""
    with _open() as at, at.database.transaction("notifier") as tx, file.open("rb") as stream:
        reading = campaign_contacts.load_contacts(
            tx,
            FileKms(at.home.key("master")),
            stream,
            insurer_id=_decide_for(tx, insurer, professionals=False).insurer_id,
            file_ref=campaigns.draw_reference(),
            today=today_in_paris(),
        )
    click.echo(f"{reading.taken} persons taken, {reading.refused} lines refused")
    for rule, lines in reading.rules.most_common():
        click.echo(f"{lines}  {rule}")
    for one in reading.findings:
        click.echo(f"{file}:{one['line']}: {one['field']}: {one['rule']}", err=True)


@campaign.command()
@click.argument("incident", type=_REF)
@click.argument("insurer")
@click.argument("file", type=_FILE)
@click.option("--per-hour", type=click.IntRange(1), help="Messages an hour.  [no limit]")
def begin(*, incident: int, insurer: str, file: Path, per_hour: int | None) -> None:
    """Draft a campaign of INSURER about INCIDENT from the facts in FILE (JSON).

    INSURER may be `professionals`, as of `facts`.
    """
    try:
        given = read_facts(json.loads(file.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as wrong:
        raise InvalidRequest(
            f"{file} does not hold the facts of a campaign: {wrong}; start from "
            "`rempart notice campaign facts`"
        ) from None
    ref = campaigns.draw_reference()
    with open_transaction("notifier") as tx:
        campaigns.begin_campaign(
            tx, _decide_for(tx, insurer), incident, given, campaign_ref=ref, per_hour=per_hour
        )
    click.echo(str(ref))


@campaign.command()
@click.argument("ref", type=_REF)
def prepare(*, ref: int) -> None:
    """Prepare the messages of campaign REF here, without waiting for a worker; nothing leaves.

    Interrupted, even killed, the same command goes on.
    """
    with _open() as at:
        with at.database.transaction("notifier") as tx:
            decider = _decide_on(tx, ref)
            if campaigns.load_sheet(tx, ref).campaign.state != "preparing":
                campaigns.decide_campaign(tx, decider, ref, Step.PREPARE)
        preparation = Preparation(
            kms=FileKms(at.home.key("master")),
            letterbox=make_letterbox(at.home.key("master")),
            acts=open_acts_log(at.settings, at.home, at.database),
            by=COMMAND_LINE,
            today=today_in_paris(),
            now_ms=time.time_ns() // 1_000_000,
        )
        persons = prepare_campaign.prepare_whole(
            lambda: at.database.transaction("notifier"), preparation, ref
        )
    click.echo(f"{persons} messages are prepared")


@campaign.command()
@click.argument("ref", type=_REF)
def propose(*, ref: int) -> None:
    """Propose campaign REF: somebody of the insurer, or at the console, agrees on a page."""
    with open_transaction("notifier") as tx:
        campaigns.propose_campaign(tx, _decide_on(tx, ref), ref)
    click.echo(f"campaign {ref} waits for somebody to agree on a page")


@campaign.command()
@click.argument("ref", type=_REF)
def approve(*, ref: int) -> None:
    """Agree to campaign REF that somebody of the insurer proposes, who is alone there."""
    with open_transaction("notifier") as tx:
        campaigns.approve_from_outside(tx, _decide_on(tx, ref), ref)
    click.echo(f"campaign {ref} is approved")


@campaign.command()
@click.argument("ref", type=_REF)
@click.argument("step", type=click.Choice(sorted(_STEPS)))
@click.option("--reason", required=True, help="Why: those of the insurer read it.")
def decide(*, ref: int, step: str, reason: str) -> None:
    """Send campaign REF back, pause it or stop it for good."""
    with open_transaction("notifier") as tx:
        campaigns.decide_campaign(tx, _decide_on(tx, ref), ref, _STEPS[step], reason=reason)
    click.echo(f"campaign {ref}: {step}")


@campaign.command()
@click.argument("ref", type=_REF)
def resume(*, ref: int) -> None:
    """Let campaign REF go on after a pause."""
    with open_transaction("notifier") as tx:
        campaigns.decide_campaign(tx, _decide_on(tx, ref), ref, Step.RESUME)
    click.echo(f"campaign {ref} goes on")


@campaign.command("list")
def list_() -> None:
    """List all campaigns, the newest first."""
    with open_transaction("notifier") as tx:
        rows, _total = campaign_pages.list_campaigns(tx, Listing(sort="made", limit=_EVERYTHING))
    for one in rows:
        exercise = "  exercise" if one.exercise else ""
        click.echo(
            f"{one.campaign_ref}  incident {one.incident_id}  {_name(one.insurer_id)}  "
            f"{one.number}  {one.kind}  {one.state}  {one.persons} persons{exercise}"
        )


@campaign.command()
@click.argument("ref", type=_REF)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(*, ref: int, as_json: bool) -> None:
    """Show how far campaign REF is: messages by way and state, why some are held, findings."""
    with open_transaction("notifier") as tx:
        sheet = campaigns.load_sheet(tx, ref)
    one = sheet.campaign
    values: dict[str, Any] = {
        "campaign": one.campaign_ref, "incident": one.incident_id,
        "insurer": one.insurer or PROFESSIONALS,
        "kind": one.kind, "state": one.state, "exercise": one.exercise, "persons": one.persons,
        "package": one.package_number, "newest_package": one.newest_package,
        "per_hour": one.per_hour, "reason": one.reason,
        "messages": [{"way": way, "state": state, "count": n} for way, state, n in sheet.counts],
        "reasons": [{"state": state, "why": why, "count": n} for state, why, n in sheet.reasons],
        "kinds_of_facts": sheet.kind_count, "findings": list(one.findings),
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(values, ensure_ascii=False, indent=1))
        return
    for name, value in values.items():
        if isinstance(value, list):
            for row in value:
                click.echo(f"{name}: {', '.join(str(cell) for cell in row.values())}")
        else:
            click.echo(f"{name}: {value}")


@campaign.command()
@click.argument("number", type=_REF)
def text(*, number: int) -> None:
    """Write message NUMBER again, as its reader gets it: it names a person. On record first."""
    with _open() as at, at.database.transaction("notifier") as tx:
        acts = open_acts_log(at.settings, at.home, at.database)
        written = campaign_text.read_on_record(
            tx,
            FileKms(at.home.key("master")),
            acts,
            number,
            by=COMMAND_LINE,
            now_ms=time.time_ns() // 1_000_000,
        )
    click.echo(written.subject)
    click.echo("")
    click.echo(written.text, nl=False)
    if not written.is_as_prepared:
        click.echo("this is not the text that was agreed to: a name or a word changed", err=True)
        raise SystemExit(1)


def _decide_for(tx: Transaction, insurer: str, *, professionals: bool = True) -> Decider:
    """Return the command line deciding for an insurer, by AMC number, or for the operator."""
    if professionals and insurer == PROFESSIONALS:
        return Decider(actor_ref=0, insurer_id=OPERATOR, now=datetime.now(UTC))
    try:
        number = AmcNumber.parse(insurer).number
    except BadValue as refused:
        raise click.BadParameter(refused.refusal.en) from None
    insurer_id = packages.find_insurer_by_number(tx, number)
    if insurer_id is None:
        raise NotFound(f"no insurer has the AMC number {insurer}: import a feed first")
    return Decider(actor_ref=0, insurer_id=insurer_id, now=datetime.now(UTC))


def _decide_on(tx: Transaction, ref: int) -> Decider:
    """Return the command line deciding on a campaign."""
    insurer_id = campaigns.load_sheet(tx, ref).campaign.insurer_id
    return Decider(actor_ref=0, insurer_id=insurer_id, now=datetime.now(UTC))


def _name(insurer_id: int) -> str:
    return PROFESSIONALS if insurer_id == OPERATOR else f"insurer {insurer_id}"


@contextmanager
def _open() -> Iterator[Installation]:
    with open_installation(Settings.from_environment()) as at:
        yield at
