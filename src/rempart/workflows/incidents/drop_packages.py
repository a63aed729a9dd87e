"""Writes sent packages into a folder that another programme takes away, sealed as they are.

Refuses exercises: nothing in a folder says that it must not be read as real. Writes each file whole
or not at all; one that is there already is left as it is.
"""

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from rempart.exchange.package_archive import Entry, iterate_archive
from rempart.exchange.package_note import CERTIFICATE_NAME, NOTE_NAME
from rempart.exchange.package_sealing import format_certificate
from rempart.exchange.whole_file import write_whole
from rempart.incidents.packages import PackageState, check_can_drop
from rempart.kernel.errors import NotFound, Unavailable
from rempart.kernel.listing import Listing
from rempart.storage import package_pages
from rempart.storage.connect import Transaction

_EVERYTHING = 1_000_000


def drop_packages(
    tx: Transaction, incident_id: int, folder: Path, *, insurer_ids: Collection[int] | None = None
) -> Iterator[Path]:
    """Write the packages of an incident that were sent; yield each path once it is on the disk.

    Args:
        tx: A transaction of the role analyst.
        incident_id: The incident.
        folder: Made when missing, for its owner's eyes.
        insurer_ids: Those of some insurers; None: of all.

    Raises:
        NotFound: none was sent.
        NotAllowed: it is an exercise.
        Unavailable: the folder cannot be written.
    """
    found, _total = package_pages.list_packages(
        tx,
        Listing(sort="number", descending=False, limit=_EVERYTHING),
        incident_id=incident_id,
    )
    sent = [
        one
        for one in found
        if one.state is PackageState.SENT and (insurer_ids is None or one.insurer_id in insurer_ids)
    ]
    if not sent:
        whose = "" if insurer_ids is None else " to these insurers"
        raise NotFound(f"no package of incident {incident_id} was sent{whose}: see the list")
    for package in sent:
        check_can_drop(exercise=package.exercise)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for package in sent:
            yield _drop(tx, package.package_ref, folder)
    except OSError as failure:
        raise Unavailable(
            f"{folder} cannot be written ({failure.strerror}): make room, run the same again"
        ) from failure


def _drop(tx: Transaction, package_ref: int, folder: Path) -> Path:
    envelope = package_pages.load_envelope(tx, package_ref)
    if envelope is None:
        raise NotFound("no such package")
    stem = f"incident-{envelope.incident_id}-{envelope.amc_number}-envoi-{envelope.number:02}"
    path = folder / f"{stem}.tar"
    if path.exists():
        return path
    clear = (
        (NOTE_NAME, envelope.note.encode()),
        (CERTIFICATE_NAME, format_certificate(bytes(envelope.certificate))),
    )
    entries = [Entry(name, len(body), partial(bytes, body)) for name, body in clear]
    entries += [
        Entry(one.name, one.size, partial(_load, tx, package_ref, one.position))
        for one in package_pages.list_files(tx, package_ref)
    ]
    with write_whole(path) as stream:
        stream.writelines(iterate_archive(entries, mtime=int(envelope.made_at.timestamp())))
    return path


def _load(tx: Transaction, package_ref: int, position: int) -> bytes:
    return package_pages.load_file(tx, package_ref, position) or b""
