"""Rows of feeds with good defaults, files made of them, and what the database holds afterwards."""

import csv
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rempart.exchange.feed_columns import COLUMNS
from rempart.kernel.periods import OPEN_END, Period
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.storage.connect import Database, Transaction
from rempart.storage.feeds import FeedInsurer, register_insurer
from rempart.storage.sealing import FileKms, PersonRecord, Seal, load_insurer_key, open_sealed
from rempart.wiring.home import Home
from rempart.workflows.feeds.import_feed import (
    FeedPublished,
    FeedRequest,
    FeedSecrets,
    ImportOutcome,
    import_feed,
)

TODAY = date(2026, 11, 22)
AMC = "9900000017"
OTHER_AMC = "9900000025"
INSURER = 7
CARDS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Row = dict[str, str]


def make_nir(serial: int = 1, *, sex: int = 2, place: str | None = None) -> str:
    """Fifteen characters nobody holds."""
    return make_synthetic_nir(
        sex=sex, year=1984, month=5, place=place, serial=0 if place else serial
    ).format_compact()


def make_card(serial: int) -> str:
    """A card code, as printed."""
    letters = "".join(CARDS[serial >> shift & 31] for shift in range(95, -5, -5))
    return "-".join(letters[n : n + 4] for n in range(0, 20, 4))


def make_row(serial: int = 1, **changes: str) -> Row:
    """A row of somebody of their own, covered since 2024."""
    nir = make_nir(serial)
    row = {
        "amc_number": AMC,
        "contract_number": f"C{serial:06d}",
        "member_number": f"M{serial:06d}",
        "insured_nir": nir,
        "family_name": "DURAND",
        "first_names": "Camille",
        "birth_date": "19840502",
        "birth_rank": "1",
        "quality": "1",
        "convention_type": "TP",
        "csr": "01",
        "responsible": "1",
        "period_start": "2024-01-01",
        "terms": "PHAR=R100@IS|MEDG=T|OPTI=F20000",
        "card_code": make_card(serial),
        "email": f"camille.{serial}@example.invalid",
        "phone": "0199000000",
        "address": "1 rue des Lilas",
        "postcode": "75001",
        "city": "Paris",
    }
    return dict.fromkeys(COLUMNS, "") | row | changes


def write_feed(
    path: Path,
    rows: Iterable[Mapping[str, str]],
    *,
    columns: Sequence[str] = COLUMNS,
    delimiter: str = ";",
    encoding: str = "utf-8",
    end: str = "\n",
) -> Path:
    """Write a CSV feed; `.gz` packs it."""
    lines = [delimiter.join(columns)]
    lines += [delimiter.join(row.get(name, "") for name in columns) for row in rows]
    data = "".join(line + end for line in lines).encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def register(database: Database, **changes: Any) -> FeedInsurer:
    """Register the insurer of the samples."""
    facts = {
        "insurer_id": INSURER,
        "amc_number": AMC,
        "name": "Mutuelle des Lilas",
        "agreement": Period(date(2000, 1, 1), OPEN_END),
    }
    insurer = FeedInsurer(**facts | changes)
    with database.transaction("feeds") as tx:
        register_insurer(tx, insurer)
    return insurer


def make_secrets(home: Home) -> FeedSecrets:
    """The keys of a home."""
    return FeedSecrets(
        lookup_key=home.key("lookup"),
        contract_key=home.key("blind"),
        kms=FileKms(home.key("master")),
    )


def run_import(database: Database, home: Home, path: Path, **changes: Any) -> ImportOutcome:
    """Import a file for the insurer of the samples; a delta when its name says so."""
    request: dict[str, Any] = {
        "path": path,
        "insurer_id": INSURER,
        "kind": "delta" if "delta" in path.name else "full",
        "today": TODAY,
        "max_reject_share": 1.0,
    }
    with database.connect("feeds", autocommit=True) as connection:
        return import_feed(connection, make_secrets(home), FeedRequest(**request | changes))


