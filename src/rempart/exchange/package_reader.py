"""Opens packages without a server: who signed, what is inside, one list out of several packages.

Checks before it opens: the signature first, then every file's digest, then the key. Refuses to
write anything of a package that any of these refuses, and to join packages that do not follow each
other.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from rempart.disclosure.note import NoteVerifier
from rempart.exchange.package_archive import read_archive
from rempart.exchange.package_note import (
    CERTIFICATE_NAME,
    MANIFEST_NAME,
    MAX_NOTE,
    NOTE_NAME,
    SEALED_SUFFIX,
    PackageNote,
    PackageRefused,
    SealedFile,
    read_package,
)
from rempart.exchange.package_rows import COLUMNS, StateDigest, read_list
from rempart.exchange.package_sealing import MAX_CERTIFICATE_BYTES, Opener, SealRefused

_REMOVED: Final = "removed"
# Of a document that is no JSON, or JSON of another shape.
_BAD_MANIFEST: Final = (KeyError, ValueError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPackage:
    """A package whose signature and digests are right, opened.

    Args:
        note: What was signed.
        manifest: What the package says.
        lists: The CSV files, in order.
        others: The other files, by name.
    """

    note: PackageNote
    manifest: dict[str, Any]
    lists: tuple[bytes, ...] = field(repr=False)
    others: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The insurer's key file and what opens it, if anything does."""

    content: bytes = field(repr=False)
    unlock: bytes | None = field(default=None, repr=False)


def open_package(
    stream: BinaryIO, keys: list[NoteVerifier], private_key: PrivateKey
) -> OpenedPackage:
    """Verify and open one package.

    Args:
        stream: The archive.
        keys: The host's keys that are trusted.
        private_key: The insurer's.

    Raises:
        PackageRefused: it is not a package, nobody trusted signed it, or a file was changed, added
            or taken away.
        SealRefused: it is not sealed for this key.
    """
    files = read_archive(stream)
    note = _read_note(files, keys)
    certificate = _read_certificate(files, note)
    opener = Opener(certificate, private_key.content, private_key.unlock)
    opened = dict(_open_files(files, note, opener))
    prefix = "EXERCICE-" if note.exercise else ""
    try:
        manifest = json.loads(opened.pop(prefix + MANIFEST_NAME))
        _check_plain(manifest, opened, note)
    except _BAD_MANIFEST as failure:
        if isinstance(failure, PackageRefused):
            raise
        raise PackageRefused("the package has no manifest that can be read") from failure
    lists = tuple(content for name, content in opened.items() if name.endswith(".csv"))
    others = {name: content for name, content in opened.items() if not name.endswith(".csv")}
    return OpenedPackage(note=note, manifest=manifest, lists=lists, others=others)


class JoinedList:
    """The list that packages in a row lead to: a whole one, then each one's changes."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, str]] = {}
        self._number = 0

    def take(self, package: OpenedPackage) -> None:
        """Take in a package: the first one is a whole list, each next one follows.

        Raises:
            PackageRefused: it does not follow, or does not lead to the list its sender has.
        """
        note = package.note
        if note.basis == 0:
            self._rows = {}
        elif note.basis != self._number:
            raise PackageRefused(
                f"package {note.number} tells what changed since package {note.basis}: give that "
                "one too, before it"
            )
        for row in _read_rows(package.lists):
            if row["change"] == _REMOVED:
                self._rows.pop(row["reference"], None)
            else:
                self._rows[row["reference"]] = row
        self._number = note.number
        if self._digest() != package.manifest.get("state_sha256"):
            raise PackageRefused(
                f"the list that package {note.number} leads to is not its sender's: ask for a "
                "whole list"
            )

    def rows(self) -> Iterator[dict[str, str]]:
        """Yield the persons on the list now, by reference."""
        for reference in sorted(self._rows):
            yield self._rows[reference]

    def __len__(self) -> int:
        """Return how many persons are on the list."""
        return len(self._rows)

    def _digest(self) -> str:
        state = StateDigest()
        for row in self.rows():
            state.add(row["reference"], row["tier"], row["fields_shown"], row["fields_lost"])
        return state.hexdigest()


def write_joined(joined: JoinedList, path: Path) -> None:
    """Write the list that packages lead to, for its owner's eyes, as each package's lists are."""
    text = io.StringIO()
    text.write(";".join(COLUMNS) + "\r\n")
    writer = csv.DictWriter(text, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writerows(joined.rows())
    path.touch(mode=0o600)
    path.write_bytes(("\ufeff" + text.getvalue()).encode())


def _read_note(files: Iterator[tuple[str, bytes]], keys: list[NoteVerifier]) -> PackageNote:
    name, content = next(files, ("", b""))
    if name != NOTE_NAME or len(content) > MAX_NOTE:
        raise PackageRefused("this is not a package: it does not begin with its note")
    try:
        return read_package(content.decode(), keys)
    except UnicodeDecodeError as failure:
        raise PackageRefused("the note is damaged: it is no text") from failure


def _read_certificate(files: Iterator[tuple[str, bytes]], note: PackageNote) -> bytes:
    name, content = next(files, ("", b""))
    if name != CERTIFICATE_NAME or len(content) > MAX_CERTIFICATE_BYTES:
        raise PackageRefused("the package does not say which certificate it is sealed for")
    try:
        der = x509.load_pem_x509_certificate(content).public_bytes(Encoding.DER)
    except (ValueError, x509.InvalidVersion) as failure:
        raise PackageRefused("the certificate in the package cannot be read") from failure
    if hashlib.sha256(der).hexdigest() != note.recipient:
        raise PackageRefused("the certificate in the package is not the one its sender signed")
    return der


def _open_files(
    files: Iterator[tuple[str, bytes]], note: PackageNote, opener: Opener
) -> Iterator[tuple[str, bytes]]:
    expected = iter(note.files)
    for name, sealed in files:
        signed = next(expected, None)
        if signed is None or not _is_same(signed, name, sealed):
            raise PackageRefused(
                f"the file {name if signed is None else signed.name} was changed, moved or added: "
                "download the package again"
            )
        try:
            yield name.removesuffix(SEALED_SUFFIX), opener.open(sealed)
        except SealRefused as refusal:
            raise SealRefused(f"{name}: {refusal}") from refusal
    left = next(expected, None)
    if left is not None:
        raise PackageRefused(f"the file {left.name} is missing: download the package again")


def _is_same(signed: SealedFile, name: str, sealed: bytes) -> bool:
    return (signed.name, signed.size, signed.sha256) == (
        name,
        len(sealed),
        hashlib.sha256(sealed).hexdigest(),
    )


def _check_plain(manifest: dict[str, Any], opened: dict[str, bytes], note: PackageNote) -> None:
    said = {one["name"]: one["sha256"] for one in manifest.get("files", ())}
    found = {name: hashlib.sha256(content).hexdigest() for name, content in opened.items()}
    package = manifest.get("package", {})
    if said != found or package.get("number") != note.number:
        raise PackageRefused("the manifest does not describe the files beside it")


def _read_rows(lists: Iterable[bytes]) -> Iterator[dict[str, str]]:
    for content in lists:
        try:
            yield from read_list(content)
        except ValueError as failure:
            raise PackageRefused(f"a list cannot be read: {failure}") from failure
