"""What every type that identifies a person has in common: it does not print.

Refuses to let an identifier reach a log, a traceback or a test output by accident.
"""

import re
from typing import Final

# Ordinary, no-break and narrow no-break: the spaces people and spreadsheets put in a number.
_SPACES: Final = re.compile("[ \u00a0\u202f]")


class Identity:
    """Base of the types that identify a person: printing gives `<Nir>`, not the number.

    Showing the value is an explicit call, `.format()`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)


def remove_spaces(text: str) -> str:
    """Return `text` without the spaces people type inside numbers."""
    return _SPACES.sub("", text)
