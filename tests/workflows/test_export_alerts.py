"""Alerts leave once each, whoever is away, whatever is killed, in whatever order they came."""

import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from tests.alert_samples import PRODUCER
from tests.unit.exchange.test_alert_webhook import make_sender
from tests.unit.exchange.test_alert_webhook import receiving as receiving_posts

from rempart.exchange.alert_delivery import DeliveryFailed
from rempart.exchange.alert_files import FileWriter, LineWriter
from rempart.exchange.alert_ocsf import Finding
from rempart.kernel.errors import Conflict, SetupError, Unavailable
from rempart.storage.connect import Database, Login
from rempart.workflows.guard import export_alerts as exporting
from rempart.workflows.guard.export_alerts import (
    DatabaseCursor,
    Export,
    FileCursor,
    MemoryCursor,
    compute_wait_s,
    export_alerts,
)

HOUR_MS = 3_600_000
NOW_MS = 1_763_800_000_000
SIGNALS = '[{"kind": "typed_faces", "observed": 31, "expected": 4, "weight": 3.5}]'


class Collector:
    """A destination that keeps what it is sent."""

    name = "collector"

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def send(self, findings: Sequence[Finding]) -> None:
        self.findings += findings

    @property
    def kinds(self) -> list[str]:
        return [str(one.kind) for one in self.findings]

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.findings]


def add_event(tx: Any, kind: str, *, account: int = 1, t_ms: int = NOW_MS, **changes: Any) -> None:
    """Write what a gateway writes."""
    row = {"kind": kind, "account": account, "t_ms": t_ms, "step": 2, "enforced": True} | changes
    tx.execute(
        "INSERT INTO guard.event (t_ms, account_ref, kind, step, signals, enforced, subject)"
        " VALUES (%(t_ms)s, %(account)s, %(kind)s, %(step)s, %(signals)s, %(enforced)s, 99)",
        row | {"signals": SIGNALS},
    )


def add_events(database: Database, *kinds: str, **changes: Any) -> None:
    for kind in kinds:
        with database.transaction("gateway") as tx:
            add_event(tx, kind, **changes)


def make_export(database: Database, destination: Any, **changes: Any) -> Export:
    facts: dict[str, Any] = {
        "connect": lambda: database.connect("forwarder", autocommit=True),
        "store": DatabaseCursor("test"),
        "destination": destination,
        "producer": PRODUCER,
        "clock_ms": lambda: NOW_MS,
        "wait": lambda _: False,
        "chance": Random(1),
    }
    return Export(**facts | changes)


def run(database: Database, destination: Any, **changes: Any) -> int:
    return export_alerts(make_export(database, destination, **changes))


# ---- what is an alert ----------------------------------------------------------------------------


def test_whatever_is_not_a_mere_refusal_is_told_in_order(database: Database):
    add_events(database, "contained", "refused", "canary", "late", "released")
    collector = Collector()
    assert run(database, collector) == 4
    assert collector.kinds == ["contained", "canary", "late", "released"]
    contained, *_, released = collector.read()
    assert contained["evidences"][1]["name"] == "typed_faces"
    assert contained["unmapped"]["step"] == "presence_only"
    assert contained["resources"] == [{"type": "account", "uid": "1"}]
    # It closes the last thing that held the account.
    late = collector.read()[2]
    assert released["finding_info"]["uid"] == late["finding_info"]["uid"]


