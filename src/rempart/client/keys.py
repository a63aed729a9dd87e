"""A software's own key pair: made once, kept in a file only its owner reads, never shown.

The public half is what the operator registers. Refuses to overwrite a key: whatever is signed with
the old one would stop being accepted.
"""

import json
import os
from pathlib import Path
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric import ed25519
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, import_key
from joserfc.jws import JWSRegistry

Algorithm = Literal["ES256", "EdDSA"]

_CURVES: Final[dict[Algorithm, str]] = {"ES256": "P-256", "EdDSA": "Ed25519"}
_ALGORITHMS: Final[dict[str, Algorithm]] = {curve: name for name, curve in _CURVES.items()}


_MEMBERS: Final = ("kty", "crv", "x", "y")


class _Algorithms(JWSRegistry):
    """The two algorithms used here, under the names that servers of today know.

    joserfc warns that RFC 9864 gives EdDSA with Ed25519 a newer name, which few accept yet.
    """

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


_REGISTRY: Final = _Algorithms(algorithms=list(_CURVES))


class SigningKey:
    """A private key, ES256 (P-256) or EdDSA (Ed25519). Make one with `generate` or `load`.

    `thumbprint` is its name everywhere (RFC 7638).
    """

    def __init__(self, jwk: dict[str, Any]) -> None:
        """Read a private JSON Web Key.

        Raises:
            ValueError: it is not a private key on P-256 or Ed25519.
        """
        if jwk.get("crv") not in _ALGORITHMS or "d" not in jwk:
            raise ValueError("not a private JSON Web Key on P-256 or Ed25519")
        self._key: Any = import_key(jwk)
        self.algorithm: Final[Algorithm] = _ALGORITHMS[jwk["crv"]]
        self._public: Final[dict[str, Any]] = dict(self._key.as_dict(private=False))
        self.thumbprint: Final[str] = str(self._key.thumbprint())

    @classmethod
    def generate(cls, algorithm: Algorithm = "ES256") -> "SigningKey":
        """Draw a new key."""
        key = (
            ECKey.generate_key("P-256") if algorithm == "ES256" else OKPKey.generate_key("Ed25519")
        )
        return cls(dict(key.as_dict(private=True)))

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """Return the Ed25519 key of a seed of 32 bytes."""
        key = OKPKey.import_key(ed25519.Ed25519PrivateKey.from_private_bytes(seed))
        return cls(dict(key.as_dict(private=True)))

    @classmethod
    def load(cls, file: Path | str) -> "SigningKey":
        """Read the key that `save` wrote.

        Raises:
            ValueError: the file holds something else.
        """
        try:
            jwk = json.loads(Path(file).read_bytes())
        except ValueError as wrong:
            raise ValueError(f"{file} is not a JSON Web Key") from wrong
        return cls(jwk if isinstance(jwk, dict) else {})

    def save(self, file: Path | str) -> None:
        """Write the private key to a new file that only its owner reads (mode 0600).

        Raises:
            FileExistsError: there is a file of this name already; it is left as it is.
        """
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(self._key.as_dict(private=True), stream)
            stream.write("\n")

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public half, to register: a JSON Web Key with its name, use and algorithm."""
        return {**self.bare_jwk, "kid": self.thumbprint, "use": "sig", "alg": self.algorithm}

    @property
    def bare_jwk(self) -> dict[str, str]:
        """The public half as a proof shows it: the members that make the key, and no other."""
        return {name: self._public[name] for name in _MEMBERS if name in self._public}

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Sign claims as a compact JWT; the algorithm is this key's."""
        return jwt.encode({**header, "alg": self.algorithm}, claims, self._key, registry=_REGISTRY)

    def __repr__(self) -> str:
        return f"<SigningKey {self.algorithm} {self.thumbprint}>"
