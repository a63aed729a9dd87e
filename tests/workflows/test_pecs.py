"""Prises en charge seen and expired: whose they are decides, and the day."""

from datetime import date, timedelta

from rempart.storage.pec_pages import expire_pecs

TODAY = date(2026, 3, 2)


def add_pec(tx, idx: int, *, expires_on: date, state: str = "agreed") -> None:
    tx.execute(
        "INSERT INTO claims.pec (log_id, idx, establishment_ref, account_ref, person_ref,"
        " insurer_id, contract_ref, domain, care_on, state, expires_on, billed_cents, amo_cents,"
        " amc_cents, lines, uses)"
        " VALUES (1, %s, 71, 1, 5, 1, 6, 'OPTI', %s, %s, %s, 100, 10, 20, '[]', '[]')",
        (idx, TODAY, state, expires_on),
    )


def test_a_promise_expires_after_its_last_day_and_only_then(database):
    with database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO accounts.establishment (establishment_ref, finess, siret, name, postcode,"
            " city) VALUES (71, '990000019', '99000001900015', 'Optique', '99000', 'Ville')"
        )
    with database.transaction("settler") as tx:
        add_pec(tx, 1, expires_on=TODAY)
        add_pec(tx, 2, expires_on=TODAY - timedelta(days=1))
        add_pec(tx, 3, expires_on=TODAY - timedelta(days=1), state="cancelled")
        assert expire_pecs(tx, TODAY) == 1
        states = tx.execute("SELECT idx, state FROM claims.pec ORDER BY idx").fetchall()
        assert expire_pecs(tx, TODAY) == 0
    assert states == [(1, "agreed"), (2, "expired"), (3, "cancelled")]
