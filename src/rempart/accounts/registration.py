"""Registering a software: which public keys, names and certificates can be accepted.

Refuses a private key, a key too weak to count, and a software with two ways of proving itself. The
name of a key is always its thumbprint, so that two people who compare keys compare the same words.

Source: RFC 7517 (JWK), RFC 7638 (thumbprints), RFC 7518 §6, RFC 8037, RFC 4514 (names).
"""

import base64
import enum
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from rempart.accounts.tokens import SCOPES
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import Conflict, NotAllowed
from rempart.kernel.findings import BadValue, Refusal

# The portals of this installation: nobody registers it by hand.
PORTALS_CLIENT_ID: Final = "portals"
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
MAX_LIVE_KEYS: Final = 5
MAX_LABEL: Final = 100
MAX_JWK_CHARACTERS: Final = 8192

_PSC_CLIENT: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_CLIENT_ID: Final = re.compile(r"[a-z0-9-]{3,64}")
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}

JWK_UNREADABLE: Final = Refusal(
    rule="jwk_unreadable",
    fr="Ce texte n'est pas une clé au format JWK.",
    en="This text is not a key in JWK format.",
    advice_fr="Collez l'objet JSON entier d'une clé publique, accolades comprises.",
    advice_en="Paste the whole JSON object of one public key, braces included.",
)
JWK_PRIVATE: Final = Refusal(
    rule="jwk_private",
    fr="Cette clé contient sa partie privée : elle n'est plus secrète.",
    en="This key holds its private part: it is not secret any more.",
    advice_fr="Faites une nouvelle paire de clés et ne donnez que sa partie publique.",
    advice_en="Make a new key pair and give its public part only.",
)
JWK_KIND: Final = Refusal(
    rule="jwk_kind",
    fr="Cette clé n'est pas d'une sorte acceptée.",
    en="This key is not of an accepted kind.",
    advice_fr="Donnez une clé EC P-256, OKP Ed25519, ou RSA de 2048 à 8192 bits.",
    advice_en="Give an EC P-256 key, an OKP Ed25519 key, or an RSA key of 2048 to 8192 bits.",
)
JWK_USE: Final = Refusal(
    rule="jwk_use",
    fr="Cette clé dit qu'elle ne sert pas à signer.",
    en="This key says that it is not for signing.",
    advice_fr="Donnez une clé dont « use » est « sig », ou qui n'a pas ce membre.",
    advice_en="Give a key whose “use” is “sig”, or that has no such member.",
)
CLIENT_ID: Final = Refusal(
    rule="client_id",
    fr="Ce nom de logiciel ne peut pas être pris.",
    en="This name of a software cannot be taken.",
    advice_fr="Écrivez de 3 à 64 lettres minuscules, chiffres ou tirets ; « portals » est réservé.",
    advice_en="Write 3 to 64 lower-case letters, digits or hyphens; “portals” is reserved.",
)
LABEL: Final = Refusal(
    rule="software_label",
    fr="L'intitulé du logiciel manque ou est trop long.",
    en="The title of the software is missing or too long.",
    advice_fr="Écrivez de 1 à 100 caractères.",
    advice_en="Write 1 to 100 characters.",
)
SUBJECT: Final = Refusal(
    rule="certificate_subject",
    fr="Ce sujet de certificat ne peut pas être lu.",
    en="This certificate subject cannot be read.",
    advice_fr="Écrivez-le comme la RFC 4514, par exemple CN=clinique.example,O=Clinique,C=FR.",
    advice_en="Write it as RFC 4514 does, for example CN=clinique.example,O=Clinique,C=FR.",
)
PSC_CLIENT: Final = Refusal(
    rule="psc_client",
    fr="Un nom à Pro Santé Connect a de 1 à 100 lettres, chiffres, points, tirets ou soulignés.",
    en="A name at Pro Santé Connect has 1 to 100 letters, digits, dots, hyphens or underscores.",
    advice_fr="Recopiez le client_id que Pro Santé Connect a donné à ce logiciel.",
    advice_en="Copy the client_id that Pro Santé Connect gave this software.",
)
ONE_PROOF: Final = Refusal(
    rule="one_proof",
    fr="Un logiciel se prouve par ses clés ou par un certificat, pas par les deux.",
    en="A software proves itself by its keys or by a certificate, not by both.",
    advice_fr="Donnez une clé publique ou un sujet de certificat.",
    advice_en="Give a public key or a certificate subject.",
)
STRUCTURE_BY_CERTIFICATE: Final = Refusal(
    rule="structure_by_certificate",
    fr="Le logiciel d'un établissement se prouve par un certificat.",
    en="The software of an establishment proves itself by a certificate.",
    advice_fr="Donnez le sujet de son certificat, ou retirez l'établissement.",
    advice_en="Give the subject of its certificate, or leave the establishment out.",
)


