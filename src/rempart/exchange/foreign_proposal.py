"""A mapping proposed for an unknown log, as a commented file to complete.

Refuses to say what a screen shows: only who knows the portal can. No value of the log is written,
but the names of its columns and the fixed parts of its paths.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rempart.exchange.foreign_sample import LogSample
from rempart.exchange.foreign_shapes import (
    ColumnShape,
    Screen,
    Shape,
    find_parameters,
    find_screens,
    guess_column,
)

_SCREENS: Final = 25
# A role is played by a column that some lines in three have; a person or an insurer, by any.
_FILLED: Final = 0.3
_MOSTLY: Final = 0.5
_PLACED: Final = (
    ("account", Shape.ACCOUNT),
    ("session", Shape.SESSION),
    ("address", Shape.ADDRESS),
    ("agent", Shape.AGENT),
    ("insurer", Shape.INSURER),
)
_HAVE_THEIRS: Final = {
    "combined": {"address", "agent", "account", "time"},
    "ocsf": {"time", "account", "session", "address", "agent"},
    "fhir": {"time", "account", "session", "address", "agent", "person"},
}
_STATIC: Final = re.compile(r"\.(png|gif|jpe?g|svg|ico|css|js|woff2?|ttf|map)$", re.IGNORECASE)
_WANTED: Final = re.compile(r"time|date|recorded|heure|instant|quand", re.IGNORECASE)
_WEB: Final = re.compile(r"url|path|uri|request", re.IGNORECASE)
_RESULT: Final = re.compile(r"status|code|result|http|retour", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposed mapping.

    Args:
        text: The file.
        columns: What each column seems to hold.
        screens: Paths, or actions, with how often each comes.
    """

    text: str = field(repr=False)
    columns: Sequence[ColumnShape]
    screens: Sequence[Screen]


def propose_mapping(sample: LogSample, *, name: str) -> Proposal:
    """Propose a mapping.

    Args:
        sample: The beginning of the log; of a format that is known.
        name: How to call the log.
    """
    columns = [guess_column(one, values) for one, values in sample.columns.items()]
    best = _choose(columns, sample.format)
    screens = _list_screens(sample, columns, best)
    parts = [
        *_write_head(sample, name),
        *_write_time(sample, columns, best),
        *_write_places(sample, columns, best),
        *_write_ignored(sample),
        *_write_views(sample, screens, best),
    ]
    return Proposal(text="\n".join(parts) + "\n", columns=columns, screens=screens)


def _choose(columns: Sequence[ColumnShape], log_format: str) -> dict[str, ColumnShape]:
    """Choose the column of each role: the fullest, of the plainest name."""
    best: dict[str, ColumnShape] = {}
    for role, shape in (
        *_PLACED,
        ("person", Shape.NIR),
        ("time", Shape.TIME),
        ("url", Shape.URL),
        ("action", Shape.ACTION),
        ("status", Shape.STATUS),
    ):
        fitting = [one for one in columns if one.shape is shape and one.filled >= _FILLED]
        if role == "url":
            fitting = [one for one in fitting if _WEB.search(one.name)]
        if role in ("insurer", "person"):
            fitting = [one for one in columns if one.shape is shape and one.filled > 0]
        if role == "status":
            fitting = [one for one in fitting if _RESULT.search(one.name)]
        if fitting:
            best[role] = max(fitting, key=_rank)
    people = [one for one in columns if one.shape is Shape.PERSON]
    if "person" not in best and people:
        best["person"] = max(people, key=_rank)
    for role in _HAVE_THEIRS.get(log_format, ()):
        best.pop(role, None)
    return best


def _rank(column: ColumnShape) -> tuple[bool, float, int]:
    """Say how good a column is for its role: several values, often there, not deep inside."""
    varied = column.distinct > 1
    wanted = column.shape is not Shape.TIME or bool(_WANTED.search(column.name))
    return (varied and wanted, round(column.filled, 1), -column.name.count("."))