def test_refusals_are_told_from_the_twentieth_within_an_hour_once_an_hour(database: Database):
    add_events(database, *["refused"] * 19)
    add_events(database, *["refused"] * 19, account=2)
    collector = Collector()
    assert run(database, collector) == 0
    add_events(database, *["refused"] * 30)
    add_events(database, *["refused"] * 5, t_ms=NOW_MS + HOUR_MS // 2)
    run(database, collector)
    assert collector.kinds == ["refusals"]
    add_events(database, *["refused"] * 20, t_ms=NOW_MS + 2 * HOUR_MS)
    run(database, collector)
    assert collector.kinds == ["refusals", "refusals"]


def test_mutation_without_its_trigger_a_canary_bites_in_silence(database: Database):
    with database.transaction("owner") as tx:
        tx.execute("DROP TRIGGER alert ON guard.event")
    add_events(database, "canary")
    assert run(database, Collector()) == 0


def test_new_rules_and_measures_are_told(database: Database):
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO guard.rules (day, account_days, width, evidence, card_evidence,"
            " false_containments, norms) VALUES (20400, 100, 3, 8, 8, 0.3, '{}')"
        )
        tx.execute("ALTER TABLE guard.measure DISABLE TRIGGER check_measure")
        tx.execute(
            "INSERT INTO guard.measure (measure_ref, step, target, target_ref, reason, note,"
            " asked_by, asked_at, review_at) VALUES (500, 'suspend', 'establishment', 77,"
            " 'suspected_theft', 'call Alix', 0, now(), now() + interval '4 hours')"
        )
        tx.execute("UPDATE guard.measure SET starts_at = now(), approved_by = 5")
        tx.execute("UPDATE guard.measure SET review_at = now() + interval '8 hours'")
        tx.execute("UPDATE guard.measure SET ended_at = now(), end_reason = 'cleared'")
    collector = Collector()
    run(database, collector)
    assert collector.kinds == ["rules_renewed", "step_asked", "step_started", "step_ended"]
    rules, asked, _, ended = collector.read()
    assert rules["unmapped"]["account_days"] == 100
    assert asked["resources"] == [{"type": "establishment", "uid": "77"}]
    assert ended["unmapped"]["end_reason"] == "cleared"
    assert b"Alix" not in b"".join(one.body for one in collector.findings)


def test_what_happened_before_a_day_is_left_out(database: Database):
    add_events(database, "contained")
    add_events(database, "canary", t_ms=NOW_MS + 1)
    collector = Collector()
    run(database, collector, from_ms=NOW_MS + 1)
    assert collector.kinds == ["canary"]


# ---- none lost, none twice -----------------------------------------------------------------------


def test_a_second_run_sends_what_is_new_and_nothing_twice(database: Database):
    collector = Collector()
    add_events(database, *["contained"] * 3)
    assert run(database, collector) == 3
    assert run(database, collector) == 0
    add_events(database, "canary")
    assert run(database, collector) == 1
    assert run(database, collector, store=DatabaseCursor("another")) == 4
    assert set(Counter(one.uid for one in collector.findings[:4]).values()) == {1}


def test_a_backlog_leaves_in_batches_each_noted(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exporting, "BATCH", 3)
    add_events(database, *["contained"] * 10)
    collector = Collector()
    assert run(database, collector) == 10
    assert set(Counter(one.uid for one in collector.findings).values()) == {1}


def test_an_alert_committed_after_a_later_one_is_not_lost(database: Database):
    collector = Collector()
    with database.connect("gateway") as slow:
        add_event(slow, "canary")
        add_events(database, "contained")
        run(database, collector)
        run(database, collector)
        assert collector.kinds == ["contained"]
        slow.commit()
    run(database, collector)
    run(database, collector)
    assert collector.kinds == ["contained", "canary"]


def test_mutation_a_cursor_that_is_the_last_number_loses_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        exporting,
        "move_cursor",
        lambda cursor, sent, look: exporting.Cursor(max([cursor.sent_to, *sent])),
    )
    collector = Collector()
    with database.connect("gateway") as slow:
        add_event(slow, "canary")
        add_events(database, "contained")
        run(database, collector)
        slow.commit()
    run(database, collector)
    assert collector.kinds == ["contained"]


class Killed(BaseException):
    """The process is gone."""


class KilledAfterSending(Collector):
    def send(self, findings: Sequence[Finding]) -> None:
        super().send(findings)
        raise Killed


def test_a_kill_between_sending_and_noting_sends_again_under_the_same_name(database: Database):
    add_events(database, "contained", "canary")
    first, second = KilledAfterSending(), Collector()
    with pytest.raises(Killed):
        run(database, first)
    run(database, second)
    assert second.findings == first.findings


def test_mutation_noting_before_sending_loses_what_was_under_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    class Hasty(DatabaseCursor):
        def load(self, connection: Any) -> Any:
            cursor = super().load(connection)
            read = exporting.alerts.read_alerts(
                connection, sent_to=0, ahead=(), from_ms=0, most=exporting.BATCH
            )
            self.save(connection, exporting.Cursor(read.alerts[-1].alert_ref if read.alerts else 0))
            return cursor

    add_events(database, "contained", "canary")
    with pytest.raises(Killed):
        run(database, KilledAfterSending(), store=Hasty("test"))
    assert run(database, Collector()) == 0


def test_two_processes_do_not_send_to_one_destination(database: Database):
    add_events(database, "contained")

    class Nested(Collector):
        def send(self, findings: Sequence[Finding]) -> None:
            with pytest.raises(Conflict, match="another --name"):
                run(database, Collector())
            super().send(findings)

    assert run(database, Nested()) == 1


# ---- destinations that are away ------------------------------------------------------------------


def test_a_webhook_that_fails_then_works_gets_each_alert_once(database: Database):
    add_events(database, *["contained"] * 4)
    said: list[str] = []
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    with receiving_posts(204, 503, 500, 204, 204, 429) as receiver:
        sender = make_sender(f"http://127.0.0.1:{receiver.port}/")
        assert run(database, sender, wait=wait, say=said.append) == 4
    assert set(Counter(headers["webhook-id"] for headers, _ in receiver.taken).values()) == {1}
    assert len(receiver.taken) == 4
    assert [round(one, 1) for one in waited if one] == sorted(
        round(one, 1) for one in waited if one
    )
    assert "answered 503; asking again" in said[0]


