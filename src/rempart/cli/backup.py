"""`rempart backup`: make backups, list them, check them, try to restore one, remove the old."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from rempart.exchange.backup_sealing import Identities, draw_backup_key
from rempart.kernel.errors import Conflict, SetupError
from rempart.retention.backups import BackupManifest, compute_end
from rempart.wiring.backups import (
    add_recipient,
    back_up,
    load_recipients,
    make_folder_to_throw_away,
    open_backup_means,
    open_restore_means,
    prune,
    write_purges_again,
)
from rempart.wiring.database import open_installation
from rempart.wiring.home import Home
from rempart.wiring.kept_keys import save_keys
from rempart.wiring.purges import open_backup_store
from rempart.wiring.settings import Settings
from rempart.workflows.backups.know_backups import tell_tried, tell_verified
from rempart.workflows.backups.make_backup import Swept, check_part, list_backups, load_backup
from rempart.workflows.backups.restore_backup import try_backup


@click.group()
def backup() -> None:
    """Make backups, list them, check them, try to restore one."""


@backup.command()
@click.argument("file", type=click.Path(path_type=Path))
def key(file: Path) -> None:
    """Draw the key that opens backups into FILE, and seal for it from now on.

    Take FILE away from this machine: it opens every backup. Another key may be drawn any time.
    """
    home = Home.open(Settings.from_environment().home)
    if file.absolute().is_relative_to(home.path):
        raise SetupError("the key that opens backups is not kept in the home: name another place")
    drawn = draw_backup_key()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(f"{file} exists: give a name that does not") from None
    except OSError as failure:
        raise SetupError(f"{file} cannot be written ({failure.strerror})") from failure
    with os.fdopen(handle, "w") as stream:
        stream.write(f"# Opens the backups of installation {home.id}.\n{drawn.secret}\n")
        stream.flush()
        os.fsync(stream.fileno())
    add_recipient(home, drawn.recipient)
    click.echo(f"backups are sealed for {drawn.recipient}")
    click.echo(f"{file} opens them: take it away from this machine, keep two copies")


@backup.command()
def make() -> None:
    """Make a backup, read it back, and remove those that had their time."""
    with open_installation(Settings.from_environment(), say) as installation:
        manifest, swept = back_up(installation, say)
    click.echo(f"backup {manifest.backup_id}: {manifest.size:,} bytes, read back")
    _tell_swept(swept)


@backup.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each backup.")
def list_all(as_json: bool) -> None:
    """Show the backups, oldest first, with what each holds and until when."""
    settings = Settings.from_environment()
    with open_installation(settings, say) as installation:
        means = open_backup_means(installation, say)
        found = list_backups(means.store, means.signer.verifier)
        last_purge = means.journal.load_last()
    for manifest in found:
        erased = max(0, (last_purge.number if last_purge else 0) - manifest.purge)
        told = describe_backup(manifest, keep_days=settings.backup_days, erased_since=erased)
        click.echo(json.dumps(told) if as_json else _format(told))
    if not found:
        click.echo(f"there is no backup in {means.store.place}: run `rempart backup make`")


@backup.command()
@click.argument("backup_id", default="latest")
@click.option("--every", is_flag=True, help="Every backup, oldest first.")
def verify(backup_id: str, every: bool) -> None:
    """Read a backup's files whole and compare them with its signed manifest; needs no key."""
    with open_installation(Settings.from_environment(), say) as installation:
        means = open_backup_means(installation, say)
        chosen = (
            list_backups(means.store, means.signer.verifier)
            if every
            else [load_backup(means.store, means.signer.verifier, backup_id)]
        )
        for manifest in chosen:
            for part in manifest.parts:
                check_part(means.store, part)
            with installation.database.transaction("archivist") as tx:
                tell_verified(tx, manifest.backup_id)
            click.echo(f"{manifest.backup_id}: {len(manifest.parts)} files are as written")


