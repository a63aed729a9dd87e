"""Writes a whole data set, starts again where it stopped, and reads feeds back.

Refuses to mix two data sets in one directory.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from rempart.kernel.errors import Conflict, NotFound
from rempart.synth.deltas import Delta
from rempart.synth.feeds import Feed, load_tables
from rempart.synth.files import open_feed, read_rows, write_table, write_text
from rempart.synth.folders import RowWriter
from rempart.synth.parameters import FORMAT_VERSION, Parameters
from rempart.synth.plan import Insurer, Plan, plan
from rempart.synth.professionals import Professional, draw_professionals
from rempart.synth.tallies import MEANINGS, Tally
from rempart.workflows.feeds.worker_process import end_with_parent

Progress = Callable[[int], None]
"""Called with how many more members are written (or were already)."""

_PARAMETERS: Final = "parameters.json"
_TRUTH: Final = "truth.json"
_DONE: Final = ".done"
_STEP: Final = 5_000
_INSURER_COLUMNS: Final = (
    "insurer_id", "amc_number", "name", "members", "agreement_start", "agreement_end",
)  # fmt: skip


def _ignore(_: int) -> None:
    """Show no progress."""


def write_data_set(
    parameters: Parameters,
    out: Path,
    progress: Progress = _ignore,
    *,
    jobs: int = 1,
    force: bool = False,
) -> dict[str, Any]:
    """Write feeds, professionals, insurers and the truth about them in directory `out`.

    The same parameters always give the same bytes. Files already finished by a run with the same
    parameters are kept.

    Args:
        parameters: What to make.
        out: The directory; created when missing.
        progress: Called as members are written.
        jobs: How many processes write feeds; changes nothing in the files.
        force: Replace another data set found in `out`.

    Returns:
        What `truth.json` holds.

    Raises:
        Conflict: `out` holds another data set, and `force` was not given; nothing was changed.
    """
    _claim(parameters, out, force=force)
    planned = plan(parameters)
    records = _write_feeds(planned, out, progress, jobs)
    tables = load_tables()
    professionals = draw_professionals(parameters, tables.names, tables.places)
    write_table(out / "professionals.csv", Professional._fields, professionals)
    write_table(out / "insurers.csv", _INSURER_COLUMNS, map(_describe, planned.insurers))
    truth = {
        "parameters": parameters.to_record(),
        "meanings": MEANINGS,
        "totals": {name: sum(r["counts"][name] for r in records) for name in MEANINGS},
        "insurers": records,
    }
    write_text(out / _TRUTH, _to_json(truth))
    return truth


def read_members(out: Path, amc_number: str, limit: int | None = None) -> Iterator[dict[str, str]]:
    """Iterate over the lines of one insurer's feed as dictionaries, in any of the formats.

    Args:
        out: A directory written by `write_data_set`.
        amc_number: Ten digits.
        limit: Stop after so many lines.

    Raises:
        NotFound: `out` holds no data set, or none with this insurer.
    """
    parameters = load_parameters(out)
    if parameters is None:
        raise NotFound(f"{out} holds no synthetic data set: write one with `rempart synth`.")
    try:
        insurer = plan(parameters).find_insurer(amc_number)
    except KeyError:
        raise NotFound(f"{out} has no insurer {amc_number}: see its insurers.csv.") from None
    return islice(read_rows(_feed_path(out, insurer, parameters), insurer.style), limit)


def load_parameters(out: Path) -> Parameters | None:
    """Return the parameters of the data set in `out`, or None when there is none.

    Raises:
        Conflict: the data set was written by another version of the generator.
    """
    path = out / _PARAMETERS
    if not path.exists():
        return None
    record = json.loads(path.read_text("utf-8"))
    if record["format_version"] != FORMAT_VERSION:
        raise Conflict(
            f"{out} holds a data set of format {record['format_version']}, this is "
            f"{FORMAT_VERSION}: write it again with --force."
        )
    return Parameters.from_record(record)


def _claim(parameters: Parameters, out: Path, *, force: bool) -> None:
    """Make `out` this data set's, or refuse."""
    record = _to_json(parameters.to_record())
    path = out / _PARAMETERS
    if path.exists() and path.read_text("utf-8") == record:
        return
    if out.is_dir() and any(out.iterdir()):
        if not force:
            raise Conflict(
                f"{out} is not empty and not this data set: choose another directory, "
                "or replace what is there with --force."
            )
        _clear(out)
    for folder in ("feeds", _DONE, *(["deltas"] if parameters.delta else [])):
        (out / folder).mkdir(parents=True, exist_ok=True)
    write_text(path, record)


