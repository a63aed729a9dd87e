"""An establishment stops somebody: tokens of theirs open nothing there, and no new one is given."""

import pytest
from tests.api.asking import Psc, execute
from tests.api.reading import PATH
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ESTABLISHMENT_REF,
    save_organisation,
    typed_body,
)

ORG_REF = 4242


@pytest.fixture
def gateway(open_gateway, psc: Psc):
    with open_gateway(introspect=psc.introspect) as client:
        yield client


@pytest.fixture
def employed(world):
    """The pharmacist holds their pharmacy, by a membership as `client load` makes them."""
    with world.database.transaction("registrar") as tx:
        save_organisation(tx, ORG_REF, "establishment", establishment_ref=ESTABLISHMENT_REF)
        tx.execute(
            "INSERT INTO accounts.membership"
            " (membership_ref, actor_ref, org_ref, role, starts_on)"
            " VALUES (77, %s, %s, 'holder', '2020-01-01')",
            (ACCOUNT_REF, ORG_REF),
        )


@pytest.mark.parametrize("end", ["suspended_at = clock_timestamp()", "ends_on = '2021-01-01'"])
def test_a_token_of_somebody_their_establishment_stopped_opens_nothing(
    gateway, publisher, world, employed, clock, end
):
    token = publisher.ask().json()["access_token"]
    call = publisher.use(token)
    assert gateway.post(PATH, json=typed_body(COVERED), auth=call).status_code == 200
    execute(world, f"UPDATE accounts.membership SET {end} WHERE membership_ref = 77")
    clock.put_forward(seconds=5)
    refused = gateway.post(PATH, json=typed_body(COVERED), auth=publisher.use(token))
    assert refused.status_code == 401
    assert publisher.ask().status_code == 400
