"""What every benchmark needs: a home of its own, the public commands, results in a file."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from rempart.storage.connect import Database
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

ROOT = Path(__file__).parents[1]
DATA = ROOT / ".rempart" / "bench"
RESULTS = ROOT / "bench" / "results"


def rempart(home: Path, *arguments: str, **environment: str) -> None:
    """Run one public command in a home; its output is shown."""
    subprocess.run(
        [sys.executable, "-m", "rempart", *arguments],
        check=True,
        env={**os.environ, "REMPART_HOME": str(home), **environment},
    )


@contextmanager
def running_database(home: Path) -> Iterator[Database]:
    """Create the home if need be and hold its database up."""
    rempart(home, "init")
    rempart(home, "db", "start")
    try:
        settings = Settings.from_environment({**os.environ, "REMPART_HOME": str(home)})
        yield locate_database(settings, Home.open(home))
    finally:
        rempart(home, "db", "stop")


def synthesise(members: int, *, insurers: int) -> Path:
    """Return a synthetic data set, made on the first call."""
    out = DATA / f"synth-{members}-{insurers}"
    rempart(
        DATA, "synth", "--members", str(members), "--insurers", str(insurers), "--out", str(out)
    )
    return out


class Stopwatch:
    """Wall-clock seconds of a block, and the processor's in this process: `processor`."""

    def __enter__(self) -> Self:
        self._started, self._used = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
        self.processor = time.process_time() - self._used


def save_results(name: str, results: Mapping[str, Any]) -> Path:
    """Keep the figures with what they were measured on."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    measured_at = datetime.now(UTC)
    path = RESULTS / f"{name}-{measured_at:%Y%m%dT%H%M%S}.json"
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "measured_at": measured_at.isoformat(timespec="seconds"),
    }
    path.write_text(json.dumps({**results, "machine": machine}, indent=2) + "\n")
    return path