def publish(database: Database, home: Home, path: Path, **changes: Any) -> FeedPublished:
    """Import a file that must be published."""
    outcome = run_import(database, home, path, **changes)
    assert isinstance(outcome, FeedPublished)
    return outcome


def read_findings(path: Path) -> list[tuple[int, str, str]]:
    """Line, field and rule of each finding of a findings file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter=";")
        return [(int(row["line"]), row["field"], row["rule"]) for row in rows]


def read_people(database: Database, home: Home, insurer_id: int = INSURER) -> list[dict[str, Any]]:
    """What readers see of an insurer's people, decrypted and without random references.

    Sorted by identity. `rights` are the lines readers see, `past` those kept aside, `history` those
    of earlier versions, all with their terms; `lookup` the keys that open something, `stored` those
    that only lead to the person.
    """
    with database.connect("admin", autocommit=True) as tx:
        key = load_insurer_key(tx, FileKms(home.key("master")), insurer_id)
        seal = Seal(insurer_id, key)
        [(version,)] = tx.execute(
            "SELECT published_version FROM rights.insurer WHERE insurer_id = %s", (insurer_id,)
        )
        people = {
            ref: {
                "record": _show(open_sealed(seal, ref, sealed)),
                "known_by": sorted(map(str, keys)),
            }
            for ref, sealed, keys in tx.execute(
                "SELECT person_ref, sealed, lookup_keys FROM identity.person WHERE insurer_id = %s",
                (insurer_id,),
            )
        }
        for person in people.values():
            person |= {"rights": [], "past": [], "history": [], "lookup": [], "stored": []}
        for name, table in (("rights", "coverage"), ("past", "past_coverage")):
            for ref, opened, closed, *sheet in tx.execute(_SHEETS.replace("TABLE", table)):
                if ref in people:
                    seen = opened <= version < closed
                    people[ref][name if seen else "history"].append(tuple(map(str, sheet)))
        for name, table, column in (
            ("lookup", "rights.lookup", "lookup_key"),
            ("stored", "identity.person_key", "person_key"),
        ):
            for ref, found in tx.execute(f"SELECT person_ref, {column} FROM {table}"):
                if ref in people:
                    people[ref][name].append(str(found))
    for person in people.values():
        for name in ("rights", "past", "history", "lookup", "stored"):
            person[name].sort()
    return sorted(people.values(), key=lambda person: json.dumps(person["record"]))


def read_person(database: Database, home: Home) -> dict[str, Any]:
    """The only person of the insurer."""
    [person] = read_people(database, home)
    return person


def list_periods(person: Mapping[str, Any]) -> list[tuple[str, str]]:
    """First and last day of each line readers see, `infinity` when open."""
    return [
        (starts, ends)
        for sheet in person["rights"]
        for starts, ends in zip(_items(sheet[1]), _items(sheet[2]), strict=True)
    ]


def count_rows(tx: Transaction) -> dict[str, int]:
    """Rows of every table a feed writes."""
    tables = (
        "rights.coverage",
        "rights.past_coverage",
        "rights.lookup",
        "rights.waiting_line",
        "identity.person",
        "identity.person_key",
        "identity.pending_person",
        "identity.seen_in_feed",
    )
    return {table: tx.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in tables}


def _show(record: PersonRecord) -> dict[str, Any]:
    return {
        name: [
            (each.contract_number, each.member_number, each.card_code) for each in record.contracts
        ]
        if name == "contracts"
        else getattr(record, name)
        for name in record.__struct_fields__
    }


def _items(array: str) -> list[str]:
    return array.strip("{}").split(",")


_SHEETS = """
SELECT person_ref, opened_in, closed_in, contract_ref::text, starts_on::text, ends_on::text,
       suspended_from::text, suspended_to::text,
       ARRAY(SELECT domains::text || convention_type || csr || responsible
             FROM unnest(terms_id) AS id JOIN rights.terms ON terms.terms_id = id)::text
FROM rights.TABLE
"""
