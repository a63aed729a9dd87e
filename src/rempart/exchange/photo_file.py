"""Photographs that people send: JPEG or PNG, read part by part and written again without the rest.

Where and when it was taken, by which device, a preview, what follows the image: none of it is kept.
Never decodes an image: what an image says of its size is read, and bounded. Refuses anything that
is not an image from its first byte to its last, whatever its name says.

Source:
    S125, S126.
"""

import re
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

MOST_BYTES: Final = 8_000_000
MOST_SIDE: Final = 16_000
MOST_PIXELS: Final = 120_000_000

PhotoKind: TypeAlias = Literal["jpeg", "png"]
PhotoFault: TypeAlias = Literal["photo_empty", "photo_too_large", "photo_name", "photo_kind"]
MEDIA_TYPES: Final[dict[PhotoKind, str]] = {"jpeg": "image/jpeg", "png": "image/png"}

_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
# What an image needs to be drawn; texts, dates, profiles and previews are not among it.
_PNG_KEPT: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sRGB", b"pHYs"}
)
_SOI, _EOI, _SOS, _DQT, _DHT, _DRI = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_EXIF, _ADOBE = 0xE1, 0xEE
_RESTARTS: Final = frozenset(range(0xD0, 0xD8))
_ORIENTATION: Final = 0x0112
_LAST_ORIENTATION: Final = 8
# Ends of names that a double click would run, or that hide what a file is.
_RUNNABLE: Final = re.compile(
    r"\.(exe|scr|bat|cmd|ps1|vbs?|jse?|wsf|hta|msi|jar|lnk|html?|svg|xml|php|sh|py|apk|dmg|iso|zip"
    r"|rar|7z|docm?|xlsm?|pptm?|pdf|eml|msg)\b",
    re.IGNORECASE,
)
_IMAGE_NAME: Final = re.compile(r".*\.(jpe?g|png)", re.IGNORECASE | re.DOTALL)


class PhotoRefused(ValueError):
    """What was sent is not a photograph that may be kept; says why, never the file's name."""

    def __init__(self, fault: PhotoFault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photograph as it is kept; width and height in pixels, as stored."""

    kind: PhotoKind
    width: int
    height: int
    content: bytes = field(repr=False)


def read_photo(content: bytes, *, name: str) -> Photo:
    """Read a photograph and write it again without what it says beside the image.

    Args:
        content: The bytes sent.
        name: What the browser calls the file; checked, and not kept.

    Raises:
        PhotoRefused: empty, too large, a name that is not a photograph's, or not an image.
    """
    if not content:
        raise PhotoRefused("photo_empty")
    if len(content) > MOST_BYTES:
        raise PhotoRefused("photo_too_large")
    _check_name(name)
    try:
        photo = _read_png(content) if content.startswith(_PNG_START) else _read_jpeg(content)
    except (struct.error, IndexError):
        raise PhotoRefused("photo_kind") from None
    if not (0 < photo.width <= MOST_SIDE and 0 < photo.height <= MOST_SIDE):
        raise PhotoRefused("photo_too_large")
    if photo.width * photo.height > MOST_PIXELS:
        raise PhotoRefused("photo_too_large")
    return photo


def _check_name(name: str) -> None:
    # A mark that turns a line around makes `gnp.exe` read `exe.png`.
    hides = any(unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp"} for one in name)
    if hides or _RUNNABLE.search(name) or not _IMAGE_NAME.fullmatch(name):
        raise PhotoRefused("photo_name")


def _read_png(content: bytes) -> Photo:
    kept, width, height, at, has_data = [_PNG_START], 0, 0, len(_PNG_START), False
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + 8 + length]
        [check] = struct.unpack_from(">I", content, at + 8 + length)
        is_first = at == len(_PNG_START)
        if zlib.crc32(kind + body) != check or is_first != (kind == b"IHDR"):
            raise PhotoRefused("photo_kind")
        if is_first:
            width, height = struct.unpack_from(">II", body)
        if kind in _PNG_KEPT:
            kept.append(content[at : at + 12 + length])
        has_data |= kind == b"IDAT"
        at += 12 + length
        if kind == b"IEND":
            break
    if not has_data:
        raise PhotoRefused("photo_kind")
    return Photo(kind="png", width=width, height=height, content=b"".join(kept))


def _read_jpeg(content: bytes) -> Photo:
    if content[:2] != bytes((0xFF, _SOI)):
        raise PhotoRefused("photo_kind")
    kept, size, orientation = [], (0, 0), 1
    for marker, segment in _split_jpeg(content):
        if marker in _FRAMES:
            height, width = struct.unpack_from(">xHH", segment, 4)
            size = width, height
        elif marker == _EXIF:
            orientation = _read_orientation(segment[4:]) or orientation
        is_image = marker in _FRAMES or marker in {_SOS, _DQT, _DHT, _DRI, _EOI}
        # Adobe's says which colours the numbers are; the scan is of no use without it.
        if is_image or (marker == _ADOBE and segment[4:9] == b"Adobe"):
            kept.append(segment)
    head = bytes((0xFF, _SOI)) + _write_orientation(orientation)
    return Photo(kind="jpeg", width=size[0], height=size[1], content=head + b"".join(kept))


def _split_jpeg(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each marker with its whole segment, a scan with its data; what follows is left out."""
    at, has_scan = 2, False
    while True:
        if content[at] != 0xFF:
            raise PhotoRefused("photo_kind")
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == _EOI:
            if not has_scan:
                raise PhotoRefused("photo_kind")
            yield marker, content[at : at + 2]
            return
        [length] = struct.unpack_from(">H", content, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(content):
            raise PhotoRefused("photo_kind")
        if marker == _SOS:
            has_scan = True
            end = _find_end_of_scan(content, end)
        yield marker, content[at:end]
        at = end


def _find_end_of_scan(content: bytes, at: int) -> int:
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise PhotoRefused("photo_kind")
        following = content[at + 1]
        if following != 0 and following not in _RESTARTS:
            return at
        at += 2


def _read_orientation(exif: bytes) -> int | None:
    """Return how the device was held; None when it is not said in an order that can be read."""
    if exif[:6] != b"Exif\0\0":
        return None
    tiff = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    try:
        [start] = struct.unpack_from(f"{order}I", tiff, 4)
        [count] = struct.unpack_from(f"{order}H", tiff, start)
        for number in range(count):
            tag, kind, _values, value = struct.unpack_from(
                f"{order}HHIH", tiff, start + 2 + 12 * number
            )
            if (tag, kind) == (_ORIENTATION, 3) and 1 <= value <= _LAST_ORIENTATION:
                return int(value)
    except struct.error:
        return None
    return None


def _write_orientation(value: int) -> bytes:
    """Return the one thing that is said of a photograph: how to hold it."""
    if value == 1:
        return b""
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, value, 0)
    tiff = b"MM\0\x2a" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    body = b"Exif\0\0" + tiff
    return bytes((0xFF, _EXIF)) + struct.pack(">H", 2 + len(body)) + body
