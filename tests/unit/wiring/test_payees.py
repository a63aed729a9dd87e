"""The provider of payee checks is the one the settings name, or a clear refusal."""

from dataclasses import replace

import pytest

from rempart.accounts.bank_details import PayeeCheck
from rempart.exchange.payee_check import FakePayeeProvider, NoPayeeProvider, ask_payee
from rempart.kernel.errors import SetupError
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.wiring.payees import load_payee_provider
from rempart.wiring.settings import Settings


def load(text):
    return load_payee_provider(replace(Settings(), payee_check=text))


def make_nothing():
    return object()


def test_without_a_provider_nothing_is_ever_verified():
    provider = load("none")
    assert isinstance(provider, NoPayeeProvider)
    answer = ask_payee(provider, make_synthetic_iban(1), "Pharmacie")
    assert (answer.check, answer.provider) == (PayeeCheck.UNAVAILABLE, "")


def test_the_fake_one_and_ones_own_are_found_by_name():
    assert isinstance(load("fake"), FakePayeeProvider)
    assert isinstance(load("rempart.exchange.payee_check:FakePayeeProvider"), FakePayeeProvider)


@pytest.mark.parametrize(
    "text",
    [
        "nowhere.at_all:make",
        "rempart.exchange.payee_check:nothing",
        f"{__name__}:make_nothing",
    ],
)
def test_what_is_no_provider_is_refused_by_name(text):
    with pytest.raises(SetupError, match="REMPART_PAYEE_CHECK"):
        load(text)
