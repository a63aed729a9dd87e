"""`rempart incident packages`: make and send what each insurer is told, open it anywhere."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rempart.disclosure.note import NoteRefused, NoteVerifier
from rempart.exchange.package_note import PackageRefused
from rempart.exchange.package_reader import (
    JoinedList,
    OpenedPackage,
    PrivateKey,
    open_package,
    write_joined,
)
from rempart.exchange.package_sealing import SealRefused, format_fingerprint
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import NotFound, Unavailable
from rempart.kernel.findings import BadValue
from rempart.kernel.listing import Listing
from rempart.storage import packages as rows
from rempart.storage.connect import Transaction
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.packages import load_package_signer, open_workshop
from rempart.wiring.settings import Settings
from rempart.workflows.incidents import drop_packages as dropping
from rempart.workflows.incidents import sealing_keys
from rempart.workflows.incidents import send_packages as sending
from rempart.workflows.incidents.make_packages import PROOFS, MakeRequest, Outcome, make_packages

INTERRUPTED: Final = 130
EXIT_REFUSED: Final = 1
_EVERYTHING: Final = 1_000_000
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_err = Console(stderr=True)

_SAY: Final = {
    Outcome.MADE: "made",
    Outcome.WAITING: "waits for the insurer's certificate: `rempart incident packages key add`",
    Outcome.SAID_ALREADY: "nothing new since the package that was sent",
    Outcome.MADE_ALREADY: "made already, not sent yet",
    Outcome.ASKED: "another one waits for its second person: nothing was touched",
}


@click.group()
def packages() -> None:
    """Make what each insurer is sent about an incident, send it, open it."""


@packages.command()
@click.argument("incident", type=click.IntRange(1))
@click.option("--insurer", "insurers", multiple=True, help="AMC number; default: every insurer.")
@click.option(
    "--proofs", type=click.IntRange(0, 200), default=PROOFS, show_default=True,
    help="Ledger entries proved to each insurer, at most.",
)  # fmt: skip
def make(*, incident: int, insurers: tuple[str, ...], proofs: int) -> None:
    """Make the packages of INCIDENT, sealed for each insurer; nothing is sent.

    Interrupted, even killed, the same command goes on with the insurers that are left.
    """
    with _installed() as installation, _progress() as bar:
        task = bar.add_task("packages", total=None)

        def report(name: str, done: int) -> None:
            bar.update(task, description=f"{name}: {done} persons")

        with open_workshop(installation, report=report) as workshop:
            with workshop.analyst.transaction():
                wanted = _find_insurers(workshop.analyst, insurers)
            request = MakeRequest(
                incident_id=incident, insurer_ids=wanted, proofs=proofs, now=datetime.now(UTC)
            )
            for made in make_packages(workshop, request):
                number = f" package {made.number}," if made.number else ""
                bar.console.print(
                    f"{made.insurer.amc_number} {made.insurer.name}:{number} {made.persons} "
                    f"persons ({made.conclusion}), {made.changed} to tell; {_SAY[made.outcome]}",
                    markup=False, highlight=False, soft_wrap=True,
                )  # fmt: skip


@packages.command("list")
@click.argument("incident", type=click.IntRange(1))
@click.option("--all", "everything", is_flag=True, help="Every number, not only the latest.")
def list_(*, incident: int, everything: bool) -> None:
    """List the packages of INCIDENT: what was made, sent and received."""
    with _installed() as installation, installation.database.transaction("analyst") as tx:
        found, _total = sending.list_packages(
            tx, None, incident, Listing(sort="insurer", descending=False, limit=_EVERYTHING),
            latest=not everything,
        )  # fmt: skip
        missing = sending.list_missing(tx, None, incident)
    for one in found:
        received = f"received {one.received_at:%Y-%m-%d %H:%M}" if one.received_at else ""
        sent = f"sent {one.sent_at:%Y-%m-%d %H:%M}" if one.sent_at else ""
        click.echo(
            f"{one.package_ref}  {one.insurer}  {one.number}  {one.state}  {one.conclusion}  "
            f"A {one.persons_a} B {one.persons_b} C {one.persons_c}  {sent}  {received}".rstrip()
        )
    for insurer in missing:
        click.echo(f"-  {insurer.name}  no package yet: `rempart incident packages make`")


@packages.command()
@click.argument("package", type=click.IntRange(1))
def show(package: int) -> None:
    """Show PACKAGE: its counts, what it changed, who decided, each level's receipt."""
    with _installed() as installation, installation.database.transaction("analyst") as tx:
        one = sending.read_package(tx, package)
        receipts = sending.list_receipts(tx, package)
    values: dict[str, Any] = {
        "incident": one.incident_id, "insurer": one.insurer, "number": one.number,
        "basis": one.basis, "exercise": one.exercise, "state": str(one.state),
        "conclusion": str(one.conclusion), "A": one.persons_a, "B": one.persons_b,
        "C": one.persons_c, "changes": dict(one.changes), "files": one.files, "bytes": one.size,
        "made_at": one.made_at, "asked_at": one.asked_at, "sent_at": one.sent_at,
        "withdrawn_for": one.withdrawn_for, "reminders": one.reminders,
    }  # fmt: skip
    for name, value in values.items():
        click.echo(f"{name}: {value}")
    for receipt in receipts:
        click.echo(
            f"received: {receipt.received_at:%Y-%m-%dT%H:%M:%SZ} {receipt.level} "
            f"{receipt.organisation} ({receipt.way})"
        )


