"""The note of a package: which files it has, for whom, signed by the host.

It is in clear beside the sealed files and names no person: an insurer checks who sent what before
opening anything. Refuses a note that can be written in two ways.

Source: C2SP signed-note (S13); layout: docs/reference/package-format.md.
"""

import re
from dataclasses import dataclass
from typing import Final

from rempart.disclosure.note import NoteRefused, NoteSigner, NoteVerifier, parse_note

HEADER: Final = "rempart-package/1"
NOTE_NAME: Final = "paquet.note"
CERTIFICATE_NAME: Final = "destinataire.pem"
MANIFEST_NAME: Final = "manifeste.json"
SEALED_SUFFIX: Final = ".cms"
MAX_NOTE: Final = 256 * 1024
MAX_FILES: Final = 4000

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,80}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FIELDS: Final = (*("incident", "exercise", "insurer", "number", "basis", "made", "recipient"),)


class PackageRefused(ValueError):
    """A package is not what its sender made, or not for this receiver."""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One file of a package, sealed: its name, length and SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageNote:
    """What a note says.

    Args:
        insurer: Its AMC number.
        made: The instant it was made, ISO 8601 in UTC.
        recipient: SHA-256 of the certificate it is sealed for, in hexadecimal.
        files: In the order of the archive.
    """

    incident: int
    exercise: bool
    insurer: str
    number: int
    basis: int
    made: str
    recipient: str
    files: tuple[SealedFile, ...]


def sign_package(note: PackageNote, signer: NoteSigner) -> str:
    """Return the signed note of a package."""
    return signer.sign(format_text(note))


def format_text(note: PackageNote) -> str:
    """Return the text that is signed."""
    lines = [
        HEADER,
        f"incident {note.incident}",
        f"exercise {'yes' if note.exercise else 'no'}",
        f"insurer {note.insurer}",
        f"number {note.number}",
        f"basis {note.basis}",
        f"made {note.made}",
        f"recipient {note.recipient}",
        *(f"file {one.name} {one.size} {one.sha256}" for one in note.files),
    ]
    return "".join(f"{line}\n" for line in lines)


def read_package(message: str, keys: list[NoteVerifier]) -> PackageNote:
    """Read a note that one of the keys signed.

    Args:
        message: The note.
        keys: The host's keys that the receiver trusts, received from elsewhere.

    Raises:
        PackageRefused: none of the keys signed it, or it is not written as `format_text` does.
    """
    if len(message) > MAX_NOTE:
        raise PackageRefused(f"the note is longer than {MAX_NOTE} characters")
    try:
        note = parse_note(message)
    except NoteRefused as refusal:
        raise PackageRefused(f"the note is damaged: {refusal}") from refusal
    if not any(_signed(key, message) for key in keys):
        raise PackageRefused(
            "none of the host's keys that you trust signed this package: do not use it, and call "
            "the host on a number you knew before"
        )
    return parse_text(note.text)


def parse_text(text: str) -> PackageNote:
    """Read the text of a note; its signature is the caller's to judge.

    Raises:
        PackageRefused: it is not written as `format_text` does.
    """
    lines = text.splitlines()
    head, files = lines[1 : 1 + len(_FIELDS)], lines[1 + len(_FIELDS) :]
    values = dict(line.split(" ", 1) for line in head if " " in line)
    if lines[:1] != [HEADER] or tuple(values) != _FIELDS or len(files) > MAX_FILES:
        raise PackageRefused(f"the note is not of {HEADER}: use a later version of this programme")
    try:
        note = PackageNote(
            incident=int(values["incident"]),
            exercise=values["exercise"] == "yes",
            insurer=values["insurer"],
            number=int(values["number"]),
            basis=int(values["basis"]),
            made=values["made"],
            recipient=values["recipient"],
            files=tuple(map(_parse_file, files)),
        )
    except ValueError as failure:
        raise PackageRefused("a line of the note is not written as it must be") from failure
    if format_text(note) != text:
        raise PackageRefused("the note is not written as it must be")
    return note


def _signed(key: NoteVerifier, message: str) -> bool:
    try:
        key.verify(parse_note(message))
    except NoteRefused:
        return False
    return True


def _parse_file(line: str) -> SealedFile:
    kind, name, length, digest = line.split(" ")
    if kind != "file" or not _NAME.fullmatch(name) or not _DIGEST.fullmatch(digest):
        raise ValueError("a line of files")
    return SealedFile(name, int(length), digest)
