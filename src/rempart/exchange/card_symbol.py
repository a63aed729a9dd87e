"""The symbol of a card as a picture, and back: DataMatrix ECC 200.

Refuses to trust what it reads: a picture gives a text, and `rights.card_verdict` judges it.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import zxingcpp
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from rempart.kernel.findings import BadValue, Refusal

MAX_PIXELS: Final = 60_000_000
MAX_SIDE: Final = 32_767
"""Pixels of a side: the most that readers of symbols take, of a picture that may be enlarged."""
_KINDS: Final = ("PNG", "JPEG", "WEBP")
# What Pillow raises on damaged files, beside its own: each was seen.
_BAD_PICTURE: Final = (
    *(UnidentifiedImageError, OSError, Image.DecompressionBombError, SyntaxError, ValueError),
    *(TypeError, OverflowError, IndexError, KeyError, struct.error, zlib.error),
)
LARGEST_DOUBLED: Final = 4_000_000
"""Pixels beyond which a picture is not enlarged: its modules are large enough."""
_FORMATS: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.DataMatrix])
_BINARIZERS: Final = (zxingcpp.Binarizer.LocalAverage, zxingcpp.Binarizer.GlobalHistogram)

NOT_A_PICTURE: Final = Refusal(
    rule="card_picture",
    fr="Ce fichier n’est pas une image lisible.",
    en="This file is not a readable picture.",
    advice_fr="Donner une image PNG, JPEG ou WebP de la carte, de moins de 60 millions de points.",
    advice_en="Give a PNG, JPEG or WebP picture of the card, of under 60 million pixels.",
)
NO_SYMBOL: Final = Refusal(
    rule="card_symbol",
    fr="Aucun symbole lisible sur cette image.",
    en="No readable symbol on this picture.",
    advice_fr="Photographier le carré de points de près, à plat, sans reflet, bord blanc compris.",
    advice_en="Take the dotted square from near, flat, without reflection, white border included.",
)


def draw_png(text: str, *, scale: int = 1) -> bytes:
    """Return the symbol of a text as a PNG, `scale` pixels to a module, quiet zone included."""
    picture = Image.fromarray(_draw(text).to_image(scale=scale)).convert("1")
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def draw_svg(text: str) -> str:
    """Return the symbol of a text as an SVG of one path, in units of one module.

    One path, so that no viewer leaves hair lines between modules; no size and no name: the page
    gives them.
    """
    picture = Image.fromarray(_draw(text).to_image(scale=1)).convert("L")
    side = picture.width
    points = picture.tobytes()
    path = "".join(
        f"M{start} {row}h{end - start}v1h-{end - start}z"
        for row in range(side)
        for start, end in _dark_runs(points[row * side : (row + 1) * side])
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" '
        f'shape-rendering="crispEdges" aria-hidden="true"><rect width="{side}" height="{side}" '
        f'fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    )


def read_picture(data: bytes) -> str:
    """Return the text of the symbol on a picture of a card.

    Raises:
        BadValue: the file is no picture, or no symbol can be read on it.
    """
    try:
        with warnings.catch_warnings():
            # Below the limit there is no bomb, and what is odd in a picture is no one's business.
            warnings.simplefilter("ignore")
            picture = _open_grey(data)
    except _BAD_PICTURE as unreadable:
        raise BadValue(NOT_A_PICTURE) from unreadable
    text = read_symbol_on(picture)
    if text is None:
        raise BadValue(NO_SYMBOL)
    return text


def _open_grey(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=_KINDS) as opened:
        wide = max(opened.size) > MAX_SIDE
        if wide or opened.width * opened.height > MAX_PIXELS:
            raise BadValue(NOT_A_PICTURE)
        return opened.convert("L")


def read_symbol_on(picture: Image.Image) -> str | None:
    """Return the text of the symbol on a grey picture, or None.

    Reads it several ways, the cheapest first, until one gives a text: what is wrong with a picture
    (blur, shadow, small modules) is not known beforehand. None of them makes a text up: the
    symbol's own error correction decides, and a card's signature after it.
    """
    for seen in _list_views(picture):
        for binarizer in _BINARIZERS:
            found = zxingcpp.read_barcodes(seen, formats=_FORMATS, binarizer=binarizer)
            for barcode in found:
                if barcode.valid and barcode.text:
                    return str(barcode.text)
    return None


def _list_views(picture: Image.Image) -> Iterator[Image.Image]:
    """Yield a picture as it is, then with what is wrong with it made up for."""
    yield picture
    sharpened = ImageOps.autocontrast(picture).filter(ImageFilter.UnsharpMask(3, 200, 0))
    yield sharpened
    yield picture.filter(ImageFilter.GaussianBlur(1))
    if picture.width * picture.height <= LARGEST_DOUBLED:
        twice = (picture.width * 2, picture.height * 2)
        yield picture.resize(twice, Image.Resampling.BICUBIC)
        yield sharpened.resize(twice, Image.Resampling.BICUBIC)


def _draw(text: str) -> Any:
    return zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix)


def _dark_runs(row: bytes) -> Iterable[tuple[int, int]]:
    """Return where the dark modules of one row begin and end."""
    start = None
    for place, value in enumerate((*row, 255)):
        if value < 128 and start is None:
            start = place
        elif value >= 128 and start is not None:
            yield start, place
            start = None
