"""What a member is told is kept of them: what is in the archive is not gone."""

from datetime import date

import pytest

from rempart.retention.fields import Field, Phase
from rempart.retention.schedule import DEFAULT
from rempart.storage.own_copies import Mine
from rempart.workflows.members.own_data import Held, describe_held

TODAY = date(2026, 11, 23)
LEFT = Mine(
    contract_end=date(2024, 6, 30),
    last_payment=None,
    gone=[],
    has_identity=True,
    has_coverage=True,
    has_card=False,
    has_account=True,
    archived=[],
    claims=0,
    oldest_on=None,
    latest_on=None,
    held=False,
    restricted=False,
)


def describe(mine: Mine) -> dict[Field, Held]:
    return {one.field: one for one in describe_held(DEFAULT, mine, on=TODAY, language="fr")}


@pytest.mark.parametrize("has_identity", [True, False])
def test_what_left_for_the_archive_is_in_the_archive_until_its_last_day(has_identity: bool):
    shown = describe(
        LEFT._replace(
            gone=["civil", "nir", "numbers", "contact"] if has_identity else [],
            has_identity=has_identity,
            has_coverage=False,
            archived=["civil", "nir", "coverage"],
        )
    )
    for field in (Field.CIVIL, Field.NIR, Field.COVERAGE):
        assert shown[field].phase is Phase.ARCHIVE, field
        assert shown[field].gone_after == date(2029, 6, 30)
    assert shown[Field.CONTACT].phase is shown[Field.NUMBERS].phase is Phase.GONE


def test_what_is_in_the_base_again_is_told_as_of_the_base():
    back = LEFT._replace(contract_end=None, archived=["civil"])
    assert describe(back)[Field.CIVIL].phase is Phase.ACTIVE
    assert describe(back)[Field.CIVIL].gone_after is None
