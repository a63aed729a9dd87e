"""Bad input of every kind: nothing is lost in silence, nothing crashes, memory stays small."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.foreign_samples import (
    PORTAL,
    at,
    check_sums,
    facts,
    line,
    portal,
    read,
    write,
    write_bytes,
)

from rempart.exchange.foreign_bytes import MAX_LINE_BYTES
from rempart.exchange.foreign_facts import LogsRefused
from rempart.exchange.foreign_mapping import MappingRefused, parse_mapping

HOUR = 3_600_000


def test_a_line_becomes_what_the_screen_showed_of_whom(tmp_path):
    lines = [
        line("/adherents/c%201?x=1", when="29/Jan/2024:10:00:00 +0100"),
        line("/adherents/c2/famille", status=404),
        line("/droits?nir=1+80&naissance=x", user="-"),
        line("/recherche?nom=exemple", status=403),
        line("/autre", status=302),
        line("/style.css"),
    ]
    done = read(write(tmp_path / "a.log", lines), tmp_path / "w")
    rows = facts(done)
    assert [(r["view"], r["person"], r["outcome"], r["account"]) for r in rows] == [
        ("fiche", "c1", "shown", "ps1"),
        ("famille", "c2", "nobody", "ps1"),
        ("droits", "180", "shown", ""),
        ("recherche", None, "refused", "ps1"),
        ("", None, "unknown", "ps1"),
    ]
    assert rows[0]["t_ms"] == 1706518800000
    assert rows[1]["family"]
    assert rows[3]["query_only"]
    assert done.sources[0].ignored == 1
    check_sums(done)
    assert done.facts == 5


@pytest.mark.parametrize(
    ("before", "address", "account"),
    [
        ("192.0.2.1 - ps1", "192.0.2.1", "ps1"),
        ("2001:db8::1 - ps1", "2001:db8::1", "ps1"),
        ("192.0.2.1 - Jean Exemple", "192.0.2.1", "Jean Exemple"),
        ("portail.invalid:443 192.0.2.1 - ps1", "192.0.2.1", "ps1"),
        ("192.0.2.1, 198.51.100.7 - ps1", "192.0.2.1", "ps1"),
        ("192.0.2.1, 198.51.100.7, 203.0.113.9 - ps1", "192.0.2.1", "ps1"),
        ("192.0.2.1 - -", "192.0.2.1", ""),
    ],
)
def test_what_servers_write_before_the_instant_is_told_apart(tmp_path, before, address, account):
    """A host or a proxy written first must not make an account of what follows it."""
    text = line("/adherents/c1").replace("192.0.2.1 - ps1", before)
    [row] = facts(read(write(tmp_path / "a.log", [text]), tmp_path / "w"))
    assert (row["address"], row["account"]) == (address, account)


@pytest.mark.parametrize(
    ("request_line", "person"),
    [
        ("GET /adherents/c1 HTTP/1.1", "c1"),
        ("GET /adherents/c1;jsessionid=AB?x=1 HTTP/2.0", "c1"),
        ("GET /adherents/c1", "c1"),
        ("GET /adherents/c%C3%A9 HTTP/1.1", "cé"),
        ('GET /adherents/c\\"1 HTTP/1.1', 'c\\"1'),
        ("-", None),
        ("\\x16\\x03\\x01", None),
    ],
)
def test_requests_of_any_shape_are_lines(tmp_path, request_line, person):
    text = line("/x").replace("GET /x HTTP/1.1", request_line)
    done = read(write(tmp_path / "a.log", [text, line("/y")]), tmp_path / "w")
    assert done.sources[0].unparsed == 0
    assert facts(done)[0]["person"] == person


def test_instants_of_nginx_in_iso_are_read(tmp_path):
    texts = [line("/x", when="2024-01-29T10:00:00+01:00"), line("/x", when="2024-01-29T10:00:00")]
    rows = facts(read(write(tmp_path / "a.log", texts), tmp_path / "w"))
    assert [row["t_ms"] for row in rows] == [1706518800000, 1706522400000]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_packed_or_not_a_log_says_the_same(tmp_path, suffix):
    lines = [line(f"/adherents/c{n}", when=at(10, n % 60)) for n in range(500)]
    done = read(write(tmp_path / f"a.log{suffix}", lines), tmp_path / "w")
    assert [row["person"] for row in facts(done)] == [f"c{n}" for n in range(500)]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_what_precedes_a_cut_is_kept_and_the_hole_is_told(tmp_path, suffix):
    lines = [line(f"/adherents/c{n}", when=at(10 + n // 3600, n // 60 % 60)) for n in range(9_000)]
    whole = write(tmp_path / f"a.log{suffix}", lines)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    done = read(whole, tmp_path / "w")
    [source] = done.sources
    assert "cut short" in source.broken
    assert 0 < source.parsed < 9_000
    assert {gap.reason for gap in done.streams[0].gaps} & {"broken_file"}
    assert any("cut short" in note for note in done.notes)
    check_sums(done)


def test_a_damaged_archive_is_told(tmp_path):
    path = write(tmp_path / "a.log.gz", [line(f"/adherents/c{n * n}") for n in range(9_000)])
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = b"\0" * 40
    path.write_bytes(data)
    done = read(path, tmp_path / "w")
    assert "damaged" in done.sources[0].broken
    check_sums(done)


def test_several_archives_in_one_file_and_padding_are_read(tmp_path):
    path = tmp_path / "a.log.gz"
    one, two = (gzip.compress(line(f"/adherents/c{n}").encode() + b"\n") for n in (1, 2))
    path.write_bytes(one + two + b"\0" * 512)
    done = read(path, tmp_path / "w")
    assert [row["person"] for row in facts(done)] == ["c1", "c2"]
    assert not done.sources[0].broken


def test_a_line_of_a_megabyte_is_read_and_one_of_five_is_counted(tmp_path):
    lines = [
        line("/adherents/c1?" + "x" * (1 << 20)),
        line("/adherents/c2?" + "x" * (MAX_LINE_BYTES + (1 << 20))),
        line("/adherents/c3"),
    ]
    done = read(write(tmp_path / "a.log", lines), tmp_path / "w")
    assert [(row["line"], row["person"]) for row in facts(done)] == [(1, "c1"), (3, "c3")]
    [sample] = done.sources[0].samples
    assert (sample.line, sample.reason) == (2, "over 4 MB")
    check_sums(done)


def test_nuls_are_left_out_wherever_they_are(tmp_path):
    data = b"\0" * 5_000_000 + line("/adherents/c1").encode() + b"\n\0\0\n"
    done = read(write_bytes(tmp_path / "a.log", data), tmp_path / "w")
    assert [row["person"] for row in facts(done)] == ["c1"]
    assert done.sources[0].unparsed == 0


def test_encodings_are_mixed_line_by_line(tmp_path):
    lines = [
        line("/adherents/c1", user="zoé"),
        line("/adherents/c2", user="zoé").encode("latin-1"),
    ]
    done = read(write(tmp_path / "a.log", lines), tmp_path / "w")
    assert [row["account"] for row in facts(done)] == ["zoé", "zoé"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_log_exported_by_windows_is_read(tmp_path, encoding):
    data = (line("/adherents/c1") + "\r\n" + line("/adherents/c2") + "\r\n").encode(encoding)
    done = read(write_bytes(tmp_path / "a.log", data), tmp_path / "w")
    assert [row["person"] for row in facts(done)] == ["c1", "c2"]


def test_each_source_has_its_zone_and_its_clock(tmp_path):
    rules = """
