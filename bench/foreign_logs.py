"""A portal's combined log read into facts, beside DuckDB and a plain loop over the same file.

DuckDB takes the same values out of the same lines by one pattern, on one thread, and writes them as
Parquet: no mapping, no screens, no instants in milliseconds, no digest of lines, no count of what
it did not understand. The loop is Python's own `re`. Each reading is a process of its own, whose
memory is measured; a log four times as long must not take more. Seconds are the processor's: they
are what a core is asked for, whoever else is working.
"""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.machinery import DATA, Stopwatch, save_results

TARGET_MB_S = 40
ROUNDS = 2
MAPPING = """
name = "Portail"
format = "combined"
extra = ["sid"]
[places]
session = "sid"
[clean]
person = ["compact"]
[[ignore]]
path = "**.css"
[[ignore]]
path = "**.png"
[[views]]
name = "fiche"
path = "/adherents/{person}"
shows = ["family_name", "first_name", "birth_date", "nir", "insurer", "contract_number"]
[[views]]
name = "famille"
path = "/adherents/{person}/famille"
shows = ["family_name", "first_name", "birth_date"]
family = true
[[views]]
name = "droits"
path = "/droits"
person = { query = "contrat" }
shows = ["rights_status", "contract_number"]
[[views]]
name = "recherche"
path = "/recherche"
shows = ["family_name", "birth_date"]
query_only = true
"""
PATTERN = (
    r'^(\S+) \S+ (\S+) \[([^\]]+)\] "(\S+) ([^ "?]*)\??([^ "]*) [^"]*" (\d{3}) \S+ '
    r'"([^"]*)" "([^"]*)" "([^"]*)"$'
)
OURS = """
import resource, sys
from pathlib import Path
from rempart.exchange.foreign_mapping import parse_mapping
from rempart.workflows.scope.read_foreign_logs import read_sources
read = read_sources([sys.argv[1]], parse_mapping(Path(sys.argv[2]).read_text()), Path(sys.argv[3]))
"""
DUCKDB = """
import resource, sys
import duckdb
base = duckdb.connect()
base.execute("SET threads = 1; SET enable_progress_bar = false")
base.execute(
    "COPY (SELECT regexp_extract(line, $pattern, ['address', 'account', 'time', 'method', 'path', "
    "'query', 'status', 'referer', 'agent', 'sid']) AS found FROM read_csv($path, delim = '\\x01', "
    "quote = '', escape = '', header = false, columns = {'line': 'VARCHAR'})) "
    "TO '" + sys.argv[3] + "' (FORMAT parquet, COMPRESSION zstd)",
    {"path": sys.argv[1], "pattern": sys.argv[2]},
)
"""
LOOP = """
import re, resource, sys
pattern, found = re.compile(sys.argv[2]), 0
with open(sys.argv[1]) as file:
    for line in file:
        match = pattern.match(line.rstrip("\\n"))
        found += match is not None and len(match.groups())
"""
SPENT = """
print(resource.getrusage(resource.RUSAGE_SELF).ru_utime
      + resource.getrusage(resource.RUSAGE_SELF).ru_stime,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run(*, megabytes: int) -> None:
    """Measure, print the ratios, save them."""
    DATA.mkdir(parents=True, exist_ok=True)
    small, large = (write_log(size) for size in (megabytes // 4, megabytes))
    mapping = DATA / "foreign-mapping.toml"
    mapping.write_text(MAPPING)
    work, out = DATA / "foreign-work", DATA / "foreign.parquet"

    def ours(log: Path) -> tuple[float, float, float]:
        shutil.rmtree(work, ignore_errors=True)
        return spend(OURS, log, mapping, work)

    contenders: dict[str, tuple[Path, Callable[[], tuple[float, float, float]]]] = {
        "rempart": (large, lambda: ours(large)),
        "rempart, a quarter": (small, lambda: ours(small)),
        "DuckDB, one pattern": (large, lambda: spend(DUCKDB, large, PATTERN, out)),
        "Python's re, no output": (small, lambda: spend(LOOP, small, PATTERN)),
    }
    measured = {
        name: min((measure() for _ in range(ROUNDS)), key=lambda spent: spent[1])
        for name, (_, measure) in contenders.items()
    }
    speeds = {
        name: contenders[name][0].stat().st_size / 1e6 / measured[name][1] for name in contenders
    }
    table = Table(title=f"A combined log of {large.stat().st_size / 1e6:,.0f} MB, best of {ROUNDS}")
    for column in ("", "MB", "wall s", "processor s", "MB per processor s", "ratio", "peak MiB"):
        table.add_column(column, justify="left" if not column else "right")
    for name, (wall, processor, peak) in measured.items():
        table.add_row(
            name,
            f"{contenders[name][0].stat().st_size / 1e6:,.0f}",
            f"{wall:.1f}",
            f"{processor:.1f}",
            f"{speeds[name]:.0f}",
            f"{speeds['rempart'] / speeds[name]:.2f}",
            f"{peak:.0f}",
        )
    Console().print(table)
    print(f"target: {TARGET_MB_S} MB for each second of one core")
    path = save_results(
        "foreign-logs",
        {
            "bytes": large.stat().st_size,
            "measured": {
                name: {
                    "wall_s": wall,
                    "processor_s": processor,
                    "peak_mib": peak,
                    "mb_per_processor_s": speeds[name],
                }
                for name, (wall, processor, peak) in measured.items()
            },
        },
    )
    print(f"saved in {path}")
    shutil.rmtree(work, ignore_errors=True)


def spend(program: str, *arguments: object) -> tuple[float, float, float]:
    """Run a program; return its wall seconds, processor seconds and peak MiB."""
    with Stopwatch() as watch:
        done = subprocess.run(
            [sys.executable, "-c", program + SPENT, *map(str, arguments)],
            check=True,
            capture_output=True,
            text=True,
        )
    processor, peak = map(float, done.stdout.splitlines()[-1].split())
    return watch.seconds, processor, peak


def write_log(megabytes: int) -> Path:
    """Return a portal's log of about so many megabytes, made on the first call."""
    path = DATA / f"foreign-{megabytes}.log"
    if path.exists():
        return path
    dice = random.Random(7)
    agents = [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{version}.0.0.0 Safari/537.36"
        for version in range(100, 122)
    ]
    kinds = [
        "/adherents/{c}",
        "/adherents/{c}/famille",
        "/droits?contrat={c}&date=2024-01-29",
        "/recherche?nom=exemple&page={n}",
        "/static/app.css",
        "/img/logo.png",
        "/accueil",
    ]
    second, size = 0, 0
    with path.with_suffix(".part").open("w") as file:
        while size < megabytes * 1_000_000:
            block = []
            for _ in range(10_000):
                second += dice.random() < 0.05
                account = dice.randrange(20_000)
                target = dice.choices(kinds, (30, 10, 15, 10, 20, 10, 5))[0].format(
                    c=f"C{dice.randrange(4_000_000):08d}", n=dice.randrange(9)
                )
                hour, rest = divmod(second % 86_400, 3600)
                day = 1 + second // 86_400 % 28
                block.append(
                    f"192.0.2.{account % 250} - ps{account:05d} [{day:02d}/Feb/2024:{hour:02d}:"
                    f'{rest // 60:02d}:{rest % 60:02d} +0100] "GET {target} HTTP/1.1" '
                    f"{200 if account % 20 else 404} {dice.randrange(90_000)} "
                    f'"https://portail.rempart.invalid/recherche" '
                    f'"{agents[account % len(agents)]}" "{account:08x}{second // 1800:08x}"\n'
                )
            text = "".join(block)
            size += len(text)
            file.write(text)
    path.with_suffix(".part").rename(path)
    return path


if __name__ == "__main__":
    run(megabytes=int(json.loads(sys.argv[1])) if len(sys.argv) > 1 else 400)
