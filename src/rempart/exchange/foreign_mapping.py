"""The mapping file: what the log of somebody else's portal means.

One TOML file per kind of log. Refuses a mapping with all its problems at once, each with its place
and the remedy, before a single line is read. docs/reference/mapping.md is the reference.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from rempart.disclosure.fields import Field
from rempart.exchange.foreign_facts import (
    ERROR,
    NOBODY,
    OWN_FIRST_BIT,
    OWN_LAST_BIT,
    REFUSED,
    SHOWN,
    UNKNOWN,
    LogsRefused,
)
from rempart.exchange.foreign_places import (
    BadPattern,
    Condition,
    Place,
    cut_template,
    place_of,
)
from rempart.exchange.foreign_values import Problems, Reader, list_zone

MAX_MAPPING_BYTES: Final = 1 << 20
WEB_OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        SHOWN: ("2..", "304"),
        NOBODY: ("404", "410"),
        REFUSED: ("401", "403", "429"),
        ERROR: ("400", "5.."),
    }
)


# OCSF has a status of its own where there is no web status; FHIR's failures do not say which.
FORMAT_OUTCOMES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "ocsf": MappingProxyType(
            {
                SHOWN: (*WEB_OUTCOMES[SHOWN], "1"),
                NOBODY: WEB_OUTCOMES[NOBODY],
                REFUSED: WEB_OUTCOMES[REFUSED],
                ERROR: (*WEB_OUTCOMES[ERROR], "2"),
            }
        ),
        "fhir": MappingProxyType({SHOWN: ("0", "success"), ERROR: ("8", "12")}),
    }
)


class MappingRefused(LogsRefused):
    """A mapping cannot be used; its message lists every problem."""

    code = "mapping_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What is read to know what happened, and what each value means."""

    place: Place
    words: Mapping[str, tuple[str, ...]]
    otherwise: str = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One screen: how its lines are known, what they name, what it shows.

    `takes` has the places that are this screen's own; those of the mapping hold for the others.
    """

    name: str
    conditions: tuple[Condition, ...]
    takes: Mapping[str, Place]
    shown: int
    typed: int = 0
    family: bool = False
    query_only: bool = False
    presence: bool = False
    outcomes: Outcomes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRule:
    """What holds for some files: see the table `sources` of a mapping."""

    files: str
    stream: str = ""
    zone: str = ""
    offset_ms: int = 0
    clock: tuple[tuple[int, int], ...] = ()
    expected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMapping:
    """A mapping that holds together. `digest` is of the file: another one reads the logs again."""

    name: str
    format: str
    views: tuple[View, ...]
    digest: str = ""
    pattern: str = ""
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    time_place: Place = field(default=Place(()))
    time_format: str = "iso"
    zone: str = "UTC"
    period: tuple[int, int] | None = None
    sources: tuple[SourceRule, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    gap_minutes: int = 30
    clean: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outcomes: Outcomes = field(default=Outcomes(place=place_of("status"), words=WEB_OUTCOMES))
    ignore: tuple[tuple[Condition, ...], ...] = ()
    own_fields: Mapping[str, int] = field(default_factory=dict)

    def list_names(self) -> frozenset[str]:
        """Return the names of every value the mapping looks at."""
        places = [self.time_place, self.outcomes.place, *self.places.values()]
        conditions = [one for group in self.ignore for one in group]
        for view in self.views:
            places += view.takes.values()
            conditions += view.conditions
            if view.outcomes is not None:
                places.append(view.outcomes.place)
        named = {name for place in places for name in place.names}
        return frozenset(named | {one.name for one in conditions})


def read_mapping(path: Path) -> LogMapping:
    """Read a mapping file.

    Raises:
        MappingRefused: it cannot be read, or does not hold together.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MAPPING_BYTES + 1)
        if len(data) > MAX_MAPPING_BYTES:
            raise MappingRefused(f"{path.name} is over 1 MB: it is no mapping")
        return parse_mapping(data.decode("utf-8"), name=path.name)
    except OSError as failure:
        raise MappingRefused(f"{path} cannot be read: {failure.strerror}") from failure
    except UnicodeDecodeError as failure:
        raise MappingRefused(f"{path.name} is not UTF-8: save it as UTF-8") from failure


