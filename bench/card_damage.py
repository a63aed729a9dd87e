"""How much damage a card's symbol bears: share of pictures read, by kind and level.

    python -m bench.card_damage --each 40

Symbols of families of three, as printed (43.3 mm) and photographed at 200 dots an inch, damaged at
random places: a stain within, a corner torn off, specks, blur, shadow. Two readers: one call of the
library, and `card verify`, which tries several ways. A text that is read and is not the card's
counts as misread: there must be none, whatever the level.
"""

import argparse
import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import zxingcpp
from PIL import Image, ImageDraw, ImageFilter
from rich.console import Console
from rich.table import Table
from tests.card_samples import SIGNER, make_card

from bench.machinery import save_results
from rempart.exchange.card_symbol import draw_png, read_symbol_on

SIDE: Final = 341
"""Pixels of a symbol of 43.3 mm at 200 dots an inch."""
MARGIN: Final = 40

Damage: TypeAlias = Callable[[Image.Image, float, random.Random], Image.Image]


@dataclass(frozen=True)
class Kind:
    """A kind of damage, and its levels: shares of the surface, or pixels of blur."""

    damage: Damage
    levels: tuple[float, ...]


def stain(symbol: Image.Image, share: float, chance: random.Random) -> Image.Image:
    """Blacken one square within, away from the border that scanners look for."""
    side = round(share**0.5 * SIDE)
    left, top = (chance.randrange(20, SIDE - side - 19) for _ in "xy")
    ImageDraw.Draw(symbol).rectangle((left, top, left + side, top + side), fill=0)
    return symbol


def tear(symbol: Image.Image, share: float, chance: random.Random) -> Image.Image:
    """Whiten a triangle at one corner."""
    leg = round((2 * share) ** 0.5 * SIDE)
    x, y = (chance.choice((0, SIDE)) for _ in "xy")
    corner = ((x, y), (abs(x - leg), y), (x, abs(y - leg)))
    ImageDraw.Draw(symbol).polygon(corner, fill=255)
    return symbol


def speckle(symbol: Image.Image, share: float, chance: random.Random) -> Image.Image:
    """Turn squares of a module here and there, until so much is touched."""
    pen, module = ImageDraw.Draw(symbol), SIDE // 54
    for _ in range(round(share * 54 * 54)):
        left, top = (chance.randrange(0, SIDE - module) for _ in "xy")
        pen.rectangle((left, top, left + module, top + module), fill=chance.choice((0, 255)))
    return symbol


def smear(symbol: Image.Image, radius: float, _chance: random.Random) -> Image.Image:
    """Blur; a module is 6.3 pixels wide."""
    return symbol.filter(ImageFilter.GaussianBlur(radius))


def shade(symbol: Image.Image, depth: float, _chance: random.Random) -> Image.Image:
    """Darken towards one side, as a hand does that holds a telephone."""
    shadow = Image.linear_gradient("L").rotate(90).resize(symbol.size)
    return Image.blend(symbol, Image.composite(symbol, Image.new("L", symbol.size), shadow), depth)


KINDS: Final[Mapping[str, Kind]] = {
    "stain": Kind(stain, (0.02, 0.05, 0.08, 0.10, 0.12, 0.15, 0.20, 0.30)),
    "torn corner": Kind(tear, (0.02, 0.05, 0.08, 0.10, 0.15, 0.30)),
    "specks": Kind(speckle, (0.01, 0.02, 0.03, 0.05, 0.10, 0.30)),
    "blur": Kind(smear, (1.0, 2.0, 3.0, 3.5, 4.0, 5.0)),
    "shadow": Kind(shade, (0.5, 0.8, 0.9, 1.0)),
}


def read_once(picture: Image.Image) -> str | None:
    """Read as one call of the library does."""
    formats = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.DataMatrix])
    found = zxingcpp.read_barcodes(picture, formats=formats)
    return next((one.text for one in found if one.valid and one.text), None)


READERS: Final[Mapping[str, Callable[[Image.Image], str | None]]] = {
    "one attempt": read_once,
    "rempart": read_symbol_on,
}


def run(*, each: int) -> None:
    """Damage, read, print the shares, save them."""
    text = SIGNER.sign(make_card(3))
    symbol = Image.open(io.BytesIO(draw_png(text, scale=12))).convert("L").resize((SIDE, SIDE))
    shares: dict[str, dict[str, dict[str, float]]] = {}
    misread = 0
    for name, kind in KINDS.items():
        shares[name] = {}
        for level in kind.levels:
            chance = random.Random(f"{name} {level}")
            read = dict.fromkeys(READERS, 0)
            for _ in range(each):
                picture = _photograph(kind.damage(symbol.copy(), level, chance), chance)
                for reader, read_text in READERS.items():
                    found = read_text(picture)
                    read[reader] += found == text
                    misread += found not in (None, text)
            shares[name][f"{level:g}"] = {one: count / each for one, count in read.items()}
    _print(shares)
    path = save_results("card-damage", {"each": each, "shares": shares, "misread": misread})
    Console().print(f"misread: {misread}; saved in {path}")


def _photograph(symbol: Image.Image, chance: random.Random) -> Image.Image:
    """A picture of a symbol on white paper, turned by some degrees."""
    paper = Image.new("L", (SIDE + 2 * MARGIN, SIDE + 2 * MARGIN), 255)
    paper.paste(symbol, (MARGIN, MARGIN))
    angle = chance.uniform(-15, 15)
    return paper.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=255, expand=True)


def _print(shares: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    table = Table(title="Share of damaged symbols that are read")
    for column in ("damage", "level", *READERS):
        table.add_column(column, justify="left" if column == "damage" else "right")
    for name, levels in shares.items():
        for level, found in levels.items():
            table.add_row(name, level, *(f"{found[reader]:.0%}" for reader in READERS))
    Console().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=40, help="pictures of each level")
    run(each=parser.parse_args().each)
