"""Parsers of `kernel`: what people type and cards say."""

import contextlib

from tests.fuzzing.target import Target, reading_text, texts

from rempart.accounts.contacts import Channel, parse_address
from rempart.accounts.registration import parse_jwk
from rempart.exchange.benefit_file import parse_euros
from rempart.exchange.feed_terms import parse_feed_terms
from rempart.gateway.languages import choose_language
from rempart.gateway.signatures import BadSignature, read_object, split_compact
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.crockford import decode_number, normalise_code
from rempart.kernel.email_address import EmailAddress
from rempart.kernel.findings import BadValue
from rempart.kernel.finess import Finess
from rempart.kernel.iban import Iban
from rempart.kernel.nir import Nir, is_valid_nir, read_nir_column
from rempart.kernel.rpps import Rpps
from rempart.kernel.siret import Siret
from rempart.kernel.synthetic import (
    make_synthetic_finess,
    make_synthetic_iban,
    make_synthetic_nir,
    make_synthetic_rpps,
    make_synthetic_siret,
)
from rempart.rights.card import PresenceCode
from rempart.rights.lookup import CardCode

_NIR = make_synthetic_nir(sex=2, year=1984, month=5).format_compact()
_JWK = (
    '{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
    '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}'
)


def _read_nir(text: str) -> None:
    """The quick ways of reading a NIR say the same as the careful one."""
    quick = is_valid_nir(text)
    column = read_nir_column([text])
    assert not quick or column in (None, [text[:13]])
    try:
        nir = Nir.parse(text)
    except BadValue:
        assert not quick
        assert column is None or not text
        raise
    assert Nir.parse(nir.format()) == nir
    assert column in (None, [nir.number])


def _read_code(text: str) -> None:
    decode_number(normalise_code(text))
    for parse in (PresenceCode.parse, CardCode.parse):
        with contextlib.suppress(BadValue):
            parse(text)


def _read_address(text: str) -> None:
    for channel in CHANNELS:
        with contextlib.suppress(BadValue):
            kept = parse_address(channel, text)
            assert parse_address(channel, kept) == kept


def _read_token(data: bytes) -> None:
    read_object(split_compact(data).payload)


def _read_iban(text: str) -> None:
    iban = Iban.parse(text)
    assert Iban.parse(iban.format()) == iban


CHANNELS: tuple[Channel, ...] = ("email", "sms", "letter")
BAD = (BadValue,)
TARGETS = (
    Target(
        name="nir",
        read=reading_text(_read_nir),
        seeds=texts(_NIR, "2 84 05 2A 001 001", "284059935000104"),
        refusals=BAD,
    ),
    Target(
        name="rpps",
        read=reading_text(Rpps.parse),
        seeds=texts(make_synthetic_rpps(1).number),
        refusals=BAD,
    ),
    Target(
        name="finess",
        read=reading_text(Finess.parse),
        seeds=texts(make_synthetic_finess(1).number, "2A0000012"),
        refusals=BAD,
    ),
    Target(
        name="siret",
        read=reading_text(Siret.parse),
        seeds=texts(make_synthetic_siret(1).number),
        refusals=BAD,
    ),
    Target(
        name="amc_number",
        read=reading_text(AmcNumber.parse),
        seeds=texts("99 00 00 00 17"),
        refusals=BAD,
    ),
    Target(
        name="iban",
        read=reading_text(_read_iban),
        seeds=texts(make_synthetic_iban(1).format()),
        refusals=BAD,
    ),
    Target(
        name="birth_date",
        read=reading_text(BirthDate.parse),
        seeds=texts("19840512", "1984-05-12", "12/05/1984", "19421901"),
        refusals=BAD,
    ),
    Target(name="birth_rank", read=reading_text(BirthRank.parse), seeds=texts("1"), refusals=BAD),
    Target(
        name="email_address",
        read=reading_text(EmailAddress.parse),
        seeds=texts("camille@exemple.invalid", "Élise <e@xn--e-fga.invalid>"),
        refusals=BAD,
    ),
    Target(
        name="card_code",
        read=reading_text(_read_code),
        seeds=texts("0123-4567-89AB-CDEF-GHJK", "oil0-1234-5678-9abc-defg"),
        refusals=BAD,
    ),
    Target(
        name="contact_address",
        read=reading_text(_read_address),
        seeds=texts("01 99 00 00 00", "+33 (0)1.99.00.00.00", "1 rue de l’Essai\n75000 PARIS"),
        refusals=BAD,
    ),
    Target(
        name="feed_terms",
        read=reading_text(parse_feed_terms),
        seeds=texts("PHAR=R100@IS|MEDG=T|OPTI=F20000"),
        refusals=BAD,
    ),
    Target(
        name="euros",
        read=reading_text(parse_euros),
        seeds=texts("1 234,56", "137.50", "-3"),
        refusals=BAD,
    ),
    Target(
        name="accept_language",
        read=reading_text(choose_language),
        seeds=texts("en-GB,fr;q=0.9,*;q=0.1"),
    ),
    Target(
        name="software_key",
        read=reading_text(parse_jwk),
        seeds=texts(_JWK, f'{{"keys":[{_JWK}]}}'),
        refusals=BAD,
    ),
    Target(
        name="compact_token",
        read=_read_token,
        seeds=texts("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.AAAA"),
        refusals=(BadSignature,),
    ),
)
