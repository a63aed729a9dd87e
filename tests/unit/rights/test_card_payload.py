"""What a symbol holds: compact, one spelling, nobody's NIR; the documents that go with it."""

import base64
import json
import re
from datetime import date
from pathlib import Path

import pytest
from tests.card_samples import (
    IN_FORCE,
    ROOT,
    SIGNER,
    VALIDITY,
    make_beneficiary,
    make_card,
    make_issue,
    make_keys,
    make_list,
)

from rempart.exchange.card_symbol import draw_svg
from rempart.exchange.feed_terms import parse_feed_terms
from rempart.kernel.birth import BirthDate
from rempart.kernel.findings import BadValue
from rempart.rights.card import Card, CardSerial, PresenceCode, compute_presence_key
from rempart.rights.card_documents import (
    DocumentRefused,
    RootSigner,
    parse_domains,
    parse_keys,
    parse_revocations,
)
from rempart.rights.card_payload import PayloadRefused, decode_payload, encode_payload
from rempart.rights.card_signature import is_signed_by, read_symbol
from rempart.rights.coverage import Rate
from rempart.tariffs.domains import DOMAINS

FORMAT = Path(__file__).parents[3] / "docs/reference/card-format.md"


def read_vectors() -> dict[str, object]:
    [block] = re.findall(r"```json\n(\{.*?\n\})\n```", FORMAT.read_text(), re.DOTALL)
    return dict(json.loads(block))


def test_the_vectors_of_the_format_are_true():
    vectors = read_vectors()
    card = make_card()
    payload = encode_payload(card, SIGNER.key_id)
    text = SIGNER.sign(card)
    assert vectors == {
        "card_seed": bytes(range(32)).hex(),
        "public_key": base64.b64encode(SIGNER.public_key).decode(),
        "key_id": SIGNER.key_id.hex(),
        "payload": payload.hex(),
        "symbol": text,
        "serial": card.serial.format(),
        "presence_codes": [card.presence(place).format() for place in (1, 2)],
        "lookup_secret": bytes(32).hex(),
        "lookup_keys": [
            compute_presence_key(bytes(32), card.presence(place)).hex() for place in (1, 2)
        ],
        "root_seed": bytes(range(32, 64)).hex(),
        "revocations": ROOT.sign_revocations(make_list(card)),
        "keys": ROOT.sign_keys(make_issue(), list(make_keys().keys.values())),
    }


def test_a_card_reads_back_as_it_was_and_its_signature_holds():
    card = make_card(
        guarantees=(
            {"OPTI": Rate(rate_bp=12_550, circuit="IT", conditions=("ENT", "PEC"))},
            parse_feed_terms("HOSP=T"),
        ),
        beneficiaries=(
            make_beneficiary(1),
            make_beneficiary(2, initial="", guarantee=1, birth_date=BirthDate("19421901")),
            make_beneficiary(3, starts_on=date(2027, 2, 1), ends_on=date(2027, 3, 31)),
        ),
    )
    signed = read_symbol(SIGNER.sign(card))
    assert signed.card == card
    assert is_signed_by(signed, SIGNER.public_key)


@pytest.mark.parametrize(("people", "modules"), [(1, 52), (3, 52), (6, 64), (15, 64)])
def test_a_family_fits_a_symbol_that_a_card_can_bear(people: int, modules: int):
    side = re.search(r'viewBox="0 0 (\d+) ', draw_svg(SIGNER.sign(make_card(people))))
    assert int(side[1]) - 2 == modules, "a white module on each side"


def test_a_payload_holds_no_name_and_no_nir():
    payload = encode_payload(make_card(), SIGNER.key_id)
    assert b"DURAND" not in payload
    assert not re.search(rb"[12]\d{12}", payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": bytes(15)},
        {"beneficiaries": ()},
        {"beneficiaries": tuple(make_beneficiary(1) for _ in range(16))},
        {"guarantees": ()},
        {"csr": "é"},
        {"member_number": "M" * 41},
        {"issued_on": date(2019, 12, 31)},
        {"beneficiaries": (make_beneficiary(1, guarantee=1),)},
        {"beneficiaries": (make_beneficiary(1, ends_on=VALIDITY.ends_on),)},
        {"beneficiaries": (make_beneficiary(1, starts_on=VALIDITY.starts_on),)},
    ],
)
def test_what_no_symbol_can_say_is_refused_before_it_is_signed(changes: dict[str, object]):
    with pytest.raises(ValueError):
        make_card(**changes)


def test_a_second_spelling_of_a_card_is_refused():
    payload = encode_payload(make_card(), SIGNER.key_id)
    rate = bytes((0x01, 0x90, 0x4E))  # 100 % in two bytes
    assert rate in payload
    longer = payload.replace(rate, bytes((0x01, 0x90, 0xCE, 0x00)), 1)
    with pytest.raises(PayloadRefused):
        decode_payload(longer)


def test_a_presence_code_is_the_cards_letters_and_the_place():
    presence = make_card().presence(12)
    assert len(presence.format()) == 27
    assert presence.format().endswith("C")
    assert PresenceCode.parse(presence.format().lower()) == presence
    assert PresenceCode.parse(f"{presence.format_printed()} {presence.format()[-1]}") == presence
    assert repr(presence) == "<PresenceCode>"


@pytest.mark.parametrize(
    "text", ["", "0" * 26, "0" * 27, "Z" * 27, "0" * 26 + "G", "0" * 28, "U" * 27]
)
def test_what_is_no_presence_code_is_refused(text: str):
    with pytest.raises(BadValue):
        PresenceCode.parse(text)


def test_a_serial_is_read_as_it_is_printed():
    serial = make_card().serial
    assert CardSerial.parse(serial.format().lower()) == serial
    assert CardSerial.parse("0000") is None


def test_documents_read_back_and_only_under_their_root():
    keys = ROOT.sign_keys(make_issue(), list(make_keys().keys.values()))
    revocations = ROOT.sign_revocations(make_list(make_card()))
    domains = ROOT.sign_domains(make_issue())
    assert parse_keys(keys, ROOT.public_key) == make_keys()
    assert parse_revocations(revocations, ROOT.public_key) == make_list(make_card())
    issue, rows = parse_domains(domains, ROOT.public_key)
    assert issue.issued_on == IN_FORCE
    assert [row["code"] for row in rows] == list(DOMAINS)
    other = RootSigner(bytes(32)).public_key
    for text, parse in ((keys, parse_keys), (revocations, parse_revocations)):
        with pytest.raises(DocumentRefused):
            parse(text, other)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"number":1', '"number":2'),
        lambda text: text.replace("keys v1", "domains v1"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n",
        lambda text: text.replace(",", ", ", 1),
        lambda _: "",
    ],
)
def test_a_document_that_was_touched_is_refused(change):
    text = ROOT.sign_keys(make_issue(), list(make_keys().keys.values()))
    with pytest.raises(DocumentRefused):
        parse_keys(change(text), ROOT.public_key)


def test_the_list_of_revocations_forgets_nobody_and_mistakes_few():
    revoked = [make_card(secret=n.to_bytes(16)) for n in range(500)]
    others = [make_card(secret=n.to_bytes(16)) for n in range(500, 1500)]
    revocations = make_list(*revoked)
    assert len(revocations) == 500
    assert all(revocations.may_hold(card.serial) for card in revoked)
    assert not any(revocations.may_hold(card.serial) for card in others)


def test_an_empty_list_holds_nobody():
    assert not make_list().may_hold(make_card().serial)


def test_a_card_prints_as_its_number():
    assert repr(make_card()) == f"<Card {make_card().serial}>"
    assert isinstance(make_card(), Card)