name = "CSV"
format = "csv"
[time]
place = "quand"
zone = "Europe/Paris"
[places]
account = "compte"
[[sources]]
files = "utc-*"
zone = "UTC"
[[sources]]
files = "late-*"
clock_offset_ms = 90000
[[views]]
name = "fiche"
where = { page = "fiche" }
shows = ["nir"]
"""
    row = "quand;compte;page\n2024-07-01 12:00:00;ps1;fiche\n2024-10-27T00:30:00Z;ps1;fiche\n"
    paths = [
        write_bytes(tmp_path / name, row.encode())
        for name in ("utc-1.csv", "paris-1.csv", "late-1.csv")
    ]
    # The same bytes thrice would be one log: each needs something of its own.
    for number, path in enumerate(paths):
        path.write_text(path.read_text() + f"2024-07-0{number + 2} 01:00:00;ps{number};fiche\n")
    done = read(paths, tmp_path / "w", parse_mapping(rules))
    first = {row["source"]: row["t_ms"] for row in facts(done) if row["line"] == 2}
    assert first[0] - first[1] == 2 * HOUR
    assert first[2] - first[1] == 90_000


def test_a_clock_that_drifts_is_set_right_in_proportion(tmp_path):
    rule = """
[[sources]]
files = "*.log"
clock = [
  { at = 2024-01-29T00:00:00Z, offset_ms = 0 },
  { at = 2024-01-29T10:00:00Z, offset_ms = 60000 },
]
"""
    path = write(tmp_path / "a.log", [line("/x", when=at(hour)) for hour in (0, 5, 10, 12)])
    mapping = parse_mapping(PORTAL + rule)
    rows = facts(read(path, tmp_path / "w", mapping))
    midnight = rows[0]["t_ms"]
    assert [row["t_ms"] - midnight for row in rows] == [
        0,
        5 * HOUR + 30_000,
        10 * HOUR + 60_000,
        12 * HOUR + 60_000,
    ]


def test_the_same_file_twice_is_read_once_whatever_its_packing(tmp_path):
    lines = [line(f"/adherents/c{n}") for n in range(50)]
    paths = [write(tmp_path / name, lines) for name in ("a.log", "b.log", "c.log.gz")]
    done = read(paths, tmp_path / "w")
    assert [one.same_as for one in done.sources] == [None, 0, 0]
    assert len(facts(done)) == 50
    assert sum("holds the same" in note for note in done.notes) == 2
    check_sums(done)


def test_lines_of_two_rotated_files_are_counted_once(tmp_path):
    every = [line(f"/adherents/c{n}", when=at(10, n)) for n in range(60)]
    write(tmp_path / "access.log.1", every[:40])
    write(tmp_path / "access.log", every[25:])
    done = read([tmp_path / "access.log.1", tmp_path / "access.log"], tmp_path / "w")
    assert sum(one.duplicates for one in done.sources) == 15
    assert sorted(row["person"] for row in facts(done)) == sorted(f"c{n}" for n in range(60))
    assert [stream.name.rpartition("/")[2] for stream in done.streams] == ["access.log"]
    check_sums(done)


def test_a_work_folder_among_the_logs_is_no_log(tmp_path):
    write(tmp_path / "logs" / "a.log", [line("/adherents/c1")])
    read(tmp_path / "logs", tmp_path / "logs" / "work")
    done = read(tmp_path / "logs", tmp_path / "logs" / "work")
    assert [one.unparsed for one in done.sources] == [0]


def test_two_equal_lines_of_one_file_are_two_requests(tmp_path):
    done = read(write(tmp_path / "a.log", [line()] * 3), tmp_path / "w")
    assert len(facts(done)) == 3


def test_the_same_words_at_another_instant_are_no_duplicate(tmp_path):
    """The mutation of the rule above it: without the instant, they would be taken out."""
    one = write(tmp_path / "a.log", [line(when=at(10)), line("/x", when=at(12))])
    two = write(tmp_path / "b.log", [line(when=at(11)), line("/y", when=at(13))])
    done = read([one, two], tmp_path / "w")
    assert sum(one.duplicates for one in done.sources) == 0


def test_what_is_not_understood_is_counted_located_and_shown_without_harm(tmp_path):
    lines = [line(), "\x1b[2Jgarbage", line(when="31/Feb/2024:10:00:00 +0000"), "", line("/x")]
    done = read(write(tmp_path / "a.log", lines), tmp_path / "w")
    [source] = done.sources
    assert (source.lines, source.parsed, source.ignored, source.unparsed) == (5, 3, 1, 2)
    assert [sample.line for sample in source.samples] == [2, 3]
    assert source.samples[0].text == "\\x1b[2Jgarbage"
    assert "garbage" not in repr(source)
    assert [gap.reason for gap in done.streams[0].gaps] == ["unparsed"]


def test_a_mapping_of_another_format_says_so_with_examples(tmp_path):
    path = write(tmp_path / "a.log", ['{"a": 1}', '{"a": 2}'])
    with pytest.raises(LogsRefused) as refused:
        read(path, tmp_path / "w")
    assert "none of 2 lines" in str(refused.value)
    assert "line 1:" in str(refused.value)
    assert "rempart scope map" in str(refused.value)


def test_a_mapping_without_the_right_screens_is_told(tmp_path):
    done = read(write(tmp_path / "a.log", [line("/a"), line("/b")]), tmp_path / "w")
    assert done.sources[0].unknown_views == 2
    assert any("complete [[views]]" in note for note in done.notes)


def test_an_empty_log_has_no_fact_and_its_columns(tmp_path):
    done = read(write(tmp_path / "a.log", []), tmp_path / "w")
    assert facts(done) == []
    assert pq.read_table(str(tmp_path / "w" / "facts")).column_names[0] == "source"


@pytest.mark.parametrize("given", ["nowhere.log", "nothing-*.log"])
def test_a_path_that_leads_nowhere_is_refused(tmp_path, given):
    with pytest.raises(LogsRefused, match="is no file"):
        read([tmp_path / given], tmp_path / "w")


def test_folders_and_patterns_are_followed(tmp_path):
    for name in ("logs/a.log", "logs/deep/b.log", "c-1.log", "c-2.log", "logs/.hidden"):
        write(tmp_path / name, [line(f"/adherents/{name[-5]}", user=name)])
    done = read([tmp_path / "logs", str(tmp_path / "c-*.log")], tmp_path / "w")
    assert len(done.sources) == 4


def test_records_of_one_object_of_lines_and_of_lists_are_the_same(tmp_path):
    mapping = parse_mapping("""
