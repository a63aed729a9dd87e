"""Cards with good defaults, their documents, and cards issued to the people of a small feed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from tests.feed_samples import INSURER, TODAY, Row, make_row, publish, register, write_feed

from rempart.exchange.card_letter import CardPrint, decode_print
from rempart.exchange.feed_terms import parse_feed_terms
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.periods import Period
from rempart.kernel.synthetic import make_synthetic_amc_number
from rempart.rights.card import Card, CardBeneficiary
from rempart.rights.card_documents import (
    CardKey,
    CardKeys,
    Issue,
    Revocations,
    RootSigner,
    make_revocations,
)
from rempart.rights.card_signature import CardSigner
from rempart.storage import cards
from rempart.storage.connect import Database
from rempart.wiring.cards import load_signer, make_card_secrets, open_print_seal
from rempart.wiring.home import Home
from rempart.workflows.rights.issue_cards import CardsIssued, IssueRequest, issue_cards

YEAR: Final = 2027
VALIDITY: Final = Period(date(YEAR, 1, 1), date(YEAR, 12, 31))
IN_FORCE: Final = date(YEAR, 6, 1)
SIGNER: Final = CardSigner(bytes(range(32)))
ROOT: Final = RootSigner(bytes(range(32, 64)))
GUARANTEE: Final = (
    "PHAR=R100@IS|MEDG=R100|MEDS=R130|SVIL=R100|LABO=R100|RADL=R100|AUXM=R100|SAGE=R100|DENT=R200"
    "|OPTI=F28000@IT|AUDI=F53000@SP|HOSP=R150|CSTE=T|EXTE=T|TRAN=R100"
)


def make_beneficiary(number: int = 1, **changes: Any) -> CardBeneficiary:
    """Somebody on a card."""
    facts: dict[str, Any] = {
        "birth_date": BirthDate(f"19{60 + number:02}0502"),
        "birth_rank": BirthRank(1),
        "initial": "ABCDEFGHIJKLMNO"[number - 1],
        "guarantee": 0,
    }
    return CardBeneficiary(**facts | changes)


def make_card(people: int = 2, **changes: Any) -> Card:
    """A card of the sample year."""
    facts: dict[str, Any] = {
        "issued_on": TODAY,
        "validity": VALIDITY,
        "amc_number": make_synthetic_amc_number(7),
        "convention_type": "TP",
        "csr": "02",
        "responsible": True,
        "member_number": "ADH00000123",
        "secret": bytes(range(16)),
        "guarantees": (parse_feed_terms(GUARANTEE),),
        "beneficiaries": tuple(make_beneficiary(n) for n in range(1, people + 1)),
    }
    return Card(**facts | changes)


def make_issue(**changes: Any) -> Issue:
    """What a document says of itself."""
    facts: dict[str, Any] = {
        "operator": "Rempart",
        "number": 1,
        "issued_on": IN_FORCE,
        "good_for_days": 7,
    }
    return Issue(**facts | changes)


def make_keys(**changes: Any) -> CardKeys:
    """The list with the sample key; changes are the key's."""
    key = CardKey(public_key=SIGNER.public_key, issues=Period(date(2026, 1, 1), date(2027, 12, 31)))
    return CardKeys(make_issue(), {SIGNER.key_id: replace(key, **changes)})


def make_list(*revoked: Card, **changes: Any) -> Revocations:
    """A list of revocations with some cards."""
    return make_revocations(make_issue(**changes), [card.serial for card in revoked])


def make_print(card: Card | None = None, **changes: Any) -> CardPrint:
    """What prints a card."""
    card = card or make_card()
    facts: dict[str, Any] = {
        "symbol": SIGNER.sign(card),
        "insurer": "Mutuelle des Lilas",
        "names": tuple(f"Camille{n} DURAND" for n, _ in enumerate(card.beneficiaries, 1)),
        "address": ("Camille DURAND", "1 rue des Lilas", "75001 Paris"),
        "purpose": "yearly",
    }
    return CardPrint(**facts | changes)


FAMILY: Final[Sequence[Row]] = (
    make_row(1, quality="1", birth_date="19800101", first_names="Alix"),
    make_row(1, quality="2", birth_date="19810202", first_names="Sacha", card_code=""),
    make_row(1, quality="3", birth_date="20150303", first_names="Noé", card_code=""),
    make_row(
        1, quality="3", birth_date="20150303", birth_rank="2", first_names="Zoé", card_code=""
    ),
)
"""One contract, one NIR: two adults, twins."""


def import_people(database: Database, home: Home, folder: Path, rows: Sequence[Row]) -> None:
    """Publish a feed of some people of the sample insurer."""
    register(database)
    publish(database, home, write_feed(folder / "full.csv", rows), again=True)


def issue(database: Database, home: Home, out: Path, **changes: Any) -> CardsIssued:
    """Issue the sample insurer's cards of the sample year."""
    facts: dict[str, Any] = {
        "insurer_id": INSURER,
        "kind": "yearly",
        "year": YEAR,
        "today": TODAY,
        "out": out,
    }
    with database.connect("feeds", autocommit=True) as connection:
        with connection.transaction():
            signer = load_signer(home, connection, TODAY)
        secrets = make_card_secrets(home, signer)
        return issue_cards(connection, secrets, IssueRequest(**facts | changes))


def read_prints(database: Database, home: Home) -> list[CardPrint]:
    """Everything that prints a card, batch by batch."""
    seal = open_print_seal(home)
    with database.transaction("feeds") as tx:
        refs = tx.execute("SELECT batch_ref FROM rights.card_batch ORDER BY made_at, number")
        return [
            decode_print(seal.open(serial, sealed))
            for (batch_ref,) in refs.fetchall()
            for serial, sealed in cards.load_prints(tx, batch_ref)
        ]
