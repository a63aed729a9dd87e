"""How a bug is written down: where it happened, never with which values.

Refuses the message of an unexpected exception: it may quote what a caller sent or what was found.
"""

import logging
import traceback

log = logging.getLogger("rempart.gateway")


def log_bug(where: str, bug: BaseException) -> None:
    """Log an unexpected exception by its type and its frames."""
    frames = traceback.extract_tb(bug.__traceback__)
    steps = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    log.error("bug in %s: %s at %s", where, type(bug).__qualname__, steps)