def test_a_receiver_that_stays_away_is_given_up_and_what_waits_is_said(
    database: Database, unused_port: int
):
    add_events(database, "contained")
    sender = make_sender(f"http://127.0.0.1:{unused_port}/")
    with pytest.raises(Unavailable, match=r"0 alerts were sent, the others wait: run this again"):
        run(database, sender)


def test_while_following_it_is_asked_until_somebody_stops(database: Database, unused_port: int):
    add_events(database, "contained")
    waits = iter([False] * 20 + [True])
    sender = make_sender(f"http://127.0.0.1:{unused_port}/")
    assert run(database, sender, follow=True, wait=lambda _: next(waits)) == 0
    assert next(waits, None) is None


def test_waits_double_up_to_a_minute():
    chance = Random(1)
    longest = [compute_wait_s(failures, chance) for failures in range(1, 12)]
    assert all(0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(longest[:6]))
    assert all(30 <= wait <= 60 for wait in longest[6:])


def test_a_connection_to_the_database_that_breaks_is_opened_again(database: Database):
    collector = Collector()
    turns = iter(range(10))

    def wait(_: float) -> bool:
        match next(turns):
            case 0:
                with database.connect("admin", autocommit=True) as admin:
                    admin.execute(
                        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                        " WHERE usename = 'rempart_forwarder' AND datname = current_database()"
                    )
                add_events(database, "canary")
                return False
            case turn:
                return turn > 2

    add_events(database, "contained")
    assert run(database, collector, follow=True, wait=wait) == 2
    assert collector.kinds == ["contained", "canary"]


# ---- files ---------------------------------------------------------------------------------------


def test_lines_go_to_a_stream_one_for_each_alert(database: Database):
    add_events(database, "contained", "canary")
    stream = io.BytesIO()
    run(database, LineWriter(stream), store=MemoryCursor())
    lines = stream.getvalue().splitlines()
    assert [json.loads(line)["class_uid"] for line in lines] == [2004, 2004]


def test_a_file_is_continued_where_its_cursor_says_without_half_a_line(
    database: Database, tmp_path: Path
):
    out, cursor = tmp_path / "alerts.jsonl", tmp_path / "cursor.json"
    add_events(database, "contained")
    run(database, FileWriter(out), store=FileCursor(cursor))
    with out.open("ab") as file:
        file.write(b'{"class_uid":20')  # what a kill leaves
    add_events(database, "canary")
    run(database, FileWriter(out), store=FileCursor(cursor))
    read = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [one["finding_info"]["types"] for one in read] == [["contained"], ["canary"]]
    assert out.stat().st_mode & 0o7 == 0


def test_a_cursor_that_is_no_cursor_is_refused(database: Database, tmp_path: Path):
    cursor = tmp_path / "cursor.json"
    cursor.write_text("{}}")
    with pytest.raises(SetupError, match="is no cursor"):
        run(database, Collector(), store=FileCursor(cursor))


def test_a_full_disk_is_said_and_nothing_is_noted(database: Database, tmp_path: Path):
    add_events(database, "contained")
    writer = FileWriter(tmp_path / "alerts.jsonl")
    (tmp_path / "alerts.jsonl").mkdir()
    with pytest.raises(DeliveryFailed, match="takes no alert"):
        writer.send([])
    (tmp_path / "alerts.jsonl").rmdir()
    assert run(database, writer) == 1


# ---- the login -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "SELECT subject FROM guard.event",
        "SELECT address FROM guard.event",
        "SELECT insurer_id FROM guard.event",
        "SELECT * FROM guard.face",
        "SELECT habits FROM guard.account",
        "SELECT note FROM guard.measure",
        "SELECT * FROM guard.canary",
        "SELECT * FROM rights.lookup",
        "SELECT * FROM ledger.entry",
        "DELETE FROM guard.alert",
        "INSERT INTO guard.alert (t_ms, kind) VALUES (1, 'canary')",
    ],
)
def test_who_speaks_to_the_outside_cannot_read_whom_it_was_about(database: Database, query: str):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        database.transaction("forwarder") as tx,
    ):
        tx.execute(query)


@pytest.mark.parametrize("login", ["portals", "gateway", "auditor"])
def test_others_leave_alerts_and_cursors_alone(database: Database, login: Login):
    for query in ("UPDATE guard.alert_cursor SET alert_ref = 0", "DELETE FROM guard.alert"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            database.transaction(login) as tx,
        ):
            tx.execute(query)
