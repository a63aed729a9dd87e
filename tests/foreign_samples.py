"""Foreign logs made for tests: lines, mappings, and where they are read into."""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rempart.exchange.foreign_facts import SourcesRead
from rempart.exchange.foreign_mapping import LogMapping, parse_mapping
from rempart.workflows.scope.read_foreign_logs import read_sources

DATA = Path(__file__).parent / "data" / "foreign"
MAPPINGS = Path(__file__).parents[1] / "examples" / "mappings"

PORTAL = """
name = "Portail"
format = "combined"

[clean]
person = ["compact"]

[[ignore]]
path = "**.css"

[[views]]
name = "fiche"
path = "/adherents/{person}"
shows = ["family_name", "nir"]

[[views]]
name = "famille"
path = "/adherents/{person}/famille"
shows = ["family_name"]
family = true

[[views]]
name = "droits"
path = "/droits"
person = { query = "nir" }
shows = ["rights_status", "contract_number"]
typed = ["nir", "birth_date"]

[[views]]
name = "recherche"
path = "/recherche"
shows = ["family_name", "birth_date"]
typed = ["family_name"]
query_only = true
"""


def portal(extra: str = "") -> LogMapping:
    """The mapping of a small portal, with more at its top."""
    return parse_mapping(extra + PORTAL)


def line(
    target: str = "/adherents/c1",
    *,
    when: str = "29/Jan/2024:10:00:00 +0100",
    user: str = "ps1",
    address: str = "192.0.2.1",
    status: int = 200,
    agent: str = "Mozilla/5.0",
) -> str:
    """A line of a combined log."""
    return f'{address} - {user} [{when}] "GET {target} HTTP/1.1" {status} 512 "-" "{agent}"'


def at(hour: int, minute: int = 0, *, day: int = 29, second: int = 0) -> str:
    """An instant of January 2024 as web logs write it."""
    return f"{day:02d}/Jan/2024:{hour:02d}:{minute:02d}:{second:02d} +0000"


def write(path: Path, lines: Iterable[str | bytes]) -> Path:
    """Write lines to a file, packed when its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"".join((one.encode() if isinstance(one, str) else one) + b"\n" for one in lines)
    return write_bytes(path, data)


def write_bytes(path: Path, data: bytes) -> Path:
    """Write bytes to a file, packed when its name says so."""
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    elif path.suffix == ".zst":
        data = pa.compress(data, "zstd", asbytes=True)
    path.write_bytes(data)
    return path


def read(
    paths: Sequence[Path | str] | Path, work: Path, mapping: LogMapping | None = None
) -> SourcesRead:
    """Read logs into a work folder."""
    given = [paths] if isinstance(paths, Path) else paths
    return read_sources(given, mapping or portal(), work)


def facts(done: SourcesRead) -> list[dict]:
    """The facts, by source and line."""
    rows = pq.read_table(str(Path(done.folder) / "facts")).to_pylist()
    return sorted(rows, key=lambda row: (row["source"], row["line"], row["person"] or ""))


def check_sums(done: SourcesRead) -> None:
    """Check that every line of every source went somewhere, and that facts are what is told."""
    rows = facts(done)
    for one in done.sources:
        assert one.lines == one.parsed + one.unparsed + one.duplicates
        assert one.unparsed == sum(one.reasons.values())
        assert 0 <= one.ignored <= one.parsed
        own = [row for row in rows if row["source"] == one.index]
        assert len(own) == one.facts
        assert len({row["line"] for row in own}) + one.ignored == one.parsed
        assert sum(row["view"] == "" for row in own) == one.unknown_views
        assert sum(row["account"] == "" for row in own) == one.without_account