name = "JSON"
format = "json"
[time]
place = "t"
[places]
account = "who.name"
person = "seen[].id"
[[views]]
name = "fiche"
where = { page = "fiche" }
shows = ["nir"]
""")
    records = [
        {
            "t": f"2024-01-29T10:00:{n:02d}Z",
            "who": {"name": "ps1"},
            "page": "fiche",
            "seen": [{"id": f"c{n}"}, {"id": n}],
        }
        for n in range(5)
    ]
    texts = {
        "lines": "\n".join(map(json.dumps, records)),
        "records": json.dumps({"Records": records}),
        "pretty": json.dumps({"meta": {"a": [1]}, "Records": records}, indent=2),
        "list": json.dumps(records, indent=1),
    }
    found = {}
    for name, text in texts.items():
        path = write_bytes(tmp_path / f"{name}.json", text.encode())
        done = read(path, tmp_path / name, mapping)
        found[name] = sorted(row["person"] for row in facts(done))
        assert not done.sources[0].broken
    assert set(map(tuple, found.values())) == {tuple(found["lines"])}
    assert len(found["lines"]) == 10


def test_a_document_that_stops_being_json_keeps_what_precedes(tmp_path):
    mapping = parse_mapping("""
name = "JSON"
format = "json"
[time]
place = "t"
[places]
account = "who"
[[views]]
name = "all"
where = { who = ".*" }
shows = ["nir"]
""")
    records = [{"t": "2024-01-29T10:00:00Z", "who": f"ps{n}"} for n in range(400)]
    text = json.dumps({"Records": records}, indent=1)
    done = read(write_bytes(tmp_path / "a.json", text[:-200].encode()), tmp_path / "w", mapping)
    [source] = done.sources
    assert source.broken
    assert 390 < source.facts < 400


def test_parquet_columns_of_any_type_are_read(tmp_path):
    mapping = parse_mapping("""
