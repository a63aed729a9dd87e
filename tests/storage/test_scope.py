"""Statements of a scope against plain loops, and each rule with the mutation that breaks it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.scope_samples import AMC, DAY_MS, OTHER_AMC, START_MS, WINDOW, make_fact
from tests.storage.scope_twin import Given, Key, Registry, expose, paris_day, settle

from rempart.disclosure.fields import Field
from rempart.exchange.foreign_facts import FACTS
from rempart.incidents.attribution import Verdict
from rempart.storage import scope, scope_reasons
from rempart.storage.analytics import Means
from rempart.storage.queries import DIRECTORY, load_queries
from rempart.storage.scope import Insurer, Measures
from rempart.storage.scope_engine import open_facts, open_scratch

MEASURES = Measures(
    session_gap_ms=1_800_000,
    claim_days=3,
    shared_fields=int(Field.NIR | Field.INSURER | Field.CONTRACT_NUMBER),
    nir_field=int(Field.NIR),
)
SEEDS = 24
FILES = sorted(f"embedded/{one.stem}" for one in (DIRECTORY / "embedded").glob("*.sql"))


def make_line(seq: int, **values: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "amc": AMC,
        "contract": "K1",
        "member": "M1",
        "insured_nir": "1800100000001",
        "own_nir": "",
        "previous_nir": "",
        "family_name": "EXEMPLE",
        "birth_date": "19800101",
        "birth_rank": "1",
        "quality": 1,
        "starts": date(2020, 1, 1),
        "ends": date.max,
        "agreed_from": date(1900, 1, 1),
        "agreed_to": date.max,
        "removes": False,
        **values,
    }


@contextmanager
def asked(
    path: Path,
    facts: Sequence[Mapping[str, Any]],
    lines: Sequence[Mapping[str, Any]],
    *,
    claims: Sequence[tuple[str, str, date]] = (),
    agreements: Mapping[str, date] | None = None,
    routed: Mapping[str, set[str]] | None = None,
) -> Iterator[Any]:
    """An embedded database with facts, sessions and registry, ready for verdicts."""
    folder = path / "facts"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{**make_fact(0), **one, "line": line} for line, one in enumerate(facts, 1)]
    kept = [{name: row[name] for name in FACTS.names} for row in rows]
    pq.write_table(pa.Table.from_pylist(kept, FACTS), folder / "part-0.parquet")
    means = Means(memory="200MB", threads=1)
    with open_scratch(path, means) as connection:
        scope.prepare(connection)
        if lines:
            scope.insert_rows(connection, pa.Table.from_pylist(list(lines), scope.REGISTRY_COLUMNS))
        scope.insert_insurers(
            connection,
            [
                Insurer(amc, "", day, date.max, "", (amc,))
                for amc, day in (agreements or {}).items()
            ],
        )
        rules = [(amc, one, False) for amc, each in (routed or {}).items() for one in each]
        scope.insert_contract_rules(connection, rules)
        scope.insert_claims(connection, claims)
        with open_facts(connection, str(folder / "*.parquet"), means) as engine:
            accounts, _ = scope.read_logs(engine, connection)
            scope.gather_sessions(
                engine,
                connection,
                accounts=[one.account for one in accounts],
                window=WINDOW,
                measures=MEASURES,
            )
        scope.settle_registry(connection, window=WINDOW)
        yield connection


def invent(random: Random) -> dict[str, Any]:
    """Invent a small portal: shared numbers, families, former members, two insurers, searches."""
    lines = []
    for seq in range(random.randint(4, 14)):
        insured = random.randrange(4)
        nir = f"180010000000{insured}"
        starts = date(2024, 1, 1) + timedelta(days=random.choice([-900, -400, -5, 29, 60, 200]))
        ends = random.choice([date.max, date.max, starts + timedelta(days=350)])
        lines.append(
            make_line(
                seq,
                amc=random.choice([AMC, AMC, OTHER_AMC]),
                contract=f"K{random.randrange(4)}",
                member=f"M{insured}",
                insured_nir=nir,
                own_nir=random.choice(["", "", f"280010000000{seq % 10}"]),
                birth_date=random.choice(["19800101", "20100203"]),
                birth_rank=random.choice("12"),
                quality=random.choice([1, 3]),
                family_name=random.choice(["EXEMPLE", "MODELE"]),
                starts=starts,
                ends=ends,
            )
        )
    identifiers = [
        *(f"180010000000{n}" for n in range(5)),
        *(f"180010000000{n}|19800101|1" for n in range(4)),
        *(f"180010000000{n}|20100203" for n in range(4)),
        *("K0", "K1", "M2", "2800100000003", "EXEMPLE", "NOBODY"),
    ]
    facts = [
        make_fact(
            START_MS + random.randrange(4 * DAY_MS),
            account=f"a{random.randrange(2)}",
            session=random.choice(["s1", "s2", None]),
            person=random.choice([*identifiers, None]),
            insurer=random.choice([None, None, AMC, OTHER_AMC, "UNHEARD"]),
            outcome=random.choice(["shown", "shown", "shown", "unknown", "nobody", "refused"]),
            view=random.choice(["fiche", "fiche", "fiche", ""]),
            shown=random.choice([0, 255 << 16, int(Field.NIR | Field.INSURER)]),
            typed=random.choice([0, int(Field.NIR | Field.BIRTH_DATE)]),
            presence=random.random() < 0.2,
            family=random.random() < 0.3,
            query_only=random.random() < 0.15,
        )
        for _ in range(random.randint(5, 30))
    ]
    claims = [
        (
            one["account"],
            one["person"],
            paris_day(one["t_ms"]) + timedelta(days=random.randrange(6)),
        )
        for one in facts
        if one["person"] and random.random() < 0.3
    ]
    routed = {AMC: {"K0", "K1", "K2"}} if random.random() < 0.3 else {}
    agreements = {AMC: date(2021, 1, 1) + timedelta(days=random.choice([-900, 300, 1200]))}
    return {
        "facts": facts,
        "lines": lines,
        "claims": claims,
        "routed": routed,
        "agreements": agreements,
    }


def read_answer(connection: Any) -> dict[Key, tuple[Any, ...]]:
    rows = connection.sql(
        "SELECT amc, insured_nir, birth_date, birth_rank, tier, reasons, fields, gained, lookups, "
        "sessions FROM answer"
    ).fetchall()
    return {Key(*row[:4]): (*row[4:9], set(row[9])) for row in rows}


def compare(path: Path, seed: int, **changed: Any) -> tuple[Any, Any]:
    """Return what the statements and what the loops say of one invented portal."""
    random = Random(seed)
    world = {**invent(random), **changed}
    known_doubts = random.choice([0, 0, int(scope_reasons.Reason.LOG_GAP)])
    with asked(
        path,
        world["facts"],
        world["lines"],
        **{name: world[name] for name in ("claims", "agreements", "routed")},
    ) as connection:
        given = {
            ref: Given(random.choice(list(Verdict)), random.random() < 0.5, random.random() < 0.1)
            for ref in sorted(scope.list_labels(connection))
        }
        scope.find_exposed(
            connection,
            [
                (ref, str(one.verdict), one.usual_place, one.is_overruled)
                for ref, one in given.items()
            ],
            measures=MEASURES,
        )
        scope.settle_answer(connection, doubts=known_doubts)
        answer = read_answer(connection)
        strangers = {
            (row[0], row[1]): (*row[2:7], set(row[7]))
            for row in connection.sql(
                "SELECT person, insurer, tier, reasons, fields, gained, lookups, sessions "
                "FROM stranger"
            ).fetchall()
        }
        looked = connection.sql("SELECT * FROM looked").to_arrow_table().to_pylist()
    registry = Registry(latest(world["lines"]), world["agreements"], world["routed"])
    persons, apart, doubts = expose(
        looked, given, registry, set(world["claims"]), claim_days=MEASURES.claim_days
    )
    everybody = settle(
        persons, doubts, registry, last_day=paris_day(WINDOW.ends_ms - 1), known_doubts=known_doubts
    )
    expected = {
        key: (tier, reasons, *sums(persons.get(key))) for key, (tier, reasons) in everybody.items()
    }
    expected_apart = {key: (one.tier, one.reasons, *sums(one)) for key, one in apart.items()}
    return (answer, strangers), (expected, expected_apart)


def sums(shown: Any) -> tuple[Any, ...]:
    if shown is None:
        return (0, 0, 0, set())
    return (shown.fields, shown.gained, shown.lookups, shown.sessions)


def latest(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The last row of each line, as the format of feeds says."""
    names = ("amc", "contract", "insured_nir", "birth_date", "birth_rank", "starts")
    return list({tuple(one[name] for name in names): one for one in lines}.values())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_statements_and_loops_expose_the_same_persons(tmp_path, seed):
    answer, expected = compare(tmp_path, seed)
    assert answer == expected


def test_every_query_of_the_embedded_database_is_used_and_has_its_sentence():
    sources = "".join(
        one.read_text("utf-8")
        for one in (DIRECTORY.parent).rglob("*.py")
        if re.search("scope|suspect", str(one.relative_to(DIRECTORY.parent)))
    )
    unused = [
        f"{file}.{name}"
        for file in FILES
        for name in load_queries(file)
        if f".{name}" not in sources
        and f'"{name}"' not in sources
        and f'"{name.removeprefix("make_")}"' not in sources
    ]
    assert unused == []
