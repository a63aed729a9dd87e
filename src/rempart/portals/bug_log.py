"""How a fault of the pages is written down: what kind, and where it happened.

Refuses the message of an unexpected exception: a database that refuses a row quotes it.
"""

import logging
import traceback
from types import TracebackType


class BugFormatter(logging.Formatter):
    """Writes faults by their types and their frames."""

    def formatException(  # noqa: N802 - the name that logging calls
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the type and the frames of a fault, then of what it came from."""
        lines, fault = [], ei[1]
        while fault is not None:
            frames = traceback.extract_tb(fault.__traceback__)
            steps = " > ".join(f"{one.filename}:{one.lineno} {one.name}" for one in frames)
            lines.append(f"{type(fault).__qualname__} at {steps}")
            fault = fault.__cause__ or fault.__context__
        return "\nfrom ".join(lines)
