"""Letters with a card, ready to print: one PDF for many of them.

Refuses to decide what a card says: it is read from the signed symbol itself, so that paper and
symbol cannot differ. Modelled on the harmonised attestation, and prints that it is not one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

import msgspec
import typst

from rempart.exchange.card_symbol import draw_svg
from rempart.rights.card import Card
from rempart.rights.card_signature import read_symbol
from rempart.rights.coverage import DomainTerms, Forfait, Rate
from rempart.tariffs.domains import DOMAINS

LETTER_PAGES: Final = 1
LARGE_PAGES: Final = 3
"""Pages of a letter in large print: letter, card, guarantees."""

CardPurpose: TypeAlias = Literal["yearly", "new", "lost", "name_change", "separation", "reissue"]

_SMALL_TABLE: Final = 5
_DATA: Final = "data.json"
_WORDS: Final = {
    "validity": "Période de validité",
    "amc": "N° AMC",
    "convention": "Type de convention",
    "csr": "CSR",
    "member": "N° d’adhérent",
    "domain": "Domaine",
    "guarantees": "Vos garanties, base de remboursement comprise",
    "serial": "Carte",
    "symbol_alt": "Symbole de la carte : il contient les mêmes indications, signées.",
    "specimen": "SPÉCIMEN · inspirée de l’attestation de tiers payant harmonisée, non conforme.",
    "operator": "Tiers payant confié à un opérateur Rempart",
}
_OPENINGS: Final[Mapping[CardPurpose, str]] = {
    "yearly": "Voici votre carte de tiers payant pour la nouvelle période.",
    "new": "Voici la carte de tiers payant que vous avez demandée.",
    "lost": "Voici la carte qui remplace celle que vous avez déclarée perdue : l’ancienne ne "
    "compte plus.",
    "name_change": "Voici votre carte à votre nouveau nom : l’ancienne ne compte plus.",
    "separation": "Voici votre carte personnelle : elle ne montre que vous et les enfants qui vous "
    "sont rattachés. L’ancienne carte ne compte plus.",
    "reissue": "Voici une nouvelle carte de tiers payant : l’ancienne ne compte plus.",
}
_USE: Final = (
    (
        "Découpez-la et présentez-la avec votre carte Vitale. Le professionnel scanne le symbole, "
        "ou recopie le code imprimé dessous, suivi du numéro de la ligne du bénéficiaire."
    ),
    (
        "Le code sous le symbole prouve votre présence : ne le photographiez pas, ne l’envoyez à "
        "personne. Une carte perdue se déclare dans votre espace adhérent, page « Ma carte » : "
        "elle cesse de compter aussitôt et une autre vous est envoyée."
    ),
    (
        "Le tableau indique, par domaine, ce que votre complémentaire prend en charge : un "
        "pourcentage de la base de remboursement, un forfait en euros, ou le ticket modérateur "
        "(TM), puis le circuit de paiement."
    ),
)


class CardPrint(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What it takes to print a card again: kept sealed.

    Args:
        symbol: Text of the signed symbol.
        insurer: The insurer's name.
        names: Of the beneficiaries, in the order of their places.
        address: Lines of the address, the holder's name first.
        purpose: Why it was made.
        large: Whether in large print.
    """

    symbol: str
    insurer: str
    names: tuple[str, ...]
    address: tuple[str, ...]
    purpose: CardPurpose
    large: bool = False

    def __repr__(self) -> str:
        return "<CardPrint>"

    @property
    def card(self) -> Card:
        """What its symbol says."""
        return read_symbol(self.symbol).card

    @property
    def pages(self) -> int:
        """Pages of its letter."""
        return LARGE_PAGES if self.large else LETTER_PAGES


encode_print: Final = msgspec.msgpack.Encoder().encode
decode_print: Final = msgspec.msgpack.Decoder(CardPrint).decode


def render_letters(
    prints: Sequence[CardPrint],
    *,
    operator: str,
    made_at: datetime,
    logo: bytes | None = None,
    for_screen: bool = False,
) -> bytes:
    """Return one PDF of the letters of some cards, each starting on a page of its own.

    Args:
        prints: The cards, in the order of the pages.
        operator: Who prints them.
        made_at: Written in the file; the same cards and instant give the same file.
        logo: The insurer's, as SVG.
        for_screen: Whether its holder opens it: it is then PDF/UA-1, which paper has no use for.
    """
    sources = gather_sources(prints, operator=operator, logo=logo)
    return compile_letters(sources, made_at=made_at, for_screen=for_screen)


