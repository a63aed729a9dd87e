"""The signatures under a checkpoint: the log's own, by the key of that size, and the witnesses'.

Refuses to let anything in a kept note change unseen: ours alone signed it, in one line.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from rempart.disclosure.audit_source import CheckpointRow, CosignatureRow, LogState
from rempart.disclosure.checkpoint import Checkpoint, parse_checkpoint
from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.log_keys import KeyPeriod, LogKeys
from rempart.disclosure.note import (
    Note,
    NoteRefused,
    NoteVerifier,
    Signature,
    format_signature,
    parse_note,
)

# A time in seconds, eight bytes, and an Ed25519 signature.
_COSIGNATURE_SIZE: Final = 72


class CheckpointKeys:
    """What verifies the notes of one log.

    Attributes:
        fault: What is wrong with the log's name or keys; empty when nothing is.
    """

    def __init__(self, state: LogState, witnesses: Mapping[str, CosignatureVerifier]) -> None:
        self.fault = ""
        self._origin = state.origin
        self._witnesses = witnesses
        self._keys: LogKeys | None = None
        self._only: NoteVerifier | None = None
        try:
            periods = [KeyPeriod(row.from_size, row.vkey) for row in state.keys]
            self._keys = LogKeys(state.origin, state.vkey, periods)
        except NoteRefused:
            self._take_first(state)

    def _take_first(self, state: LogState) -> None:
        """Without a succession that can be believed, the first key verifies what it can."""
        try:
            self._only = NoteVerifier.parse(state.vkey)
        except NoteRefused:
            self.fault = "the key is malformed: no checkpoint can be verified"
            return
        if self._only.name != state.origin:
            self.fault = "the key's name is not the log's origin"

    @property
    def are_usable(self) -> bool:
        """Whether any note can be verified."""
        return self._keys is not None or self._only is not None

    def verify(self, row: CheckpointRow) -> Checkpoint:
        """Return the checkpoint a kept note signs.

        Raises:
            NoteRefused: the key of that size did not sign it, or something stands beside it.
        """
        verifier = self._keys.find_verifier(row.size) if self._keys else self._only
        if verifier is None:
            raise NoteRefused("no key verifies this log")
        note = parse_note(row.note)
        verifier.verify(note)
        checkpoint = parse_checkpoint(note.text)
        if len(note.signatures) != 1 or checkpoint.origin != self._origin:
            raise NoteRefused("a kept note is of its own log and has one signature")
        return checkpoint

    def check_cosignature(
        self, note: str, row: CosignatureRow
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield what is wrong with a witness's line under a note: columns and message.

        The signature is verified when the witness's key is known; its shape always.
        """
        try:
            text, line = self._parse_line(note, row.line)
        except NoteRefused:
            yield ("line",), f"the line of {row.witness} is malformed"
            return
        if line.name != row.witness:
            yield ("witness",), "the line is another witness's"
        if int.from_bytes(line.signature[:8]) * 1000 != row.t_ms:
            yield ("t_ms",), f"{row.witness} states another time"
        verifier = self._witnesses.get(line.name)
        if verifier is None:
            return
        try:
            verifier.verify(Note(text, (line,)))
        except NoteRefused:
            yield ("line",), f"{row.witness} did not sign it"

    def _parse_line(self, note: str, kept: str) -> tuple[str, Signature]:
        parsed = parse_note(note.partition("\n\n")[0] + "\n\n" + kept)
        [line] = parsed.signatures if len(parsed.signatures) == 1 else [None]
        if line is None or format_signature(line) != kept:
            raise NoteRefused("a cosignature is one line")
        if len(line.signature) != _COSIGNATURE_SIZE:
            raise NoteRefused("a cosignature is a time and an Ed25519 signature")
        return parsed.text, line
