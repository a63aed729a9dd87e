"""Arbitrary bytes never stop the reading of foreign logs, and every line is somewhere."""

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.foreign_samples import PORTAL, check_sums, facts, line, read

from rempart.exchange import foreign_logs
from rempart.exchange.foreign_facts import LogsRefused
from rempart.exchange.foreign_mapping import parse_mapping

BODY = """
[time]
place = "t"
[places]
account = "a"
person = "p[]"
[[views]]
name = "fiche"
where = { a = ".*" }
shows = ["nir"]
"""
VIEW = '[[views]]\nname = "v"\nmethod = "x"\nshows = ["nir"]\n'
MAPPINGS = {
    "combined": parse_mapping(PORTAL),
    "pattern": parse_mapping(
        'name = "x"\nformat = "pattern"\npattern = "(?P<t>\\\\S+) (?P<a>\\\\S*) ?(?P<p>.*)"\n'
        + BODY
    ),
    "json": parse_mapping('name = "x"\nformat = "json"\n' + BODY),
    "csv": parse_mapping('name = "x"\nformat = "csv"\n' + BODY),
    "ocsf": parse_mapping('name = "x"\nformat = "ocsf"\n' + VIEW),
    "fhir": parse_mapping('name = "x"\nformat = "fhir"\n' + VIEW),
}
GOOD = st.builds(
    line,
    st.sampled_from(["/adherents/c1", "/adherents/c2/famille", "/droits?nir=12", "/a.css", "/"]),
    user=st.sampled_from(["ps1", "ps 2", "-"]),
    when=st.sampled_from(["29/Jan/2024:10:00:00 +0100", "30/Feb/2024:10:00:00 +0100", "x"]),
).map(str.encode)
RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["t", "a", "p", "resourceType", "entity", "agent", "what", "Records"]),
            inner | st.sampled_from(["2024-01-29T10:00:00Z", "AuditEvent", "Bundle"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)
ANYTHING = (
    st.binary(max_size=200)
    | GOOD
    | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
    | RECORDS.map(msgspec.json.encode)
    | st.sampled_from([b"", b'"', b"{", b"[", b"]}", b"\\", b"t;a;p", b"2024-01-29T10:00:00Z;ps;c"])
)
FILES = st.lists(ANYTHING, max_size=12).map(b"\n".join) | st.binary(max_size=400).map(
    lambda rest: b"\x1f\x8b\x08" + rest
)


@pytest.mark.parametrize("name", MAPPINGS)
@settings(max_examples=25)
@given(data=FILES, again=FILES)
def test_any_bytes_are_read_and_every_line_is_somewhere(name, data, again):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "a.log", Path(folder) / "b.log"]
        for path, content in zip(paths, (data, again), strict=True):
            path.write_bytes(content)
        try:
            done = read(paths, Path(folder) / "w", MAPPINGS[name])
        except LogsRefused:
            # Nothing at all was understood, and that is what it says.
            return
        check_sums(done)


@settings(max_examples=15)
@given(st.lists(GOOD, max_size=20), st.lists(GOOD, max_size=20))
def test_a_line_dropped_in_silence_is_seen(before, after):
    """The mutation: a reader that loses lines does not pass the sums."""
    honest = foreign_logs.read_combined

    def forget(piece, names, extra=(), *, zone):
        raw = honest(piece, names, extra, zone=zone)
        raw.unread and object.__setattr__(raw, "unread", raw.unread[:-1])
        return raw

    data = b"\n".join([*before, b"not a line", line().encode(), *after])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "a.log"
        path.write_bytes(data)
        patch.setattr(foreign_logs, "read_combined", forget)
        done = read(path, Path(folder) / "w", MAPPINGS["combined"])
        with pytest.raises(AssertionError):
            check_sums(done)


@settings(max_examples=40)
@given(st.lists(GOOD, min_size=1, max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_two_pieces_of_one_log_give_what_the_whole_gives(lines, first, second):
    """Whatever their overlap: nobody is lost, nobody is added."""
    start, end = sorted((min(first, len(lines)), min(second, len(lines))))
    with tempfile.TemporaryDirectory() as folder:
        parts = {"w.log": lines, "a.log.1": lines[:end], "a.log": lines[start:]}
        for name, content in parts.items():
            (Path(folder) / name).write_bytes(b"\n".join(content) + b"\n")
        mapping = MAPPINGS["combined"]
        try:
            whole = read(Path(folder) / "w.log", Path(folder) / "w1", mapping)
            pieces = read(
                [Path(folder) / "a.log.1", Path(folder) / "a.log"], Path(folder) / "w2", mapping
            )
        except LogsRefused:
            return
        names = ("t_ms", "account", "view", "person", "outcome")
        assert {tuple(row[n] for n in names) for row in facts(whole)} == {
            tuple(row[n] for n in names) for row in facts(pieces)
        }
        check_sums(pieces)