def _list_screens(
    sample: LogSample, columns: Sequence[ColumnShape], best: Mapping[str, ColumnShape]
) -> list[Screen]:
    """Return the screens: by path where there are paths, by action elsewhere."""
    path_name = _find_paths(sample, columns, best)
    if path_name:
        paths = [_bare_path(value) for value in sample.columns[path_name] if value]
        return find_screens(path for path in paths if not _STATIC.search(path))
    action = best.get("action") or next(
        (one for one in columns if one.name in ("subtype", "kind")), None
    )
    if action is None:
        return []
    counts = Counter(value for value in sample.columns[action.name] if value)
    return [Screen(value, count) for value, count in counts.most_common()]


def _find_paths(
    sample: LogSample, columns: Sequence[ColumnShape], best: Mapping[str, ColumnShape]
) -> str:
    """Return the column of paths, when most lines have one."""
    if sample.format in _HAVE_THEIRS:
        return next((o.name for o in columns if o.name == "path" and o.filled >= _MOSTLY), "")
    return best["url"].name if "url" in best else ""


def _bare_path(value: str) -> str:
    return re.sub(r"^[A-Za-z][\w+.-]*://[^/?#]*", "", value).partition("?")[0]


def _write_head(sample: LogSample, name: str) -> Iterator[str]:
    yield f"# Proposed from {sample.lines:,} lines, {len(sample.unread):,} of them not understood."
    yield "# Read it, correct it, and fill in what each screen shows. Every key is explained in"
    yield "# docs/reference/mapping.md."
    yield ""
    yield f"name = {_quote(name)}"
    yield f"format = {_quote(sample.format)}"
    if sample.delimiter:
        yield f"delimiter = {_quote(sample.delimiter)}"


def _write_time(
    sample: LogSample, columns: Sequence[ColumnShape], best: Mapping[str, ColumnShape]
) -> Iterator[str]:
    yield ""
    yield "[time]"
    if "time" in best:
        yield f"place = {_quote(best['time'].name)}"
        yield f"format = {_quote(best['time'].way)}"
    elif "time" not in _HAVE_THEIRS.get(sample.format, ()):
        yield '# place = "…"          # no column looks like an instant: say which one is'
    times = [one.name for one in columns if one.shape is Shape.TIME]
    others = [name for name in times if "time" in best and name != best["time"].name]
    if others:
        yield f"# Also look like instants: {', '.join(others[:6])}"
    yield '# zone = "Europe/Paris" # of times that do not say theirs'
    yield ""
    yield "# What every log must cover: a missing day is found only when this is declared."
    yield "# [period]"
    yield "# from = 2024-01-29"
    yield "# to = 2024-02-05"


def _write_places(
    sample: LogSample, columns: Sequence[ColumnShape], best: Mapping[str, ColumnShape]
) -> Iterator[str]:
    yield ""
    yield "[places]"
    theirs = _HAVE_THEIRS.get(sample.format, set())
    for role, shape in _PLACED:
        others = [one for one in columns if one.shape is shape and one is not best.get(role)]
        if role in best:
            yield f"{role} = {_quote(best[role].name)}{_explain(best[role])}"
        elif role in theirs:
            yield f"# {role}: taken from where the format has it"
        else:
            yield f'# {role} = "…"        # not recognised'
        if others and role not in theirs:
            yield f"#   or: {', '.join(one.name for one in others[:5])}"
    if sample.format == "combined" and _is_empty(sample, "user"):
        yield 'account = "address"   # no line names a user: addresses stand for accounts'
    if "person" in best and sample.format != "combined":
        yield f"person = {_quote(best['person'].name)}{_explain(best['person'])}"
    if "url" in best and sample.format not in ("combined", "ocsf", "fhir"):
        yield f"url = {_quote(best['url'].name)}"
    if "person" in best and best["person"].shape is Shape.NIR:
        yield ""
        yield "[clean]"
        yield 'person = ["compact", "nir13"]'
    if "status" in best and sample.format not in _HAVE_THEIRS:
        yield ""
        yield "[outcome]"
        yield f"place = {_quote(best['status'].name)}"
    elif sample.format not in _HAVE_THEIRS:
        yield ""
        yield "# [outcome]             # no column looks like a status: every outcome is unknown"
        yield '# place = "…"'
        yield '# shown = ["…"]'


