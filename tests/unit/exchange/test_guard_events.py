"""Look-ups in Parquet: every shape the format accepts reads the same, and nothing is guessed."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from rempart.exchange import guard_events
from rempart.exchange.guard_columns import (
    ACCOUNTS,
    CANARIES,
    EVENTS,
    OUTCOMES,
    TRUTH,
    EventsRefused,
)
from rempart.exchange.guard_events import (
    EventsFile,
    open_decisions,
    open_guard_file,
    read_accounts,
    read_canaries,
    read_thefts,
)
from rempart.guard import Account, Decision, Lookup, Signal, SignalKind, Step
from rempart.kernel.errors import Unavailable

TIME_MS = 1_793_611_800_123
USUAL = {
    "time": [TIME_MS, TIME_MS + 1],
    "account": [1, 2],
    "profession": ["nurse", "optician"],
    "subject": [10, -11],
    "insurer": [7, 0],
    "subject_department": [31, None],
    "presence": [True, False],
    "ip": [100, 200],
    "user_agent": [5, 6],
    "outcome": ["found", "not_found"],
}
EXPECTED = [
    Lookup(TIME_MS, 1, 10, 7, 31, True, 100, 5, True),
    Lookup(TIME_MS + 1, 2, -11, 0, None, False, 200, 6, False),
]


@pytest.fixture
def write(tmp_path):
    """Write a file of look-ups; a column given as None is left out."""

    def write_events(name="events.parquet", **changes):
        columns = {key: value for key, value in (USUAL | changes).items() if value is not None}
        parquet.write_table(pa.table(columns), tmp_path / name)
        return tmp_path / name

    return write_events


def read(path):
    return [lookup for part in EventsFile(path).read() for lookup in part.lookups]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("time", pa.array(USUAL["time"], pa.timestamp("ms"))),
        ("time", pa.array(USUAL["time"], pa.timestamp("ms", "UTC"))),
        ("time", pa.array(USUAL["time"], pa.timestamp("ms", "Europe/Paris"))),
        ("time", pa.array([one * 1000 for one in USUAL["time"]], pa.timestamp("us", "UTC"))),
        ("time", pa.array([one * 10**6 + 999 for one in USUAL["time"]], pa.timestamp("ns"))),
        ("time", pa.array(USUAL["time"], pa.uint64())),
        ("account", pa.array([1, 2], pa.int16())),
        ("subject_department", pa.array([31.0, float("nan")], pa.float64())),
        ("subject_department", pa.array([31.0, None], pa.float64())),
        ("profession", pa.array(USUAL["profession"]).dictionary_encode()),
        ("profession", pa.array(USUAL["profession"], pa.large_string())),
        ("presence", pa.array([1, 0], pa.int8())),
        ("presence", pa.array([1.0, 0.0], pa.float64())),
        ("insurer", pa.array([7, None], pa.int64())),
        ("outcome", pa.array(USUAL["outcome"]).dictionary_encode()),
        ("outcome", pa.array(["Open", " unknown "])),
        ("outcome", pa.array(["closed_suspended", "NOT_FOUND"])),
        ("outcome", pa.array([True, False])),
        ("outcome", pa.array([1, 0], pa.int32())),
    ],
)
def test_a_column_reads_the_same_in_every_shape_it_may_come_in(write, column, values):
    assert read(write(**{column: values})) == EXPECTED


def test_seconds_are_instants_too(write):
    seconds = [TIME_MS // 1000, TIME_MS // 1000 + 1]
    [first, second] = read(write(time=pa.array(seconds, pa.timestamp("s"))))
    assert (first.time_ms, second.time_ms) == (seconds[0] * 1000, seconds[1] * 1000)


def test_references_may_be_text(write):
    [first, _] = read(write(account=["a", "b"], subject=["x", "y"], ip=["192.0.2.1", None]))
    assert (first.account, first.subject, first.ip) == ("a", "x", "192.0.2.1")


def test_names_of_columns_are_read_whatever_their_capitals_spaces_and_order(tmp_path):
    columns = {name.replace("_", " ").title(): values for name, values in USUAL.items()}
    table = pa.table(dict(reversed(columns.items())) | {"comment": ["not", "read"]})
    parquet.write_table(table, tmp_path / "events.parquet")
    assert read(tmp_path / "events.parquet") == EXPECTED


def test_optional_columns_may_be_missing_and_it_is_said(write):
    path = write(ip=None, user_agent=None, insurer=None, subject_department=None, profession=None)
    events = EventsFile(path)
    assert {note.split(":")[0] for note in events.notes} == {
        f"no column {name}" for name in ("ip", "user_agent", "insurer", "subject_department")
    }
    [part] = events.read()
    assert part.professions == part.stolen == []
    assert (
        part.lookups[0]._replace(insurer=7, subject_department=31, ip=100, user_agent=5)
        == (EXPECTED[0])
    )


def test_the_guard_never_sees_who_is_a_thief(write):
    [part] = EventsFile(write(stolen=[True, False])).read()
    assert part.lookups == EXPECTED
    assert part.stolen == [True, False]
    assert "stolen" not in Lookup._fields


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time": None}, "has no column time"),
        ({"outcome": None, "account": None}, "has no column account, outcome"),
        ({"time": ["monday", "tuesday"]}, "column time: holds string"),
        ({"time": pa.array([1.5, 2.0])}, "column time: holds fractions"),
        ({"time": pa.array([1, None])}, "column time: 1 rows are empty"),
        ({"account": pa.array([b"a", b"b"])}, "column account: holds binary"),
        ({"subject": pa.array([1.5, 2.5])}, "column subject: holds fractions"),
        ({"presence": ["yes", "no"]}, "column presence"),
        ({"presence": pa.array([2, 0])}, "column presence"),
        ({"profession": pa.array([1.5, 2.0])}, "column profession: holds fractions"),
        ({"profession": pa.array([True, False])}, "column profession: holds bool"),
        ({"outcome": ["found", "perhaps"]}, "column outcome: holds a word that is none of"),
    ],
)
def test_what_could_be_misread_is_refused_with_its_column(write, changes, said):
    with pytest.raises(EventsRefused, match=said) as refused:
        read(write(**changes))
    assert "events.parquet" in str(refused.value)
    assert "perhaps" not in str(refused.value)


def test_a_file_that_is_missing_or_no_parquet_is_refused(tmp_path, write):
    with pytest.raises(EventsRefused, match="does not exist"):
        EventsFile(tmp_path / "nowhere.parquet")
    text = tmp_path / "events.csv"
    text.write_text("time;account\n")
    with pytest.raises(EventsRefused, match="not Parquet"):
        EventsFile(text)
    whole = write().read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EventsRefused, match="not Parquet, or damaged"):
        EventsFile(cut)


def test_numbers_in_one_file_and_text_in_another_are_refused_since_nothing_would_be_equal(
    tmp_path, write
):
    events = EventsFile(write())
    accounts = tmp_path / "accounts.parquet"
    parquet.write_table(pa.table({"account": ["1"], "profession": ["nurse"]}), accounts)
    with pytest.raises(EventsRefused, match="column account: holds text, but account in events"):
        read_accounts(accounts, events)
    departments = {"account": [1], "profession": ["nurse"], "department": ["31"]}
    parquet.write_table(pa.table(departments), accounts)
    with pytest.raises(EventsRefused, match="subject_department in events"):
        read_accounts(accounts, events)


def test_what_is_written_is_read_back(tmp_path, write):
    events = EventsFile(write())
    with open_guard_file(tmp_path / "a.parquet", ACCOUNTS) as file:
        file.write({"account": [1, 2], "profession": ["nurse", ""], "department": [31, None]})
    assert read_accounts(tmp_path / "a.parquet", events) == [
        Account(1, "nurse", 31),
        Account(2, ""),
    ]
    with open_guard_file(tmp_path / "c.parquet", CANARIES) as file:
        file.write({"subject": [99]})
    assert read_canaries(tmp_path / "c.parquet", events) == [99]
    with open_guard_file(tmp_path / "t.parquet", TRUTH) as file:
        file.write({"account": [1], "kind": ["list"], "from": [TIME_MS]})
    assert read_thefts(tmp_path / "t.parquet", events) == [(1, "list", TIME_MS)]
    with open_guard_file(tmp_path / "e.parquet", EVENTS) as file:
        file.write(USUAL | {"stolen": [False, True]})
    assert read(tmp_path / "e.parquet") == EXPECTED


def test_files_with_references_as_text_are_written_too(tmp_path):
    with open_guard_file(tmp_path / "c.parquet", CANARIES, text_refs=True) as file:
        file.write({"subject": ["x"]})
    assert parquet.read_table(tmp_path / "c.parquet").to_pylist() == [{"subject": "x"}]


def test_parts_are_small_and_numbered_whatever_the_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(guard_events, "BATCH_ROWS", 10)
    path = tmp_path / "events.parquet"
    with open_guard_file(path, EVENTS) as file:
        file.write(
            {name: values[:1] * 25 for name, values in (USUAL | {"stolen": [False]}).items()}
        )
    parts = list(EventsFile(path).read())
    assert [part.first for part in parts] == [0, 10, 20]
    assert sum(len(part.lookups) for part in parts) == EventsFile(path).rows == 25


def test_decisions_are_written_with_their_evidence(tmp_path):
    signal = Signal(SignalKind.NETWORK, 1.0, 0.0, 1.6)
    held = Decision(False, Step.PRESENCE_ONLY, True, 6.0, 5.0, (signal,))
    answered = Decision(True, Step.NONE, False, 0.0, 0.0, ())
    with open_decisions(tmp_path / "d.parquet") as file:
        file.write_decisions(7, [answered, held])
    [first, second] = parquet.read_table(tmp_path / "d.parquet").to_pylist()
    assert first == {
        "index": 7, "answer": True, "step": "none", "contains": False, "evidence": 0.0,
        "threshold": 0.0, "signals": [],
    }  # fmt: skip
    assert (second["index"], second["step"], second["contains"]) == (8, "presence_only", True)
    assert second["signals"] == [
        {"kind": "network", "observed": 1.0, "expected": 0.0, "weight": 1.6}
    ]


def write_until_stopped(path):
    with open_decisions(path) as file:
        file.write_decisions(0, [Decision(True, Step.NONE, False, 0.0, 0.0, ())])
        raise KeyboardInterrupt


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "d.parquet"
    with pytest.raises(KeyboardInterrupt):
        write_until_stopped(path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Unavailable), open_decisions(tmp_path / "no" / "d.parquet"):
        pass


def test_every_outcome_of_the_ledger_is_read():
    from rempart.disclosure.entry import Outcome

    assert {outcome.name.lower() for outcome in Outcome} <= set(OUTCOMES)
