"""What a running, dying or dead PostgreSQL server leaves to see from outside.

Looks at the pid file, the processes and the log of one data directory. Starts nothing.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_PROCESSES = Path("/proc")
_STATUS_LINE = 7
_LAST_LINES = 6
_TAIL_BYTES = 16_384


def find_postmaster(data: Path) -> int | None:
    """Return the process that serves `data`, or None.

    The pid file alone proves nothing: after a crash its number may belong to another program, or to
    a dead process that its parent has not collected. A server works in its data directory, so that
    is what is compared.
    """
    lines = _read_pid_file(data)
    if not lines or not lines[0].isdecimal():
        return None
    pid = int(lines[0])
    if (_PROCESSES / "self").exists():
        return pid if _works_in(pid, data) else None
    listing = subprocess.run(
        ["/bin/ps", "-p", str(pid), "-o", "state=,command="],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return pid if "postgres" in listing and not listing.startswith("Z") else None


def is_ready(data: Path) -> bool:
    """Say whether the server of `data` accepts connections."""
    return _read_pid_file(data)[_STATUS_LINE : _STATUS_LINE + 1] == ["ready"]


def remove_stale_locks(data: Path, sockets: Path | None) -> None:
    """Remove the pid file and the socket's lock when their process is not a server of `data`.

    The server refuses to start while any process of its user has that number, be it another program
    or one that died and was not collected. Removing is safe: the server also looks for the
    directory's shared memory, which its living processes still hold.
    """
    if find_postmaster(data) is not None:
        return
    (data / "postmaster.pid").unlink(missing_ok=True)
    for leftover in sockets.glob(".s.PGSQL.*") if sockets else ():
        leftover.unlink(missing_ok=True)


def dismiss_orphans(data: Path) -> None:
    """Tell the children of a killed server to leave, as it would have done itself after a crash.

    A busy one does not notice by itself before its statement ends, and holds the shared memory
    until then. What it was doing was never committed.
    """
    for pid in _list_postgres_in(data):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGQUIT)


def mark_log(log: Path) -> dict[Path, int]:
    """Return where each log file ends now, for `read_log_after`."""
    return {file: file.stat().st_size for file in log.glob("*.log")}


def read_log_after(log: Path, mark: dict[Path, int]) -> str:
    """Return what was written to the log files after a mark (its end, if that is long)."""
    texts = []
    for file in sorted(log.glob("*.log"), key=lambda file: file.stat().st_mtime):
        with file.open("rb") as stream:
            stream.seek(max(mark.get(file, 0), file.stat().st_size - _TAIL_BYTES))
            texts.append(stream.read().decode(errors="replace"))
    return "".join(texts)


def read_failure(log: Path, mark: dict[Path, int]) -> str:
    """Return why a server ended; its logger may write the reason a moment after its end."""
    for _ in range(20):
        text = read_log_after(log, mark)
        if re.search(r"\b(FATAL|PANIC):", text):
            break
        time.sleep(0.05)
    return text


def quote_end(text: str) -> str:
    """Return the last lines of a log on one line, without their stamps."""
    lines = [re.sub(r"^.*?\b(?=[A-Z]{3,}:)", "", line) for line in text.strip().splitlines()]
    return " / ".join(line.strip() for line in lines[-_LAST_LINES:]) or "(it is empty)"


def _works_in(pid: int, directory: Path) -> bool:
    try:
        return (_PROCESSES / str(pid) / "cwd").samefile(directory)
    except OSError:
        return False


def _list_postgres_in(data: Path) -> Iterator[int]:
    for entry in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").samefile(data) and (entry / "comm").read_text() == "postgres\n":
                yield int(entry.name)


def _read_pid_file(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []
