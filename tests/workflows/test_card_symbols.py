"""A printed card, seen as a scanner sees it: rotated, blurred, damaged; read by another library."""

import base64
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFilter
from tests.card_samples import (
    IN_FORCE,
    ROOT,
    SIGNER,
    make_card,
    make_issue,
    make_keys,
    make_list,
    make_print,
)
from tests.feed_samples import TODAY
from tests.symbol_reader import read_elsewhere

from rempart.cli.cards import card as card_command
from rempart.exchange.card_letter import render_letters
from rempart.exchange.card_readers import load_readers, read_two_d_doc
from rempart.exchange.card_symbol import draw_png, draw_svg, read_picture, read_symbol_on
from rempart.kernel.findings import BadValue
from rempart.rights.card import Card
from rempart.rights.card_signature import CardSigner

ROOT_KEY = base64.b64encode(ROOT.public_key).decode()
MADE_AT = datetime(2026, 11, 22, tzinfo=UTC)
DOTS = 150


def print_card(card: Card) -> Image.Image:
    """The printed card, cut out of its letter, at 150 dots an inch."""
    pdf = render_letters([make_print(card)], operator="Rempart", made_at=MADE_AT)
    page = pypdfium2.PdfDocument(pdf)[0].render(scale=DOTS / 72).to_pil().convert("L")
    width, height = page.size
    return page.crop((width // 2, int(height * 0.72), width, height))


def tilt(picture: Image.Image, angle: float) -> Image.Image:
    return picture.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=255, expand=True)


def blur(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def damage(picture: Image.Image, share: float) -> Image.Image:
    """The symbol with a share of its surface torn off."""
    torn = picture.copy()
    width, height = torn.size
    side = int((share * width * height) ** 0.5)
    ImageDraw.Draw(torn).rectangle((width - side - 8, 8, width - 8, side + 8), fill=255)
    return torn


def write_lists(folder: Path, *revoked: Card, **changes: object) -> list[str]:
    """Options that give the command its lists."""
    keys = ROOT.sign_keys(make_issue(good_for_days=400), list(make_keys().keys.values()))
    (folder / "keys.txt").write_text(keys)
    (folder / "revoked.txt").write_text(ROOT.sign_revocations(make_list(*revoked, **changes)))
    names = ("--keys", folder / "keys.txt", "--revocations", folder / "revoked.txt")
    return [*map(str, names), "--root", ROOT_KEY, "--today", f"{IN_FORCE}"]


def verify(what: str, options: list[str], *more: str) -> tuple[int, str]:
    """Exit code and words of `rempart card verify`."""
    result = CliRunner().invoke(card_command, ["verify", what, *options, *more])
    return result.exit_code, result.output


@pytest.mark.parametrize("people", [1, 3, 6])
@pytest.mark.parametrize(("angle", "radius"), [(0, 0), (7, 0.8), (23, 0.8), (180, 0.6), (91, 1)])
def test_a_printed_card_turned_and_blurred_is_read_by_another_library_and_verified(
    people: int, angle: float, radius: float, tmp_path: Path
):
    card = make_card(people)
    text = read_elsewhere(blur(tilt(print_card(card), angle), radius))
    assert text == SIGNER.sign(card)
    code, words = verify(text, write_lists(tmp_path))
    assert code == 0
    assert "VERT" in words


def test_a_picture_of_a_card_is_verified_as_it_is(tmp_path: Path):
    picture = tmp_path / "photo.jpg"
    blur(tilt(print_card(make_card(4)), 12), 0.7).save(picture, quality=80)
    code, words = verify(str(picture), write_lists(tmp_path))
    assert code == 0
    assert "PHAR 100 % IS" in words
    assert make_card(4).presence(1).code not in words


def draw(card: Card) -> Image.Image:
    return Image.open(io.BytesIO(draw_png(SIGNER.sign(card), scale=4))).convert("L")


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_a_stain_is_repaired(share: float):
    picture = Image.new("L", (400, 400), 255)
    picture.paste(draw(make_card(3)), (60, 60))
    stained = picture.copy()
    side = int((share * 208 * 208) ** 0.5)
    ImageDraw.Draw(stained).rectangle((150, 150, 150 + side, 150 + side), fill=0)
    assert read_elsewhere(stained) == SIGNER.sign(make_card(3))


@pytest.mark.parametrize("read", [read_elsewhere, read_picture])
def test_a_symbol_with_thirty_per_cent_torn_off_is_never_another_card(
    read: Callable[[object], str | None],
):
    torn = damage(draw(make_card(6)), 0.30)
    if read is read_picture:
        stream = io.BytesIO()
        torn.save(stream, "PNG")
        with pytest.raises(BadValue):
            read(stream.getvalue())
    else:
        assert read(torn) in (None, SIGNER.sign(make_card(6)))


@pytest.mark.parametrize(("angle", "radius"), [(0, 0), (9, 0.8), (-33, 1.5), (180, 0.5)])
@pytest.mark.parametrize("share", [0.05, 0.15, 0.30])
def test_a_torn_symbol_turned_and_blurred_is_refused_or_read_right(
    share: float, angle: float, radius: float
):
    torn = damage(draw(make_card(3)), share)
    seen = blur(tilt(torn, angle), radius)
    assert read_symbol_on(seen) in (None, SIGNER.sign(make_card(3)))
    if share == 0.30:
        assert read_symbol_on(seen) is None


def test_what_one_look_misses_is_read_by_another():
    paper = Image.new("L", (420, 420), 255)
    paper.paste(draw(make_card(3)).resize((341, 341)), (40, 40))
    blurred = blur(paper, 3.5)
    formats = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.DataMatrix])
    assert not [one for one in zxingcpp.read_barcodes(blurred, formats=formats) if one.valid]
    assert read_symbol_on(blurred) == SIGNER.sign(make_card(3))


