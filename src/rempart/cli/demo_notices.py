"""Where the demo's campaigns go: a mail relay that sends nothing anywhere, a folder of letters."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rempart.simulators.smtp import REPORTS_FOLDER, MailHandler, RelayController, bounce_some

MAIL: Final = "mail"
LETTERS: Final = "letters"
BOUNCE_EVERY: Final = 20
DOMAIN: Final = "rempart.invalid"


@contextmanager
def delivering(home: Path) -> Iterator[None]:
    """Run the relay, and set what says where messages go, until the end.

    What it delivered is in `mail/delivered.txt` of the home; one address in twenty does not exist.
    """
    folder, letters = home / MAIL, home / LETTERS
    letters.mkdir(parents=True, exist_ok=True)
    port = _find_port()
    handler = MailHandler(folder=folder, script=bounce_some(BOUNCE_EVERY))
    controller = RelayController(handler, port=port)
    controller.start()
    os.environ.update(
        REMPART_SMTP=f"smtp+clear://localhost:{port}",
        REMPART_NOTICES_FROM=f"avis@{DOMAIN}",
        REMPART_BOUNCES_TO=f"retours@{DOMAIN}",
        REMPART_BOUNCES=str(folder / REPORTS_FOLDER),
        REMPART_LETTERS_TO=str(letters),
    )
    try:
        yield
    finally:
        controller.stop()


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
