"""The certificate of a restoration: what a base that came back erased again before it opened.

It holds no reference: purges by number, under the first and the last digest of their chain, which
whoever keeps the journal computes again; departures by run, under their Merkle root. Refuses to
name anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rempart.disclosure.note import NoteVerifier, parse_note

HEADING: Final = "rempart restoration certificate v1"
BY_HAND: Final = "by-hand"
"""Stands for the backup of a base that was restored by other means."""
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAgain:
    """What left in one run, as the restored base has it.

    Args:
        run: Its number: it has no certificate there.
        departures: How many.
        root: Their Merkle root, as in the certificate of a run.
    """

    run: int
    departures: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorationCertificate:
    """What was erased again on one base.

    Args:
        home: The installation.
        backup: From which backup, or `BY_HAND`.
        restored_at: When, to the second.
        known: The last purge the backup knew.
        known_digest: Its digest; it says all before it.
        last: The last one carried out again, or that still waits.
        last_digest: Its digest.
        waiting: Purges between the two that a hold keeps, which were never carried out.
        again: How many purges of each kind were carried out again, and how much they erased.
        acts_size: How many entries the log of acts has: it says which base this is.
        acts_root: The root of its tree.
        runs: What left of persons and claims, by run, in order.
    """

    home: str
    backup: str
    restored_at: datetime
    known: int
    known_digest: bytes
    last: int
    last_digest: bytes
    waiting: tuple[int, ...]
    again: Mapping[str, tuple[int, int]]
    acts_size: int
    acts_root: bytes
    runs: tuple[RunAgain, ...]


def format_restoration(certificate: RestorationCertificate) -> str:
    """Write a certificate as the text that is signed, final newline included."""
    lines = [
        HEADING,
        f"home {certificate.home}",
        f"backup {certificate.backup}",
        f"restored {certificate.restored_at.astimezone(UTC).strftime(_INSTANT)}",
        f"known {certificate.known} {certificate.known_digest.hex()}",
        f"last {certificate.last} {certificate.last_digest.hex()}",
        *(f"waits {number}" for number in certificate.waiting),
        *(f"again {kind} {n} {erased}" for kind, (n, erased) in sorted(certificate.again.items())),
        f"acts {certificate.acts_size} {certificate.acts_root.hex()}",
        *(f"run {one.run} {one.departures} {one.root.hex()}" for one in certificate.runs),
    ]
    return "\n".join(lines) + "\n"


def parse_restoration(text: str) -> RestorationCertificate:
    """Read a certificate back.

    Raises:
        ValueError: it is not exactly what `format_restoration` writes.
    """
    found: dict[str, list[list[str]]] = {}
    heading, *lines = text.removesuffix("\n").split("\n")
    for line in lines:
        name, *values = line.split(" ")
        found.setdefault(name, []).append(values)
    try:
        [[home]], [[backup]], [[restored]] = found["home"], found["backup"], found["restored"]
        [[known, known_digest]], [[last, last_digest]] = found["known"], found["last"]
        [[acts_size, acts_root]] = found["acts"]
        read = RestorationCertificate(
            home=home,
            backup=backup,
            restored_at=datetime.strptime(restored, _INSTANT).replace(tzinfo=UTC),
            known=int(known),
            known_digest=bytes.fromhex(known_digest),
            last=int(last),
            last_digest=bytes.fromhex(last_digest),
            waiting=tuple(int(number) for [number] in found.get("waits", [])),
            again={kind: (int(n), int(erased)) for kind, n, erased in found.get("again", [])},
            acts_size=int(acts_size),
            acts_root=bytes.fromhex(acts_root),
            runs=tuple(
                RunAgain(run=int(run), departures=int(count), root=bytes.fromhex(root))
                for run, count, root in found.get("run", [])
            ),
        )
    except (KeyError, ValueError):
        raise ValueError("this is not a certificate of a restoration") from None
    if heading != HEADING or format_restoration(read) != text:
        raise ValueError("this is not a certificate of a restoration")
    return read


def read_signed_restoration(message: str, verifier: NoteVerifier) -> RestorationCertificate:
    """Read a signed certificate, with nothing but the public key of whoever signs.

    Raises:
        NoteRefused: it is no signed note, or another key signed it, or a letter of it changed.
        ValueError: what was signed is not a certificate of a restoration.
    """
    note = parse_note(message)
    verifier.verify(note)
    return parse_restoration(note.text)
