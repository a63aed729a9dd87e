"""A small foreign portal: its logs as facts, an insurer's feed, a list of accounts; all synthetic.

Facts are written as a work folder that was read, so that a test says what a log says in one line.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.exchange.feed_columns import COLUMNS
from rempart.exchange.foreign_facts import FACTS, Gap, Source, SourcesRead, Stream
from rempart.incidents.evidence import Window
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.storage.analytics import Means
from rempart.workflows.scope import scope_logs as workflow
from rempart.workflows.scope.scope_logs import Request

ATTACK_STARTS = datetime(2024, 1, 29, 6, tzinfo=UTC)
ATTACK_ENDS = datetime(2024, 2, 2, 20, tzinfo=UTC)
DAY_MS = 86_400_000
START_MS = int(ATTACK_STARTS.timestamp() * 1000)
END_MS = int(ATTACK_ENDS.timestamp() * 1000)
WINDOW = Window(starts_ms=START_MS, ends_ms=END_MS)
DECLARED = (START_MS - 60 * DAY_MS, END_MS + DAY_MS)
AMC = "9920000001"
OTHER_AMC = "9920000002"
TYPED = int(Field.NIR | Field.BIRTH_DATE)
SHOWN = int(EIGHT_FIELDS_OF_2024)
THIEF, OWNER = "203.0.113.7", "198.51.100.3"


@dataclass(frozen=True)
class Person:
    """One line of a feed."""

    nir: str
    birth_date: str = "19800115"
    rank: str = "1"
    quality: str = "1"
    contract: str = "C1"
    starts: str = "2021-01-01"
    ends: str = ""
    amc: str = AMC
    agreed_from: str = ""
    own_nir: str = ""

    @property
    def typed(self) -> str:
        """What a portal logs of somebody looked up by NIR and birth date."""
        return f"{self.nir[:13]}|{self.birth_date}|{self.rank}"


def make_person(serial: int, **values: Any) -> Person:
    """Invent somebody; the same serial gives the same number."""
    nir = make_synthetic_nir(sex=1 + serial % 2, year=1980, month=1, serial=serial)
    return Person(nir=nir.format_compact(), **{"contract": f"C{serial}", **values})


def write_feed(path: Path, people: Iterable[Person]) -> Path:
    """Write a feed of some people."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";", restval="")
        writer.writeheader()
        for one in people:
            writer.writerow(
                {
                    "amc_number": one.amc,
                    "contract_number": one.contract,
                    "member_number": f"M{one.contract}",
                    "insured_nir": one.nir,
                    "own_nir": one.own_nir,
                    "family_name": "EXEMPLE",
                    "first_names": "CAMILLE",
                    "birth_date": one.birth_date,
                    "birth_rank": one.rank,
                    "quality": one.quality,
                    "convention_type": "TP",
                    "responsible": "1",
                    "period_start": one.starts,
                    "period_end": one.ends,
                    "terms": "PHAR=R100",
                    "agreement_start": one.agreed_from,
                }
            )
    return path


def write_lines(path: Path, *lines: str) -> Path:
    """Write a small text file."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def make_fact(t_ms: int, **values: Any) -> dict[str, Any]:
    """Return one row of facts: somebody shown to the thief's address, unless told otherwise."""
    return {
        "source": 0,
        "line": 0,
        "t_ms": t_ms,
        "session": None,
        "account": "ps-1",
        "address": THIEF,
        "agent": "python",
        "view": "fiche",
        "outcome": "shown",
        "person": None,
        "insurer": None,
        "presence": False,
        "shown": SHOWN,
        "typed": TYPED,
        "family": False,
        "query_only": False,
        "digest": 0,
        **values,
    }


def make_past(account: str = "ps-1", *, days: int = 30) -> list[dict[str, Any]]:
    """Return an owner's past: six visitors a day from the usual address, slowly."""
    return [
        make_fact(
            START_MS - (day + 1) * DAY_MS + visit * 780_000 + visit * visit * 31_000,
            account=account,
            address=OWNER,
            agent="firefox",
            person=f"PAST{day * 10 + visit}",
        )
        for day in range(days)
        for visit in range(6)
    ]


