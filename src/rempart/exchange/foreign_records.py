"""Records in JSON: one a line, several in one object (`Records`, a bundle's `entry`), or a list.

A value's name is its path: `userIdentity.arn`, `resources[].ARN` for each of several. Refuses to
guess in a document that stops being JSON: what precedes is kept, and the rest is told.
"""

import codecs
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from rempart.exchange.foreign_bytes import LogBytes, Piece, digest_line, make_utf8
from rempart.exchange.foreign_raw import (
    NOT_AN_OBJECT,
    NOT_THE_FORMAT,
    TOO_MANY_PEOPLE,
    RawRows,
    Unread,
    make_numbers,
    make_texts,
)

Record: TypeAlias = dict[str, Any]
# Makes a record of one kind fit for names; None for a record of another kind.
Shape: TypeAlias = Callable[[Record], Record | None]

MAX_RECORD_CHARS: Final = 16 << 20
MAX_PEOPLE: Final = 100_000
_BATCH_RECORDS: Final = 5_000
_LISTS: Final = re.compile(r'"(Records|entry)"\s*:\s*\[')
_HEAD_CHARS: Final = 1 << 16
_HEAD_BYTES: Final = 1 << 16
_TRIED_LINES: Final = 20
_PADDING: Final = " \t\r\n,"


def has_records_by_line(head: bytes) -> bool:
    """Tell whether a file has one record (or one whole document) a line, by its beginning."""
    lines = head.split(b"\n")
    if len(head) >= _HEAD_BYTES:
        # The last line is cut.
        lines.pop()
    return any(map(_is_object, lines[:_TRIED_LINES])) or not head.lstrip().startswith((b"{", b"["))


def _is_object(line: bytes) -> bool:
    try:
        return bool(line.strip()) and isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def read_record_lines(piece: Piece, names: Collection[str], shape: Shape) -> RawRows:
    """Read lines of one record each, or of several in `Records` or `entry`."""
    rows, unread, blank = _Rows(names), [], 0
    lines = make_utf8(piece.data).split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, piece.first_line):
        if not line.strip():
            blank += 1
            continue
        try:
            document = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            unread.append(Unread(number, NOT_THE_FORMAT, line))
            continue
        reason = rows.add(number, digest_line(line), list_records(document), shape)
        if reason is None:
            blank += 1
        elif reason:
            unread.append(Unread(number, reason, line))
    return rows.finish(lines=len(lines), blank=blank, unread=unread)


def read_documents(log: LogBytes, names: Collection[str], shape: Shape) -> Iterator[RawRows]:
    """Read documents that hold records, in memory bounded by the largest record.

    A record's line is its number, from 1.
    """
    rows, unread, number, blank = _Rows(names), [], 0, 0
    for number, record in enumerate(iterate_documents(log), 1):
        text = json.dumps(record, sort_keys=True).encode()
        reason = rows.add(number, digest_line(text), list_records(record), shape)
        if reason is None:
            blank += 1
        elif reason:
            unread.append(Unread(number, reason, text))
        if number % _BATCH_RECORDS == 0:
            yield rows.finish(lines=_BATCH_RECORDS, blank=blank, unread=unread)
            rows, unread, blank = _Rows(names), [], 0
    if left := number % _BATCH_RECORDS:
        yield rows.finish(lines=left, blank=blank, unread=unread)


def list_records(document: Any) -> list[Any]:
    """Return the records a document holds: itself, or those of its list."""
    match document:
        case {"Records": list(records)}:
            return records
        case {"resourceType": "Bundle"}:
            entries = document.get("entry")
            return [
                one.get("resource")
                for one in (entries if isinstance(entries, list) else [])
                if isinstance(one, dict)
            ]
        case {"resource": dict(resource)} if "resourceType" in resource:
            return [resource]
        case _:
            return [document]


