"""One file of a foreign log, read from its beginning into facts, in bounded memory.

Refuses to stop at a bad line or at a cut archive: both are told.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rempart.exchange.foreign_bytes import STDIN, LogBytes
from rempart.exchange.foreign_combined import read_combined
from rempart.exchange.foreign_facts import LogsRefused
from rempart.exchange.foreign_fhir import flatten_audit_event
from rempart.exchange.foreign_mapping import LogMapping, SourceRule
from rempart.exchange.foreign_pattern import read_pattern
from rempart.exchange.foreign_raw import TOO_LONG, RawRows, Unread, no_rows
from rempart.exchange.foreign_records import (
    Record,
    has_records_by_line,
    read_documents,
    read_record_lines,
)
from rempart.exchange.foreign_rows import Facts, make_facts
from rempart.exchange.foreign_table import CsvReader, read_parquet

_ROTATION: Final = re.compile(
    r"([.\-_](\d{1,4}|\d{8}(\d{2})?|\d{4}-\d{2}-\d{2}([T_-]\d{2,6})?)|\.(gz|zst|zstd|old|bak))+$",
    re.IGNORECASE,
)
_HASH_BLOCK: Final = 1 << 20


class LogFile:
    """A file being read.

    Args:
        path: Its path; `-` for standard input.
        mapping: What it means.

    Raises:
        LogsRefused: it cannot be opened.
    """

    def __init__(self, path: Path, mapping: LogMapping) -> None:
        self.path, self._mapping = path, mapping
        self.rule = find_rule(path, mapping)
        self._broken, self._share = "", 0.0
        self._size = 0 if str(path) == STDIN else path.stat().st_size
        self._bytes = LogBytes(path) if mapping.format != "parquet" else None

    @property
    def broken(self) -> str:
        """Why the file ends before its end; empty when it does not."""
        return self._bytes.broken if self._bytes else self._broken

    @property
    def nuls(self) -> int:
        """How many NULs were left out."""
        return self._bytes.nuls if self._bytes else 0

    @property
    def done_bytes(self) -> int:
        """How much of the file was read, as it is on disk."""
        return self._bytes.done_bytes if self._bytes else round(self._share * self._size)

    def digest(self) -> str:
        """Return the digest of the content, once it was read whole."""
        if self._bytes:
            return self._bytes.sha256
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while block := file.read(_HASH_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def facts(self) -> Iterator[Facts]:
        """Read the file; once."""
        for raw in self._read():
            yield make_facts(raw, self._mapping, self.rule)

    def close(self) -> None:
        """Close the file."""
        if self._bytes:
            self._bytes.close()

    def _read(self) -> Iterator[RawRows]:
        mapping, names = self._mapping, self._mapping.list_names()
        match mapping.format:
            case "parquet":
                yield from self._read_parquet()
                return
            case "json" | "ocsf" | "fhir":
                shape = flatten_audit_event if mapping.format == "fhir" else keep_record
                if not has_records_by_line(self._open().peek()):
                    yield from read_documents(self._open(), names, shape)
                    return
            case _:
                shape = keep_record
        table = CsvReader(names, delimiter=mapping.delimiter, columns=mapping.columns)
        for piece in self._open().pieces():
            if piece.too_long:
                yield no_rows(
                    len(piece.too_long),
                    unread=[Unread(line, TOO_LONG, head) for line, head in piece.too_long],
                )
            match mapping.format:
                case "combined":
                    yield read_combined(
                        piece, names, mapping.extra, zone=self.rule.zone or mapping.zone
                    )
                case "pattern":
                    yield read_pattern(piece, names, mapping.pattern)
                case "csv":
                    yield table.read(piece)
                case _:
                    yield read_record_lines(piece, names, shape)

    def _open(self) -> LogBytes:
        if self._bytes is None:
            raise LogsRefused(f"{self.path.name} is not read as bytes")
        return self._bytes

    def _read_parquet(self) -> Iterator[RawRows]:
        names = self._mapping.list_names()
        options = self._mapping.time_place.options
        time_name = options[0].name if options and not options[0].match else None
        try:
            for raw, share in read_parquet(self.path, names, time_name):
                yield raw
                self._share = share
        except LogsRefused as refused:
            self._broken = str(refused)


def keep_record(record: Record) -> Record | None:
    """Return a record as it is."""
    return record


def find_rule(path: Path, mapping: LogMapping) -> SourceRule:
    """Return what the mapping says of a file; the first rule that fits the end of its path."""
    for rule in mapping.sources:
        if path.match(rule.files):
            return rule
    return SourceRule(files=path.name)


def name_stream(path: Path, rule: SourceRule) -> str:
    """Return the log a file is a piece of.

    >>> name_stream(Path("front1/access.log-20240129.gz"), SourceRule(files="*"))
    'front1/access.log'
    """
    if rule.stream:
        return rule.stream
    bare = _ROTATION.sub("", path.name) or path.name
    return str(path.parent / bare)


def list_files(paths: Sequence[Path | str]) -> list[Path]:
    """Return the files of paths, folders and patterns, once each, in the order of their names.

    Raises:
        LogsRefused: one does not exist, or there is no file at all.
    """
    files: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if str(given) == STDIN or path.is_file():
            files[path] = None
        elif path.is_dir():
            found = (one for one in sorted(path.rglob("*")) if one.is_file())
            files |= dict.fromkeys(one for one in found if not one.name.startswith("."))
        else:
            found_names = sorted(path.parent.glob(path.name)) if path.name else []
            matched = [one for one in found_names if one.is_file()]
            if not matched:
                raise LogsRefused(f"{given} is no file, no folder and no pattern that fits a file")
            files |= dict.fromkeys(matched)
    if not files:
        raise LogsRefused("the folders hold no file: give the logs' own paths")
    _check_readable(files)
    return list(files)


def _check_readable(files: Sequence[Path] | dict[Path, None]) -> None:
    for path in files:
        if str(path) != STDIN and not os.access(path, os.R_OK):
            raise LogsRefused(f"{path} may not be read by this user: change its rights")
