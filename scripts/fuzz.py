"""Feeds hostile input to every parser of what strangers write, for as long as one likes.

    make fuzz ARGS="--minutes 60"                 # all, those with least time behind them first
    make fuzz ARGS="--minutes 10 feed bank_file"  # some
    make fuzz ARGS="--table"                      # write the table of the docs

What was done is kept in .rempart/fuzz: run it again and it goes on. With Atheris (Linux, x86-64)
inputs are bred by the code they reach; elsewhere they are only changed at random. What breaks a
parser is shortened, added to tests/data/fuzz with its error, and is a failing test from then on.
"""

import argparse
import contextlib
import json
import os
import random
import re
import signal
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".rempart" / "fuzz"
PAGE = ROOT / "docs" / "explanation" / "hostile-input.md"
FIGURES = ROOT / "tests" / "data" / "fuzz" / "executions.json"
BEGIN, END = "<!-- fuzz: begin -->", "<!-- fuzz: end -->"
SLICE_S = 30
MOST_BYTES = 8192
MOST_MEMORY_MB = 2048
LONGEST_S = 10
# By a signal, or as libFuzzer ends when it is interrupted: no input did that.
STOPPED = {-signal.SIGINT, -signal.SIGTERM, 72}
KEPT = 4
KEPT_BYTES = 300
# What stands under them is too much to follow, and not ours.
INSTRUMENTED = [
    *("rempart.exchange", "rempart.kernel", "rempart.rights", "rempart.disclosure"),
    *(
        "rempart.gateway.signatures",
        "rempart.gateway.languages",
        "rempart.accounts",
        "csv",
        "tomllib",
    ),
]


try:
    import atheris
except ImportError:
    atheris = None  # Linux on x86-64 only


def follow() -> contextlib.AbstractContextManager[object]:
    """Have the code that is imported inside followed."""
    if atheris is None:
        return contextlib.nullcontext()
    followed: contextlib.AbstractContextManager[object]
    followed = atheris.instrument_imports(include=INSTRUMENTED)
    return followed


@dataclass(kw_only=True)
class Done:
    """What was done to one parser."""

    executions: int = 0
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)


def load_state(path: Path = HOME / "state.json") -> dict[str, Done]:
    if not path.exists():
        # On a machine that never did: what is published was done elsewhere, and is gone on with.
        return {} if path == FIGURES else load_state(FIGURES)
    return {name: Done(**facts) for name, facts in json.loads(path.read_text()).items()}