def _clear(out: Path) -> None:
    """Remove the files of another data set, the parameters first; files of nobody are left."""
    (out / _PARAMETERS).unlink(missing_ok=True)
    for name in (_TRUTH, "professionals.csv", "insurers.csv"):
        (out / name).unlink(missing_ok=True)
    for pattern in ("feeds/99*", "deltas/99*", f"{_DONE}/99*"):
        for path in out.glob(pattern):
            path.unlink()


def _write_feeds(planned: Plan, out: Path, progress: Progress, jobs: int) -> list[dict[str, Any]]:
    """Write what is missing and return each insurer's record, in the plan's order."""
    missing = [i for i in planned.insurers if not _is_done(planned, i, out)]
    progress(planned.parameters.members - sum(insurer.members for insurer in missing))
    if jobs > 1 and len(missing) > 1:
        _write_in_processes(planned, missing, out, progress, jobs=jobs)
    else:
        for insurer in missing:
            _write_insurer(planned, insurer, out, progress)
    return [json.loads(_done_path(out, i).read_text("utf-8")) for i in planned.insurers]


def _write_in_processes(
    planned: Plan, missing: list[Insurer], out: Path, progress: Progress, *, jobs: int
) -> None:
    context = get_context("spawn")  # a fork would copy the caller's threads in unknown states
    most = min(jobs, len(missing))
    with ProcessPoolExecutor(most, mp_context=context, initializer=end_with_parent) as pool:
        write = partial(_write_insurer, planned, out=out, progress=_ignore)
        futures = {pool.submit(write, insurer): insurer for insurer in missing}
        try:
            for future in as_completed(futures):
                future.result()
                progress(futures[future].members)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _write_insurer(planned: Plan, insurer: Insurer, out: Path, progress: Progress) -> None:
    """Write one insurer's feed and delta, then the record that says they are whole."""
    parameters = planned.parameters
    counts = _write_full(planned, insurer, out, progress)
    events: dict[str, int] = {}
    if parameters.delta and insurer.sends_deltas:
        events = _write_delta(planned, insurer, out)
    record = {
        "insurer_id": insurer.insurer_id,
        "amc_number": insurer.amc_number,
        "name": insurer.name,
        "counts": counts,
        "delta_households": events,
    }
    # A crash before this line leaves whole files without a record: the next run writes them again.
    write_text(_done_path(out, insurer), _to_json(record))


def _write_full(planned: Plan, insurer: Insurer, out: Path, progress: Progress) -> dict[str, int]:
    parameters, rows = planned.parameters, RowWriter(insurer)
    tally = Tally(parameters.today)
    path, pending = _feed_path(out, insurer, parameters), 0
    with open_feed(path, parameters.feed_format, insurer.style) as file:
        for folder in Feed(planned, insurer).draw_folders():
            for line in folder.lines:
                file.write(rows.write(folder, line))
            tally.add(folder)
            pending += len(folder.household.people)
            if pending >= _STEP:
                progress(pending)
                pending = 0
    progress(pending)
    return tally.to_record()


def _write_delta(planned: Plan, insurer: Insurer, out: Path) -> dict[str, int]:
    rows, delta = RowWriter(insurer), Delta(planned, insurer)
    path = _delta_path(out, insurer, planned.parameters)
    with open_feed(path, planned.parameters.feed_format, insurer.style) as file:
        for change in delta.draw_changes():
            file.write(rows.write(change.folder, change.line, change.action))
    return dict(delta.counts)


def _is_done(planned: Plan, insurer: Insurer, out: Path) -> bool:
    expected = [_done_path(out, insurer), _feed_path(out, insurer, planned.parameters)]
    if planned.parameters.delta and insurer.sends_deltas:
        expected.append(_delta_path(out, insurer, planned.parameters))
    return all(path.exists() for path in expected)


def _describe(insurer: Insurer) -> tuple[str, ...]:
    end = insurer.agreement_end
    return (
        str(insurer.insurer_id), insurer.amc_number, insurer.name, str(insurer.members),
        insurer.agreement_start.isoformat(), "" if end is None else end.isoformat(),
    )  # fmt: skip


def _done_path(out: Path, insurer: Insurer) -> Path:
    return out / _DONE / f"{insurer.amc_number}.json"


def _feed_path(out: Path, insurer: Insurer, parameters: Parameters) -> Path:
    return out / "feeds" / f"{insurer.amc_number}.{parameters.feed_format}"


def _delta_path(out: Path, insurer: Insurer, parameters: Parameters) -> Path:
    return out / "deltas" / f"{insurer.amc_number}-delta.{parameters.feed_format}"


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
