"""The keys of cards in this installation: the root, the signing keys, the seal of prints.

Refuses to sign with a key whose public side the database does not list.
"""

import secrets as randomness
from datetime import date
from typing import Final

from rempart.kernel.errors import SetupError
from rempart.rights.card_documents import RootSigner
from rempart.rights.card_signature import CardSigner
from rempart.storage.card_prints import PrintSeal
from rempart.storage.connect import Transaction
from rempart.storage.sealing import FileKms
from rempart.wiring.home import Home
from rempart.workflows.rights.card_events import add_key, find_key_in_force
from rempart.workflows.rights.card_making import CardSecrets

ROOT: Final = "card-root"


def load_root(home: Home) -> RootSigner:
    """Return the key that signs lists, drawn at its first use."""
    return RootSigner(home.signing_seed(ROOT))


def open_print_seal(home: Home) -> PrintSeal:
    """Return what opens the prints of cards."""
    return PrintSeal(home.key("cards"))


def load_signer(home: Home, tx: Transaction, today: date) -> CardSigner:
    """Return the key that signs cards today; the first one is drawn here.

    Raises:
        SetupError: the database lists a key whose file is not in the home.
    """
    key = find_key_in_force(tx, today)
    if key is None:
        return rotate_signer(home, tx, today)
    signer = CardSigner(home.signing_seed(_name_key(key.key_id)))
    if signer.public_key != key.public_key:
        raise SetupError(
            f"keys/{_name_key(key.key_id)}.ed25519 is not the key that signs cards: restore it, "
            "or run `rempart cards rotate-key`"
        )
    return signer


def rotate_signer(home: Home, tx: Transaction, today: date) -> CardSigner:
    """Draw a new signing key, keep its seed in the home, list it in the database."""
    seed = randomness.token_bytes(32)
    name = _name_key(CardSigner(seed).key_id)
    # Before the database knows it: a crash here leaves a file that no card ever needs.
    home.keep_signing_seed(name, seed)
    return add_key(tx, seed, today)


def make_card_secrets(home: Home, signer: CardSigner) -> CardSecrets:
    """Return the keys that issuing works with."""
    return CardSecrets(
        lookup_key=home.key("lookup"),
        contract_key=home.key("blind"),
        kms=FileKms(home.key("master")),
        prints=open_print_seal(home),
        signer=signer,
    )


def _name_key(key_id: bytes) -> str:
    return f"card-{key_id.hex()}"