name = "Parquet"
format = "parquet"
[time]
place = "when"
[places]
account = "who.login"
person = "contract"
[[views]]
name = "fiche"
where = { page = "1" }
shows = ["nir"]
""")
    table = pa.table(
        {
            "when": pa.array([1706518800000, 1706518801000], pa.timestamp("ms", "UTC")),
            "who": [{"login": "ps1"}, {"login": "ps2"}],
            "contract": [12, None],
            "page": [1, 2],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    done = read(tmp_path / "a.parquet", tmp_path / "w", mapping)
    rows = facts(done)
    assert [(r["t_ms"], r["account"], r["person"], r["view"]) for r in rows] == [
        (1706518800000, "ps1", "12", "fiche"),
        (1706518801000, "ps2", None, ""),
    ]


def test_every_problem_of_a_mapping_is_told_at_once():
    text = portal_text = """
nam = "x"
format = "combine"
[time]
zone = "Europe/Pari"
[[views]]
name = "a"
path = "/{x}"
shows = ["nirr"]
[places]
session = { in = "path", match = "x" }
person = { in = "path", match = "((x" }
[own_fields]
nir = 40
other = 12
"""
    with pytest.raises(MappingRefused) as refused:
        parse_mapping(text, name="m.toml")
    told = str(refused.value)
    for place in (
        *("nam:", "name:", "format:", "time.zone:", "views[1].path:", "views[1].shows:"),
        *("places.session:", "places.person:", "own_fields.nir:", "own_fields.other:"),
    ):
        assert place in told, portal_text
    assert "did you mean nir?" in told


def test_a_finished_source_is_not_read_again_and_a_changed_one_is(tmp_path):
    one = write(tmp_path / "a.log", [line("/adherents/c1")])
    two = write(tmp_path / "b.log", [line("/adherents/c2")])
    read([one, two], tmp_path / "w")
    part = tmp_path / "w" / "facts" / "part-00000.parquet"
    before = part.stat().st_mtime_ns
    write(two, [line("/adherents/c3")])
    done = read([one, two], tmp_path / "w")
    assert part.stat().st_mtime_ns == before
    assert [row["person"] for row in facts(done)] == ["c1", "c3"]


def test_another_mapping_reads_everything_again(tmp_path):
    path = write(tmp_path / "a.log", [line("/adherents/c 1")])
    read(path, tmp_path / "w")
    done = read(path, tmp_path / "w", portal("# another\n"))
    assert len(facts(done)) == 1


def test_a_file_no_longer_given_leaves_nothing_and_gives_its_lines_back(tmp_path):
    every = [line(f"/adherents/c{n}", when=at(10, n)) for n in range(30)]
    one = write(tmp_path / "access.log.1", every[:20])
    two = write(tmp_path / "access.log", every[10:])
    read([one, two], tmp_path / "w")
    done = read([two], tmp_path / "w")
    assert sorted(row["person"] for row in facts(done)) == sorted(f"c{n}" for n in range(10, 30))
    check_sums(done)


def test_a_reading_that_is_stopped_goes_on_where_it_was(tmp_path):
    paths = [
        write(tmp_path / f"{n}.log", [line(f"/adherents/c{n}", user=f"ps{n}")]) for n in range(3)
    ]

    def stop(progress):
        if progress.name == "2.log":
            raise KeyboardInterrupt

    from rempart.workflows.scope.read_foreign_logs import read_sources

    with pytest.raises(KeyboardInterrupt):
        read_sources(paths, portal(), tmp_path / "w", stop)
    assert not list((tmp_path / "w" / "facts").glob(".*"))
    done = read(paths, tmp_path / "w")
    assert len(facts(done)) == 3
    check_sums(done)