class Obstacle(enum.StrEnum):
    """Why a change of a software is refused."""

    NAME_TAKEN = "name_taken"
    REVOKED = "revoked"
    BY_CERTIFICATE = "by_certificate"
    KNOWN_KEY = "known_key"
    TOO_MANY_KEYS = "too_many_keys"
    KEY_ENDED = "key_ended"
    LAST_KEY = "last_key"
    OF_THE_HOME = "of_the_home"


_WORDS: Final[Mapping[Obstacle, str]] = {
    Obstacle.NAME_TAKEN: "this name is taken: choose another one",
    Obstacle.REVOKED: "this software is revoked: register another one",
    Obstacle.BY_CERTIFICATE: "this software proves itself by its certificate: it has no keys",
    Obstacle.KNOWN_KEY: "this software had this key already: make a new one",
    Obstacle.TOO_MANY_KEYS: f"a software has at most {MAX_LIVE_KEYS} keys: end one first",
    Obstacle.KEY_ENDED: "this key has ended already",
    Obstacle.LAST_KEY: "this is its last key: add another one first, or revoke the software",
    Obstacle.OF_THE_HOME: "the portals' own software follows the keys of the home",
}


class SoftwareRefused(Conflict):
    """A change that the state of a software does not allow; `obstacle` says which."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(_WORDS[obstacle])
        self.obstacle = obstacle


class PublicJwk(NamedTuple):
    """A public key that may be registered: its thumbprint, and the members that make it."""

    kid: str
    jwk: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A software to register, already known to be possible.

    Args:
        client_id: Its name in requests.
        label: What people call it.
        publisher_ref: The organisation that publishes it.
        key: Its first public key; None when it proves itself by a certificate.
        certificate_subject: The subject of its certificate, as `parse_subject` writes it.
        establishment_ref: The one it acts for without a person's token, by certificate only.
        scopes: What its tokens may be for.
        psc_clients: Its names at Pro Santé Connect; without any, it exchanges no one's token.
    """

    client_id: str
    label: str
    publisher_ref: int
    key: PublicJwk | None = None
    certificate_subject: str | None = None
    establishment_ref: int | None = None
    scopes: tuple[str, ...] = SCOPES
    psc_clients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _CLIENT_ID.fullmatch(self.client_id) or self.client_id == PORTALS_CLIENT_ID:
            raise BadValue(CLIENT_ID)
        if not self.label.strip() or len(self.label) > MAX_LABEL or not self.label.isprintable():
            raise BadValue(LABEL)
        if (self.key is None) == (self.certificate_subject is None):
            raise BadValue(ONE_PROOF)
        if self.establishment_ref is not None and self.certificate_subject is None:
            raise BadValue(STRUCTURE_BY_CERTIFICATE)
        if not all(_PSC_CLIENT.fullmatch(name) for name in self.psc_clients):
            raise BadValue(PSC_CLIENT)
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise ValueError(f"scopes are {', '.join(SCOPES)}")


def parse_jwk(text: str) -> PublicJwk:
    """Read one public key, as a publisher sends it.

    Args:
        text: A JWK, or a set (`{"keys": […]}`) with a single key.

    Returns:
        The members that make the key, in their one form, and its thumbprint: whatever name the
        publisher gave it.

    Raises:
        BadValue: it is not one public key of a kind and strength that count.
    """
    if len(text) > MAX_JWK_CHARACTERS:
        raise BadValue(JWK_UNREADABLE)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise BadValue(JWK_UNREADABLE) from wrong
    if isinstance(document, dict) and "keys" in document:
        keys = document["keys"]
        document = keys[0] if isinstance(keys, list) and len(keys) == 1 else None
    if not isinstance(document, dict):
        raise BadValue(JWK_UNREADABLE)
    return read_jwk(document)


def read_jwk(document: Mapping[str, Any]) -> PublicJwk:
    """Check one JSON Web Key.

    Raises:
        BadValue: as for `parse_jwk`.
    """
    if _PRIVATE & document.keys():
        raise BadValue(JWK_PRIVATE)
    members = _MEMBERS.get(str(document.get("kty")))
    if members is None:
        raise BadValue(JWK_KIND)
    key = {name: document.get(name) for name in members}
    if not all(isinstance(value, str) for value in key.values()):
        raise BadValue(JWK_UNREADABLE)
    if document.get("use", "sig") != "sig":
        raise BadValue(JWK_USE)
    jwk = {name: str(value) for name, value in key.items()}
    try:
        canonical = _CHECKS[jwk["kty"]](jwk)
    except ValueError as wrong:
        raise BadValue(JWK_KIND) from wrong
    return PublicJwk(compute_thumbprint(canonical), canonical)


