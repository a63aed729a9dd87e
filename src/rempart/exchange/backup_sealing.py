"""Seals backups as age does: `age -d` opens them, and nothing of ours is needed.

A backup is sealed for recipients, whose secret keys belong on no machine of the product: whoever
takes the store or the machine opens no backup. Proves nothing of who sealed: a signed manifest
does.

Source: age, version 1 (S60), by way of pyrage (S116).
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import pyrage
from pyrage import x25519

from rempart.kernel.errors import InconsistentRecord, SetupError

_KEYS_BEGIN: Final = "AGE-SECRET-KEY-1"


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; none at the end."""


class Writable(Protocol):
    """What bytes are written to."""

    def write(self, content: bytes, /) -> Any:
        """Take some bytes."""


class BackupKey(NamedTuple):
    """A pair that was just drawn.

    Attributes:
        secret: `AGE-SECRET-KEY-1…`: opens backups. For one file, somewhere else.
        recipient: `age1…`: what backups are sealed for.
    """

    secret: str
    recipient: str

    def __repr__(self) -> str:
        return f"BackupKey({self.recipient})"


class Identities:
    """Secret keys that open backups. Prints nothing of them."""

    def __init__(self, keys: Sequence[Any]) -> None:
        self.keys = list(keys)

    @classmethod
    def parse(cls, text: str) -> "Identities":
        """Read a file of secret keys: one to a line, `#` begins a remark.

        Raises:
            SetupError: there is none, or a line is not one; the message repeats none of it.
        """
        keys = []
        for number, line in _list_lines(text):
            try:
                keys.append(x25519.Identity.from_str(line))
            except pyrage.IdentityError:
                raise SetupError(
                    f"line {number} of the key file is not a key ({_KEYS_BEGIN}…): "
                    "give the file that `rempart backup key` wrote, opened"
                ) from None
        if not keys:
            raise SetupError(f"the key file holds no key: it has a line {_KEYS_BEGIN}…")
        return cls(keys)

    @property
    def recipients(self) -> tuple[str, ...]:
        """What is sealed for one of these opens with it."""
        return tuple(str(key.to_public()) for key in self.keys)

    def __repr__(self) -> str:
        return f"Identities({', '.join(self.recipients)})"


def draw_backup_key() -> BackupKey:
    """Draw a pair."""
    identity = x25519.Identity.generate()
    return BackupKey(secret=str(identity), recipient=str(identity.to_public()))


def parse_recipients(text: str) -> tuple[str, ...]:
    """Read a file of recipients, one to a line; none gives an empty tuple.

    Raises:
        SetupError: a line is not one; a secret key there is named as such and never repeated.
    """
    found = []
    for number, line in _list_lines(text):
        if line.upper().startswith(_KEYS_BEGIN):
            raise SetupError(
                f"line {number} of the recipients is a secret key: it opens every backup. Take it "
                "away from this machine, and write its public half (age1…)"
            )
        try:
            found.append(str(x25519.Recipient.from_str(line)))
        except pyrage.RecipientError:
            raise SetupError(
                f"line {number} of the recipients is not one (age1…), or has a wrong letter"
            ) from None
    return tuple(found)


def seal_stream(reader: Readable, writer: Writable, recipients: Sequence[str]) -> None:
    """Read a content to its end and write it sealed.

    Raises:
        SetupError: there is no recipient.
        OSError: the reader or the writer failed: what was written is no sealed file.
    """
    if not recipients:
        raise SetupError("a backup is sealed for somebody: run `rempart backup key`")
    keys = [x25519.Recipient.from_str(one) for one in recipients]
    kept = _Kept(reader, writer)
    try:
        pyrage.encrypt_io(kept, kept, keys)
    except (pyrage.EncryptError, OSError) as failure:
        raise kept.failure or OSError(str(failure)) from failure


def open_stream(reader: Readable, writer: Writable, identities: Identities) -> None:
    """Read a sealed file to its end and write what it holds.

    Raises:
        InconsistentRecord: no key opens it, or it was changed, cut short or goes on after its end.
            What was written before is authentic, and not all there was: throw it away.
        OSError: the reader or the writer failed.
    """
    kept = _Kept(reader, writer)
    try:
        pyrage.decrypt_io(kept, kept, identities.keys)
    except (pyrage.DecryptError, OSError) as failure:
        if kept.failure is not None:
            raise kept.failure from failure
        if "No matching keys" in str(failure):
            raise InconsistentRecord(
                "no key of the key file opens this: it was sealed for another recipient"
            ) from None
        raise InconsistentRecord("a sealed file was changed, or cut short") from None


class _Kept:
    """A reader and a writer whose own failure is told as itself, not as the library's."""

    def __init__(self, reader: Readable, writer: Writable) -> None:
        self._reader = reader
        self._writer = writer
        self.failure: OSError | None = None

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._reader.read(size)
        except OSError as failure:
            self.failure = failure
            raise

    def write(self, content: bytes, /) -> int:
        try:
            self._writer.write(content)
        except OSError as failure:
            self.failure = failure
            raise
        return len(content)

    def flush(self) -> None:
        """Do nothing: whoever owns the writer flushes it."""


def _list_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that say something, with their numbers."""
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return [(number, line) for number, line in lines if line and not line.startswith("#")]
