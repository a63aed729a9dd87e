"""How a client key and a sign-in token are written, and what is stored of them.

Refuses to draw random numbers: the 32 bytes are an argument. Nothing but a digest is ever stored;
the secret has 256 random bits, so a plain SHA-256 cannot be searched backwards.
"""

import base64
import hashlib
import re

SECRET_BYTES = 32
KEY_PREFIX = "rmp_"

_KEY = re.compile(r"rmp_[A-Za-z0-9_-]{43}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def format_client_key(secret: bytes) -> str:
    """Write a client key: `rmp_` (so that leak scanners know it) and 43 URL-safe characters."""
    return KEY_PREFIX + format_token(secret)


def format_token(secret: bytes) -> str:
    """Write 32 secret bytes as the 43 URL-safe characters of a one-time link.

    Raises:
        ValueError: there are not 32 bytes.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")


def compute_key_digest(key: str) -> bytes:
    """Compute what is stored of a client key.

    Raises:
        ValueError: this is not the shape of a client key.
    """
    if not _KEY.fullmatch(key):
        raise ValueError("a client key is rmp_ followed by 43 letters, digits, - or _")
    return hashlib.sha256(key.encode("ascii")).digest()


def compute_token_digest(token: str) -> bytes:
    """Compute what is stored of a sign-in token.

    Raises:
        ValueError: this is not the shape of a token.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("a sign-in token has 43 letters, digits, - or _")
    return hashlib.sha256(token.encode("ascii")).digest()
