"""One insurer's full feed, validated, sealed and indexed, beside a bare COPY of the same rows.

The baseline copies the file's columns as text into one table without an index, on the same server
with the same durability, and does nothing else. Twice each, in turns; the better one counts.
"""

import csv
import os
import shutil
import sys
import threading
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.machinery import (
    DATA,
    Stopwatch,
    rempart,
    running_database,
    save_results,
    synthesise,
)
from rempart.storage.connect import Database

TARGET_RATIO = 0.25
ROUNDS = 2
INSURER = 1


def run(*, rows: int) -> None:
    """Measure, print the ratio, save it."""
    feed = next((synthesise(rows, insurers=1) / "feeds").glob("*.csv"))
    lines = sum(1 for _ in feed.open("rb")) - 1
    imports, copies = [], []
    for _ in range(ROUNDS):
        home = DATA / "feed-import"
        shutil.rmtree(home, ignore_errors=True)
        with running_database(home) as database:
            copies.append(_copy(database, feed))
            imports.append(_import(home, feed))
        shutil.rmtree(home)
    best_copy, (best_import, peak_mib) = min(copies), min(imports)
    ratio = best_copy / best_import
    table = Table(title=f"Feed of {lines:,} lines, best of {ROUNDS}")
    for column in ("", "seconds", "lines/s", "ratio", "peak MiB"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("bare COPY", f"{best_copy:.1f}", f"{lines / best_copy:,.0f}", "1.00", "")
    table.add_row(
        "rempart feed import",
        f"{best_import:.1f}",
        f"{lines / best_import:,.0f}",
        f"{ratio:.2f} (target ≥ {TARGET_RATIO})",
        f"{peak_mib:.0f}",
    )
    Console().print(table)
    path = save_results(
        "feed-import",
        {
            "lines": lines,
            "bare_copy_s": copies,
            "import_s": [seconds for seconds, _ in imports],
            "peak_mib": max(peak for _, peak in imports),
            "ratio": ratio,
        },
    )
    print(f"saved in {path}")


def _copy(database: Database, feed: Path) -> float:
    """Copy the file as it is, through the driver's COPY, as fast as the server takes it."""
    with feed.open(encoding="utf-8", newline="") as text:
        header = next(csv.reader(text, delimiter=";"))
    columns = ", ".join(f"{name} text" for name in header)
    with database.connect("admin", autocommit=True) as admin:
        admin.execute("DROP TABLE IF EXISTS public.bare")
        admin.execute(f"CREATE TABLE public.bare ({columns})".encode())
        with (
            Stopwatch() as watch,
            feed.open("rb") as raw,
            admin.cursor() as cursor,
            cursor.copy("COPY public.bare FROM STDIN (FORMAT csv, DELIMITER ';', HEADER)") as copy,
        ):
            while piece := raw.read(1 << 20):
                copy.write(piece)
        admin.execute("DROP TABLE public.bare")
    return watch.seconds


def _import(home: Path, feed: Path) -> tuple[float, float]:
    """Import the file; return the seconds and the peak memory of the command with its workers."""
    peak = [0]
    done = threading.Event()
    watcher = threading.Thread(target=_watch_memory, args=(peak, done))
    watcher.start()
    try:
        with Stopwatch() as watch:
            rempart(home, "feed", "import", str(feed), "--insurer", str(INSURER), "--name", "Bench")
    finally:
        done.set()
        watcher.join()
    return watch.seconds, peak[0] / 1024


def _watch_memory(peak: list[int], done: threading.Event) -> None:
    """Keep the highest sum of proportional memory of our descendants, in KiB; Linux only."""
    if not sys.platform.startswith("linux"):
        return
    while not done.wait(0.5):
        peak[0] = max(peak[0], sum(map(_read_pss, _list_descendants(os.getpid()))))


def _list_descendants(pid: int) -> list[int]:
    """Return the processes below one; the database has another parent and is not among them."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for t in tasks for child in (t / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return children + [below for child in children for below in _list_descendants(child)]


def _read_pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0