@packages.command()
@click.argument("incident", type=click.IntRange(1))
@click.option("--insurer", "insurers", multiple=True, help="AMC number; default: every insurer.")
@click.option("--approve", is_flag=True, help="Be the second person of what the console asked.")
@click.option("--take-back", is_flag=True, help="Take back what was asked and not sent.")
def send(*, incident: int, insurers: tuple[str, ...], approve: bool, take_back: bool) -> None:
    """Ask that the packages of INCIDENT be sent; a second person sends them at the console.

    With --approve, send what somebody asked for at the console.
    """
    now = datetime.now(UTC)
    with _installed() as installation:
        with installation.database.transaction("analyst") as tx:
            wanted = _find_insurers(tx, insurers)
            state = "asked" if approve or take_back else "made"
            refs = list_in_state(tx, incident, wanted, state)
            if not refs:
                raise NotFound(f"no package of incident {incident} is {state}: see the list")
            if take_back:
                click.echo(f"{sending.take_back(tx, None, refs)} taken back")
                return
            if not approve:
                asked = sending.ask_to_send(tx, None, refs)
                click.echo(f"{asked} asked for: a second person sends them at the console")
                return
            sent = sending.send_packages(tx, None, refs, now=now)
        with installation.database.transaction("registrar") as registrar:
            warned = sum(sending.warn_of_package(registrar, one) for one in sent)
    click.echo(f"{len(sent)} sent; {warned} addresses are warned by `rempart warnings send`")


