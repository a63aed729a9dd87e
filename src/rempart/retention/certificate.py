"""The certificate of a run: how many fields left, by which schedule, under which Merkle root.

Refuses to name anybody: a leaf is the digest of random references. Who holds a reference and its
path can show that it left; nobody can find a person in it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.disclosure.entry import LEAF_HASH_PREFIX
from rempart.disclosure.note import NoteVerifier, parse_note
from rempart.disclosure.tree import compute_root

HEADING: Final = "rempart retention certificate v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """One field of one subject that left the active base or everything.

    Args:
        number: Its place in the order in which fields left; unique in an installation.
        run: The run that took it out.
        insurer_id: Whose member.
        person_ref: Of whom: random, leads to nobody any more.
        field: Which field.
        subject: The person, or a claim of theirs.
        step: `archive` or `delete`.
        day: The day it left, which may be after that of the run.
    """

    number: int
    run: int
    insurer_id: int
    person_ref: int
    field: str
    subject: int
    step: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a run did, in figures.

    Args:
        run: Its number.
        day: Its day.
        schedule: SHA-256 of the schedule it followed.
        counts: How many subjects, by step and field: `delete nir`.
        root: Merkle root (RFC 6962) of the departures, in their order.
    """

    run: int
    day: date
    schedule: bytes
    counts: Mapping[str, int]
    root: bytes


def compute_leaf(departure: Departure) -> bytes:
    """Return the leaf hash of a departure: of its canonical JSON, its number left out."""
    body = {
        "day": departure.day.isoformat(),
        "field": departure.field,
        "insurer": departure.insurer_id,
        "person": departure.person_ref,
        "run": departure.run,
        "step": departure.step,
        "subject": departure.subject,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(LEAF_HASH_PREFIX + text.encode()).digest()


def make_certificate(
    run: int, day: date, schedule: bytes, departures: Iterable[Departure]
) -> Certificate:
    """Make the certificate of what left in a run.

    Args:
        run: Its number.
        day: Its day.
        schedule: SHA-256 of its schedule.
        departures: What left, in the order of their numbers.
    """
    counts: dict[str, int] = {}

    def hash_all() -> Iterable[bytes]:
        for one in departures:
            name = f"{one.step} {one.field}"
            counts[name] = counts.get(name, 0) + 1
            yield compute_leaf(one)

    root = compute_root(hash_all())
    return Certificate(run=run, day=day, schedule=schedule, counts=counts, root=root)


def format_certificate(certificate: Certificate) -> str:
    """Write a certificate as the text that is signed, final newline included."""
    lines = [
        HEADING,
        f"run {certificate.run}",
        f"day {certificate.day.isoformat()}",
        f"schedule {certificate.schedule.hex()}",
        *(f"{name} {count}" for name, count in sorted(certificate.counts.items())),
        f"root {certificate.root.hex()}",
    ]
    return "\n".join(lines) + "\n"


def parse_certificate(text: str) -> Certificate:
    """Read a certificate back.

    Raises:
        ValueError: it is not exactly what `format_certificate` writes.
    """
    lines = text.split("\n")
    try:
        heading, run, day, schedule, *counted, root, end = lines
        counts = {name: int(count) for name, _, count in (c.rpartition(" ") for c in counted)}
        read = Certificate(
            run=int(run.removeprefix("run ")),
            day=date.fromisoformat(day.removeprefix("day ")),
            schedule=bytes.fromhex(schedule.removeprefix("schedule ")),
            counts=counts,
            root=bytes.fromhex(root.removeprefix("root ")),
        )
    except ValueError:
        raise ValueError("this is not a certificate of retention") from None
    if heading != HEADING or end or format_certificate(read) != text:
        raise ValueError("this is not a certificate of retention")
    return read


def read_signed_certificate(message: str, verifier: NoteVerifier) -> Certificate:
    """Read a signed certificate, with nothing but the public key of whoever signs.

    Raises:
        NoteRefused: it is no signed note, or another key signed it, or a letter of it changed.
        ValueError: what was signed is not a certificate of retention.
    """
    note = parse_note(message)
    verifier.verify(note)
    return parse_certificate(note.text)
