"""Professionals and their establishments, on a real database."""

import io

import pytest
from cryptography.exceptions import InvalidTag

from rempart.kernel.errors import FeedRefused
from rempart.kernel.synthetic import make_synthetic_iban, make_synthetic_rpps, make_synthetic_siret
from rempart.storage.connect import Database
from rempart.storage.iban_seal import IbanSeal
from rempart.workflows.accounts.load_professionals import COLUMNS, LoadReport, load_professionals

SEAL = IbanSeal(bytes(32))


def make_row(order: int = 1, **changes: str) -> dict[str, str]:
    row = {
        "rpps": make_synthetic_rpps(order).number,
        "profession": "pharmacist",
        "family_name": "Roger",
        "first_name": "Michel",
        "finess": "",
        "siret": make_synthetic_siret(order).number,
        "establishment": "Pharmacie du Moulin",
        "postcode": "74910",
        "city": "FRANCLENS",
        "iban": make_synthetic_iban(order).format(),
    }
    return {**row, **changes}


def load(database: Database, *rows: dict[str, str], header: str = ";".join(COLUMNS)) -> LoadReport:
    lines = [header, *(";".join(row.values()) for row in rows)]
    with database.transaction("registrar") as tx:
        return load_professionals(tx, io.StringIO("\n".join(lines)), seal=SEAL, language="en")


def fetch(database: Database, query: str) -> list[tuple]:
    with database.transaction("admin") as tx:
        return tx.execute(query).fetchall()


@pytest.fixture
def loaded(database: Database) -> Database:
    load(database, make_row(1), make_row(2))
    return database


def test_loading_twice_changes_no_reference(database):
    load(database, make_row(1), make_row(2))
    before = fetch(database, "SELECT account_ref, establishment_ref FROM accounts.professional")
    report = load(database, make_row(1), make_row(2), make_row(3))
    after = fetch(database, "SELECT account_ref, establishment_ref FROM accounts.professional")
    assert report.loaded == 3
    assert set(before) < set(after)


def test_a_second_load_brings_names_up_to_date(loaded):
    load(loaded, make_row(1, family_name="Roger-Martin", establishment="Pharmacie du Pont"))
    names = fetch(loaded, "SELECT display_name FROM accounts.professional")
    assert ("Michel Roger-Martin",) in names
    assert ("Pharmacie du Pont",) in fetch(loaded, "SELECT name FROM accounts.establishment")


def test_a_public_telephone_may_be_given_and_a_file_without_takes_none_away(database):
    header = ";".join((*COLUMNS, "telephone"))
    load(database, make_row(1, telephone="02 61 91 00 01"), header=header)
    load(database, make_row(1))
    assert fetch(database, "SELECT telephone FROM accounts.establishment") == [("02 61 91 00 01",)]


def test_a_telephone_that_is_none_is_a_finding(database):
    header = ";".join((*COLUMNS, "telephone"))
    report = load(database, make_row(1, telephone="call me"), header=header)
    assert (report.loaded, report.refused) == (0, 1)
    assert "telephone" in str(report.findings[0])


def test_colleagues_share_their_establishment(database):
    siret = make_synthetic_siret(9).number
    load(database, make_row(1, siret=siret), make_row(2, siret=siret))
    assert fetch(database, "SELECT count(*) FROM accounts.establishment") == [(1,)]


def test_a_bad_row_is_found_and_the_others_are_loaded(database):
    report = load(
        database,
        make_row(1),
        make_row(2, rpps="99700000001", siret="123", iban="FR00"),
        make_row(3, family_name="", rpps=""),
    )
    found = [(finding.line, finding.field) for finding in report.findings]
    assert (report.loaded, report.refused) == (1, 2)
    assert found == [(3, "rpps"), (3, "siret"), (3, "iban"), (4, "rpps"), (4, "family_name")]
    assert not any("99700000001" in f.message + f.advice for f in report.findings)


def test_a_file_without_a_column_is_refused_whole(database):
    with pytest.raises(FeedRefused, match="siret"):
        load(database, make_row(1), header=";".join(COLUMNS).replace("siret", "sirett"))
    assert fetch(database, "SELECT count(*) FROM accounts.professional") == [(0,)]


def test_a_bank_account_is_stored_sealed_and_bound_to_its_establishment(loaded):
    [(ref, sealed), (other, _)] = fetch(
        loaded,
        "SELECT establishment_ref, sealed_iban FROM accounts.bank_details ORDER BY last_digits",
    )
    iban = SEAL.open(sealed, establishment_ref=ref)
    assert iban in {make_synthetic_iban(1), make_synthetic_iban(2)}
    assert iban.format().encode() not in sealed
    with pytest.raises(InvalidTag):
        SEAL.open(sealed, establishment_ref=other)
    with pytest.raises(InvalidTag):
        IbanSeal(b"\x01" * 32).open(sealed, establishment_ref=ref)
