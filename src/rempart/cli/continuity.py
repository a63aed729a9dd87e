"""`rempart continuity`: cut and restore rights, bound what is typed, register terminals."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from rempart.cli.organisation import registering
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import Conflict, InvalidRequest
from rempart.rights.cuts import CutReason, CutScope
from rempart.rights.presence import PresencePolicy
from rempart.workflows.rights import cut_services as cuts
from rempart.workflows.rights.bound_presence import (
    list_policies,
    list_terminals,
    register_terminal,
    remove_policy,
    revoke_terminal,
    set_policy,
)

reference = click.argument("cut_ref", metavar="REF", type=int)
whose = (
    click.option("--rpps", help="One professional."),
    click.option("--establishment", metavar="FINESS|SIRET", help="One establishment."),
)


PRESENCE = ("optional", "new-faces", "always")


def read_policy(presence: str, typed_new_persons: int | None) -> PresencePolicy:
    """Return the policy that options describe."""
    return PresencePolicy(presence != "optional", typed_new_persons, presence != "always")


def _describe_presence(policy: PresencePolicy) -> str:
    if not policy.required:
        return "optional"
    return "new-faces" if policy.known_faces else "always"


@click.group()
def continuity() -> None:
    """Cut and restore rights; require presence; register readers of Vitale cards.

    Whatever is cut, claims and payments go on, and cards verify at /hors-ligne.
    """


@continuity.command("cut")
@click.argument("scope", type=click.Choice([scope.value for scope in CutScope]))
@click.option("--insurer", "amc_number", metavar="AMC", help="The insurer, for that scope.")
@click.option("--reason", type=click.Choice([reason.value for reason in CutReason]),
              default=CutReason.INCIDENT.value, show_default=True,
              help="Why, as anybody may read it.")  # fmt: skip
@click.option("--note", default="", help="Why, for colleagues only; name nobody.")
@click.option("--review-hours", type=click.IntRange(1, 720), default=4, show_default=True,
              help="When somebody looks at it again.")  # fmt: skip
@click.option("--ends-hours", type=click.IntRange(1), help="When it ends by itself.")
def cut(
    *,
    scope: str,
    amc_number: str | None,
    reason: str,
    note: str,
    review_hours: int,
    ends_hours: int | None,
) -> None:
    """Cut one insurer, one way in (portal, gateway) or all rights.

    Cutting all rights waits for a second person, at the console.
    """
    now = datetime.now(UTC)
    request = cuts.CutRequest(
        scope=CutScope(scope),
        reason=CutReason(reason),
        amc_number=None if amc_number is None else AmcNumber.parse(amc_number).number,
        note=note,
        review_at=now + timedelta(hours=review_hours),
        ends_at=None if ends_hours is None else now + timedelta(hours=ends_hours),
    )
    cut_ref = secrets.randbits(62)
    with registering() as tx:
        is_cut = cuts.cut_services(tx, None, request, cut_ref=cut_ref, now=now)
    click.echo(f"{cut_ref} {'cut' if is_cut else 'waits for a second person at the console'}")


@continuity.command()
@reference
def approve(cut_ref: int) -> None:
    """Be the second person of a cut that somebody asked for at the console."""
    with registering() as tx:
        cuts.approve_cut(tx, None, cut_ref, now=datetime.now(UTC))
    click.echo("cut")


@continuity.command()
@reference
def restore(cut_ref: int) -> None:
    """Give rights back, or withdraw a request. All rights: two persons."""
    with registering() as tx:
        is_over = cuts.restore_services(tx, None, cut_ref, now=datetime.now(UTC))
    click.echo("restored" if is_over else "waits for a second person at the console")


@continuity.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(*, as_json: bool) -> None:
    """List what is cut, was cut in the last 90 days, or waits."""
    now = datetime.now(UTC)
    with registering() as tx:
        rows = cuts.list_cuts(tx, now=now)
    described = [_describe(row, now) for row in rows]
    if as_json:
        click.echo(json.dumps(described))
        return
    fixed = Column("reference", min_width=19)
    table = Table(fixed, "what", "state", "reason", "since", "review", box=None)
    for one in described:
        table.add_row(*(str(one[name] or "") for name in _SHOWN))
    Console().print(table)


_SHOWN = ("reference", "what", "state", "reason", "since", "review")


def _describe(row: cuts.CutRow, now: datetime) -> dict[str, Any]:
    state = "waits" if row.starts_at is None else "cut" if row.is_in_force(now) else "restored"
    if row.starts_at is None and row.ended_at is not None:
        state = "withdrawn"
    return {
        "reference": row.cut_ref,
        "what": row.scope if row.insurer_name is None else f"{row.scope} {row.insurer_name}",
        "state": state,
        "reason": row.reason,
        "since": row.starts_at and row.starts_at.isoformat(timespec="minutes"),
        "review": row.review_at.isoformat(timespec="minutes"),
    }


@continuity.group()
def policy() -> None:
    """Say what may be asked without proof that the person is there."""


def _of_whom(command: Any) -> Any:
    for option in whose:
        command = option(command)
    return command


@policy.command("set")
@_of_whom
@click.option("--presence", type=click.Choice(PRESENCE), default=PRESENCE[0], show_default=True,
              help="For whom proof of presence is required.")  # fmt: skip
@click.option("--typed-new-persons", type=click.IntRange(0), help="A day and account; no bound "
              "when absent.")  # fmt: skip
def set_(
    *,
    rpps: str | None,
    establishment: str | None,
    presence: str,
    typed_new_persons: int | None,
) -> None:
    """Set the policy of a professional, of an establishment, or of everybody."""
    given = read_policy(presence, typed_new_persons)
    with registering() as tx:
        set_policy(
            tx, given, rpps=rpps, establishment=establishment, policy_ref=secrets.randbits(62)
        )
    click.echo("set: every gateway applies it within two seconds")


@policy.command("remove")
@_of_whom
def remove(*, rpps: str | None, establishment: str | None) -> None:
    """Take a policy back: the next wider one applies."""
    with registering() as tx:
        remove_policy(tx, rpps=rpps, establishment=establishment)
    click.echo("removed")


@policy.command("list")
def policies() -> None:
    """List the policies, the widest first."""
    table = Table("establishment", "account", "presence", "typed a day", box=None)
    with registering() as tx:
        for row in list_policies(tx):
            bound = row.policy.typed_persons_per_day
            table.add_row(
                str(row.establishment_ref or "everybody" if not row.account_ref else ""),
                str(row.account_ref or ""),
                _describe_presence(row.policy),
                "no bound" if bound is None else str(bound),
            )
    Console().print(table)


@continuity.group()
def terminal() -> None:
    """Register and revoke readers of Vitale cards that sign what they read."""


@terminal.command("add")
@click.argument("key", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--establishment", metavar="FINESS|SIRET", required=True, help="Where it stands.")
@click.option("--label", required=True, help="What people call it.")
def add(key: Path, *, establishment: str, label: str) -> None:
    """Register a terminal by its public key, a JSON Web Key (P-256 or Ed25519)."""
    try:
        jwk = json.loads(key.read_bytes())
    except (ValueError, RecursionError) as wrong:
        raise InvalidRequest(f"{key} is not a JSON Web Key") from wrong
    if not isinstance(jwk, dict):
        raise InvalidRequest(f"{key} is not a JSON Web Key")
    with registering() as tx:
        kid = register_terminal(
            tx, jwk, establishment=establishment, label=label, terminal_ref=secrets.randbits(62)
        )
    click.echo(kid)


@terminal.command("revoke")
@click.argument("kid")
def revoke(kid: str) -> None:
    """Stop a terminal for ever, by the name of its key."""
    with registering() as tx:
        if not revoke_terminal(tx, kid):
            raise Conflict("no terminal in use has this key")
    click.echo("revoked: within five seconds everywhere")


@terminal.command("list")
def terminals() -> None:
    """List the terminals, the newest first."""
    table = Table(Column("key", min_width=43), "establishment", "label", "state", box=None)
    with registering() as tx:
        for row in list_terminals(tx):
            state = "in use" if row.revoked_at is None else f"revoked {row.revoked_at:%Y-%m-%d}"
            table.add_row(row.kid, str(row.establishment_ref), row.label, state)
    Console().print(table)