STRANGER = CardSigner(bytes(32))
GOOD = SIGNER.sign(make_card())


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (GOOD, 0, "VERT"),
        (STRANGER.sign(make_card()), 1, "clé inconnue"),
        (GOOD[:-9] + "000000000", 1, "signature de cette carte est fausse"),
        (GOOD[:200], 1, "incomplet ou abîmé"),
        (make_card().presence(1).format(), 2, "qu’en ligne"),
        ("DC04FR0000011ABC", 2, "autre opérateur"),
        ("RP9" + GOOD[3:], 2, "plus récent"),
        ("3400930000120", 1, "Ce n’est pas une carte"),
    ],
)
def test_each_bad_symbol_has_its_colour_its_words_and_its_exit_code(
    text: str, code: int, words: str, tmp_path: Path
):
    exit_code, printed = verify(text, write_lists(tmp_path))
    assert exit_code == code
    assert words in printed


def test_revoked_expired_future_and_old_lists_are_told_in_both_languages(tmp_path: Path):
    assert verify(GOOD, write_lists(tmp_path, make_card()))[0] == 1
    options = write_lists(tmp_path)
    cases = [
        ("2028-01-01", 1, "expired"),
        ("2026-12-31", 1, "not valid yet"),
        (f"{IN_FORCE - timedelta(days=1)}", 2, "behind"),
        (f"{IN_FORCE + timedelta(days=30)}", 2, "too old"),
    ]
    for today, code, words in cases:
        issued = {"issued_on": TODAY} if today < "2027" else {}
        if issued:
            keys = ROOT.sign_keys(make_issue(**issued), list(make_keys().keys.values()))
            (tmp_path / "keys.txt").write_text(keys)
            (tmp_path / "revoked.txt").write_text(ROOT.sign_revocations(make_list(**issued)))
        exit_code, printed = verify(GOOD, [*options[:-1], today], "--lang", "en")
        assert (exit_code, words in printed) == (code, True), today
        write_lists(tmp_path)


def test_without_a_list_of_revocations_the_verdict_is_amber(tmp_path: Path):
    options = write_lists(tmp_path)
    assert verify(GOOD, [*options[:2], *options[4:]])[0] == 2


def test_a_picture_without_symbol_and_a_list_of_another_root_leave_nothing_to_judge(
    tmp_path: Path,
):
    Image.new("L", (300, 300), 255).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("not a picture")
    options = write_lists(tmp_path)
    assert verify(str(tmp_path / "blank.png"), options)[0] == 3
    assert verify(str(tmp_path / "text.png"), options)[0] == 3
    other = base64.b64encode(bytes(32)).decode()
    code, words = verify(GOOD, [*options[:5], other, *options[6:]])
    assert code == 3
    assert "root key did not sign" in words


def test_the_svg_of_a_symbol_has_the_modules_of_its_picture():
    svg = draw_svg(GOOD)
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 54 54"')
    dark = draw_png(GOOD)
    width = Image.open(io.BytesIO(dark)).width
    assert width == 54


def test_a_seal_of_another_kind_is_known_by_its_header_only():
    foreign = read_two_d_doc("DC04FR0000011ABC")
    assert foreign is not None
    assert foreign.operator == "2D-Doc"
    assert read_two_d_doc(GOOD) is None
    assert read_two_d_doc in load_readers()
