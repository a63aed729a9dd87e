"""Certify what a restored base erased again, and hold the certificate against a base.

Refuses to certify what left in a run that has a certificate of its own.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from rempart.disclosure.acts import ACTS_LOG
from rempart.disclosure.note import NoteRefused, NoteSigner, NoteVerifier
from rempart.disclosure.tree import compute_root
from rempart.retention.backups import LogHead
from rempart.retention.certificate import Departure, compute_leaf
from rempart.retention.restoration import (
    RestorationCertificate,
    RunAgain,
    format_restoration,
    read_signed_restoration,
)
from rempart.storage import purges, retention_runs
from rempart.storage.backup_facts import list_heads
from rempart.storage.connect import Transaction
from rempart.workflows.backups.bring_forward import BroughtForward

__all__ = [
    "compute_run",
    "find_differences",
    "is_restored_as_certified",
    "load_restoration",
    "save_certified",
]


def save_certified(
    tx: Transaction,
    signer: NoteSigner,
    forward: BroughtForward,
    *,
    home: str,
    backup: str,
    made_at: datetime | None,
    report: dict[str, Any],
) -> str:
    """Write down that a base was restored, with the certificate of what it erased again.

    Args:
        tx: A transaction of the owner, on that base, once it was brought forward.
        signer: The key that signs certificates of retention.
        forward: What was carried out again.
        home: The installation.
        backup: From which backup the base came, or `BY_HAND`.
        made_at: When that was made; None when the base does not say.
        report: What was done to it besides, counted.

    Returns:
        The signed certificate.
    """
    acts = _find_acts(list_heads(tx))
    lost = [run for run in forward.runs if not retention_runs.load_certificate(tx, run)]
    certificate = RestorationCertificate(
        home=home,
        backup=backup,
        restored_at=retention_runs.read_clock(tx).astimezone(UTC).replace(microsecond=0),
        known=forward.known,
        known_digest=purges.load_digest(tx, forward.known),
        last=forward.last,
        last_digest=purges.load_digest(tx, forward.last),
        waiting=forward.waiting,
        again=forward.again,
        acts_size=acts.size,
        acts_root=bytes.fromhex(acts.root),
        runs=tuple(compute_run(run, retention_runs.list_gone(tx, run)) for run in lost),
    )
    note = signer.sign(format_restoration(certificate))
    purges.save_restoration(
        tx,
        backup=backup,
        made_at=made_at,
        purges_from=forward.known,
        purges_to=forward.last,
        report=report,
        certificate=note,
        signed_by=signer.verifier.vkey,
        runs=[one.run for one in certificate.runs],
    )
    return note


def compute_run(run: int, departures: Iterable[Departure]) -> RunAgain:
    """Return what a certificate says of a run: how many departures, under which root."""
    count = 0

    def hash_all() -> Iterator[bytes]:
        nonlocal count
        for one in departures:
            count += 1
            yield compute_leaf(one)

    root = compute_root(hash_all())
    return RunAgain(run=run, departures=count, root=root)


def load_restoration(tx: Transaction, number: int | None) -> purges.Restoration | None:
    """Return one restoration of this base, the last one without a number; None: there is none."""
    found = [one for one in purges.list_restorations(tx) if number in (None, one.number)]
    return found[0] if found else None


def find_differences(tx: Transaction, note: str, verifier: NoteVerifier, *, home: str) -> list[str]:
    """Say in what a base is not what a certificate says of it; nothing when it is.

    Args:
        tx: A transaction that reads purges and departures.
        note: The signed certificate.
        verifier: Whose certificates are believed.
        home: The installation.

    Raises:
        NoteRefused, ValueError: it is not a certificate, or another key signed it.
    """
    said = read_signed_restoration(note, verifier)
    different = []
    if said.home != home:
        different.append(f"it is of installation {said.home}, and this is {home}")
    named = {said.known: said.known_digest, said.last: said.last_digest}
    different += [
        f"purge {number} of this base is not the one it names"
        for number, digest in named.items()
        if purges.load_digest(tx, number) != digest
    ]
    different += [
        f"what left in run {one.run} is not what it says"
        for one in said.runs
        if compute_run(one.run, retention_runs.list_gone(tx, one.run)) != one
    ]
    return different


def is_restored_as_certified(tx: Transaction, run: int, verifier: NoteVerifier) -> bool:
    """Say whether a restoration of this base certifies what it has of a run, to the last line."""
    for one in purges.list_restorations(tx):
        try:
            said = read_signed_restoration(one.certificate, verifier)
        except (NoteRefused, ValueError):
            continue
        if any(of.run == run for of in said.runs):
            return compute_run(run, retention_runs.list_gone(tx, run)) in said.runs
    return False


def _find_acts(heads: Iterable[LogHead]) -> LogHead:
    empty = LogHead(log_id=ACTS_LOG, size=0, root=compute_root(()).hex())
    return next((one for one in heads if one.log_id == ACTS_LOG), empty)
