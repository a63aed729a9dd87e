"""What a log publishes: the addresses of its tiles, and which checkpoint the world is shown.

Refuses an address that can be written in two ways, so that a cache holds each tile once. Publishes
hashes only: an entry's leaf tells its time and its kind, which nobody needs to check a tree.

Source: C2SP tlog-tiles (S13).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from rempart.disclosure.cosignature import CosignatureVerifier, verify_cosignatures
from rempart.disclosure.note import NoteRefused
from rempart.disclosure.tree import TILE_HEIGHT, TILE_WIDTH

MAX_LEVEL: Final = 63
# A log of 2**63 leaves has no tile beyond this number.
_MAX_N: Final = 1 << 55
_PATH: Final = re.compile(
    r"(?P<level>[0-9]{1,2})/(?P<n>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?",
    re.ASCII,
)


class BadTilePath(ValueError):
    """This is no tile's address."""


class TileAddress(NamedTuple):
    """One published tile.

    Attributes:
        level: 0 holds leaf hashes.
        n: Place in its level.
        width: How many hashes are meant: 256 for a full tile.
    """

    level: int
    n: int
    width: int = TILE_WIDTH


class KeptCheckpoint(NamedTuple):
    """A checkpoint with the witnesses' lines that came for it.

    Attributes:
        size: Of the tree.
        note: The log's signed note.
        lines: Cosignature lines, not verified.
    """

    size: int
    note: str
    lines: tuple[str, ...]


def format_tile_path(tile: TileAddress) -> str:
    """Return what stands after `tile/` in a tile's address."""
    rest, last = divmod(tile.n, 1000)
    path = f"{last:03d}"
    while rest:
        rest, group = divmod(rest, 1000)
        path = f"x{group:03d}/{path}"
    partial = "" if tile.width == TILE_WIDTH else f".p/{tile.width}"
    return f"{tile.level}/{path}{partial}"


def parse_tile_path(path: str) -> TileAddress:
    """Read what stands after `tile/` in a tile's address.

    Raises:
        BadTilePath: It is not exactly what `format_tile_path` writes.
    """
    found = _PATH.fullmatch(path)
    if not found:
        raise BadTilePath("a tile's address is its level, its number and perhaps its width")
    number = int(re.sub("[x/]", "", found["n"]))
    width = TILE_WIDTH if found["width"] is None else int(found["width"])
    tile = TileAddress(int(found["level"]), number, width)
    partial = found["width"] is not None
    if tile.level > MAX_LEVEL or number >= _MAX_N or not 0 < width <= TILE_WIDTH - partial:
        raise BadTilePath("there is no such level, number or width")
    if format_tile_path(tile) != path:
        raise BadTilePath("the address is not written the one way it may be")
    return tile


def find_tile_width(size: int, level: int, n: int) -> int:
    """Return how many hashes a tile holds in a tree of `size` leaves: 0 when it is not there."""
    return min(max((size >> (TILE_HEIGHT * level)) - n * TILE_WIDTH, 0), TILE_WIDTH)


def choose_published(
    kept: Iterable[KeptCheckpoint], witnesses: Sequence[CosignatureVerifier], *, quorum: int
) -> str | None:
    """Return the note the world is shown: the first with a quorum, under its cosignatures.

    Args:
        kept: Checkpoints, largest first.
        witnesses: Those configured; other lines are left out.
        quorum: How many of them must have signed; 0 without witnesses.

    Returns:
        None when no checkpoint has the quorum.
    """
    for checkpoint in kept:
        try:
            found = verify_cosignatures(checkpoint.note + "".join(checkpoint.lines), witnesses)
        except NoteRefused:
            continue  # a line was spoilt in the database: an older checkpoint is still whole
        if len(found) >= quorum:
            return checkpoint.note + "".join(one.line for one in found.values())
    return None
