"""A packed log many times as long takes no more memory: what is read is let go."""

import zlib
from pathlib import Path

import pyarrow as pa
from tests.foreign_samples import line, portal

from rempart.exchange import foreign_parts
from rempart.exchange.foreign_facts import Source

LINES = 20_000
TIMES = 6


def write_log(path: Path, times: int) -> Path:
    """Write a log of so many times `LINES` lines, packed as it is made."""
    packer = zlib.compressobj(wbits=31)
    with path.open("wb") as file:
        for second in range(times):
            when = f"29/Jan/2024:10:00:{second:02d} +0100"
            lines = [line(f"/adherents/c{n}-{second}", when=when) for n in range(LINES)]
            file.write(packer.compress(("\n".join(lines) + "\n").encode()))
        file.write(packer.flush())
    return path


def measure(folder: Path, times: int) -> int:
    """Read a log; return how much of Arrow's memory, which holds facts, was in use at most."""
    most = [0]

    def look(_bytes: int, _lines: int) -> None:
        most[0] = max(most[0], pa.total_allocated_bytes() - before)

    folder.mkdir()
    log = write_log(folder / "access.log.gz", times)
    before = pa.total_allocated_bytes()
    known = Source(index=0, path=str(log), stream="log", size_bytes=0, mtime_ns=0)
    source = foreign_parts.read_part(log, portal(), known, folder, look)
    assert source.facts == times * LINES
    return most[0]


def test_a_log_many_times_as_long_takes_no_more_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign_parts, "_GROUP_ROWS", 1 << 13)
    short = measure(tmp_path / "short", 1)
    assert measure(tmp_path / "long", TIMES) < 1.3 * short


def test_mutation_facts_that_are_kept_take_as_much_as_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign_parts, "_GROUP_ROWS", 1 << 30)
    short = measure(tmp_path / "short", 1)
    assert measure(tmp_path / "long", TIMES) > 2 * short
