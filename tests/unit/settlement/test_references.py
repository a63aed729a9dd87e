"""References that lead back, and those that name nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.settlement.references import (
    find_references,
    format_message_id,
    format_reference,
    read_message_id,
    read_reference,
)


@given(number=st.integers(0, 10**14 - 1), kind=st.sampled_from(["remittance", "call"]))
def test_a_reference_leads_back_however_it_is_written(number, kind):
    reference = format_reference(kind, number)
    assert read_reference(reference) == (kind, number)
    assert find_references(f"virement {reference.lower()}, merci") == [(kind, number)]
    assert len(reference) <= 25


@given(number=st.integers(0, 10**14 - 1))
def test_a_reference_copied_wrong_names_nothing_else(number):
    reference = format_reference("remittance", number)
    for place in range(4, len(reference)):
        other = "1" if reference[place] != "1" else "2"
        assert read_reference(reference[:place] + other + reference[place + 1 :]) is None


@pytest.mark.parametrize("text", ["", "RF18539007547034", "NOTPROVIDED", "RF92V000000000U"])
def test_a_reference_that_is_not_ours_is_none(text):
    assert read_reference(text) is None


def test_a_message_and_its_batches_lead_to_their_file():
    assert read_message_id(f"{format_message_id(77)}-1") == 77
    assert read_message_id("20261123-abc") is None