class _Rows:
    """Rows being gathered."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = sorted(names)
        self._single = [(n, _split(n)) for n in self._names if "[]" not in n]
        self._several = [(n, _split(n)) for n in self._names if "[]" in n]
        self._columns: dict[str, list[str | None]] = {name: [] for name in self._names}
        self._numbers: list[int] = []
        self._digests: list[int] = []

    def add(self, number: int, digest: int, records: Iterable[Any], shape: Shape) -> str | None:
        """Add the rows of a line; return why it is not read, None when it says nothing."""
        found = [one for one in records if isinstance(one, dict)]
        if not found:
            return NOT_AN_OBJECT
        shaped = [one for one in map(shape, found) if one is not None]
        lists = [{name: _find_all(one, path) for name, path in self._several} for one in shaped]
        if any(len(people) > MAX_PEOPLE for one in lists for people in one.values()):
            # Nobody of it is told, rather than some of them: a line not understood excludes nobody.
            return TOO_MANY_PEOPLE
        for record, people in zip(shaped, lists, strict=True):
            self._add_record(number, digest, record, people)
        return "" if shaped else None

    def _add_record(
        self, number: int, digest: int, record: Record, lists: dict[str, list[str | None]]
    ) -> None:
        count = max(1, *map(len, lists.values())) if lists else 1
        for name, path in self._single:
            self._columns[name] += [_write(_find(record, name, path))] * count
        for name, values in lists.items():
            self._columns[name] += [*values, *[None] * (count - len(values))]
        self._numbers += [number] * count
        self._digests += [digest] * count

    def finish(self, *, lines: int, blank: int, unread: Sequence[Unread]) -> RawRows:
        """Return what was gathered."""
        return RawRows(
            lines=lines,
            blank=blank,
            numbers=make_numbers(self._numbers),
            digests=make_numbers(self._digests),
            columns={name: make_texts(values) for name, values in self._columns.items()},
            unread=unread,
        )


def _split(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


def _find(record: Any, name: str, path: Sequence[str]) -> Any:
    """Return the value of a path; a key may itself hold dots."""
    if name in record:
        return record[name]
    for key in path:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def _find_all(record: Any, path: Sequence[str]) -> list[str | None]:
    """Return the values of a path through lists, in order, without those that are not there."""
    level = [record]
    for key in path:
        bare = key.removesuffix("[]")
        found = [one[bare] for one in level if isinstance(one, dict) and bare in one]
        if bare != key:
            found = [item for one in found for item in (one if isinstance(one, list) else [one])]
        level = found
    return [text for one in level if (text := _write(one)) is not None]


def _write(value: Any) -> str | None:
    """Write a value as text; nothing for none, for an empty text, and for a dash."""
    match value:
        case str():
            return None if value in ("", "-") else _make_valid(value)
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return _make_valid(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _make_valid(text: str) -> str:
    """Return a text that UTF-8 can hold: half a surrogate pair is not."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def iterate_documents(log: LogBytes) -> Iterator[Any]:
    """Return the records of a file of documents, one after the other."""
    decoder = json.JSONDecoder()
    blocks = codecs.iterdecode(log.blocks(), "utf-8", "replace")
    text, at, inside, ended = "", 0, False, False
    while True:
        at = _skip(text, at, _PADDING)
        opening = None if inside else _find_list(text, at)
        if opening is not None:
            inside, at = True, opening
            continue
        if inside and text[at : at + 1] == "]":
            # What follows the list is the rest of its document.
            inside, at = False, at + 1
            at = _skip_rest(text, at)
            continue
        try:
            record, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            if ended or len(text) - at > MAX_RECORD_CHARS:
                if text[at:].strip() or inside:
                    log.broken = log.broken or "the rest is not JSON"
                return
        else:
            yield record
            continue
        block = next(blocks, None)
        ended = block is None
        text, at = text[at:] + (block or ""), 0


def _skip(text: str, at: int, letters: str) -> int:
    while at < len(text) and text[at] in letters:
        at += 1
    return at


def _skip_rest(text: str, at: int) -> int:
    """Go past the end of a document whose list was read: other keys are of no interest."""
    opening = text.find('{"', at)
    closing = text.find("}", at)
    return len(text) if opening < 0 and closing < 0 else (closing + 1 if closing >= 0 else opening)


def _find_list(text: str, at: int) -> int | None:
    """Return where the first record of a list begins, when a document with one starts here."""
    if text[at : at + 1] == "[":
        return at + 1
    head = text[at : at + _HEAD_CHARS]
    found = _LISTS.search(head)
    if found and head.startswith("{") and _measure_depth(head[: found.start()]) == 1:
        return at + found.end()
    return None


def _measure_depth(text: str) -> int:
    return text.count("{") + text.count("[") - text.count("}") - text.count("]")
