"""The addresses of tiles, one for each, and the checkpoint the world is shown."""

import pytest

from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.note import NoteSigner, parse_note
from rempart.disclosure.publishing import (
    BadTilePath,
    KeptCheckpoint,
    TileAddress,
    choose_published,
    find_tile_width,
    format_tile_path,
    parse_tile_path,
)

LOG = NoteSigner("rempart.invalid/00000000/log/1", bytes(32))
ONE, TWO = (Cosigner(f"w.example/{number}", bytes([number] * 32)) for number in (1, 2))


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("0/000", TileAddress(0, 0)),
        ("0/067", TileAddress(0, 67)),
        ("0/x001/067", TileAddress(0, 1067)),
        ("0/x001/x234/067", TileAddress(0, 1_234_067)),
        ("3/000.p/1", TileAddress(3, 0, 1)),
        ("63/x999/999.p/255", TileAddress(63, 999_999, 255)),
    ],
)
def test_a_tile_has_the_address_of_the_specification(path: str, tile: TileAddress):
    assert parse_tile_path(path) == tile
    assert format_tile_path(tile) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", "0", "0/", "/000", "0/0", "0/00", "0/0000", "00/000", "64/000", "-1/000", "0/-01"),
        *("0/x000/001", "0/001/067", "0/x001/x067", "0/x001", "0/000.p", "0/000.p/", "0/000.p/0"),
        *("0/000.p/01", "0/000.p/256", "0/000.p/257", "0/000.p/-1", "0/000/1", "0/000.p/1/"),
        *(" 0/000", "0/000\n", "0/٠٠٠", "0/../000", "entries/000", "0/x" + "999/x" * 6 + "999"),
        "0/" + "x999/" * 5 + "999",
    ],
)
def test_any_other_writing_is_refused(path: str):
    with pytest.raises(BadTilePath):
        parse_tile_path(path)


def test_the_tree_of_70_000_leaves_has_the_tiles_the_specification_counts():
    assert find_tile_width(70_000, 0, 272) == 256
    assert find_tile_width(70_000, 0, 273) == 112
    assert find_tile_width(70_000, 0, 274) == 0
    assert find_tile_width(70_000, 1, 0) == 256
    assert find_tile_width(70_000, 1, 1) == 17
    assert find_tile_width(70_000, 2, 0) == 1
    assert find_tile_width(70_000, 3, 0) == 0
    assert find_tile_width(256, 1, 0) == 1
    assert find_tile_width(0, 0, 0) == 0


def keep(size: int, *lines: str) -> KeptCheckpoint:
    return KeptCheckpoint(
        size, sign_checkpoint(LOG, Checkpoint(LOG.name, size, bytes(32))), tuple(lines)
    )


def cosign(size: int, *witnesses: Cosigner) -> KeptCheckpoint:
    bare = keep(size)
    text = parse_note(bare.note).text
    return keep(size, *(witness.cosign(text, time_s=9) for witness in witnesses))


def choose(*kept: KeptCheckpoint, quorum: int) -> int | None:
    note = choose_published(kept, [ONE.verifier, TWO.verifier], quorum=quorum)
    return None if note is None else int(note.split("\n")[1])


def test_without_witnesses_the_latest_checkpoint_is_shown():
    assert choose_published([keep(3), keep(2)], (), quorum=0) == keep(3).note
    assert choose_published([], (), quorum=0) is None


def test_with_witnesses_the_latest_one_with_the_quorum_is_shown():
    assert choose(keep(9), cosign(8, ONE), cosign(7, ONE, TWO), quorum=2) == 7
    assert choose(keep(9), cosign(8, ONE), quorum=1) == 8
    assert choose(keep(9), cosign(8, ONE), quorum=2) is None


def test_one_witness_counts_once_and_a_stranger_not_at_all():
    doubled = cosign(8, ONE, ONE)
    assert choose(doubled, quorum=2) is None
    stranger = Cosigner("w.example/3", bytes([3] * 32))
    assert choose(cosign(8, ONE, stranger), quorum=2) is None


def test_the_lines_of_the_witnesses_are_under_the_note_and_no_others():
    stranger = Cosigner("w.example/3", bytes([3] * 32))
    note = choose_published([cosign(8, stranger, ONE)], [ONE.verifier], quorum=1)
    assert note is not None
    assert [line.name for line in parse_note(note).signatures] == [LOG.name, "w.example/1"]


def test_a_line_of_another_tree_does_not_count_and_a_spoilt_one_hides_only_its_checkpoint():
    moved = keep(9, *cosign(8, ONE).lines)
    assert choose(moved, cosign(8, ONE), quorum=1) == 8
    assert choose(keep(9, "no line"), cosign(8, ONE), quorum=1) == 8
