"""Which tests run together, and which first, when several processes share them.

A file stays in one process: what its tests share is made once. A file that takes long begins early:
begun last, it would keep one process busy while the others have nothing left to do.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Longest first; the rest follows in the random order of the run.
LONG = (
    "tests/workflows/test_drill.py",
    "tests/analytics/test_engines.py",
    "tests/portals/test_cross_tenant.py",
    "tests/browser/",
    "tests/failures/",
    "tests/foreign/",
    "tests/storage/test_tenancy",
    "tests/workflows/",
    "tests/storage/",
    "tests/properties/",
    "tests/portals/",
)
# These start what another file starts too, and so go where it goes.
TOGETHER = {"tests/analytics/test_scope_on_spark.py": "tests/analytics/test_engines.py"}


class FilesTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Gives whole files to the processes, in the order of the run."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return TOGETHER.get(path, path)


def make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Return what shares the tests, whatever --dist says."""
    config.option.loadscopereorder = False
    return FilesTogether(config, log)


def put_long_first(items: list[pytest.Item]) -> None:
    """Sort tests in place: those of long files, then the others, each as they were."""
    items.sort(key=lambda item: find_rank(item.nodeid))


def find_rank(nodeid: str) -> int:
    """Return the place of a test's file in `LONG`; beyond the last when it is not there."""
    return next((i for i, place in enumerate(LONG) if nodeid.startswith(place)), len(LONG))
