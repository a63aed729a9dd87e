"""A process of a pool ends with the one that began it, however that ended."""

import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import multiprocessing, sys, time
from concurrent.futures import ProcessPoolExecutor
from rempart.workflows.feeds.worker_process import end_with_parent

if __name__ == "__main__":
    ends = end_with_parent if sys.argv[1] == "ending" else None
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=ends) as pool:
        work = pool.submit(time.sleep, 60)
        while not work.running():
            time.sleep(0.01)
        [worker] = multiprocessing.active_children()
        print(worker.pid, flush=True)
        work.result()
"""


def kill_parent(script: Path, way: str) -> Path:
    """Kill a process whose worker is busy; return where the worker is seen, if it lives."""
    script.write_text(PROGRAM)
    command = [sys.executable, str(script), way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = Path("/proc") / parent.stdout.readline().strip()
        parent.kill()
    return worker


def is_gone(worker: Path, within_s: float) -> bool:
    limit = time.monotonic() + within_s
    while worker.exists() and time.monotonic() < limit:
        time.sleep(0.02)
    return not worker.exists()


def test_a_busy_worker_ends_with_a_killed_parent(tmp_path):
    assert is_gone(kill_parent(tmp_path / "one.py", "ending"), 30)


def test_mutation_without_it_a_busy_worker_goes_on(tmp_path):
    worker = kill_parent(tmp_path / "one.py", "going on")
    assert not is_gone(worker, 1)
    subprocess.run(["kill", "-9", worker.name], check=True)
