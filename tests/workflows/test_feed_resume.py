"""A feed shows all at once, and an interrupted import ends where an uninterrupted one would."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.feed_samples import (
    INSURER,
    TODAY,
    Row,
    count_rows,
    make_card,
    make_nir,
    make_row,
    make_secrets,
    publish,
    read_findings,
    read_people,
    register,
    run_import,
    write_feed,
)

from rempart.kernel.errors import Conflict, FeedRefused, NotFound, Unavailable
from rempart.storage import feeds
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.feeds import feed_workers, import_feed
from rempart.workflows.feeds.import_feed import Progress, discard_feed

PIECE = 600  # two rows or so


@dataclass(frozen=True)
class Story:
    """What was published before, and the feed whose import is interrupted."""

    before: tuple[Row, ...]
    name: str
    feed: tuple[Row, ...]


FIRST = (
    *(make_row(serial) for serial in range(1, 13)),
    make_row(13, quality="9"),
    make_row(2, contract_number="OLD", period_start="2020-01-01", period_end="2021-12-31"),
    make_row(14, period_end="2025-01-31"),
    make_row(5),
    make_row(15, insured_nir=make_nir(3), own_nir=make_nir(15)),
    make_row(1, contract_number="OTHER"),
)
NEXT = (
    *(make_row(serial, period_end="2026-12-31" if serial % 3 else "") for serial in range(1, 9)),
    make_row(9, card_code=make_card(90)),
    make_row(14, contract_number="BACK", period_start="2026-10-01"),
    make_row(20, insured_nir=make_nir(20), previous_nir=make_nir(10)),
    make_row(11, family_name="MARTIN", birth_name="DURAND"),
    make_row(21),
    make_row(12, terms="?"),
    make_row(2, contract_number="OLD", period_start="2020-01-01", period_end="2021-12-31"),
)
DELTA = (
    make_row(1, contract_number="NEW", period_start="2026-12-01"),
    make_row(2, family_name="MARTIN"),
    make_row(3, period_end="2026-10-31"),
    make_row(4, card_code=make_card(91)),
    make_row(5, action="remove"),
    make_row(30),
    make_row(6, contract_number="NEW", period_start="2026-12-01"),
    make_row(31, period_end="2024-12-31"),
    make_row(30, contract_number="SECOND", period_start="2027-01-01"),
    make_row(1, period_end="2026-11-30"),
    make_row(14, contract_number="BACK", period_start="2026-10-01"),
    make_row(30, period_end="2026-12-31"),
)
STORIES = [
    pytest.param(Story((), "first.csv", FIRST), id="first full feed"),
    pytest.param(Story(FIRST, "next.csv", NEXT), id="next full feed"),
    pytest.param(Story(FIRST, "delta.csv", DELTA), id="delta"),
]


class Killed(BaseException):
    """The process ends between two pieces."""


def begin(database: Database, home: Home, folder: Path, story: Story) -> Path:
    """Publish what was before; return the feed to import."""
    register(database)
    if story.before:
        before = write_feed(folder / "before.csv", story.before)
        publish(database, home, before)
    return write_feed(folder / story.name, story.feed)


def import_until(
    database: Database, home: Home, path: Path, report: Callable[[Progress], None]
) -> None:
    with database.connect("feeds", autocommit=True) as connection:
        import_feed.import_feed(connection, make_secrets(home), make_request(path), report=report)


def make_request(path: Path, **changes: Any) -> import_feed.FeedRequest:
    facts: dict[str, Any] = {
        "path": path,
        "insurer_id": INSURER,
        "kind": "delta" if "delta" in path.name else "full",
        "today": TODAY,
        "max_reject_share": 0.5,
        "piece_bytes": PIECE,
        "findings_path": path.with_suffix(".findings"),
    }
    return import_feed.FeedRequest(**facts | changes)


def kill_after(pieces: int) -> Callable[[Progress], None]:
    left = pieces

    def report(_: Progress) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1

    return report


@pytest.mark.parametrize("story", STORIES)
def test_an_import_killed_after_any_piece_ends_as_if_it_had_not_been(
    make_database: Callable[[], Database], home: Home, tmp_path: Path, story: Story
):
    whole = make_database()
    path = begin(whole, home, tmp_path, story)
    pieces: list[Progress] = []
    import_until(whole, home, path, pieces.append)
    expected = read_people(whole, home)
    findings = read_findings(path.with_suffix(".findings"))
    assert len(pieces) > 4
    for place in range(len(pieces)):
        path.with_suffix(".findings").unlink()
        database = make_database()
        begin(database, home, tmp_path, story)
        with pytest.raises(Killed):
            import_until(database, home, path, kill_after(place))
        resumed = publish(database, home, path, **vars_of(make_request(path)))
        # The last report is that of publishing, after the last piece.
        assert resumed.resumed_from == pieces[min(place, len(pieces) - 2)].rows
        assert read_people(database, home) == expected
        assert read_findings(path.with_suffix(".findings")) == findings
        with database.transaction("admin") as tx:
            left = count_rows(tx)
        for table in ("rights.waiting_line", "identity.pending_person", "identity.seen_in_feed"):
            assert left[table] == 0


@pytest.mark.parametrize("story", STORIES)
def test_nothing_shows_before_the_last_piece(
    database: Database, home: Home, tmp_path: Path, story: Story
):
    path = begin(database, home, tmp_path, story)
    watch_import(database, home, path)


@pytest.mark.parametrize("story", STORIES)
def test_mutation_a_feed_published_before_its_last_piece_is_noticed(
    database: Database,
    home: Home,
    tmp_path: Path,
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
):
    """Move the flip into the first piece: the test above must fail."""
    advance = feeds.advance_version

    def flip_early(tx: Any, feed_version: int, **counts: int) -> None:
        advance(tx, feed_version, **counts)
        tx.execute("UPDATE rights.insurer SET published_version = %s", (feed_version,))

    monkeypatch.setattr(feeds, "advance_version", flip_early)
    path = begin(database, home, tmp_path, story)
    with pytest.raises(AssertionError, match="shows too early"):
        watch_import(database, home, path)


@pytest.mark.parametrize("story", STORIES)
def test_mutation_a_resumed_import_that_starts_again_is_noticed(
    make_database: Callable[[], Database],
    home: Home,
    tmp_path: Path,
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
):
    """Read the file from its beginning when resuming: rows are counted and applied twice."""
    whole = make_database()
    path = begin(whole, home, tmp_path, story)
    import_until(whole, home, path, lambda _: None)
    findings = read_findings(path.with_suffix(".findings"))
    database = make_database()
    begin(database, home, tmp_path, story)
    with pytest.raises(Killed):
        import_until(database, home, path, kill_after(3))
    forget_what_is_done(monkeypatch)
    try:
        again = publish(database, home, path, **vars_of(make_request(path, max_reject_share=1.0)))
    except Unavailable:
        return  # the database itself refused a line twice
    assert again.applied + again.rejected > len(story.feed)
    assert read_findings(path.with_suffix(".findings")) != findings


def forget_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = import_feed.open_feed

    def open_from_start(*args: Any, **kwargs: Any) -> Any:
        feed = opened(*args, **kwargs)
        pieces = feed.pieces
        feed.pieces = lambda **_: pieces(skip=0)
        return feed

    monkeypatch.setattr(import_feed, "open_feed", open_from_start)


def watch_import(database: Database, home: Home, path: Path) -> None:
    """Import, and compare after each piece what readers see with what they saw before."""
    before = seen_by_readers(database, home)

    def report(now: Progress) -> None:
        assert seen_by_readers(database, home) == before, f"row {now.rows} shows too early"

    import_until(database, home, path, report)
    assert seen_by_readers(database, home) != before


def seen_by_readers(database: Database, home: Home) -> list[Any]:
    """People whom a look-up leads to a visible sheet, with their identity, keys and sheet."""
    shown = ("record", "known_by", "rights", "lookup")
    return [
        [person[name] for name in shown]
        for person in read_people(database, home)
        if person["rights"]
    ]


def vars_of(request: import_feed.FeedRequest) -> dict[str, Any]:
    return {
        name: getattr(request, name)
        for name in ("piece_bytes", "findings_path", "max_reject_share")
    }


class TestPending:
    """A feed half loaded."""

    def test_another_file_must_wait_or_the_first_be_discarded(
        self, database: Database, home: Home, tmp_path: Path
    ):
        story = Story(FIRST, "next.csv", NEXT)
        path = begin(database, home, tmp_path, story)
        before = read_people(database, home)
        with pytest.raises(Killed):
            import_until(database, home, path, kill_after(2))
        other = write_feed(tmp_path / "other.csv", NEXT[:10])
        with pytest.raises(Conflict, match="resume with the same file, or run `rempart feed disc"):
            run_import(database, home, other)
        with database.connect("feeds", autocommit=True) as connection:
            assert discard_feed(connection, INSURER).rows_done > 0
            with pytest.raises(NotFound, match="nothing to discard"):
                discard_feed(connection, INSURER)
        assert read_people(database, home) == before
        publish(database, home, other)

    @pytest.mark.parametrize("story", STORIES)
    @pytest.mark.parametrize("place", [1, 3, 99])
    def test_a_discarded_feed_leaves_nothing(
        self, database: Database, home: Home, tmp_path: Path, story: Story, place: int
    ):
        path = begin(database, home, tmp_path, story)
        before = read_people(database, home)
        with database.transaction("admin") as tx:
            rows = count_rows(tx)
        with pytest.raises(Killed):
            import_until(database, home, path, kill_before_publishing(place))
        with database.connect("feeds", autocommit=True) as connection:
            discard_feed(connection, INSURER)
        assert read_people(database, home) == before
        with database.transaction("admin") as tx:
            assert count_rows(tx) == rows

    def test_a_file_broken_further_on_leaves_nothing(
        self, database: Database, home: Home, tmp_path: Path
    ):
        begin(database, home, tmp_path, Story(FIRST, "next.csv", NEXT))
        before = read_people(database, home)
        rows = [make_row(serial, family_name="LEFÈVRE") for serial in range(100, 20_000)]
        path = write_feed(tmp_path / "next.csv.gz", rows)
        path.write_bytes(path.read_bytes()[:-3_000])
        done = []
        with pytest.raises(FeedRefused, match="truncated or damaged gzip"):
            import_until(database, home, path, done.append)
        assert read_people(database, home) == before

    def test_a_file_that_changes_while_it_is_read_is_refused(
        self, database: Database, home: Home, tmp_path: Path
    ):
        path = begin(database, home, tmp_path, Story((), "first.csv", FIRST))

        def grow(_: Progress) -> None:
            with path.open("a") as file:
                file.write("\n")

        with pytest.raises(FeedRefused, match="changed while it was read"):
            import_until(database, home, path, grow)
        with database.transaction("admin") as tx:
            assert set(count_rows(tx).values()) == {0}


def kill_before_publishing(place: int) -> Callable[[Progress], None]:
    seen = 0

    def report(now: Progress) -> None:
        nonlocal seen
        seen += 1
        if seen > place or now.stage == "publish":
            raise Killed

    return report


def test_worker_processes_change_nothing(
    make_database: Callable[[], Database], home: Home, tmp_path: Path
):
    results = []
    for workers in (0, 2):
        database = make_database()
        path = begin(database, home, tmp_path, Story(FIRST, "next.csv", NEXT))
        publish(
            database,
            home,
            path,
            workers=workers,
            piece_bytes=PIECE,
            findings_path=tmp_path / f"{workers}.csv",
        )
        results.append((read_people(database, home), read_findings(tmp_path / f"{workers}.csv")))
    assert results[0] == results[1]


def test_a_dead_worker_is_told_and_the_import_resumes(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = begin(database, home, tmp_path, Story((), "first.csv", FIRST))
    with monkeypatch.context() as patch:
        patch.setattr(feed_workers, "prepare_in_worker", die)
        with pytest.raises(Exception, match=r"worker process of the import was killed.*resumes"):
            run_import(database, home, path, workers=1, piece_bytes=PIECE)
    assert publish(database, home, path).applied > 0


def die(_: object) -> bytes:
    """What a worker killed by the system does."""
    import os

    os._exit(9)