@packages.command()
@click.argument("package", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why; the insurer reads it.")
def withdraw(*, package: int, reason: str) -> None:
    """Withdraw PACKAGE, the latest that its insurer was sent: it is handed out no more."""
    with _installed() as installation, installation.database.transaction("analyst") as tx:
        sending.withdraw(tx, None, package, reason)
    click.echo("withdrawn: what is made next is a whole list again")


@packages.command()
@click.argument("incident", type=click.IntRange(1))
@click.argument("folder", type=_FOLDER)
@click.option("--insurer", "insurers", multiple=True, help="AMC number; default: every insurer.")
def drop(*, incident: int, folder: Path, insurers: tuple[str, ...]) -> None:
    """Write the packages of INCIDENT that were sent into FOLDER, sealed; never an exercise."""
    with _installed() as installation, installation.database.transaction("analyst") as tx:
        wanted = _find_insurers(tx, insurers)
        for path in dropping.drop_packages(tx, incident, folder, insurer_ids=wanted):
            click.echo(str(path))


@packages.command()
def remind() -> None:
    """Warn again the insurers that have not received a package for twelve hours."""
    with (
        _installed() as installation,
        installation.database.transaction("registrar") as registrar,
        installation.database.transaction("analyst") as tx,
    ):
        late = sending.remind(tx, registrar, now=datetime.now(UTC))
    for one in late:
        click.echo(f"{one.package_ref}  {one.insurer}  sent {one.sent_at:%Y-%m-%d %H:%M}")
    click.echo(f"{len(late)} reminded; `rempart warnings send` takes the warnings away")


@packages.command()
@click.argument("package", type=click.IntRange(1))
@click.option("--by", required=True, help="Who said so, and how.")
@click.option(
    "--at", "at", type=click.DateTime(["%Y-%m-%dT%H:%M"]), required=True, help="When, UTC."
)
def received(*, package: int, by: str, at: datetime) -> None:
    """Note that an insurer had PACKAGE, told outside its space: it starts its time limits."""
    with _installed() as installation, installation.database.transaction("analyst") as tx:
        now = datetime.now(UTC)
        sending.note_told(tx, package, by_name=by, received_at=at.replace(tzinfo=UTC), now=now)
    click.echo("noted")


@packages.command()
def vkey() -> None:
    """Print the key that signs packages: insurers must know it beforehand."""
    with _installed() as installation:
        click.echo(load_package_signer(installation.home).verifier.vkey)


@packages.group()
def key() -> None:
    """Register, list and take back the certificates that packages are sealed for."""


@key.command("add")
@click.argument("insurer")
@click.argument("certificate", type=_FILE)
def add_key(*, insurer: str, certificate: Path) -> None:
    """Register the CERTIFICATE that INSURER (AMC number) handed over in person."""
    with (
        _installed() as installation,
        installation.database.transaction("registrar") as registrar,
        installation.database.transaction("analyst") as tx,
    ):
        [insurer_id] = _find_insurers(tx, (insurer,)) or ()
        given = sealing_keys.register_key(
            tx, registrar, certificate.read_bytes(), insurer_id, now=datetime.now(UTC)
        )
    click.echo(f"SHA-256 {format_fingerprint(given.fingerprint)}")
    click.echo(f"ends {given.ends_at:%Y-%m-%d}; read the fingerprint back to the insurer")


@key.command("list")
@click.argument("insurer")
def list_keys(insurer: str) -> None:
    """List the certificates of INSURER (AMC number)."""
    with _installed() as installation, installation.database.transaction("analyst") as tx:
        [insurer_id] = _find_insurers(tx, (insurer,)) or ()
        known = rows.list_keys_to_seal(tx, insurer_id)
    for one in sealing_keys.show_keys(known, at=datetime.now(UTC)):
        click.echo(
            f"{format_fingerprint(one.key.fingerprint)}  {one.standing}  "
            f"ends {one.key.ends_at:%Y-%m-%d}  {one.key.subject}"
        )


@key.command("revoke")
@click.argument("insurer")
@click.argument("fingerprint")
def revoke_key(*, insurer: str, fingerprint: str) -> None:
    """Take back the certificate of INSURER with this SHA-256 FINGERPRINT, at once."""
    try:
        digest = bytes.fromhex(fingerprint.replace(":", ""))
    except ValueError as failure:
        raise click.UsageError("a fingerprint is 64 hexadecimal digits") from failure
    with (
        _installed() as installation,
        installation.database.transaction("registrar") as registrar,
        installation.database.transaction("analyst") as tx,
    ):
        [insurer_id] = _find_insurers(tx, (insurer,)) or ()
        sealing_keys.revoke_key(tx, registrar, insurer_id, digest)
    click.echo("taken back: packages are sealed for it no more")


@packages.command("open")
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--key", "key_file", type=_FILE, required=True, help="The private key, PEM or DER.")
@click.option("--unlock-file", type=_FILE, help="Holds what opens the key file.")
@click.option("--vkey", "vkeys", multiple=True, required=True, help="The host's key.")
@click.option("--out", type=_FOLDER, required=True, help="Where to write what is inside.")
def open_(
    *,
    files: tuple[Path, ...],
    key_file: Path,
    unlock_file: Path | None,
    vkeys: tuple[str, ...],
    out: Path,
) -> None:
    """Verify and open packages, in the order of their numbers, without any server.

    Given several, also writes the one list they lead to (liste.csv).
    """
    trusted = [_parse_vkey(one) for one in vkeys]
    unlock = unlock_file.read_bytes().rstrip(b"\r\n") if unlock_file else None
    private_key = PrivateKey(key_file.read_bytes(), unlock)
    joined = JoinedList()
    try:
        for path in files:
            with path.open("rb") as stream:
                opened = open_package(stream, trusted, private_key)
            joined.take(opened)
            _write(opened, out / f"envoi-{opened.note.number:02}")
            _tell(path, opened)
        write_joined(joined, out / "liste.csv")
    except (PackageRefused, SealRefused) as refusal:
        click.echo(f"REFUSÉ / REFUSED  {refusal}", err=True)
        sys.exit(EXIT_REFUSED)
    click.echo(f"{len(joined)} persons in {out / 'liste.csv'}")


def _write(opened: OpenedPackage, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        manifest = json.dumps(opened.manifest, ensure_ascii=False, sort_keys=True, indent=1)
        contents = {
            "manifeste.json": manifest.encode(),
            **{f"personnes-{n:04}.csv": one for n, one in enumerate(opened.lists, start=1)},
            **opened.others,
        }
        for name, content in contents.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)
    except OSError as failure:
        raise Unavailable(f"{folder} cannot be written ({failure.strerror})") from failure


def _tell(path: Path, opened: OpenedPackage) -> None:
    note, manifest = opened.note, opened.manifest
    mark = "EXERCICE  " if note.exercise else ""
    counts = manifest["counts"]
    click.echo(
        f"{mark}{path.name}: signature and digests are right; incident {note.incident}, "
        f"package {note.number}, {manifest['conclusion']}, "
        f"A {counts['A']} B {counts['B']} C {counts['C']}"
    )


def _parse_vkey(text: str) -> NoteVerifier:
    try:
        return NoteVerifier.parse(text.strip())
    except NoteRefused as refusal:
        raise click.UsageError(f"--vkey: {refusal}") from refusal


def list_in_state(
    tx: Transaction, incident: int, wanted: tuple[int, ...] | None, state: str
) -> list[int]:
    """Return the packages of an incident that are in a state, of some insurers or of all."""
    found, _total = sending.list_packages(
        tx, None, incident, Listing(sort="insurer", limit=_EVERYTHING), latest=True
    )
    return [
        one.package_ref
        for one in found
        if one.state == state and (wanted is None or one.insurer_id in wanted)
    ]


def _find_insurers(tx: Transaction, numbers: tuple[str, ...]) -> tuple[int, ...] | None:
    if not numbers:
        return None
    found = []
    for text in numbers:
        try:
            number = AmcNumber.parse(text).number
        except BadValue as bad:
            raise click.UsageError(f"{bad.refusal.en} {bad.refusal.advice_en}") from bad
        insurer_id = rows.find_insurer_by_number(tx, number)
        if insurer_id is None:
            raise NotFound(f"no insurer has the AMC number {number}: import a feed first")
        found.append(insurer_id)
    return tuple(found)


@contextmanager
def _installed() -> Iterator[Installation]:
    try:
        with open_installation(Settings.from_environment(), _err.print) as installation:
            yield installation
    except KeyboardInterrupt:
        _err.print("Interrupted: run the same command again to go on.")
        sys.exit(INTERRUPTED)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=_err
    )
