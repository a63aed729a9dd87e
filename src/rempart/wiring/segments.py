"""Builds what reads sealed segments: the store of their files, and the engine of questions."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from rempart.storage.analytics import Engine, Means, open_engine
from rempart.storage.segment_files import SegmentStore
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings


def open_segment_store(settings: Settings, home: Home) -> SegmentStore:
    """Return the store of an installation: REMPART_SEGMENTS, or a folder of its home."""
    return SegmentStore(settings.segments or str(home.path / "segments"))


def make_engine_opener(
    settings: Settings, store: SegmentStore
) -> Callable[[], AbstractContextManager[Engine]]:
    """Return what opens an engine on a store: Spark if the settings name a cluster."""
    means = Means(
        spark=settings.spark,
        memory=settings.question_memory,
        threads=settings.question_threads,
    )
    return lambda: open_engine(store, means)
