"""Files that insurers, establishments and operators send: feeds, claims, lists, tables."""

import gzip
import io
import json
from collections.abc import Iterator
from datetime import date
from functools import cache, partial
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from tests.api.claiming import format_lines, make_claim
from tests.api.fhir_claiming import make_fhir_claim
from tests.api.world import COVERED
from tests.campaign_samples import make_line, write_list
from tests.feed_samples import AMC, make_row
from tests.fhir_samples import make_bundle, make_coverage, make_patient
from tests.fuzzing.target import Target, reading_file, reading_text, texts
from tests.unit.exchange.test_b2_file import write as write_lot
from tests.unit.exchange.test_benefit_file import GOOD
from tests.unit.exchange.test_movement_file import JOIN, LEAVE

from rempart.exchange.account_list import read_account_list
from rempart.exchange.b2_file import read_lots, stream_lots
from rempart.exchange.b2_lines import parse_line
from rempart.exchange.benefit_file import read_benefit_tables
from rempart.exchange.benefit_inputs import read_outside, read_standing
from rempart.exchange.claim_json import read_claim
from rempart.exchange.contact_list import NotAContactList, read_contact_list, read_postal_line
from rempart.exchange.feed_columns import COLUMNS
from rempart.exchange.feed_file import open_feed
from rempart.exchange.feed_pieces import read_piece
from rempart.exchange.feed_rows import RowParser
from rempart.exchange.fhir_claim import read_fhir_claim
from rempart.exchange.fhir_feed import read_bundle
from rempart.exchange.fhir_quote import read_fhir_care
from rempart.exchange.legal_notices import read_legal_notices
from rempart.exchange.movement_file import COLUMNS as MOVEMENT_COLUMNS
from rempart.exchange.movement_file import read_movements
from rempart.exchange.postal_returns import read_return_list
from rempart.exchange.regression_file import read_regression_pack
from rempart.kernel.findings import BadValue
from rempart.kernel.periods import Period

SINCE = date(2020, 1, 1)
TODAY = date(2026, 11, 23)


def _read_feed(path: Path) -> None:
    """Every line of a feed goes somewhere: to a row, or to a finding."""
    parser = RowParser(amc_number=AMC, agreement=Period(SINCE), removals=True, language="fr")
    with open_feed(path, piece_bytes=4096) as feed:
        for piece in feed.pieces():
            for cells in read_piece(piece, feed.dialect):
                parsed = parser.parse(cells.lines, cells.columns)
                assert len(parsed.lines) + parsed.rejected == len(cells.lines)


@cache
def _feeds() -> tuple[bytes, ...]:
    rows = [make_row(1), make_row(2, family_name="LEFÈVRE", previous_nir="")]
    text = "\n".join(
        [";".join(COLUMNS), *(";".join(row[name] for name in COLUMNS) for row in rows)]
    )
    table = io.BytesIO()
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    parquet.write_table(pa.table(columns), table)
    plain = text.encode()
    return (
        plain,
        text.replace(";", "\t").encode("cp1252"),
        b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n").replace(b"DURAND", b'"DU""RAND"'),
        gzip.compress(plain, mtime=0),
        table.getvalue(),
        _bundle(),
    )


def _bundle() -> bytes:
    bundle = make_bundle(make_patient(1), make_coverage(1, suspended=("2026-01-01", None)))
    return json.dumps(bundle).encode()


def _read_lots(data: bytes) -> None:
    """Reading lots one claim at a time finds what reading them whole does."""
    lines = data.splitlines(keepends=True)
    whole = list(read_lots(lines))
    streamed = [one for one in stream_lots(lines) if hasattr(one, "refused")]
    assert [lot.number for lot in whole] == [lot.number for lot in streamed]
    assert [len(lot.findings) for lot in whole] == [len(lot.findings) for lot in streamed]


def _drain(read: Iterator[object]) -> None:
    for _ in read:
        pass


def _read_lines(read: object, data: bytes) -> None:
    found = read(io.StringIO(data.decode("utf-8", "replace"), newline=""))  # type: ignore[operator]
    if isinstance(found, Iterator):
        _drain(found)


