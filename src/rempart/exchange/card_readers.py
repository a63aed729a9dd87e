"""The place where readers of other operators' symbols plug in.

Refuses to verify what they read: a plug-in knows a syntax, never another operator's keys.
"""

import re
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Final

from rempart.kernel.errors import SetupError
from rempart.rights.card_verdict import ForeignCard, ForeignReader

GROUP: Final = "rempart.card_readers"
"""Entry points of this group name functions from a text to a `ForeignCard` or None."""

# 2D-Doc: "DC", version of two digits, authority of four letters or digits, and so on.
_TWO_D_DOC: Final = re.compile(r"DC0[1-4][A-Z0-9]{8}")


def read_two_d_doc(text: str) -> ForeignCard | None:
    """Recognise the French visible electronic seal, which some attestations carry.

    Only its header is looked at: which authority signed is for that document's own verifier.
    """
    return ForeignCard(operator="2D-Doc") if _TWO_D_DOC.match(text) else None


def load_readers() -> Sequence[ForeignReader]:
    """Return the readers installed beside Rempart, in the order of their names, then our own.

    Raises:
        SetupError: one of them cannot be loaded.
    """
    found: list[ForeignReader] = []
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            found.append(point.load())
        except (ImportError, AttributeError) as failure:
            raise SetupError(
                f"the card reader {point.name} cannot be loaded ({failure}): "
                "repair or remove its package"
            ) from failure
    return (*found, read_two_d_doc)
