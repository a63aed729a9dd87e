"""Feeds in FHIR: bundles that a validator of FHIR R4B accepts say what the same rows say in CSV."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from tests.feed_samples import AMC, make_card, make_nir
from tests.fhir_samples import make_bundle, make_coverage, make_patient

from rempart.exchange.feed_columns import COLUMNS
from rempart.exchange.feed_file import open_feed
from rempart.exchange.feed_pieces import read_piece
from rempart.exchange.fhir_feed import (
    AMC_SYSTEM,
    CARD_SYSTEM,
    CONTRACT_SYSTEM,
    EXTENSIONS,
    Patient,
    read_bundle,
)
from rempart.kernel.errors import FeedRefused

EXPECTED = {
    "amc_number": AMC,
    "contract_number": "C000001",
    "member_number": "M000001",
    "insured_nir": make_nir(1),
    "family_name": "MARTIN",
    "birth_name": "DURAND",
    "first_names": "Camille Dominique",
    "birth_date": "19840502",
    "birth_rank": "1",
    "quality": "1",
    "convention_type": "TP",
    "csr": "01",
    "responsible": "1",
    "period_start": "2024-01-01",
    "terms": "PHAR=R100@IS|MEDG=T|OPTI=F20000",
    "card_code": make_card(1),
    "email": "camille.1@example.invalid",
    "phone": "0199000000",
    "address": "1 rue des Lilas",
    "postcode": "75001",
    "city": "Paris",
}


def read_rows(path: Path, *, skip: int = 0) -> tuple[list[dict[str, str]], list[tuple[Any, ...]]]:
    rows, findings = [], []
    with open_feed(path) as feed:
        for piece in feed.pieces(skip=skip):
            for cells in read_piece(piece, feed.dialect):
                for place, line in enumerate(cells.lines):
                    values = [column[place] for column in cells.columns]
                    fields = dict(zip(COLUMNS, values, strict=True))
                    rows.append({"line": str(line)} | {k: v for k, v in fields.items() if v})
                findings += [(one.line, one.field, one.rule) for one in cells.findings]
    return rows, findings


def write(path: Path, *documents: dict[str, Any], indent: int | None = None) -> Path:
    text = "\n".join(json.dumps(document, indent=indent) for document in documents)
    path.write_text(text + "\n")
    return path


def make_family() -> dict[str, Any]:
    """An insured, a spouse with a number of their own, and a twin born on a lunar date."""
    insured = make_patient(1, previous_nir=make_nir(1, sex=8))
    spouse = make_patient(2, multipleBirthInteger=None)
    twin = make_patient(
        3,
        identifier=[],
        multipleBirthInteger=2,
        birthDate=None,
        telecom=[],
        extension=[{"url": f"{EXTENSIONS}/lunar-birth-date", "valueString": "20151901"}],
    )
    return make_bundle(
        insured,
        spouse,
        twin,
        make_coverage(1),
        make_coverage(2, insured=1, relationship="spouse"),
        make_coverage(3, insured=1, relationship="child", suspended=("2026-01-01", None)),
    )


def test_our_examples_are_valid_fhir_r4b():
    for document in (make_family(), make_bundle(make_patient(1), make_coverage(1))):
        assert Bundle.model_validate(document).get_resource_type() == "Bundle"


def test_the_oracle_refuses_what_is_not_fhir():
    broken = make_bundle(make_patient(1), make_coverage(1, status="open"))
    del broken["entry"][1]["resource"]["payor"]
    with pytest.raises(ValueError, match="payor"):
        Bundle.model_validate(broken)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_coverage_becomes_a_row(tmp_path: Path, indent: int | None):
    bundle = make_bundle(make_patient(1, usual_name="MARTIN"), make_coverage(1))
    rows, findings = read_rows(write(tmp_path / "bundle.json", bundle, indent=indent))
    assert (rows, findings) == ([{"line": "1"} | EXPECTED], [])


def test_a_family_becomes_three_rows_on_the_insureds_number(tmp_path: Path):
    rows, _ = read_rows(write(tmp_path / "bundle.json", make_family()))
    insured, spouse, twin = rows
    assert {row["insured_nir"] for row in rows} == {make_nir(1)}
    assert insured["previous_nir"] == make_nir(1, sex=8)
    assert (spouse["own_nir"], spouse["quality"], spouse["birth_rank"]) == (make_nir(2), "2", "1")
    assert (twin["birth_date"], twin["birth_rank"], twin["quality"]) == ("20151901", "2", "3")
    assert twin["suspended_from"] == "2026-01-01"
    assert "own_nir" not in twin


@pytest.mark.parametrize("skip", [0, 1, 4])
@pytest.mark.parametrize("packed", [False, True])
def test_ndjson_has_one_bundle_a_line(tmp_path: Path, skip: int, *, packed: bool):
    documents = [make_bundle(make_patient(n), make_coverage(n)) for n in range(1, 6)]
    path = write(tmp_path / "bundles.ndjson", *documents)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    rows, _ = read_rows(path, skip=skip)
    assert [(row["line"], row["contract_number"]) for row in rows] == [
        (str(n), f"C{n:06d}") for n in range(skip + 1, 6)
    ]


def test_a_cancelled_coverage_removes_its_line(tmp_path: Path):
    bundle = make_bundle(make_patient(1), make_coverage(1, status="entered-in-error"))
    [row], _ = read_rows(write(tmp_path / "bundle.json", bundle))
    assert row["action"] == "remove"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "draft"}, "Coverage.status"),
        ({"beneficiary": {"reference": "Patient/99"}}, "Coverage.beneficiary"),
        ({"subscriber": {"reference": "Patient/99"}}, "Coverage.subscriber"),
        ({"period": {"start": "yesterday"}}, "Coverage"),
    ],
)
def test_a_coverage_that_lacks_something_is_a_finding_and_the_others_are_read(
    tmp_path: Path, changes: dict[str, Any], field: str
):
    broken = make_coverage(1) | changes
    bundle = make_bundle(make_patient(1), broken, make_coverage(1))
    rows, findings = read_rows(write(tmp_path / "bundle.json", bundle))
    assert findings == [(1, field, "fhir_profile")]
    assert [row["line"] for row in rows] == ["2"]


@pytest.mark.parametrize(
    "text",
    [
        '{"resourceType": "Patient"}',
        '{"resourceType": "Bundle", "entry": 3}',
        '{"resourceType": "Bundle", "entry": [',
        "{}\n{}",
    ],
)
def test_what_is_not_a_bundle_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "bundle.json"
    path.write_text(text)
    with pytest.raises(FeedRefused, match=r"not FHIR JSON|not a Bundle"):
        read_rows(path)


def test_a_bundle_of_a_hundred_megabytes_is_refused_before_it_is_held(tmp_path: Path):
    path = tmp_path / "bundle.json"
    with path.open("wb") as file:
        file.write(b'{"resourceType": "Bundle", "entry": [\n')
        for _ in range(70):
            file.write(b" " * (1 << 20))
    with pytest.raises(FeedRefused, match="over 64 MB"):
        read_rows(path)


def test_nothing_of_a_resource_is_printed():
    [entry, *_] = make_family()["entry"]
    assert "DURAND" in json.dumps(entry)
    assert repr(Patient(birth_date="19840502")) == "<Patient>"
    [row] = read_bundle(json.dumps(make_bundle(make_patient(1), make_coverage(1))).encode())
    assert len(row) == len(COLUMNS)
    assert (CARD_SYSTEM, CONTRACT_SYSTEM, AMC_SYSTEM) == (
        "https://rempart.invalid/fhir/card-code",
        "https://rempart.invalid/fhir/contract-number",
        "https://rempart.invalid/fhir/amc-number",
    )


def test_a_byte_order_mark_is_accepted_as_in_csv(tmp_path: Path):
    path = write(tmp_path / "feed.json", make_bundle(make_patient(1), make_coverage(1)))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    [row], findings = read_rows(path)
    assert (row["insured_nir"], findings) == (make_nir(1), [])


@pytest.mark.parametrize("field", ["beneficiary", "subscriber"])
def test_somebody_named_by_an_identifier_only_is_nobody_of_the_bundle(field: str):
    bundle = make_bundle(make_patient(1), make_patient(2), make_coverage(1))
    coverage = bundle["entry"][-1]["resource"]
    coverage[field] = {"identifier": {"value": make_nir(3)}}
    assert list(read_bundle(json.dumps(bundle).encode())) == [f"Coverage.{field}"]