def gather_sources(
    prints: Sequence[CardPrint], *, operator: str, logo: bytes | None = None
) -> dict[str, bytes]:
    """Return the files that typst makes the letters from, by name; all in memory."""
    cards = [_describe(one, f"{place}.svg") for place, one in enumerate(prints)]
    data = {
        "title": "Cartes de tiers payant",
        "operator": operator,
        "logo": logo is not None,
        "words": _WORDS,
        "cards": cards,
    }
    sources = {"main.typ": _load_template(), _DATA: msgspec.json.encode(data)}
    sources |= {f"{place}.svg": draw_svg(one.symbol).encode() for place, one in enumerate(prints)}
    if logo is not None:
        sources["logo.svg"] = logo
    return sources


def compile_letters(
    sources: Mapping[str, bytes], *, made_at: datetime, for_screen: bool = False
) -> bytes:
    """Return the PDF of gathered letters; PDF/UA-1 for a screen."""
    # Its stub does not know that several files may come from memory: none of this is on a disk.
    compile_files: Callable[..., bytes] = typst.compile
    instant = int(made_at.timestamp())
    return compile_files(
        sources,
        format="pdf",
        ignore_system_fonts=True,
        timestamp=instant,
        pdf_standards="ua-1" if for_screen else [],
    )


def format_terms_cell(terms: DomainTerms | None) -> str:
    """Write what is paid in one domain as the table of a card prints it.

    >>> format_terms_cell(Rate(rate_bp=12550, circuit="IS"))
    '125,5 % IS'
    """
    if terms is None:
        return "–"
    match terms:
        case Rate(rate_bp=rate_bp):
            figure = f"{_format_hundredths(rate_bp)} %"
        case Forfait(amount_cents=amount_cents):
            figure = f"{_format_hundredths(amount_cents)} €"
        case _:
            figure = "TM"
    return " ".join((figure, *([terms.circuit] if terms.circuit else []), *terms.conditions))


def describe_columns(card: Card) -> list[tuple[str, list[str]]]:
    """Return the columns of a card's table: whose places, then a cell per domain of the table."""
    columns = []
    for number, guarantee in enumerate(card.guarantees):
        places = [
            str(place) for place, one in enumerate(card.beneficiaries, 1) if one.guarantee == number
        ]
        cells = [format_terms_cell(guarantee.get(code)) for code in DOMAINS]
        columns.append((" ".join(places), cells))
    return columns


def describe_cells(card: Card, place: int) -> list[str]:
    """Return what a card's table says of the beneficiary at one place: a cell per domain."""
    guarantee = card.guarantees[card.beneficiaries[place - 1].guarantee]
    return [format_terms_cell(guarantee.get(code)) for code in DOMAINS]


def _describe(one: CardPrint, symbol: str) -> dict[str, Any]:
    card = one.card
    columns = describe_columns(card)
    year = card.validity.starts_on.year
    return {
        "symbol": symbol,
        "large": one.large,
        "insurer": one.insurer,
        "address": one.address,
        "day": f"{card.issued_on:%d/%m/%Y}",
        "heading": f"Votre carte de tiers payant {year}",
        "paragraphs": (_OPENINGS[one.purpose], *_USE),
        "validity": f"{card.validity.starts_on:%d/%m/%Y} – {card.validity.ends_on:%d/%m/%Y}",
        "amc": card.amc_number.format(),
        "convention": card.convention_type,
        "csr": card.csr,
        "member": card.member_number,
        "responsible": card.responsible,
        "serial": card.serial.format(),
        "code": card.presence(1).format_printed(),
        "specimen": card.amc_number.is_synthetic,
        "people": [
            {"place": str(place), "name": name, "birth": _format_birth(card, place)}
            for place, name in enumerate(one.names, 1)
        ],
        "columns": [{"places": places} for places, _ in columns],
        "rows": [
            {"domain": code, "cells": [cells[row] for _, cells in columns]}
            for row, code in enumerate(DOMAINS)
        ],
        "table_size": 6.6 if len(columns) <= _SMALL_TABLE else 4.6,
    }


def _format_birth(card: Card, place: int) -> str:
    one = card.beneficiaries[place - 1]
    period = card.period_of(one)
    parts = [f"{one.birth_date.format()} · rang {one.birth_rank.format()}"]
    if one.starts_on is not None:
        parts.append(f"à partir du {period.starts_on:%d/%m/%Y}")
    if one.ends_on is not None:
        parts.append(f"jusqu’au {period.ends_on:%d/%m/%Y}")
    return " ".join(parts)


def _format_hundredths(value: int) -> str:
    units, hundredths = divmod(value, 100)
    return f"{units},{hundredths:02d}".rstrip("0") if hundredths else str(units)


@cache
def _load_template() -> bytes:
    return files("rempart.exchange").joinpath("card_letter.typ").read_bytes()
