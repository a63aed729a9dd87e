"""The key of a witness: one file that only its owner may read.

Refuses to replace a key: a witness with another key is another witness.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Final

from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.note import NoteRefused, check_key_name
from rempart.kernel.errors import SetupError

FILE_NAME: Final = "witness.key"
_SEED_SIZE: Final = 32


def create_key(directory: Path, name: str) -> Cosigner:
    """Draw a witness's key and keep it; the directory is made if need be.

    Raises:
        SetupError: there is a key already, the name cannot be one, or nothing can be written there.
    """
    try:
        check_key_name(name)
    except NoteRefused as refusal:
        raise SetupError(f"--name: {refusal}; write something like witness.example/w1") from refusal
    seed = secrets.token_bytes(_SEED_SIZE)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"name": name, "seed": seed.hex()}, file)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as failure:
        raise SetupError(f"{directory} has a key already: a witness keeps its key") from failure
    except OSError as failure:
        raise SetupError(f"{directory}: {failure.strerror}") from failure
    return Cosigner(name, seed)


def load_key(directory: Path) -> Cosigner:
    """Take a witness's key up.

    Raises:
        SetupError: there is none, or the file is damaged.
    """
    file = directory / FILE_NAME
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return Cosigner(document["name"], bytes.fromhex(document["seed"]))
    except FileNotFoundError as failure:
        raise SetupError(f"{directory} has no key: run `rempart witness keygen`") from failure
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise SetupError(f"{file} is not a witness's key: restore it") from failure