def make_raid(
    people: Sequence[str], account: str = "ps-1", *, starts_ms: int = START_MS, **values: Any
) -> list[dict[str, Any]]:
    """Return a robot's raid: everybody in turn, every two seconds, from the thief's address."""
    return [
        make_fact(starts_ms + 2_000 * place, account=account, person=person, **values)
        for place, person in enumerate(people)
    ]


@dataclass
class World:
    """A folder with everything a scope needs, and what was read of the logs.

    Args:
        path: An empty folder.
        facts: Rows of facts, in any order; lines are numbered here.
        accounts: The list of stolen accounts.
        people: Those of the feed; none: no registry.
    """

    path: Path
    facts: Sequence[Mapping[str, Any]]
    accounts: Sequence[str] = ("account", "ps-1")
    people: Sequence[Person] = ()
    period: tuple[int, int] | None = DECLARED
    gaps: Sequence[Gap] = ()
    missing: Sequence[str] = ()
    own_fields: Mapping[int, str] = field(default_factory=dict)

    def read(self, *_: Any, **__: Any) -> SourcesRead:
        """Write the facts, and return what reading the logs would have."""
        rows = [
            {**one, "line": number}
            for number, one in enumerate(sorted(self.facts, key=lambda one: one["t_ms"]), 1)
        ]
        folder = self.path / "work" / "facts"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, FACTS), folder / "part-0.parquet")
        source = Source(
            index=0,
            path="portal.log",
            stream="portal",
            size_bytes=1,
            mtime_ns=0,
            sha256="ab" * 32,
            lines=len(rows),
            facts=len(rows),
        )
        times = [one["t_ms"] for one in rows] or [0]
        stream = Stream(
            name="portal", sources=[0], first_ms=min(times), last_ms=max(times), gaps=self.gaps
        )
        return SourcesRead(
            folder=str(self.path / "work"),
            mapping="test",
            mapping_digest="00",
            sources=[source],
            streams=[stream],
            period=self.period,
            missing=self.missing,
            own_fields=self.own_fields,
        )

    def request(self, **values: Any) -> Request:
        """Return what asks everything of this world."""
        accounts = write_lines(self.path / "stolen.csv", *self.accounts)
        mapping = write_lines(self.path / "map.toml", *MAPPING)
        registry = [write_feed(self.path / "feed.csv", self.people)] if self.people else []
        wanted = Request(
            logs=[str(self.path / "portal.log")],
            mapping=mapping,
            accounts=accounts,
            out=self.path / "answer",
            work=self.path / "work",
            registry=registry,
            window=WINDOW,
            means=Means(memory="300MB", threads=1),
        )
        return replace(wanted, **values)


MAPPING = (
    'name = "test"',
    'format = "csv"',
    "[time]",
    'place = "time"',
    "[places]",
    'account = "account"',
    "[[views]]",
    'name = "fiche"',
    'where = { screen = "fiche" }',
    'shows = ["nir"]',
)


PEOPLE = [make_person(n) for n in range(60)]
HIT = PEOPLE[:20]


def make_world(path: Path, **values: Any) -> World:
    """The raid of twenty persons by a robot, in an account with a past of a month."""
    facts = [*make_past(), *make_raid([one.typed for one in HIT])]
    return World(path, facts, **{"people": PEOPLE, **values})


def ask_world(monkeypatch: Any, world: World, **values: Any) -> dict[str, Any]:
    """Scope a world, whose facts stand for logs that were read; return the figures."""
    monkeypatch.setattr(workflow, "read_sources", world.read)
    _, figures, changes = workflow.scope_logs(world.request(**values), lambda _what, _share: None)
    return {**figures, "changed": changes}


def read_list(answer: Path, amc: str = AMC) -> list[dict[str, str]]:
    """Return one insurer's list, as its CSV has it."""
    path = answer / "insurers" / amc / "persons.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file of an answer."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def shift(start: datetime, **values: Any) -> int:
    """Return an instant in Unix milliseconds, some time after another."""
    return int((start + timedelta(**values)).timestamp() * 1000)