def _is_empty(sample: LogSample, name: str) -> bool:
    return not any(sample.columns.get(name, ()))


def _explain(column: ColumnShape) -> str:
    return (
        f"    # {column.shape.value}: {column.share:.0%} of its values; {column.distinct:,} "
        f"distinct; in {column.filled:.0%} of lines"
    )


def _write_ignored(sample: LogSample) -> Iterator[str]:
    paths = [value for value in sample.columns.get("path", ()) if value]
    endings = Counter(found[0].lower() for path in paths if (found := _STATIC.search(path)))
    for ending, count in endings.most_common():
        yield ""
        yield f"[[ignore]]                # {count:,} lines"
        yield f'path = "**{ending}"'


def _write_views(
    sample: LogSample, screens: Sequence[Screen], best: Mapping[str, ColumnShape]
) -> Iterator[str]:
    parameters = find_parameters(one for one in sample.columns.get("query", ()) if one)
    likely = [
        guess.name
        for guess in (guess_column(name, values) for name, values in parameters.items())
        if guess.shape in (Shape.NIR, Shape.PERSON)
    ]
    if parameters:
        yield ""
        yield f"# Parameters of queries: {', '.join(sorted(parameters)[:30])}"
    yield ""
    yield "# One table a screen. `shows`: what it shows of a person; `typed`: what the caller had"
    yield "# to know. Delete the tables of screens that show nobody, or make them [[ignore]]."
    names: set[str] = set()
    for screen in screens[:_SCREENS]:
        yield ""
        yield f"[[views]]                 # {screen.count:,} lines of the sample"
        yield f"name = {_quote(_name_screen(screen.path, names))}"
        yield from _write_condition(screen, best, likely)
        yield 'shows = []                # for instance ["family_name", "birth_date", "nir"]'
        yield "typed = []"
    if len(screens) > _SCREENS:
        yield f"# and {len(screens) - _SCREENS} more, less frequent"
    if not screens:
        yield ""
        yield "[[views]]"
        yield 'name = "all"              # no column tells screens apart: say what every line shows'
        if sample.format in ("combined", "ocsf"):
            yield 'path = "**"'
        else:
            yield "where = { " + _quote(best["time"].name if "time" in best else "…") + ' = ".+" }'
        yield "shows = []"


def _write_condition(
    screen: Screen, best: Mapping[str, ColumnShape], likely: Sequence[str]
) -> Iterator[str]:
    if not screen.path.startswith("/") and "action" in best:
        action = best["action"].name if "action" in best else "subtype"
        yield f"where = {{ {_quote(action)} = {_quote(re.escape(screen.path))} }}"
        return
    path = screen.path
    if path.count("{}") == 1 and not likely:
        path = path.replace("{}", "{person}")
    yield f"path = {_quote(path)}"
    if likely:
        yield f"person = {{ query = {_quote(likely[0])} }}   # looks like an identifier"


def _name_screen(path: str, names: set[str]) -> str:
    """Return a name of its own for a screen, from the fixed parts of its path."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", path.replace("{}", "")) if word]
    name = base = "_".join(words[-3:]).lower() or "root"
    number = 2
    while name in names:
        name, number = f"{base}_{number}", number + 1
    names.add(name)
    return name


def _quote(text: str) -> str:
    """Write a TOML text, or a key where it must be quoted."""
    return json.dumps(text, ensure_ascii=False)
