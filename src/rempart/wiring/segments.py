"""Builds what reads sealed segments: the store of their files, and the engine of questions."""

from rempart.storage.analytics import Means, SealedFiles, open_engine
from rempart.storage.segment_files import SegmentStore
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings


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
    return SealedFiles(store=store, open_engine=lambda: open_engine(store, means))


def open_own_files(settings: Settings, home: Home) -> SealedFiles:
    """Return the store for the pages where members read about themselves: small questions, here."""
    store = open_segment_store(settings, home)
    means = Means(memory="256MB", threads=1)
    return SealedFiles(store=store, open_engine=lambda: open_engine(store, means))
