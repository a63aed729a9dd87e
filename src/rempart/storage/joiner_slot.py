"""What seals who joins an employer's list: the pages close it, feeds open it."""

from typing import Final

from rempart.storage.letterbox import Letterbox

_LABEL: Final = b"rempart joiners of employers 1"


def make_joiner_box(master_key: bytes) -> Letterbox:
    """Return what seals and opens who joins in one home; each is bound to its movement_ref."""
    return Letterbox(master_key, _LABEL)
