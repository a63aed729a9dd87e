"""`rempart restore`: the last resort. A backup comes back closed, brought forward, then opened."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import click

from rempart.cli.backup import read_identities, say
from rempart.kernel.errors import NotFound
from rempart.retention.restoration import BY_HAND
from rempart.storage.purges import list_restorations
from rempart.storage.restored_base import compare_payments, drop_base, list_bases
from rempart.wiring.backups import (
    folder_beside,
    list_appliers_in_place,
    open_restore_means,
    save_tail,
)
from rempart.wiring.database import make_roles, open_installation
from rempart.wiring.kept_keys import bring_keys_back
from rempart.wiring.purges import open_purge_journal
from rempart.wiring.retention import load_certificate_signer
from rempart.wiring.settings import Settings
from rempart.workflows.backups.bring_forward import bring_forward
from rempart.workflows.backups.certify_restoration import (
    find_differences,
    load_restoration,
    save_certified,
)
from rempart.workflows.backups.make_backup import load_backup
from rempart.workflows.backups.restore_backup import Restored, finish_restore, restore_backup

_KEY = click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path),
    required=True,
    help="The file that opens backups (`rempart backup key` wrote it).",
)


@click.group()
def restore() -> None:
    """Bring a backup back: closed, with what was erased since erased again, then opened."""


@restore.command()
@click.argument("backup_id", default="latest")
@_KEY
@click.option("--replace", is_flag=True, help="The base in place is kept under another name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def base(backup_id: str, key_file: Path, replace: bool, as_json: bool) -> None:
    """Restore the base from BACKUP_ID (the newest by default). Can be stopped and run again.

    It is opened when everything that was erased since the backup is erased again, and not before.
    """
    identities = read_identities(key_file)
    with open_installation(Settings.from_environment(), say) as installation:
        make_roles(installation.database)
        beside = folder_beside(installation.home)
        means = open_restore_means(installation, identities, beside, say)
        manifest = load_backup(means.store, means.verifier, backup_id)
        shutil.rmtree(beside, ignore_errors=True)
        if replace:
            save_tail(installation, say)
        restored = restore_backup(
            means,
            installation.database,
            manifest,
            replace=replace,
            stamp=datetime.now(UTC).strftime("%Y%m%d%H%M%S"),
        )
        shutil.rmtree(beside, ignore_errors=True)
    if as_json:
        click.echo(json.dumps(restored.describe()))
    else:
        _tell(restored, manifest.made_at)


@restore.command()
@_KEY
def finish(key_file: Path) -> None:
    """Put into their place the files of segments that a stopped `restore base` left beside."""
    identities = read_identities(key_file)
    with open_installation(Settings.from_environment(), say) as installation:
        beside = folder_beside(installation.home)
        means = open_restore_means(installation, identities, beside, say)
        moved = finish_restore(means, installation.database)
        shutil.rmtree(beside, ignore_errors=True)
    click.echo(f"{moved} files of segments are in their place")


@restore.command()
def purges() -> None:
    """Erase again, on a base that was restored by other means, what was erased since."""
    with open_installation(Settings.from_environment(), say) as installation:
        journal = open_purge_journal(installation.settings, installation.home)
        done = bring_forward(
            installation.database, journal, list_appliers_in_place(installation), say
        )
        if done.applied:
            with installation.database.transaction("owner") as tx:
                save_certified(
                    tx,
                    load_certificate_signer(installation.home),
                    done,
                    home=installation.home.id,
                    backup=BY_HAND,
                    made_at=None,
                    report={},
                )
    click.echo(f"{done.applied} purges were carried out again: {done.erased:,} erased")
    if done.applied:
        click.echo("certified (`rempart restore certificate`); compare payments with the bank too")
    click.echo("its gateways' logs must be given up before they start: `rempart ledger recover`")


@restore.command()
@click.argument("file", type=click.Path(path_type=Path))
@_KEY
def keys(file: Path, key_file: Path) -> None:
    """Make the home again (REMPART_HOME) from FILE, which `rempart backup keys` wrote."""
    home = bring_keys_back(file, read_identities(key_file), Settings.from_environment().home)
    click.echo(f"home: {home.path} (id {home.id})")
    click.echo("now: `rempart restore base --key FILE`, with REMPART_BACKUPS where the backups are")


@restore.command()
@click.option("--reason", required=True, help="What was compared, kept with the base.")
def payments(reason: str) -> None:
    """Let runs of payments go on, once transfers were compared with the bank's statements."""
    with (
        open_installation(Settings.from_environment(), say) as installation,
        installation.database.transaction("owner") as tx,
    ):
        waited = compare_payments(tx, reason)
    click.echo("runs may go on" if waited else "no run waited for this")


