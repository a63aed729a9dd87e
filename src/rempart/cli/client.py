"""`rempart client`: professionals, and the software they use."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from rempart.accounts.registration import Registration, parse_jwk, parse_subject
from rempart.client.keys import Algorithm, SigningKey
from rempart.kernel.errors import Conflict, NotFound, SetupError
from rempart.kernel.findings import BadValue, Finding
from rempart.kernel.listing import Listing
from rempart.kernel.rpps import Rpps
from rempart.storage.connect import Transaction
from rempart.storage.iban_seal import IbanSeal
from rempart.wiring.database import open_installation, open_transaction
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.load_professionals import LoadReport, load_professionals
from rempart.workflows.accounts.register_software import (
    StoredKey,
    add_software_key,
    end_software_key,
    find_establishment,
    find_software,
    list_keys,
    list_publishers,
    list_software,
    register_software,
    revoke_software,
)

FINDINGS_SHOWN = 20


class RppsNumber(click.ParamType[Rpps]):
    """An RPPS number typed on the command line."""

    name = "RPPS"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Rpps:
        """Read the number, or say what is wrong with it."""
        try:
            return Rpps.parse(value)
        except BadValue as wrong:
            self.fail(f"{wrong.refusal.en} {wrong.refusal.advice_en}", param, ctx)


@click.group()
def client() -> None:
    """Load professionals, register and revoke software."""


@client.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load(file: Path) -> None:
    """Load the professionals of FILE (CSV with `;`); loading again brings them up to date.

    Exits with 1 when rows were refused; the others are loaded all the same.
    """
    with (
        open_installation(Settings.from_environment()) as installation,
        file.open(encoding="utf-8-sig", newline="") as lines,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("professionals", total=None)
        with installation.database.transaction("registrar") as tx:
            report = load_professionals(
                tx,
                lines,
                seal=IbanSeal(installation.home.key("master")),
                on_progress=lambda done: progress.update(task, completed=done),
                language="en",
            )
    _print_report(report)
    sys.exit(1 if report.refused else 0)


@client.command("new-key")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--algorithm", type=click.Choice(["ES256", "EdDSA"]), default="ES256",
              show_default=True, help="What it signs with.")  # fmt: skip
def new_key(file: Path, algorithm: Algorithm) -> None:
    """Make a key pair: the private key in FILE (mode 0600), the public one printed.

    Run it where the software runs: the private key never travels.
    """
    key = SigningKey.generate(algorithm)
    try:
        key.save(file)
    except FileExistsError as exists:
        raise Conflict(f"{file} exists and is left as it is: give another name") from exists
    except OSError as failure:
        raise SetupError(f"{file} cannot be written ({failure.strerror})") from failure
    click.echo(json.dumps(key.public_jwk))


@client.command()
@click.option("--id", "client_id", required=True, help="Its name in requests.")
@click.option("--label", required=True, help="What people call it.")
@click.option("--publisher", help="The publisher's name.  [default: the only one there is]")
@click.option("--jwk", type=click.File(encoding="utf-8"), help="File of its public key (JWK).")
@click.option("--certificate-subject", help="Subject of its TLS client certificate instead.")
@click.option("--establishment", metavar="FINESS|SIRET",
              help="Acts for this establishment without a person's token.")  # fmt: skip
@click.option("--psc-client", "psc_clients", multiple=True, metavar="NAME",
              help="Its name at Pro Santé Connect; may be given again.")  # fmt: skip
def register(
    *,
    client_id: str,
    label: str,
    publisher: str | None,
    jwk: TextIO | None,
    certificate_subject: str | None,
    establishment: str | None,
    psc_clients: tuple[str, ...],
) -> None:
    """Register a software: it may ask for tokens from now on."""
    with (
        open_transaction("registrar") as tx,
        _explaining(),
    ):
        registration = Registration(
            client_id=client_id,
            label=label,
            publisher_ref=_find_publisher(tx, publisher),
            key=None if jwk is None else parse_jwk(jwk.read()),
            certificate_subject=parse_subject(certificate_subject) if certificate_subject else None,
            establishment_ref=_find_establishment(tx, establishment) if establishment else None,
            psc_clients=psc_clients,
        )
        register_software(tx, registration)
    kid = f", key {registration.key.kid}" if registration.key else ""
    click.echo(f"{client_id} is registered{kid}")


@client.command("list")
def list_() -> None:
    """List the registered software, newest first, with its keys."""
    with (
        open_installation(Settings.from_environment()) as installation,
        installation.database.transaction("registrar") as tx,
    ):
        found, _total = list_software(tx, Listing(sort="added", limit=10_000))
        keys = {one.client_ref: list_keys(tx, one.client_ref) for one in found}
    # Never cut: these are copied into other commands.
    table = Table(
        Column("software", no_wrap=True), "label", "publisher", Column("proof", overflow="fold"),
        "state", box=None,
    )  # fmt: skip
    for one in found:
        proof = one.certificate_subject or "\n".join(_describe_key(k) for k in keys[one.client_ref])
        state = f"revoked {one.revoked_at:%Y-%m-%d}" if one.revoked_at else "registered"
        publisher = one.publisher or "this installation"
        table.add_row(one.client_id, one.label, publisher, proof, state)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@client.command()
@click.argument("client_id")
@click.option("--jwk", type=click.File(encoding="utf-8"), required=True,
              help="File of the new public key (JWK).")  # fmt: skip
@click.option("--keep-hours", type=click.IntRange(min=0), default=24, show_default=True,
              help="How long the present keys go on.")  # fmt: skip
def rotate(client_id: str, jwk: TextIO, keep_hours: int) -> None:
    """Give the software CLIENT_ID a new key; its present keys end a little later."""
    with (
        open_transaction("registrar") as tx,
        _explaining(),
    ):
        found = find_software(tx, client_id=client_id)
        before = [key.kid for key in list_keys(tx, found.client_ref) if key.ends_at is None]
        key = parse_jwk(jwk.read())
        add_software_key(tx, found.client_ref, key)
        for kid in before:
            end_software_key(tx, found.client_ref, kid, delay=timedelta(hours=keep_hours))
    click.echo(f"{client_id} has the key {key.kid}; the others end in {keep_hours} h")


@client.command()
@click.argument("client_id")
def revoke(client_id: str) -> None:
    """End the software CLIENT_ID: within five seconds its tokens open nothing."""
    with open_transaction("registrar") as tx:
        revoke_software(tx, find_software(tx, client_id=client_id).client_ref)
    click.echo(f"{client_id} is revoked")


def _print_report(report: LoadReport) -> None:
    for finding in report.findings[:FINDINGS_SHOWN]:
        click.echo(_format_finding(finding), err=True)
    if len(report.findings) > FINDINGS_SHOWN:
        click.echo(f"... and {len(report.findings) - FINDINGS_SHOWN} more", err=True)
    click.echo(f"{report.loaded} professionals loaded, {report.refused} rows refused")


def _format_finding(finding: Finding) -> str:
    return f"line {finding.line}, {finding.field}: {finding.message} {finding.advice}"


def _describe_key(key: StoredKey) -> str:
    if not key.is_live:
        return f"{key.kid} ended"
    return key.kid if key.ends_at is None else f"{key.kid} until {key.ends_at:%Y-%m-%d %H:%M}"


def _find_publisher(tx: Transaction, name: str | None) -> int:
    publishers = list_publishers(tx)
    found = [ref for ref, known in publishers if name in (None, known)]
    if len(found) == 1:
        return found[0]
    if name is None and publishers:
        raise click.UsageError("there are several publishers: give --publisher NAME")
    raise NotFound("there is no such publisher: make one with `rempart organisation create`")


def _find_establishment(tx: Transaction, number: str) -> int:
    found = find_establishment(tx, number)
    if found is None:
        raise NotFound("no establishment has this number: load it with `rempart client load`")
    return found


@contextmanager
def _explaining() -> Iterator[None]:
    """Turn a value that cannot be accepted into the message of a command that was typed wrong."""
    try:
        yield
    except BadValue as wrong:
        raise click.UsageError(f"{wrong.refusal.en} {wrong.refusal.advice_en}") from wrong
