"""Findings as JSON lines, to a file or to standard output, and a cursor kept in a file beside.

Refuses to leave half a line: what a kill cut short is taken away before the next one is written.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from rempart.exchange.alert_delivery import DeliveryFailed
from rempart.exchange.alert_ocsf import Finding
from rempart.kernel.errors import SetupError

_STEP: Final = 65_536


class LineWriter:
    """Writes findings to an open stream.

    Args:
        stream: Of bytes.
    """

    name = "standard output"

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def send(self, findings: Sequence[Finding]) -> None:
        """Write findings, one a line.

        Raises:
            DeliveryFailed: nobody reads any more.
        """
        try:
            self._stream.writelines(finding.body + b"\n" for finding in findings)
            self._stream.flush()
        except OSError as failure:
            raise DeliveryFailed(f"{self.name} takes no alert ({failure.strerror})") from failure


class FileWriter:
    """Appends findings to a file, for its owner and group to read.

    Args:
        path: The file; made when missing.

    Raises:
        SetupError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"file {path}"
        self._path = path
        try:
            cut_torn_line(path)
        except OSError as failure:
            raise SetupError(
                f"{path} cannot be written ({failure.strerror}): give another --out"
            ) from failure

    def send(self, findings: Sequence[Finding]) -> None:
        """Append findings, one a line, and wait until the disk has them.

        Raises:
            DeliveryFailed: the disk is full, or the file cannot be opened any more.
        """
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
            with os.fdopen(handle, "ab") as file:
                file.writelines(finding.body + b"\n" for finding in findings)
                file.flush()
                os.fsync(file.fileno())
        except OSError as failure:
            raise DeliveryFailed(
                f"{self._path} takes no alert ({failure.strerror}): make room"
            ) from failure


def cut_torn_line(path: Path) -> None:
    """Take away what follows the last line end of a file.

    Raises:
        OSError: the file cannot be read or written.
    """
    if not path.exists():
        return
    with path.open("r+b") as file:
        size = keep = file.seek(0, os.SEEK_END)
        while keep:
            start = max(0, keep - _STEP)
            file.seek(start)
            end = file.read(keep - start).rfind(b"\n")
            if end >= 0:
                keep = start + end + 1
                break
            keep = start
        if keep < size:
            file.truncate(keep)
