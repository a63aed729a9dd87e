"""The keys of one log, in the order they signed: which one signs a checkpoint of a given size.

Refuses a succession that cannot be: keys of another name, or that do not follow each other.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rempart.disclosure.note import NoteRefused, NoteVerifier


class KeyPeriod(NamedTuple):
    """A later key of a log.

    Attributes:
        from_size: It signs the sizes above this one.
        vkey: The key.
    """

    from_size: int
    vkey: str


class LogKeys:
    """The first key of a log and those that came after it."""

    def __init__(self, origin: str, first_vkey: str, later: Sequence[KeyPeriod] = ()) -> None:
        """Take a log's keys up.

        Args:
            origin: The log's name, which each of its keys has.
            first_vkey: The key the log was begun with.
            later: The others, in the order of their `from_size`.

        Raises:
            NoteRefused: A key is malformed, has another name, or does not follow the one before.
        """
        self._periods = (KeyPeriod(0, first_vkey), *later)
        self._verifiers = [NoteVerifier.parse(period.vkey) for period in self._periods]
        if any(verifier.name != origin for verifier in self._verifiers):
            raise NoteRefused("a key's name is not the log's origin")
        sizes = [period.from_size for period in later]
        if sizes != sorted(set(sizes)) or any(size < 0 for size in sizes):
            raise NoteRefused("the log's keys do not follow each other")

    @property
    def current(self) -> KeyPeriod:
        """The key that signs now."""
        return self._periods[-1]

    def find_verifier(self, size: int) -> NoteVerifier:
        """Return the key that signs a checkpoint of `size` entries."""
        found = self._verifiers[0]
        for period, verifier in zip(self._periods, self._verifiers, strict=True):
            if size > period.from_size:
                found = verifier
        return found
