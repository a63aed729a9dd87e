"""Runs pg_dump and pg_restore on a stream: nothing of a base is ever in clear on a disk.

Tells their failures without their words for values: what they print may quote a row.
"""

import os
import re
import subprocess
import threading
from collections.abc import Callable
from typing import IO, Final

from rempart.kernel.errors import SetupError, Unavailable
from rempart.storage.connect import Database

_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'|=\([^)]*\)")
_MOST_LETTERS: Final = 300


def dump_database(
    database: Database, program: str, snapshot: str, take: Callable[[IO[bytes]], None]
) -> None:
    """Run pg_dump in a snapshot and give its output to `take`, which reads it to its end.

    Args:
        database: The base.
        program: The path of pg_dump, of the server's version or a later one.
        snapshot: What it shows: see `backup_facts`.
        take: Called once with the stream.

    Raises:
        Unavailable: pg_dump failed; what was taken is no dump.
    """
    command = [program, "--format=custom", "--compress=1", f"--snapshot={snapshot}"]
    command += ["--no-password", "-d", database.dsn_without_password("owner")]
    with _start(command, database, stdout=subprocess.PIPE) as process:
        errors = _Errors(process)
        if process.stdout is None:
            raise RuntimeError("pg_dump has no output")
        try:
            take(process.stdout)
        except BaseException:
            process.kill()
            raise
        process.stdout.close()
    if process.returncode:
        raise Unavailable(f"pg_dump ended with {process.returncode}: {errors.tell()}")


def restore_database(database: Database, program: str, give: Callable[[IO[bytes]], None]) -> None:
    """Run pg_restore on an empty base; `give` writes the dump to it.

    Raises:
        Unavailable: pg_restore failed; the base is to be thrown away.
        What `give` raises, if the dump ends before its end.
    """
    command = [program, "--exit-on-error", "--no-owner", "--no-password"]
    command += ["-d", database.dsn_without_password("owner")]
    failure: Exception | None = None
    with _start(command, database, stdin=subprocess.PIPE) as process:
        errors = _Errors(process)
        if process.stdin is None:
            raise RuntimeError("pg_restore has no input")
        try:
            give(process.stdin)
            process.stdin.close()
        except BrokenPipeError as broken:  # it ended first: its own words say why
            failure = broken
        except BaseException:
            process.kill()
            raise
    if process.returncode or failure is not None:
        raise Unavailable(
            f"pg_restore ended with {process.returncode}: {errors.tell()}"
        ) from failure


def _start(
    command: list[str], database: Database, *, stdin: int | None = None, stdout: int | None = None
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=stdout if stdout is not None else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PGPASSWORD": database.passwords["owner"], "LC_ALL": "C"},
        )
    except OSError as failure:
        raise SetupError(f"{command[0]} cannot be run: install postgresql-client") from failure


class _Errors:
    """What a program prints of its failures, read while it works so that it never waits for us."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._stream = process.stderr
        self._first = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream or ():
            if not self._first and b"error:" in line.lower():
                self._first = line

    def tell(self) -> str:
        """Return the first line that names an error, without what it quotes."""
        self._thread.join()
        words = self._first.decode(errors="replace").strip() or "it said nothing"
        return _QUOTED.sub("…", words)[:_MOST_LETTERS]
