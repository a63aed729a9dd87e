"""Professionals, the keys of their software, and sign-in links, on a real database."""

import io
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag

from rempart.accounts.keys import compute_key_digest
from rempart.kernel.errors import AccessDenied, FeedRefused, NotFound
from rempart.kernel.rpps import Rpps
from rempart.kernel.synthetic import make_synthetic_iban, make_synthetic_rpps, make_synthetic_siret
from rempart.storage.connect import Database
from rempart.storage.iban_seal import IbanSeal
from rempart.workflows.create_client import create_client, list_clients, revoke_client
from rempart.workflows.load_professionals import COLUMNS, LoadReport, load_professionals
from rempart.workflows.open_sign_in_link import open_sign_in_link, redeem_sign_in_link

RPPS = make_synthetic_rpps(1)
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


def test_only_the_digest_of_a_key_is_stored(loaded):
    with loaded.transaction("registrar") as tx:
        made = create_client(tx, rpps=RPPS, label="Logiciel", lifetime=timedelta(days=2))
    [(digest, days)] = fetch(
        loaded,
        "SELECT key_digest, round(extract(epoch FROM expires_at - now()) / 86400)"
        " FROM accounts.client",
    )
    assert digest == compute_key_digest(made.key)
    assert days == 2
    assert made.key not in repr(made)


def test_a_client_needs_a_professional(loaded):
    with loaded.transaction("registrar") as tx, pytest.raises(NotFound, match="client load"):
        create_client(tx, rpps=make_synthetic_rpps(77), label="Logiciel")


def test_a_revoked_client_keeps_the_instant_of_its_first_revocation(loaded):
    with loaded.transaction("registrar") as tx:
        made = create_client(tx, rpps=RPPS, label="Logiciel")
        revoke_client(tx, made.client_ref)
    with loaded.transaction("registrar") as tx:
        [first] = list_clients(tx)
        revoke_client(tx, made.client_ref)
        [second] = list_clients(tx)
        with pytest.raises(NotFound, match="client list"):
            revoke_client(tx, 1)
    assert first.revoked_at is not None
    assert second == first
    assert first.expires_at is None


def test_a_link_signs_a_professional_in_once(loaded):
    with loaded.transaction("registrar") as tx:
        token = open_sign_in_link(tx, rpps=RPPS)
    with loaded.transaction("registrar") as tx:
        signed_in = redeem_sign_in_link(tx, token)
    [(account_ref, kind, hours)] = fetch(
        loaded,
        "SELECT account_ref, kind, round(extract(epoch FROM expires_at - now()) / 3600)"
        " FROM accounts.client",
    )
    assert (signed_in.account_ref, kind, hours) == (account_ref, "portal", 12)
    assert signed_in.client_key is not None
    assert signed_in.client_key not in repr(signed_in)
    with loaded.transaction("registrar") as tx:
        assert list_clients(tx) == []
        with pytest.raises(AccessDenied):
            redeem_sign_in_link(tx, token)


def test_the_operators_link_opens_no_account(loaded):
    with loaded.transaction("registrar") as tx:
        signed_in = redeem_sign_in_link(tx, open_sign_in_link(tx, rpps=None))
    assert (signed_in.account_ref, signed_in.client_key) == (None, None)
    assert fetch(loaded, "SELECT count(*) FROM accounts.client") == [(0,)]


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é" * 43])
def test_an_invented_link_is_refused(loaded, token):
    with loaded.transaction("registrar") as tx, pytest.raises(AccessDenied, match="unknown, used"):
        redeem_sign_in_link(tx, token)


def test_a_link_is_dead_after_fifteen_minutes(loaded):
    with loaded.transaction("registrar") as tx:
        token = open_sign_in_link(tx, rpps=RPPS)
    with loaded.transaction("admin") as tx:
        tx.execute("UPDATE accounts.sign_in_link SET expires_at = expires_at - interval '15 min'")
    with loaded.transaction("registrar") as tx, pytest.raises(AccessDenied):
        redeem_sign_in_link(tx, token)


def test_a_link_needs_a_professional(loaded):
    with loaded.transaction("registrar") as tx, pytest.raises(NotFound):
        open_sign_in_link(tx, rpps=Rpps("99700000005"))
