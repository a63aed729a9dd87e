"""The witnesses an installation trusts, read from a TOML file.

Refuses a file in which a quorum cannot be reached, and a witness reached without TLS elsewhere than
on this machine.
"""

import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.note import NoteRefused
from rempart.disclosure.witness import KnownWitness, Quorum
from rempart.kernel.errors import SetupError

_HERE = {"localhost", "127.0.0.1", "::1"}


def load_quorum(file: Path | None) -> Quorum:
    """Return the witnesses of a file and how many must cosign; none without a file.

    The file: `quorum = 2`, then one `[[witness]]` table for each, with `name` (who holds it),
    `vkey` and `url`.

    Raises:
        SetupError: the file cannot be used, with what to write in it.
    """
    if file is None:
        return Quorum()
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        witnesses = tuple(_read_witness(one) for one in document["witness"])
        return Quorum(witnesses=witnesses, needed=int(document["quorum"]))
    except (KeyError, TypeError) as failure:
        raise SetupError(
            f"{file}: write quorum = 1, then [[witness]] tables with name, vkey and url"
        ) from failure
    except (OSError, ValueError) as failure:  # NoteRefused is a ValueError
        reason = failure.strerror if isinstance(failure, OSError) else failure
        raise SetupError(f"{file} (REMPART_WITNESSES_FILE): {reason}") from failure


def _read_witness(table: dict[str, Any]) -> KnownWitness:
    url = str(table["url"]).rstrip("/")
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
    if not safe or not parts.hostname or parts.query:
        raise ValueError(f"{url}: a witness is reached by https, or by http on this machine")
    try:
        verifier = CosignatureVerifier.parse(str(table["vkey"]))
    except NoteRefused as refusal:
        raise ValueError(f"the vkey of {table['name']}: {refusal}") from refusal
    return KnownWitness(label=str(table["name"]), verifier=verifier, url=url)
