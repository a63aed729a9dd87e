"""What any portal's log is turned into: one row per person shown (or line), in Parquet.

A work folder holds `facts/*.parquet` (the schema `FACTS`) and `sources.json` (`SourcesRead`): what
was read, what was not, and where something is missing. Refuses to hide a line: whatever is not a
fact is counted, and said to be ignored, unparsed or there twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from rempart.exchange.answer_files import open_answer
from rempart.kernel.errors import RempartError

SHOWN: Final = "shown"
NOBODY: Final = "nobody"
REFUSED: Final = "refused"
ERROR: Final = "error"
UNKNOWN: Final = "unknown"

# The first bit that a mapping may give to a field of its own, and the last.
OWN_FIRST_BIT: Final = 40
OWN_LAST_BIT: Final = 62

_COLUMNS: Final[Any] = (
    pa.field("source", pa.int32(), nullable=False),
    pa.field("line", pa.int64(), nullable=False),
    pa.field("t_ms", pa.int64(), nullable=False),
    pa.field("session", pa.string()),
    pa.field("account", pa.string(), nullable=False),
    pa.field("address", pa.string()),
    pa.field("agent", pa.string()),
    pa.field("view", pa.string(), nullable=False),
    pa.field("outcome", pa.string(), nullable=False),
    pa.field("person", pa.string()),
    pa.field("insurer", pa.string()),
    pa.field("presence", pa.bool_(), nullable=False),
    pa.field("shown", pa.int64(), nullable=False),
    pa.field("typed", pa.int64(), nullable=False),
    pa.field("family", pa.bool_(), nullable=False),
    pa.field("query_only", pa.bool_(), nullable=False),
    pa.field("digest", pa.int64(), nullable=False),
)
FACTS: Final[Any] = pa.schema(_COLUMNS)
"""Columns of the facts.

`view` is empty for a screen the mapping does not know. `session` is null where the log has none:
then a session is what one account does from one address without a pause longer than
`SourcesRead.session_gap_minutes`. `digest` is of the line, to know it again in another source.
"""

SOURCES_NAME: Final = "sources.json"
FACTS_FOLDER: Final = "facts"
HOUR_MS: Final = 3_600_000


class LogsRefused(RempartError):
    """Foreign logs, or the mapping that says how to read them, cannot be used; nothing was read."""

    code = "logs_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One line that could not be read: where it is, why, and its beginning, fit for a terminal."""

    line: int
    reason: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file that was read, and what became of each of its lines.

    Args:
        index: Its number in the facts.
        path: Where it was.
        stream: The log it is a piece of: rotated files have the same.
        size_bytes: Of the file as it is, packed or not.
        mtime_ns: When it was last written.
        sha256: Of its content, unpacked.
        zone: In which times without a zone are read.
        offset_ms: What was added to its times.
        lines: How many; records, for formats without lines.
        parsed: Those understood, ignored ones included.
        ignored: Blank ones, headers, and those the mapping says say nothing of anybody.
        unparsed: Those not understood.
        duplicates: Those that another source has too.
        facts: Rows written.
        unknown_views: Rows of screens the mapping does not know.
        without_account: Rows that name no account.
        first_ms: The earliest instant read; None without any.
        last_ms: The latest.
        hours: Lines by hour (whole hours since 1970, UTC), only those with an instant.
        unparsed_hours: Unparsed lines by the hour of the last line understood before them.
        reasons: Unparsed lines by reason.
        samples: Some of them.
        broken: Why the end of the file could not be read; empty when it was.
        same_as: The source with the very same content, which was read instead; None otherwise.
        against: Digests of the sources whose lines were taken out of this one.
    """

    index: int
    path: str
    stream: str
    size_bytes: int
    mtime_ns: int
    sha256: str = ""
    zone: str = "UTC"
    offset_ms: int = 0
    lines: int = 0
    parsed: int = 0
    ignored: int = 0
    unparsed: int = 0
    duplicates: int = 0
    facts: int = 0
    unknown_views: int = 0
    without_account: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    hours: Mapping[int, int] = field(default_factory=dict)
    unparsed_hours: Mapping[int, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    samples: Sequence[Sample] = ()
    broken: str = ""
    same_as: int | None = None
    against: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of time of which a stream tells nothing though it should; `to_ms` is excluded.

    `reason` is one of `before_first_line`, `after_last_line`, `silent`, `broken_file`, `unparsed`,
    `no_file`.
    """

    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One log, over all its files.

    Args:
        name: Its name.
        sources: The indexes of its files, by time.
        first_ms: The earliest instant read; None without any.
        last_ms: The latest.
        gaps: What it does not tell, by time, within the declared period if there is one.
    """

    name: str
    sources: Sequence[int]
    first_ms: int | None
    last_ms: int | None
    gaps: Sequence[Gap] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesRead:
    """A work folder that is complete.

    Args:
        folder: Where it is.
        mapping: The mapping's own name.
        mapping_digest: Of what it says.
        sources: By index; files with the content of another included.
        streams: By name.
        period: The declared one, in Unix milliseconds, its end excluded; None when not declared.
        missing: Declared streams of which there is no file.
        session_gap_minutes: After such a pause another session begins, where the log has none.
        own_fields: Bits of fields that the mapping declares, and their names.
        notes: What whoever runs this must know, one sentence each.
    """

    folder: str
    mapping: str
    mapping_digest: str
    sources: Sequence[Source]
    streams: Sequence[Stream] = ()
    period: tuple[int, int] | None = None
    missing: Sequence[str] = ()
    session_gap_minutes: int = 30
    own_fields: Mapping[int, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def facts(self) -> int:
        """How many facts there are."""
        return sum(source.facts for source in self.sources)

    @property
    def facts_glob(self) -> str:
        """The Parquet files of the facts, as DuckDB and Spark take it."""
        return str(Path(self.folder) / FACTS_FOLDER / "*.parquet")


def save_sources(read: SourcesRead) -> None:
    """Write `sources.json`, whole or not at all.

    Raises:
        Unavailable: it cannot be written.
    """
    with open_answer(Path(read.folder) / SOURCES_NAME) as file:
        file.write(msgspec.json.format(msgspec.json.encode(read), indent=1))


def write_empty_facts(path: Path) -> None:
    """Write a file of facts without any, so that reading them finds the columns."""
    import pyarrow.parquet as pq

    with open_answer(path) as file, pq.ParquetWriter(file, FACTS, compression="zstd"):
        pass
