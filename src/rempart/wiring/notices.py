"""What it takes to deliver notices: the relay, our addresses, where letters go, the keys."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rempart.exchange.legal_notices import read_legal_notices
from rempart.exchange.notice_mail import Mailroom, parse_own_address
from rempart.exchange.smtp_transport import Relay, parse_relay
from rempart.kernel.errors import SetupError, Unavailable
from rempart.notices.envelopes import EnvelopeKey
from rempart.storage.sealing import FileKms
from rempart.wiring.database import Installation
from rempart.wiring.settings import Settings
from rempart.workflows.notices.pace_campaign import Office
from rempart.workflows.notices.print_letters import Press
from rempart.workflows.rights.issue_cards import OPERATOR

_LABEL: Final = b"rempart notices: envelopes"


def read_phone(settings: Settings) -> str:
    """Return the operator's telephone number, as its site says it; empty when it says none."""
    return (
        ""
        if settings.legal_file is None
        else read_legal_notices(settings.legal_file).publisher_phone
    )


def open_office(
    at: Installation,
    *,
    must_stop: Callable[[], bool] = lambda: False,
    tell: Callable[[int], None] = lambda _done: None,
) -> Office:
    """Return what deliveries work with."""

    return Office(
        open_transaction=lambda: at.database.transaction("notifier"),
        kms=FileKms(at.home.key("master")),
        now=lambda: datetime.now(UTC),
        must_stop=must_stop,
        tell=tell,
    )


def load_envelope_key(at: Installation) -> EnvelopeKey:
    """Return what tells our envelopes from others."""
    return EnvelopeKey(hmac.digest(at.home.key("master"), _LABEL, "sha256"))


def open_relay(at: Installation) -> Relay:
    """Return where e-mails are handed over.

    Raises:
        SetupError: nothing says it, or what says it cannot be read.
    """
    settings = at.settings
    if settings.smtp is None:
        raise SetupError("REMPART_SMTP is not set: nobody sends e-mails from here")
    secret = ""
    if settings.smtp_secret_file is not None:
        try:
            secret = settings.smtp_secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise SetupError(f"{settings.smtp_secret_file} cannot be read") from None
    return parse_relay(settings.smtp, secret=secret, roots=settings.smtp_roots_file)


def open_mailroom(at: Installation) -> Mailroom:
    """Return our addresses.

    Raises:
        SetupError: one is missing, or is no address.
    """
    settings = at.settings
    if settings.notices_from is None or settings.bounces_to is None:
        raise SetupError(
            "REMPART_NOTICES_FROM and REMPART_BOUNCES_TO are not both set: e-mails need an address "
            "to come from, and one that reports come back to"
        )
    return Mailroom(
        from_address=parse_own_address("REMPART_NOTICES_FROM", settings.notices_from),
        bounces_address=parse_own_address("REMPART_BOUNCES_TO", settings.bounces_to),
        key=load_envelope_key(at),
    )


def open_press(at: Installation) -> Press:
    """Return what it takes to print letters.

    Raises:
        SetupError: nothing says where they go.
        Unavailable: the folder is not there.
    """
    directory = at.settings.letters_to
    if directory is None:
        raise SetupError("REMPART_LETTERS_TO is not set: letters have no place to go")
    if not directory.is_dir():
        raise Unavailable(f"{directory} is not there: make it, or set REMPART_LETTERS_TO")
    return Press(directory=directory, key=load_envelope_key(at), operator=OPERATOR)


def find_bounces(at: Installation) -> Path:
    """Return where reports are.

    Raises:
        SetupError: nothing says it.
    """
    if at.settings.bounces is None:
        raise SetupError("REMPART_BOUNCES is not set: nobody reads what comes back")
    return at.settings.bounces
