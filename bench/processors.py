"""How much processor time processes have used, from /proc; zero where there is no /proc."""

import os
from collections.abc import Callable
from pathlib import Path


def read_group_seconds(group: int) -> float:
    """Return the seconds used so far by the living processes of a process group."""
    return _read_seconds(lambda _, own_group: own_group == group)


def read_named_seconds(words: str) -> float:
    """Return the seconds used so far by the living processes whose title holds `words`."""
    return _read_seconds(lambda title, _: words in title)


def _read_seconds(wanted: Callable[[str, int], bool]) -> float:
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1")
            fields = (process / "stat").read_text("latin-1").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        # After the name: state, parent, group, ... and in 11th and 12th place user and system time.
        if wanted(title, int(fields[2])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def read_group_memory(group: int) -> float:
    """Return the most memory, in megabytes, that a living process of a group ever held."""
    most = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            own_group = int((process / "stat").read_text("latin-1").rpartition(")")[2].split()[2])
            status = (process / "status").read_text("latin-1")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if own_group == group and "VmHWM:" in status:
            most = max(most, int(status.partition("VmHWM:")[2].split()[0]))
    return most / 1024