def compute_thumbprint(jwk: Mapping[str, str]) -> str:
    """Compute the name of a key from the members that make it (RFC 7638).

    >>> compute_thumbprint({"crv": "Ed25519", "kty": "OKP",
    ...                     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    """
    members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _encode(hashlib.sha256(text.encode()).digest())


def parse_subject(text: str) -> str:
    """Read the subject of a certificate and write it in its one form (RFC 4514).

    >>> parse_subject("CN=clinique.example, O=Clinique")
    'CN=clinique.example,O=Clinique'

    Raises:
        BadValue: it is not one.
    """
    try:
        name = x509.Name.from_rfc4514_string(re.sub(r"(?<!\\),\s+", ",", text.strip()))
    except (ValueError, KeyError) as wrong:
        raise BadValue(SUBJECT) from wrong
    if not list(name):
        raise BadValue(SUBJECT)
    return name.rfc4514_string()


def check_can_register(visitor: Visitor, registration: Registration) -> None:
    """Let a visitor who may register software register this one, or refuse.

    Raises:
        NotAllowed: it is published by somebody else, or acts for a whole establishment, which only
            the host operator grants.
    """
    if visitor.is_host:
        return
    if registration.publisher_ref != visitor.org_ref:
        raise NotAllowed("a publisher registers its own software only")
    if registration.establishment_ref is not None:
        raise NotAllowed("what acts for a whole establishment is registered by the operator")


def check_can_add_key(
    *, by_certificate: bool, revoked: bool, live_kids: frozenset[str], known: bool
) -> None:
    """Let a key be added to a software, or refuse.

    Args:
        by_certificate: The software proves itself by a certificate.
        revoked: It is revoked.
        live_kids: Its keys that have not ended.
        known: The key was this software's before, ended or not.

    Raises:
        SoftwareRefused: it has no use of a key, or had this one, or has too many.
    """
    if revoked:
        raise SoftwareRefused(Obstacle.REVOKED)
    if by_certificate:
        raise SoftwareRefused(Obstacle.BY_CERTIFICATE)
    if known:
        raise SoftwareRefused(Obstacle.KNOWN_KEY)
    if len(live_kids) >= MAX_LIVE_KEYS:
        raise SoftwareRefused(Obstacle.TOO_MANY_KEYS)


def check_can_end_key(kid: str, *, live_kids: frozenset[str], lasting_kids: frozenset[str]) -> None:
    """Let a key of a software end, or refuse.

    Args:
        kid: The key to end.
        live_kids: The keys that have not ended.
        lasting_kids: Those among them whose end is not planned.

    Raises:
        SoftwareRefused: it ended already, or it is the last that lasts: the software could soon not
            prove itself any more.
    """
    if kid not in live_kids:
        raise SoftwareRefused(Obstacle.KEY_ENDED)
    if lasting_kids <= {kid}:
        raise SoftwareRefused(Obstacle.LAST_KEY)


def _check_ec(jwk: Mapping[str, str]) -> dict[str, str]:
    x, y = _decode(jwk["x"]), _decode(jwk["y"])
    if jwk["crv"] != "P-256" or len(x) != 32 or len(y) != 32:
        raise ValueError("not a point of P-256")
    # Refuses a point that is not on the curve.
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1())
    numbers.public_key()
    return {"kty": "EC", "crv": "P-256", "x": _encode(x), "y": _encode(y)}


def _check_okp(jwk: Mapping[str, str]) -> dict[str, str]:
    x = _decode(jwk["x"])
    if jwk["crv"] != "Ed25519":
        raise ValueError("not a key of Ed25519")
    ed25519.Ed25519PublicKey.from_public_bytes(x)
    return {"kty": "OKP", "crv": "Ed25519", "x": _encode(x)}


def _check_rsa(jwk: Mapping[str, str]) -> dict[str, str]:
    modulus, exponent = int.from_bytes(_decode(jwk["n"])), int.from_bytes(_decode(jwk["e"]))
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise ValueError("too short or too long")
    if exponent < 65537 or exponent.bit_length() > 32:
        raise ValueError("an exponent nobody uses")
    rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return {"kty": "RSA", "e": _encode_number(exponent), "n": _encode_number(modulus)}


_CHECKS: Final[Mapping[str, Callable[[Mapping[str, str]], dict[str, str]]]] = {
    "EC": _check_ec,
    "OKP": _check_okp,
    "RSA": _check_rsa,
}


def _decode(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url without padding")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _encode_number(number: int) -> str:
    return _encode(number.to_bytes((number.bit_length() + 7) // 8))
