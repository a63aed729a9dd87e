"""A disk that drags: every flush of PostgreSQL waits before it begins."""

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rempart.storage.cluster import Cluster

FLUSHES: Final = "fdatasync,fsync"


@contextlib.contextmanager
def slow_flushes(cluster: Cluster, delay_ms: int) -> Iterator[None]:
    """Have each flush of the server and of those it starts wait so long; 0 only watches them.

    Raises:
        SystemExit: there is no strace here, or it may not follow the server.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise SystemExit("faults slows flushes down with strace: install it (apt install strace)")
    postmaster = cluster.status().pid
    if postmaster is None:
        raise SystemExit("the database does not run")
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    followed = [word for pid in (str(postmaster), *children) for word in ("-p", pid)]
    inject = ["-e", f"inject={FLUSHES}:delay_enter={delay_ms * 1000}"] if delay_ms else []
    with subprocess.Popen(
        [strace, "-f", "-o", "/dev/null", "-e", f"trace={FLUSHES}", *inject, *followed],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as follower:
        time.sleep(0.5)
        if follower.poll() is not None:
            raise SystemExit("strace may not follow the server here: run as root, with ptrace")
        try:
            yield
        finally:
            follower.send_signal(signal.SIGINT)
            follower.wait(60)
