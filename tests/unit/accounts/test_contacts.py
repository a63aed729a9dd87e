"""What may be an address to warn somebody at."""

import pytest

from rempart.accounts.contacts import parse_address, parse_channel
from rempart.kernel.findings import BadValue


@pytest.mark.parametrize(
    ("channel", "text", "kept"),
    [
        ("email", " pharmacie@example.invalid ", "pharmacie@example.invalid"),
        ("email", "prénom.nom+rib@sous.exemple.invalid", "prénom.nom+rib@sous.exemple.invalid"),
        ("sms", "06 39 98 00 01", "+33639980001"),
        ("sms", "+33 (6) 39.98-00.01", "+33639980001"),
        ("sms", "+32 470 00 00 00", "+32470000000"),
        ("letter", " 1 rue des Essais, 75009 Paris ", "1 rue des Essais, 75009 Paris"),
    ],
)
def test_an_address_is_kept_in_order(channel, text, kept):
    assert parse_address(parse_channel(channel), text) == kept


@pytest.mark.parametrize(
    ("channel", "text", "rule"),
    [
        ("email", "", "contact_email"),
        ("email", "pharmacie", "contact_email"),
        ("email", "a@b", "contact_email"),
        ("email", "a@b@example.invalid", "contact_email"),
        ("email", "a@example.invalid\nBcc: b@example.invalid", "contact_email"),
        ("email", f"{'a' * 250}@b.fr", "contact_email"),
        ("sms", "0639", "contact_phone"),
        ("sms", "nom", "contact_phone"),
        ("sms", "+0033639980001", "contact_phone"),
        ("letter", "", "contact_letter"),
        ("letter", "1 rue\n75009 Paris", "contact_letter"),
        ("letter", "x" * 401, "contact_letter"),
    ],
)
def test_what_reaches_nobody_is_refused_without_being_repeated(channel, text, rule):
    with pytest.raises(BadValue) as refused:
        parse_address(channel, text)
    assert refused.value.refusal.rule == rule
    assert not text or text not in str(refused.value)


def test_a_channel_that_does_not_exist_is_refused():
    assert parse_channel(" SMS ") == "sms"
    with pytest.raises(BadValue, match="canal"):
        parse_channel("pigeon")
