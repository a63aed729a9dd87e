"""Photographs that people send: what is kept of them, and what is none."""

import contextlib
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rempart.exchange import photo_file
from rempart.exchange.photo_file import PhotoRefused, read_photo

PLACE = b"48.8566 N 2.3522 E"


def make(kind: str = "JPEG", *, size=(40, 30), orientation: int = 1) -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", size, (200, 30, 90))
    picture.putpixel((0, 0), (0, 255, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = PLACE.decode()
    picture.save(out, kind, exif=exif, **({"comment": PLACE} if kind == "JPEG" else {}))
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_photograph_is_kept_pixel_by_pixel_without_where_it_was_taken():
    for kind, name in (("JPEG", "IMG_1234.JPEG"), ("PNG", "capture d’écran.png")):
        sent = make(kind)
        assert PLACE in sent
        kept = read_photo(sent, name=name)
        assert PLACE not in kept.content
        assert (kept.width, kept.height) == (40, 30)
        before, after = Image.open(io.BytesIO(sent)), Image.open(io.BytesIO(kept.content))
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_how_the_telephone_was_held_is_all_that_stays_of_its_words(orientation):
    kept = read_photo(make(orientation=orientation), name="photo.jpg")
    exif = Image.open(io.BytesIO(kept.content)).getexif()
    assert dict(exif) == ({} if orientation == 1 else {0x0112: orientation})


def test_without_the_sieve_the_place_stays(monkeypatch):
    """The mutation: every part of a file is kept."""
    monkeypatch.setattr(photo_file, "_PNG_KEPT", frozenset({b"IHDR", b"IDAT", b"IEND", b"eXIf"}))
    assert PLACE in read_photo(make("PNG"), name="photo.png").content


def test_what_follows_an_image_is_left_out():
    for kind in ("JPEG", "PNG"):
        kept = read_photo(make(kind) + b"PK\x03\x04<script>", name=f"a.{kind.lower()}")
        assert b"script" not in kept.content


@pytest.mark.parametrize(
    "name",
    [
        *("facture.pdf", "photo.jpg.exe", "photo.exe.jpg", "photo.js.png", "photo", "a.svg"),
        *("photo\u202egpj.exe", "gnp\u202e.png", "photo.html.jpg", "a.heic", "a.jpg\x00.exe"),
        *("photo.jpg.lnk", "photo.zip.png", ""),
    ],
)
def test_a_name_that_is_not_a_photograph_s_is_refused_and_never_quoted(name):
    with pytest.raises(PhotoRefused) as refused:
        read_photo(make(), name=name)
    assert refused.value.fault == "photo_name"
    assert str(refused.value) == "photo_name"


@pytest.mark.parametrize(
    "name", ["IMG_0001.jpg", "image.png", "Capture mutuelle.com.png", "é à.JPG"]
)
def test_names_that_telephones_give_pass(name):
    assert read_photo(make(), name=name)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "photo_empty"),
        (b"\xff\xd8" + bytes(8_000_000), "photo_too_large"),
        (b"MZ\x90\x00", "photo_kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo_kind"),
        (b"\xff\xd8\xff\xd9", "photo_kind"),
        (b"\xff\xd8\xff\xe0\x00\x00", "photo_kind"),
        (make()[:-40], "photo_kind"),
        (make("PNG")[:-20], "photo_kind"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "photo_kind"),
        (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0"))
            + chunk(b"IEND", b""),
            "photo_too_large",
        ),
    ],
)
def test_what_is_no_image_from_its_first_byte_to_its_last_is_refused(content, fault):
    with pytest.raises(PhotoRefused) as refused:
        read_photo(content, name="photo.jpg")
    assert refused.value.fault == fault


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"]))
def test_bytes_are_a_photograph_or_refused_never_a_fault(content, start):
    with pytest.raises(PhotoRefused):
        read_photo(start + content, name="photo.jpg")


@given(st.integers(0, 2_000), st.integers(1, 255))
def test_a_changed_byte_is_a_photograph_or_refused_never_a_fault(place, change):
    for kind in ("JPEG", "PNG"):
        sent = bytearray(make(kind))
        sent[place % len(sent)] ^= change
        with contextlib.suppress(PhotoRefused):
            read_photo(bytes(sent), name="photo.png")
