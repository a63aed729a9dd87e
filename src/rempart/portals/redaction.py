"""What a log may say of an address: never the one-time link in it, which is worth a session."""

import logging
import re
from typing import Final

_LINK: Final = re.compile(r"(/connexion/)[^\s?]+")


class RedactLinks(logging.Filter):
    """Cuts the token out of every record that names the address of a sign-in link."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without tokens."""
        record.msg = _LINK.sub(r"\1…", str(record.msg))
        if isinstance(record.args, tuple):
            record.args = tuple(
                _LINK.sub(r"\1…", arg) if isinstance(arg, str) else arg for arg in record.args
            )
        return True