def _care_seeds() -> list[bytes]:
    claim = make_fhir_claim(COVERED)
    return [
        json.dumps(claim).encode(),
        json.dumps({**claim, "use": "predetermination"}).encode(),
        json.dumps({**claim, "use": "preauthorization"}).encode(),
    ]


STANDING = "establishment;since;optam;networks\n990000019;2026-01-01;oui;IS,SP\n"
OUTSIDE = (
    "number;insured_nir;birth_date;birth_rank;contract_number;limit;period_start;care_date;amount;"
    "units\n1;284050000100104;19840512;1;C1;osteopathy;2026-01-01;2026-02-02;40,00;1\n"
)
PACK = """[[case]]
name = "une consultation"
table = "CONFORT"
born = "19840512"
joined = 2020-01-01
[[case.line]]
act = "CS"
day = 2026-02-01
billed = "30,00"
expected = "9,00"
base = "30,00"
amo = "21,00"
"""
LEGAL = """publisher = "Plateforme Lambda"
publisher_address = "1 rue de l’Exemple, 75000 Paris"
publisher_phone = "01 99 00 00 00"
director = "Camille Exemple"
host = "Hébergeur Démo"
host_address = "2 rue de l’Exemple, 75000 Paris"
host_phone = "01 99 00 00 01"
dpo_email = "dpo@lambda.invalid"
"""

TARGETS = (
    Target(name="feed", read=reading_file(_read_feed), seeds=_feeds),
    Target(
        name="fhir_bundle",
        read=lambda data: _drain(iter(read_bundle(data))),
        seeds=lambda: [_bundle()],
    ),
    Target(
        name="lots",
        read=_read_lots,
        seeds=lambda: ["\r\n".join(write_lot()).encode("latin-1")],
    ),
    Target(
        name="lot_line",
        read=lambda data: parse_line(data.decode("latin-1")),
        seeds=lambda: [line.encode("latin-1") for line in write_lot()],
        refusals=(BadValue,),
    ),
    Target(
        name="claim",
        read=read_claim,
        seeds=lambda: [format_lines(make_claim(COVERED)).strip()],
    ),
    Target(name="fhir_claim", read=read_fhir_claim, seeds=_care_seeds),
    Target(name="fhir_quote", read=read_fhir_care, seeds=_care_seeds),
    Target(name="benefit_tables", read=read_benefit_tables, seeds=texts(GOOD)),
    Target(name="regression_pack", read=read_regression_pack, seeds=texts(PACK)),
    Target(name="standing", read=partial(_read_lines, read_standing), seeds=texts(STANDING)),
    Target(
        name="outside_claims",
        read=partial(_read_lines, lambda lines: read_outside(lines, AMC)),
        seeds=texts(OUTSIDE),
    ),
    Target(
        name="account_list",
        read=partial(_read_lines, read_account_list),
        seeds=texts("rpps;nom\n99700000005;X\n1,2E+10;Y\n", "99700000005\n"),
    ),
    Target(
        name="contact_list",
        read=lambda data: _drain(read_contact_list(io.BytesIO(data), today=TODAY)),
        seeds=lambda: [
            write_list([make_line(1), make_line(2, language="en", deceased="oui")]),
            write_list([make_line(1)], separator="\t", encoding="utf-16"),
            write_list([make_line(1)], separator=",", encoding="cp1252"),
        ],
        refusals=(NotAContactList,),
    ),
    Target(
        name="postal_line",
        read=reading_text(read_postal_line),
        seeds=texts("12 rue de l’Essai, 35400 SAINT-MALO", "12 rue de l’Essai 35400 SAINT-MALO"),
    ),
    Target(
        name="postal_returns",
        read=read_return_list,
        seeds=texts("reference;motif\nP-0000-0000-0001;NPAI\n", "pli\tcode\nA\t1\n"),
    ),
    Target(
        name="movements",
        read=read_movements,
        seeds=lambda: [
            f"{';'.join(MOVEMENT_COLUMNS)}\r\n{LEAVE}\r\n{JOIN}".encode(),
            f"{chr(9).join(MOVEMENT_COLUMNS)}\n".encode("utf-16"),
        ],
    ),
    Target(name="legal_notices", read=reading_file(read_legal_notices), seeds=texts(LEGAL)),
)