@backup.command("try")
@click.argument("backup_id", default="latest")
@click.option("--key", "key_file", type=click.Path(path_type=Path), required=True, help="Its key.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def try_one(backup_id: str, key_file: Path, as_json: bool) -> None:
    """Restore a backup beside everything, bring it forward, and throw it away. Nothing stops.

    Do it every month: a backup that nobody ever restored is a hope.
    """
    identities = read_identities(key_file)
    started = datetime.now(UTC)
    with (
        open_installation(Settings.from_environment(), say) as installation,
        make_folder_to_throw_away() as beside,
    ):
        means = open_restore_means(installation, identities, beside, say)
        manifest = load_backup(means.store, means.verifier, backup_id)
        restored = try_backup(means, installation.database, manifest)
        took_s = (datetime.now(UTC) - started).total_seconds()
        with installation.database.transaction("archivist") as tx:
            tell_tried(
                tx, manifest.backup_id, took_s=round(took_s), purges=restored.forward.applied
            )
    if as_json:
        click.echo(json.dumps({**restored.describe(), "took_s": round(took_s, 1)}))
        return
    click.echo(
        f"{manifest.backup_id} restores in {took_s:.0f} s; {restored.forward.applied} purges were "
        f"carried out again; it was thrown away"
    )


@backup.command("prune")
def prune_old() -> None:
    """Remove the backups that had their time, what no backup names, and purges none needs."""
    with open_installation(Settings.from_environment(), say) as installation:
        _tell_swept(prune(installation, say))


@backup.command()
@click.argument("file", type=click.Path(path_type=Path))
def keys(file: Path) -> None:
    """Seal the keys of this home into FILE, for a safe that holds no backup.

    Do it again after a key was drawn: another gateway, a log's key changed.
    """
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    store = open_backup_store(settings, home)
    count = save_keys(home, file, apart_from=store.local)
    click.echo(f"{count} files of {home.path} are in {file}, sealed for:")
    for recipient in load_recipients(home):
        click.echo(f"  {recipient}")


@backup.command()
def journal() -> None:
    """Write the records of purges again where the store of backups lost them."""
    with open_installation(Settings.from_environment(), say) as installation:
        written = write_purges_again(installation)
    click.echo(f"{written} records of purges were missing" if written else "none is missing")


def read_identities(file: Path) -> Identities:
    """Read the file of the key that opens backups.

    Raises:
        SetupError: it cannot be read, or holds no key.
    """
    try:
        return Identities.parse(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as failure:
        raise SetupError(
            f"{file} cannot be read: give the file `rempart backup key` wrote"
        ) from failure


def describe_backup(
    manifest: BackupManifest, *, keep_days: int, erased_since: int
) -> dict[str, object]:
    """Say what a backup is, what it holds and until when."""
    return {
        "backup": manifest.backup_id,
        "made_at": manifest.made_at.isoformat(),
        "kept_until": compute_end(manifest.made_at, keep_days=keep_days).date().isoformat(),
        "bytes": manifest.size,
        "schema": manifest.migrations[-1] if manifest.migrations else "",
        "purge": manifest.purge,
        "erased_since": erased_since,
        "logs": {str(log.log_id): log.size for log in manifest.logs},
        "recipients": list(manifest.recipients),
    }


def say(message: str) -> None:
    """Tell the operator what is being done, apart from what a program reads."""
    Console(stderr=True).print(message, highlight=False)


def _format(told: dict[str, object]) -> str:
    return (
        f"{told['backup']}  {told['bytes']:>15,} bytes  kept until {told['kept_until']}  "
        f"{told['erased_since']} purges since it still holds"
    )


def _tell_swept(swept: Swept) -> None:
    if swept.backups:
        click.echo(f"removed: {', '.join(swept.backups)}")
    if swept.files:
        click.echo(f"{swept.files} files that no backup names are gone")
    if swept.purges:
        click.echo(f"{swept.purges} records of purges that no backup needs are gone")
