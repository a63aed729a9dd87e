"""Read somebody else's logs into facts, once: what is done stays done, what is lost is told.

No server, no database: files in, a work folder out. A file's facts take their name when they are
whole, so that an interruption loses the file being read and no other. Refuses to read a second
time what did not change, and the same content under two names.
"""

import filecmp
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from rempart.exchange.answer_files import open_answer
from rempart.exchange.foreign_bytes import STDIN
from rempart.exchange.foreign_duplicates import take_out_duplicates
from rempart.exchange.foreign_facts import (
    FACTS_FOLDER,
    Gap,
    LogsRefused,
    Source,
    SourcesRead,
    Stream,
    save_sources,
    write_empty_facts,
)
from rempart.exchange.foreign_gaps import find_gaps
from rempart.exchange.foreign_logs import find_rule, list_files, name_stream
from rempart.exchange.foreign_mapping import LogMapping, check_complete
from rempart.exchange.foreign_parts import part_path, read_part

MANIFESTS: Final = "manifests"
_EMPTY: Final = "none.parquet"
_NEVER: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the reading is: bytes of the files as they are on disk, and lines."""

    name: str
    done_bytes: int
    total_bytes: int
    lines: int


Report = Callable[[Progress], None]


def read_sources(
    paths: Sequence[Path | str],
    mapping: LogMapping,
    work: Path,
    progress: Report | None = None,
) -> SourcesRead:
    """Read logs into the facts of a work folder.

    Args:
        paths: Files, folders, patterns, or `-` for standard input.
        mapping: What they mean.
        work: The folder; made when it does not exist. What another mapping left in it is replaced.
        progress: Told now and then.

    Returns:
        What was read, saved as `sources.json` too.

    Raises:
        MappingRefused: a screen of the mapping does not say what it shows.
        LogsRefused: a path leads nowhere, or every line is of another form than the mapping's.
        Unavailable: the folder cannot be written.
    """
    check_complete(mapping)
    files = _leave_out_work(list_files(paths), work)
    folder = _open_folder(work, mapping)
    known = {one.path: one for one in _load_manifests(work)}
    sources = list(_read_all(files, mapping, work, known, progress or _ignore))
    while stale := _list_stale(sources):
        for one in stale:
            known[one.path] = replace(one, mtime_ns=_NEVER)
        sources = list(_read_all(files, mapping, work, known, progress or _ignore))
    sources = _settle_copies(sources, folder)
    # A part changes only once its manifest is gone: killed in between, the file is read again.
    sources = take_out_duplicates(sources, folder, lambda one: _drop_manifest(work, one))
    for source in sources:
        _save_manifest(work, source)
    _forget(known, sources, work)
    _check_something_was_read(sources, mapping)
    read = _describe(sources, mapping, work)
    if not any(folder.glob("part-*.parquet")):
        write_empty_facts(folder / _EMPTY)
    save_sources(read)
    return read


def _ignore(progress: Progress) -> None:
    del progress


def _leave_out_work(files: Sequence[Path], work: Path) -> list[Path]:
    """Leave out what an earlier reading wrote among the logs themselves."""
    own = work.resolve()
    return [path for path in files if own not in path.resolve().parents]


def _open_folder(work: Path, mapping: LogMapping) -> Path:
    """Make the folder, and empty it of what another mapping gave."""
    folder = work / FACTS_FOLDER
    try:
        for one in (folder, work / MANIFESTS):
            one.mkdir(parents=True, exist_ok=True)
            one.chmod(0o700)
        mark = work / MANIFESTS / "mapping"
        if not mark.exists() or mark.read_text() != mapping.digest:
            for old in (*folder.glob("*.parquet"), *(work / MANIFESTS).glob("*.json")):
                old.unlink()
            mark.write_text(mapping.digest)
        (folder / _EMPTY).unlink(missing_ok=True)
    except OSError as failure:
        raise LogsRefused(f"{work} cannot be written: {failure.strerror}") from failure
    return folder


def _load_manifests(work: Path) -> Iterator[Source]:
    for path in sorted((work / MANIFESTS).glob("*.json")):
        try:
            source = msgspec.json.decode(path.read_bytes(), type=Source)
        except (OSError, msgspec.MsgspecError):
            # Half a manifest is none: the file is read again.
            path.unlink(missing_ok=True)
            continue
        yield source


def _save_manifest(work: Path, source: Source) -> None:
    with open_answer(work / MANIFESTS / f"{source.index:05d}.json") as file:
        file.write(msgspec.json.encode(source))


def _drop_manifest(work: Path, source: Source) -> None:
    (work / MANIFESTS / f"{source.index:05d}.json").unlink(missing_ok=True)


def _read_all(
    files: Sequence[Path],
    mapping: LogMapping,
    work: Path,
    known: dict[str, Source],
    report: Report,
) -> Iterator[Source]:
    """Read each file that was not, and give every one."""
    sizes = {path: _size(path) for path in files}
    total, done, lines = sum(size for size, _ in sizes.values()), 0, 0
    seen: list[Source] = []
    for path in files:
        size, mtime_ns = sizes[path]
        old = known.get(_name(path))
        if old is None or not _is_same(old, size, mtime_ns):
            blank = Source(
                index=old.index if old else _next_index(known),
                path=_name(path),
                stream=name_stream(path, find_rule(path, mapping)),
                size_bytes=size,
                mtime_ns=mtime_ns,
            )
            # Taken before the file is read: a crash leaves a number unused, never used twice.
            known[blank.path] = blank
            old = _find_copy(path, size, seen, blank)
            if old is None:

                def tell(
                    read_bytes: int,
                    read_lines: int,
                    done: int = done,
                    name: str = path.name,
                    lines: int = lines,
                ) -> None:
                    report(
                        Progress(
                            name=name,
                            done_bytes=done + read_bytes,
                            total_bytes=total,
                            lines=lines + read_lines,
                        )
                    )

                old = read_part(path, mapping, blank, work / FACTS_FOLDER, tell)
            known[blank.path] = old
            _save_manifest(work, old)
        done, lines = done + size, lines + old.lines
        report(Progress(name=path.name, done_bytes=done, total_bytes=total, lines=lines))
        seen.append(old)
        yield old


def _name(path: Path) -> str:
    return STDIN if str(path) == STDIN else str(path.resolve())


def _size(path: Path) -> tuple[int, int]:
    if str(path) == STDIN:
        # What comes in is never what came in before.
        return 0, time.time_ns()
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _is_same(old: Source, size: int, mtime_ns: int) -> bool:
    """Tell whether a file is as it was when it was read."""
    return bool(old.sha256) and (old.size_bytes, old.mtime_ns) == (size, mtime_ns)


def _list_stale(sources: Sequence[Source]) -> list[Source]:
    """Return the sources that leave out lines for the sake of one that is no longer there."""
    digests = {one.sha256 for one in sources if one.same_as is None}
    return [
        one
        for one in sources
        if not set(one.against) <= digests
        or (one.same_as is not None and one.sha256 not in digests)
    ]


def _next_index(known: dict[str, Source]) -> int:
    return max((one.index for one in known.values()), default=-1) + 1


def _find_copy(path: Path, size: int, seen: Sequence[Source], blank: Source) -> Source | None:
    """Return what a file of the very same bytes gave, which is not read a second time."""
    if not size:
        return None
    for one in seen:
        if (
            one.size_bytes == size
            and one.same_as is None
            and one.path != STDIN
            and filecmp.cmp(one.path, path, shallow=False)
        ):
            return replace(blank, same_as=one.index, sha256=one.sha256)
    return None


def _settle_copies(sources: Sequence[Source], folder: Path) -> list[Source]:
    """Keep one source of each content, whatever it was packed with."""
    first: dict[str, Source] = {}
    settled = []
    for one in sources:
        keeper = first.setdefault(one.sha256, one) if one.lines or one.same_as is not None else one
        if keeper is not one and one.same_as != keeper.index:
            part_path(folder, one.index).unlink(missing_ok=True)
            one = Source(  # noqa: PLW2901 - what replaces it
                index=one.index,
                path=one.path,
                stream=one.stream,
                size_bytes=one.size_bytes,
                mtime_ns=one.mtime_ns,
                sha256=one.sha256,
                same_as=keeper.index,
            )
        settled.append(one)
    return settled


def _forget(known: dict[str, Source], sources: Sequence[Source], work: Path) -> None:
    """Leave nothing of files that are no longer given: they are not part of this answer."""
    kept = {one.index for one in sources}
    for one in known.values():
        if one.index not in kept:
            part_path(work / FACTS_FOLDER, one.index).unlink(missing_ok=True)
            _drop_manifest(work, one)


def _check_something_was_read(sources: Sequence[Source], mapping: LogMapping) -> None:
    lines = sum(one.lines for one in sources)
    if lines and not any(one.parsed for one in sources):
        worst = next(one for one in sources if one.unparsed)
        samples = "".join(f"\n  line {one.line}: {one.text}" for one in worst.samples[:3])
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in worst.reasons.items())
        raise LogsRefused(
            f"none of {lines:,} lines is read by the mapping {mapping.name!r} (format "
            f"{mapping.format}): {reasons}. Try: rempart scope map {worst.path}. "
            f"Its first lines:{samples}"
        )


def _describe(sources: Sequence[Source], mapping: LogMapping, work: Path) -> SourcesRead:
    """Put the sources together: streams, what they do not tell, what must be known."""
    streams = []
    own = {one.index: one for one in sources}
    for name in sorted({one.stream for one in sources}):
        files = [
            own[one.index if one.same_as is None else one.same_as]
            for one in sources
            if one.stream == name
        ]
        files = sorted(
            {one.index: one for one in files}.values(),
            key=lambda one: (one.first_ms or 0, one.index),
        )
        streams.append(
            Stream(
                name=name,
                sources=[one.index for one in files],
                first_ms=min((o.first_ms for o in files if o.first_ms is not None), default=None),
                last_ms=max((o.last_ms for o in files if o.last_ms is not None), default=None),
                gaps=find_gaps(files, period=mapping.period),
            )
        )
    missing = _list_missing(sources, mapping)
    if mapping.period:
        nothing = Gap(from_ms=mapping.period[0], to_ms=mapping.period[1], reason="no_file")
        streams += [
            Stream(name=name, sources=(), first_ms=None, last_ms=None, gaps=(nothing,))
            for name in missing
        ]
    return SourcesRead(
        folder=str(work),
        mapping=mapping.name,
        mapping_digest=mapping.digest,
        sources=sources,
        streams=streams,
        period=mapping.period,
        missing=missing,
        session_gap_minutes=mapping.gap_minutes,
        own_fields={bit.bit_length() - 1: name for name, bit in mapping.own_fields.items()},
        notes=_list_notes(sources, missing, mapping),
    )


def _list_missing(sources: Sequence[Source], mapping: LogMapping) -> list[str]:
    found = {find_rule(Path(one.path), mapping).files for one in sources}
    return [
        rule.stream or rule.files
        for rule in mapping.sources
        if rule.expected and rule.files not in found
    ]


def _list_notes(
    sources: Sequence[Source], missing: Sequence[str], mapping: LogMapping
) -> list[str]:
    """Say in sentences what whoever reads the answer must know."""
    notes = [f"no file of {name}: its period is not covered" for name in missing]
    by_index = {one.index: one for one in sources}
    for one in sources:
        name = Path(one.path).name
        if one.same_as is not None:
            twin = Path(by_index[one.same_as].path).name
            notes.append(f"{name} holds the same as {twin}: read once")
        if one.broken:
            notes.append(f"{name}: {one.broken}; {one.lines:,} lines before that were read")
        if one.duplicates:
            notes.append(f"{name}: {one.duplicates:,} lines are in another file too: counted once")
        if one.unparsed:
            notes.append(f"{name}: {one.unparsed:,} of {one.lines:,} lines are not understood")
    facts = sum(one.facts for one in sources)
    unknown = sum(one.unknown_views for one in sources)
    if facts and unknown == facts:
        notes.append("no line is of a screen the mapping describes: complete [[views]]")
    elif unknown:
        notes.append(f"{unknown:,} of {facts:,} facts are of screens the mapping does not describe")
    if nameless := sum(one.without_account for one in sources):
        notes.append(f"{nameless:,} of {facts:,} facts name no account")
    if mapping.period is None:
        notes.append("the mapping declares no period: nothing before the first line is looked for")
    return notes