def parse_mapping(text: str, *, name: str = "mapping") -> LogMapping:
    """Read the text of a mapping.

    Raises:
        MappingRefused: it does not hold together; all the problems are told.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as failure:
        raise MappingRefused(f"{name} is not TOML: {failure}") from failure
    problems = Problems()
    mapping = _read_document(document, hashlib.sha256(text.encode()).hexdigest(), problems)
    if problems.found:
        raise MappingRefused(f"{name}: " + problems.format())
    return mapping


def check_complete(mapping: LogMapping) -> None:
    """Check that every screen says what it shows.

    Raises:
        MappingRefused: one shows nothing: whoever was looked up on it would be left out.
    """
    empty = [view.name for view in mapping.views if not view.shown]
    if empty:
        raise MappingRefused(
            f"{mapping.name}: nobody said what these screens show: {', '.join(empty[:10])}. Fill "
            "in `shows`; a screen that shows nobody belongs in [[ignore]]"
        )


def _read_document(document: Mapping[str, Any], digest: str, problems: Problems) -> LogMapping:
    own = _read_own_fields(document.get("own_fields", {}), problems)
    top = Reader(document, "", problems, own)
    top.refuse_unknown()
    tables = {
        one: Reader(top.table(one), one, problems, own)
        for one in ("time", "period", "places", "session", "clean", "outcome")
    }
    for name, reader in tables.items():
        if name in document:
            reader.refuse_unknown()
    log_format = top.text("format")
    defaults = FORMAT_PLACES.get(log_format, {})
    time, zone = tables["time"], tables["time"].zone("zone") or "UTC"
    views = tuple(_read_view(one, problems, own) for one in top.tables("views"))
    _check_views(views, problems)
    mapping = LogMapping(
        name=top.text("name"),
        format=log_format,
        views=views,
        digest=digest,
        pattern=top.pattern("pattern"),
        delimiter=top.text("delimiter"),
        columns=top.texts("columns"),
        extra=top.texts("extra"),
        time_place=time.place("place") or defaults.get("time", Place(())),
        time_format=time.text("format") or FORMAT_TIMES.get(log_format, "iso"),
        zone=zone,
        period=_read_period(tables["period"], zone) if "period" in document else None,
        sources=tuple(_read_source(one, zone) for one in top.tables("sources")),
        places=_read_places(tables["places"], defaults),
        gap_minutes=tables["session"].whole("gap_minutes", 30, least=1),
        clean={one: tables["clean"].texts(one) for one in ("person", "account", "insurer")},
        outcomes=_read_outcomes(tables["outcome"], defaults.get("status"), log_format),
        ignore=tuple(_read_ignored(one, problems) for one in top.tables("ignore")),
        own_fields=own,
    )
    _check_whole(mapping, problems)
    return mapping


def _check_views(views: Sequence[View], problems: Problems) -> None:
    names = [view.name for view in views]
    for name in sorted({one for one in names if names.count(one) > 1}):
        problems.add("views", f"{name!r} stands twice: give each screen its own name")
    if not views:
        problems.add("views", "there is none: describe at least one screen, [[views]]")


def _check_whole(mapping: LogMapping, problems: Problems) -> None:
    """Check what no key says by itself."""
    if mapping.format == "pattern" and not mapping.pattern:
        problems.add("pattern", 'is missing: format = "pattern" needs it')
    if mapping.format in FORMAT_TIMES or problems.found:
        return
    if not mapping.time_place.options:
        problems.add("time.place", "is missing: say where the instant is")
    if "account" not in mapping.places:
        problems.add("places.account", "is missing: say where the account is")


def _read_own_fields(table: Any, problems: Problems) -> dict[str, int]:
    own: dict[str, int] = {}
    for name, bit in table.items() if isinstance(table, dict) else ():
        place = f"own_fields.{name}"
        if name.upper() in Field.__members__:
            problems.add(place, "is a field already: choose another name")
        elif not isinstance(bit, int) or not OWN_FIRST_BIT <= bit <= OWN_LAST_BIT:
            problems.add(place, f"is no bit from {OWN_FIRST_BIT} to {OWN_LAST_BIT}")
        elif 1 << bit in own.values():
            problems.add(place, "has the bit of another: give each its own")
        else:
            own[name] = 1 << bit
    return own


def _read_period(period: Reader, zone: str) -> tuple[int, int] | None:
    first, last = period.instant("from"), period.instant("to")
    if first is None or last is None:
        return None
    if not isinstance(last, datetime):
        last += timedelta(days=1)
    bounds = _to_ms(first, zone), _to_ms(last, zone)
    if bounds[1] <= bounds[0]:
        period.problems.add("period.to", "is not after `from`")
    return bounds


def _to_ms(instant: date, zone: str) -> int:
    if not isinstance(instant, datetime):
        instant = datetime.combine(instant, time())
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=ZoneInfo(zone))
    return round(instant.astimezone(UTC).timestamp() * 1000)


def _read_source(reader: Reader, zone: str) -> SourceRule:
    reader.refuse_unknown()
    own_zone = reader.zone("zone")
    clock = [(_to_ms(at, own_zone or zone), offset) for at, offset in reader.clock("clock")]
    return SourceRule(
        files=reader.text("files"),
        stream=reader.text("stream"),
        zone=own_zone,
        clock=tuple(sorted(clock)),
        offset_ms=reader.whole("clock_offset_ms", 0),
        expected=reader.flag("expected", default=True),
    )


def _read_places(reader: Reader, defaults: Mapping[str, Place]) -> dict[str, Place]:
    places = {name: place for name, place in defaults.items() if name not in ("time", "status")}
    for name in reader.keys:
        if (place := reader.place(name)) is not None:
            places[name] = place
    return places


def _read_outcomes(reader: Reader, status: Place | None, log_format: str = "") -> Outcomes:
    words = {word: reader.patterns(word) for word in (SHOWN, NOBODY, REFUSED, ERROR)}
    return Outcomes(
        place=reader.place("place") or status or place_of("status"),
        words=words if any(words.values()) else FORMAT_OUTCOMES.get(log_format, WEB_OUTCOMES),
        otherwise=reader.text("otherwise") or UNKNOWN,
    )


def _read_ignored(reader: Reader, problems: Problems) -> tuple[Condition, ...]:
    reader.refuse_unknown()
    conditions, _ = _read_conditions(reader)
    if not conditions:
        problems.add(reader.at, "would ignore every line: give path, method or where")
    return conditions


def _read_conditions(reader: Reader) -> tuple[tuple[Condition, ...], dict[str, Place]]:
    conditions: list[Condition] = []
    takes: dict[str, Place] = {}
    if path := reader.text("path"):
        try:
            condition, takes = cut_template(path)
            conditions.append(condition)
        except BadPattern as bad:
            reader.problems.add(f"{reader.at}.path", str(bad))
    if methods := reader.texts("method"):
        conditions.append(Condition("method", methods))
    conditions += [Condition(name, patterns) for name, patterns in reader.words("where")]
    return tuple(conditions), takes


def _read_view(reader: Reader, problems: Problems, own: Mapping[str, int]) -> View:
    reader.refuse_unknown()
    conditions, takes = _read_conditions(reader)
    if not conditions:
        problems.add(reader.at, "would be every line: give path, method or where")
    for name in ("account", "session", "address", "agent", "person", "insurer"):
        if (place := reader.place(name)) is not None:
            takes[name] = place
    outcomes = None
    if table := reader.table("outcome"):
        inner = Reader(table, "outcome", problems, own, at=f"{reader.at}.outcome")
        inner.refuse_unknown()
        outcomes = _read_outcomes(inner, None)
    return View(
        name=reader.text("name"),
        conditions=conditions,
        takes=takes,
        shown=reader.fields("shows"),
        typed=reader.fields("typed"),
        family=reader.flag("family"),
        query_only=reader.flag("query_only"),
        presence=reader.flag("presence"),
        outcomes=outcomes,
    )


# Where the formats that have their own places keep them; a mapping may say otherwise.
FORMAT_PLACES: Final[Mapping[str, Mapping[str, Place]]] = MappingProxyType(
    {
        "combined": {
            "account": place_of("user"),
            "address": place_of("address"),
            "agent": place_of("agent"),
            "status": place_of("status"),
        },
        "ocsf": {
            "time": place_of("time"),
            "account": place_of("actor.user.uid", "actor.user.name"),
            "session": place_of("actor.session.uid"),
            "address": place_of("src_endpoint.ip"),
            "agent": place_of("http_request.user_agent"),
            "url": place_of("http_request.url.url_string", "http_request.url.path"),
            "status": place_of("status_code", "status_id"),
        },
        "fhir": {
            "time": place_of("recorded"),
            "account": place_of("user"),
            "session": place_of("session"),
            "address": place_of("address"),
            "agent": place_of("application"),
            "person": place_of("patients[]"),
            "status": place_of("outcome"),
        },
    }
)
FORMAT_TIMES: Final = MappingProxyType({"combined": "apache", "ocsf": "epoch_ms", "fhir": "iso"})
if "UTC" not in list_zone():
    raise ImportError("the database of time zones is missing: install tzdata")
