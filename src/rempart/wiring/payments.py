"""What it takes to pay: the payer's account, where files go, and what opens accounts."""

import tomllib

from rempart.exchange.sepa_files import Payer, read_payer
from rempart.kernel.errors import SetupError
from rempart.kernel.instants import PARIS
from rempart.storage.funds import MandateSeal
from rempart.storage.iban_seal import IbanSeal
from rempart.tariffs.working_days import Calendar
from rempart.wiring.database import Installation
from rempart.workflows.settlement.send_payments import Counter


def load_payer(installation: Installation) -> Payer:
    """Return the account payments leave from.

    Raises:
        SetupError: no file says it, or it cannot be read.
    """
    path = installation.settings.payer_file
    if path is None:
        raise SetupError("REMPART_PAYER_FILE is not set: nobody pays from here")
    try:
        return read_payer(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise SetupError(f"{path} cannot be read: write name, iban and bic, as TOML") from None


def open_counter(installation: Installation) -> Counter:
    """Return what writes files to the bank.

    Raises:
        SetupError: the payer or the folder is missing.
    """
    directory = installation.settings.payments_to
    if directory is None:
        raise SetupError("REMPART_PAYMENTS_TO is not set: files to the bank have no place to go")
    if not directory.is_dir():
        raise SetupError(f"{directory} is no folder: make it, or set REMPART_PAYMENTS_TO")
    master = installation.home.key("master")
    return Counter(
        payer=load_payer(installation),
        directory=directory,
        seal=IbanSeal(master),
        mandates=MandateSeal(master),
        calendar=Calendar(zone=PARIS),
    )