def save_state(state: dict[str, Done], path: Path = HOME / "state.json") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".new")
    written.write_text(json.dumps({name: asdict(one) for name, one in sorted(state.items())}))
    written.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parsers; all when none is given")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--slice", type=float, default=SLICE_S, help="seconds on one parser")
    parser.add_argument("--table", action="store_true", help="write the table of the docs and stop")
    parser.add_argument("--keep", action="store_true", help="keep a small corpus and stop")
    given = parser.parse_args()
    with follow():
        from tests.fuzzing.targets import TARGETS

    unknown = sorted(set(given.names) - TARGETS.keys())
    if unknown:
        parser.error(f"no such parser: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    names = given.names or list(TARGETS)
    if given.table:
        write_table(load_state())
    elif given.keep:
        for name in names:
            keep_small_corpus(name)
    else:
        fuzz(names, minutes=given.minutes, slice_s=given.slice)


def fuzz(names: list[str], *, minutes: float, slice_s: float) -> None:
    """Go from parser to parser until the time is over; what was done is saved after each."""
    state = load_state()
    end = time.monotonic() + minutes * 60
    start = sum(one.executions for one in state.values())
    while (left := end - time.monotonic()) > 1:
        name = min(names, key=lambda one: state.setdefault(one, Done()).seconds)
        executions, seconds, broken = run_slice(name, min(slice_s, left))
        done = state[name]
        done.executions += executions
        done.seconds += seconds
        done.findings += [one for one in broken if one not in done.findings]
        save_state(state)
        total = sum(one.executions for one in state.values())
        print(
            f"{name:20} {executions:>9,} in {seconds:5.0f} s"
            f" | {total - start:>11,} now, {total:>12,} in all, {left / 60:4.0f} min left"
            + "".join(f"\n    BROKEN: {one}" for one in broken),
            flush=True,
        )


def run_slice(name: str, seconds: float) -> tuple[int, float, list[str]]:
    """Fuzz one parser in a process of its own; return executions, time, and what broke it.

    A copy of this process: what is imported and followed here takes longer than a slice.
    """
    began = time.monotonic()
    HOME.mkdir(parents=True, exist_ok=True)
    output = HOME / "slice.log"
    child = os.fork()
    if child == 0:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        try:
            run_inside(name, seconds)
        except BaseException:  # noqa: BLE001 - told, and the process ends
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    told = output.read_text("utf-8", "replace")
    counts = re.findall(r"stat::number_of_executed_units:\s+(\d+)", told)
    counts = counts or re.findall(r"^#(\d+)", told, re.MULTILINE)
    broken = re.findall(r"^(?:[\w.]*Wrong: )(.*)$", told, re.MULTILINE)
    if not broken and os.waitstatus_to_exitcode(status) not in {0, *STOPPED}:
        broken = [f"{name}: " + (told.strip().splitlines() or ["it died"])[-1][:200]]
    take_artifacts(name, broken)
    return int(counts[-1]) if counts else 0, time.monotonic() - began, sorted(set(broken))


def take_artifacts(name: str, broken: list[str]) -> None:
    """Add what broke a parser to the corpus."""
    from tests.fuzzing.corpus import keep

    for path in sorted((HOME / "broken").glob(f"{name}-*")):
        why = (broken or ["it died"])[0].encode("ascii", "replace").decode()[:150]
        keep(name, [path.read_bytes()], why=why)
        path.rename(HOME / "broken" / f"kept-{path.name}")


def run_inside(name: str, seconds: float) -> None:
    """Fuzz one parser in this process, until it breaks or the time is over."""
    corpus, broken = HOME / "corpus" / name, HOME / "broken"
    for folder in (corpus, broken):
        folder.mkdir(parents=True, exist_ok=True)
    from tests.fuzzing.corpus import load_corpus
    from tests.fuzzing.mutate import mutate
    from tests.fuzzing.target import try_input
    from tests.fuzzing.targets import TARGETS

    if atheris is None:
        run_blind(name, seconds, broken)
        return
    target = TARGETS[name]
    good = load_corpus(target)
    for number, one in enumerate(good):
        (corpus / f"seed-{number:03d}").write_bytes(one)

    def change(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return mutate([data, data, data, *good], chance, most=most)

    options = [
        f"-max_total_time={max(1, round(seconds))}",
        f"-max_len={MOST_BYTES}",
        f"-rss_limit_mb={MOST_MEMORY_MB}",
        f"-timeout={LONGEST_S}",
        f"-artifact_prefix={broken}/{name}-",
        *("-print_final_stats=1", "-reload=0", "-verbosity=1", str(corpus)),
    ]
    atheris.Setup(
        [sys.argv[0], *options],
        lambda data: try_input(target, data) and None,
        custom_mutator=change,
    )
    atheris.Fuzz()


def run_blind(name: str, seconds: float, broken: Path) -> None:
    """Fuzz without knowing what the code does with the inputs."""
    from tests.fuzzing.corpus import load_corpus
    from tests.fuzzing.mutate import mutate
    from tests.fuzzing.target import Wrong, try_input
    from tests.fuzzing.targets import TARGETS

    chance, count = random.Random(), 0
    good = load_corpus(TARGETS[name])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutate(good, chance, most=MOST_BYTES)
        count += 1
        try:
            try_input(TARGETS[name], data)
        except Wrong:
            (broken / f"{name}-{os.getpid()}").write_bytes(data)
            print(f"stat::number_of_executed_units: {count}", flush=True)
            raise
    print(f"stat::number_of_executed_units: {count}")


def keep_small_corpus(name: str) -> None:
    """Keep a few short inputs that reach what the good ones do not."""
    from tests.fuzzing.corpus import keep, load_kept

    found = sorted((HOME / "corpus" / name).glob("[!s]*"), key=lambda path: path.stat().st_size)
    short = [path.read_bytes() for path in found if path.stat().st_size <= KEPT_BYTES]
    chosen = random.Random(name).sample(short, min(KEPT, len(short)))
    wanted = max(0, KEPT - len(load_kept(name)))
    keep(name, sorted(chosen, key=len)[:wanted])


def format_table(figures: dict[str, Done]) -> str:
    """Return the table of the page: a parser a line, and the sum."""
    lines = ["| parser | executions | minutes | broken by |", "|---|---:|---:|---:|"]
    for name, done in sorted(figures.items()):
        count = len(done.findings) or "-"
        lines.append(f"| `{name}` | {done.executions:,} | {done.seconds / 60:.1f} | {count} |")
    executions = sum(one.executions for one in figures.values())
    minutes = sum(one.seconds for one in figures.values()) / 60
    lines.append(f"| **{len(figures)} parsers** | **{executions:,}** | **{minutes:.0f}** | |")
    return "\n".join(lines)


def write_table(state: dict[str, Done]) -> None:
    """Keep the figures, and write them into the page."""
    save_state(state, FIGURES)
    page = PAGE.read_text("utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{format_table(state)}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