@restore.command()
def status() -> None:
    """Show the restorations that made this base, and the bases kept beside it."""
    with open_installation(Settings.from_environment(), say) as installation:
        database = installation.database
        with database.transaction("archivist") as tx:
            done = list_restorations(tx)
        bases = [one for one in list_bases(database) if one.name != database.name]
    for one in done:
        click.echo(
            f"{one.number}: {one.restored_at:%Y-%m-%d %H:%M} from {one.backup}: purges "
            f"{one.purges_from + 1} to {one.purges_to} carried out again"
        )
    if not done:
        click.echo("this base was never restored")
    for other in bases:
        click.echo(f"kept beside: {other.name}, {other.size / 1_000_000:,.1f} MB")


@restore.command()
@click.argument("number", type=click.IntRange(1), required=False)
def certificate(*, number: int | None) -> None:
    """Print the certificate of restoration NUMBER (the last one by default), and check this base.

    It says what was erased again; `rempart retention verify` checks it with the public key alone.
    The key, and whether this base is still what it says, go to standard error.
    """
    with open_installation(Settings.from_environment(), say) as at:
        signer = load_certificate_signer(at.home)
        with at.database.transaction("keeper") as tx:
            done = load_restoration(tx, number)
            if done is None or not done.certificate:
                raise NotFound(
                    "this restoration has no certificate: `rempart restore status` lists them; "
                    "those before there were any have none"
                )
            note = done.certificate
            different = find_differences(tx, note, signer.verifier, home=at.home.id)
    click.echo(signer.verifier.vkey, err=True)
    click.echo(note, nl=False)
    for one in different:
        click.echo(f"not as certified: {one}", err=True)
    if different:
        raise SystemExit(1)
    click.echo("this base is what it says", err=True)


@restore.command()
@click.confirmation_option(prompt="The bases that were replaced go for ever. Go on?")
def clean() -> None:
    """Drop the bases that restorations replaced, and what a stopped one left."""
    with open_installation(Settings.from_environment(), say) as installation:
        database = installation.database
        for one in list_bases(database):
            if one.name != database.name:
                drop_base(database, one.name)
                click.echo(f"dropped {one.name}")


def _tell(restored: Restored, made_at: datetime) -> None:
    forward = restored.forward
    click.echo(f"restored {restored.backup_id}: the base as it was on {made_at:%Y-%m-%d %H:%M} UTC")
    click.echo(
        f"purges {forward.known + 1} to {forward.last}: {forward.applied} carried out again, "
        f"{forward.erased:,} erased"
    )
    for number in forward.waiting:
        click.echo(f"purge {number} waits as it did: a hold keeps what it names")
    click.echo(f"acts that the backup did not know: {restored.acts}")
    for name, count in restored.caught_up.items():
        click.echo(f"{name.replace('_', ' ')}: {count:,}")
    click.echo(
        f"ended: {restored.sessions} sessions; held: {restored.jobs} jobs, {restored.messages} "
        "messages of campaigns"
    )
    if restored.replaced:
        click.echo(f"the base it replaced is {restored.replaced}: `rempart restore clean` drops it")
    if restored.logs:
        first = min(restored.logs.values())
        click.echo(f"its logs go on under other numbers: set REMPART_LOG_ID={first}")
    click.echo('before `rempart serve`: docs/how-to/back-up-and-restore.md, "After a restore"')
