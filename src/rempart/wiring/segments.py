"""Builds what reads and writes sealed segments: the store of their files, and what asks them."""

from collections.abc import Callable

from rempart.storage.analytics import Means, SealedFiles, open_engine
from rempart.storage.segment_files import SegmentStore
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import Installation
from rempart.wiring.home import Home
from rempart.wiring.purges import open_purge_journal
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.seal_segment import Archive


def open_segment_store(settings: Settings, home: Home) -> SegmentStore:
    """Return the store of an installation: REMPART_SEGMENTS, or a folder of its home."""
    return SegmentStore(settings.segments or str(home.path / "segments"))


def open_sealed_files(settings: Settings, home: Home) -> SealedFiles:
    """Return the store and what reads it: Spark if the settings name a cluster, DuckDB if not."""
    store = open_segment_store(settings, home)
    means = Means(
        spark=settings.spark,
        memory=settings.question_memory,
        threads=settings.question_threads,
    )
    return SealedFiles(store=store, open_engine=lambda: open_engine(store, means), means=means)


def open_own_files(settings: Settings, home: Home) -> SealedFiles:
    """Return the store for the pages where members read about themselves: small questions, here."""
    store = open_segment_store(settings, home)
    means = Means(memory="256MB", threads=1)
    return SealedFiles(store=store, open_engine=lambda: open_engine(store, means))


def open_archive(
    installation: Installation, on_progress: Callable[[int, int, int], None] = lambda *_: None
) -> Archive:
    """Return what work on segments is done with; `on_progress` as `Archive` says."""
    settings, home, database = installation.settings, installation.home, installation.database
    return Archive(
        begin=lambda: database.transaction("archivist"),
        store=open_segment_store(settings, home),
        acts=open_acts_log(settings, home, database),
        journal=open_purge_journal(settings, home),
        on_progress=on_progress,
    )
