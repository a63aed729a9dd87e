"""Web logs, common and combined (Apache, nginx), a piece at a time.

Nearly every line has its quotes and spaces where the format puts them: those are cut all at once
by where these characters are. Refuses nothing by itself: any other line is tried with a pattern,
and is unread when that fails too.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from rempart.exchange.arrow_compute import pc
from rempart.exchange.foreign_bytes import Piece, digest_lines, make_utf8
from rempart.exchange.foreign_raw import (
    NOT_THE_FORMAT,
    SAMPLE_BYTES,
    RawRows,
    Unread,
    make_numbers,
    make_texts,
    no_rows,
)
from rempart.exchange.foreign_time import APACHE_LENGTH, read_apache_bytes, read_times

_PATTERN: Final = (
    r"^(?P<address>\S+) \S+ (?P<user>.*?) \[(?P<time>[^\]]{19,40})\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>[0-9]{3}) (?P<bytes>[0-9]+|-)'
    r'(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?(?P<rest>(?: .*)?)$'
)
# What some servers write before: a proxy's list of addresses, of which the first is the caller's;
# the host that was asked.
_MORE_BEFORE: Final = (
    (r"^([^\s,]+),(?: [^\s,]+,)* [^\s,]+ (\S+ \S+ \[)", r"\1 \2"),
    (r"^\S+ ([0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+) (\S+ \S+ \[)", r"\1 \2"),
)
_REQUEST: Final = r"^(?:(?P<method>[A-Za-z_-]+) )?(?P<target>.*?)(?: HTTP/[0-9.]+)?$"
_TARGET: Final = r"^(?P<path>[^?;]*)(?:;[^?]*)?(?:\?(?P<query>.*))?$"
_MAY_BE_ABSENT: Final = frozenset({"user", "bytes", "referer", "agent", "query", "request"})
_SHORT_LETTERS: Final = 48
_BEFORE_QUOTE: Final = APACHE_LENGTH + 2
NAMES: Final = (
    *("address", "user", "request", "method", "target", "path", "query", "status", "bytes"),
    *("referer", "agent"),
)


class _Marks(NamedTuple):
    """Where characters that cut are in a piece, and where lines begin and end."""

    data: bytes
    letters: Any
    starts: Any
    ends: Any
    quotes: Any
    spaces: Any


def read_combined(
    piece: Piece, names: Collection[str], extra: Sequence[str] = (), *, zone: str = "UTC"
) -> RawRows:
    """Cut lines into values.

    Args:
        piece: Whole lines.
        names: The values wanted, among NAMES and `extra`.
        extra: Names of the values after the agent, in their order.
        zone: Of instants that do not say theirs.
    """
    data = make_utf8(piece.data).replace(b"\r\n", b"\n")
    if data and not data.endswith(b"\n"):
        data += b"\n"
    marks = _mark(data)
    lines = len(marks.starts)
    if not lines:
        return no_rows(0)
    blank = marks.ends == marks.starts
    cuts, fast = _cut(marks)
    slow = ~fast & ~blank
    numbers = piece.first_line + np.arange(lines)
    quick = _read_fast(marks, {name: cut[fast] for name, cut in cuts.items()}, names, extra)
    times, good = quick.pop("times")
    parts = [(quick, times, numbers[fast][good], marks.starts[fast][good], marks.ends[fast][good])]
    unread = _list_unread(marks, numbers, fast, ~good)
    if slow.any():
        found, left = _read_slow(marks, slow, numbers, names=names, extra=extra, zone=zone)
        parts.append(found)
        unread += left
    return _join(marks, parts, lines=lines, blank=int(blank.sum()), unread=unread)


def _mark(data: bytes) -> _Marks:
    letters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(letters == 10)
    starts = np.concatenate((np.zeros(min(1, len(ends)), np.int64), ends[:-1] + 1))
    quotes = np.flatnonzero(letters == 34)
    return _Marks(data, letters, starts, ends, quotes, np.flatnonzero(letters == 32))


def _cut(marks: _Marks) -> tuple[dict[str, Any], Any]:
    """Say where values are in each line, and in which lines they are indeed there."""
    letters, starts, ends, quotes, spaces = marks[1:]
    first = np.searchsorted(quotes, starts)
    count = np.searchsorted(quotes, ends) - first
    # Lines with too few quotes look at others' below; `good` leaves them out.
    padded = np.concatenate((quotes, np.full(6, len(letters) - 1)))
    q1, q2, q3, q4, q5, q6 = (padded[first + place] for place in range(6))
    backslashes = np.flatnonzero(letters == 92)
    plain = np.searchsorted(backslashes, starts) == np.searchsorted(backslashes, ends)
    spaces = np.concatenate((spaces, np.full(4, len(letters) - 1)))
    space = np.searchsorted(spaces, starts)
    s1, s2, s3 = (spaces[space + place] for place in range(3))
    bracket = q1 - _BEFORE_QUOTE - 1

    def has(at: Any, letter: int) -> Any:
        return letters[np.clip(at, 0, len(letters) - 1)] == letter

    # Three words before the instant; more are a proxy's list, a host, or a name with a space.
    good = (
        plain
        & (count >= 6)
        & (s2 + 1 < bracket)
        & (s3 == bracket - 1)
        & has(bracket, 91)
        & has(q1 - 2, 93)
    )
    good &= has(q1 - 1, 32) & has(bracket - 1, 32) & has(q2 + 1, 32) & has(q2 + 5, 32)
    good &= has(q3 - 1, 32) & has(q4 + 1, 32) & (q5 == q4 + 2) & (q3 - q2 > 7)
    m_end = spaces[np.searchsorted(spaces, q1)]
    t_end = spaces[np.maximum(np.searchsorted(spaces, q2) - 1, 0)]
    # A request has its method, its target and its protocol, or is looked at with the pattern.
    good &= (m_end < t_end) & (t_end < q2)
    good &= has(t_end + 1, 72) & has(t_end + 2, 84)
    cuts = {
        "address": (starts, s1),
        "user": (s2 + 1, bracket - 1),
        "time": (bracket + 1, q1 - 2),
        "request": (q1 + 1, q2),
        "method": (q1 + 1, m_end),
        "target": (m_end + 1, t_end),
        "status": (q2 + 2, q2 + 5),
        "bytes": (q2 + 6, q3 - 1),
        "referer": (q3 + 1, q4),
        "agent": (q5 + 1, q6),
        "rest": (q6 + 1, ends),
    }
    question = _find_first(letters, 63, m_end + 1, t_end)
    semicolon = _find_first(letters, 59, m_end + 1, question)
    cuts["path"] = (m_end + 1, semicolon)
    cuts["query"] = (np.minimum(question + 1, t_end), t_end)
    return {name: np.stack(cut, axis=1) for name, cut in cuts.items()}, good


def _find_first(letters: Any, letter: int, starts: Any, ends: Any) -> Any:
    """Return where a letter first is between two places; the second when it is not."""
    places = np.concatenate((np.flatnonzero(letters == letter), [len(letters)]))
    return np.minimum(places[np.searchsorted(places, starts)], ends)


def _read_fast(
    marks: _Marks, cuts: dict[str, Any], names: Collection[str], extra: Sequence[str]
) -> dict[str, Any]:
    when = cuts["time"][:, 0]
    if len(when):
        times, good = read_apache_bytes(marks.letters[when[:, None] + np.arange(APACHE_LENGTH)])
        status = marks.letters[cuts["status"][:, :1] + np.arange(3)]
        good = good & ((status >= 48) & (status <= 57)).all(axis=1)
    else:
        times, good = make_numbers([]), np.zeros(0, bool)
    wanted = [name for name in NAMES if name in names]
    every = bool(good.all())
    columns: dict[str, Any] = {
        name: _take_column(marks, name, cuts[name] if every else cuts[name][good])
        for name in wanted
    }
    if extra:
        rests = _take_texts(marks, cuts["rest"] if every else cuts["rest"][good])
        columns |= _cut_rests(rests, names, extra)
    columns["times"] = pa.array(times[good]), good
    return columns


def _take_column(marks: _Marks, name: str, cuts: Any) -> Any:
    if name not in _MAY_BE_ABSENT:
        return _take_texts(marks, cuts)
    # Letters are compared where they are: comparing texts costs as much as cutting them.
    starts, lengths = cuts[:, 0], cuts[:, 1] - cuts[:, 0]
    absent = lengths == 0
    single = np.flatnonzero(lengths == 1)
    absent[single] = marks.letters[starts[single]] == ord("-")
    return _take_texts(marks, cuts, absent if absent.any() else None)


def _take_texts(marks: _Marks, cuts: Any, absent: Any = None) -> Any:
    """Return parts of the lines as text, without those that stand for nothing.

    Short ones are gathered letter by letter, all at once: an object each would cost more.
    """
    starts, lengths = cuts[:, 0], cuts[:, 1] - cuts[:, 0]
    total = int(lengths.sum())
    if total > _SHORT_LETTERS * len(cuts):
        texts = make_texts(_slice(marks.data, cuts))
        return texts if absent is None else pc.if_else(pa.array(absent), None, texts)
    offsets: Any = np.zeros(len(cuts) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    places = np.repeat(starts - offsets[:-1], lengths) + np.arange(total)
    letters, there = marks.letters[places], None
    if absent is not None:
        there = pa.array(~absent).buffers()[1]
    return pa.StringArray.from_buffers(
        len(cuts), pa.py_buffer(offsets), pa.py_buffer(letters), there
    )


def _slice(data: bytes, cuts: Any) -> list[bytes]:
    starts, ends = cuts[:, 0].tolist(), cuts[:, 1].tolist()
    return [data[start:end] for start, end in zip(starts, ends, strict=True)]


def _null_dashes(column: Any) -> Any:
    """Return a column without what stands for nothing."""
    return pc.if_else(pc.is_in(column, value_set=pa.array(["-", ""])), None, column)


def _cut_rests(rests: Any, names: Collection[str], extra: Sequence[str]) -> dict[str, Any]:
    """Cut what follows the agent into values, quoted or not."""
    columns, pattern = {}, "^"
    for number, name in enumerate(extra):
        pattern += rf'\s*(?:"(?P<q{number}>(?:[^"\\]|\\.)*)"|(?P<p{number}>[^"\s]\S*))'
        if name in names:
            groups = pc.extract_regex(rests, pattern=pattern)
            quoted = pc.struct_field(groups, [2 * number])
            found = pc.if_else(
                pc.equal(quoted, ""), pc.struct_field(groups, [2 * number + 1]), quoted
            )
            columns[name] = _null_dashes(found)
    return columns


def _read_slow(
    marks: _Marks,
    slow: Any,
    numbers: Any,
    *,
    names: Collection[str],
    extra: Sequence[str],
    zone: str,
) -> tuple[Any, list[Unread]]:
    """Read lines with a pattern."""
    starts, ends = marks.starts[slow], marks.ends[slow]
    texts = make_texts(_slice(marks.data, np.stack((starts, ends), axis=1)))
    for before, after in _MORE_BEFORE:
        texts = pc.replace_substring_regex(texts, pattern=before, replacement=after)
    groups = pc.extract_regex(texts, pattern=_PATTERN)
    values = {name: pc.struct_field(groups, name) for name in _names_in(groups)}
    written = values.pop("time")
    times = pc.coalesce(read_times(written, "apache", zone), read_times(written, "iso", zone))
    good = pc.is_valid(times).to_numpy(zero_copy_only=False)
    unread = _list_unread(marks, numbers, slow, ~good)
    values |= _split_request(values["request"])
    columns = {
        name: _null_dashes(values[name]).filter(pa.array(good)) for name in NAMES if name in names
    }
    if extra:
        columns |= _cut_rests(values["rest"].filter(pa.array(good)), names, extra)
    return (
        columns,
        times.filter(pa.array(good)),
        numbers[slow][good],
        starts[good],
        ends[good],
    ), unread


def _names_in(groups: Any) -> list[str]:
    return [one.name for one in groups.type]


def _split_request(request: Any) -> dict[str, Any]:
    parts = pc.extract_regex(request, pattern=_REQUEST)
    target = pc.struct_field(parts, "target")
    return {"method": pc.struct_field(parts, "method"), "target": target} | split_target(target)


def split_target(target: Any) -> dict[str, Any]:
    """Cut the target of requests into path (without its parameters) and query."""
    parts = pc.extract_regex(target, pattern=_TARGET)
    return {name: pc.struct_field(parts, name) for name in ("path", "query")}


def _list_unread(marks: _Marks, numbers: Any, among: Any, bad: Any) -> list[Unread]:
    starts, ends = marks.starts[among][bad].tolist(), marks.ends[among][bad].tolist()
    lines = numbers[among][bad].tolist()
    return [
        Unread(line, NOT_THE_FORMAT, marks.data[start : min(end, start + SAMPLE_BYTES)])
        for line, start, end in zip(lines, starts, ends, strict=True)
    ]


def _join(
    marks: _Marks, parts: Sequence[Any], *, lines: int, blank: int, unread: Sequence[Unread]
) -> RawRows:
    """Put the rows of both ways together, in the order of the file."""
    numbers = np.concatenate([part[2] for part in parts])
    order = np.argsort(numbers, kind="stable")
    spans = np.stack([np.concatenate([part[place] for part in parts]) for place in (3, 4)], axis=1)
    merely_fast = len(parts) == 1

    def arrange(arrays: Sequence[Any]) -> Any:
        return arrays[0] if merely_fast else pa.concat_arrays(arrays).take(pa.array(order))

    whole = len(order) == lines
    read = marks.data.split(b"\n")[:-1] if whole else _slice(marks.data, spans[order])
    return RawRows(
        lines=lines,
        blank=blank,
        numbers=numbers[order],
        digests=digest_lines(read),
        columns={name: arrange([part[0][name] for part in parts]) for name in parts[0][0]},
        times=arrange([part[1] for part in parts]),
        unread=sorted(unread),
    )
