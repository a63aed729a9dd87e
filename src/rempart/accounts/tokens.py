"""What an access token says, and whether it opens the door for this call.

Refuses to verify a signature: whoever reads the token does that first. A token is worth nothing
without the key it is bound to, and nothing once whoever it names is stopped.

Source: RFC 9068 (JWT access tokens), RFC 7800 (`cnf`), RFC 8705, RFC 9449.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from rempart.kernel.errors import AccessDenied

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type, not a secret
TOKEN_LIFETIME_S: Final = 600
CLOCK_SKEW_S: Final = 30
CHECK_SCOPE: Final = "rights:check"
CLAIMS_SCOPE: Final = "claims:send"
SCOPES: Final = (CHECK_SCOPE, CLAIMS_SCOPE)
"""What a token may be for; one token may be for several."""

# How the person behind the call is known: by Pro Santé Connect, by a session of the portals, or
# only by the structure, which recognised them itself.
Authority: TypeAlias = Literal["psc", "portal", "structure"]
BindingKind: TypeAlias = Literal["jkt", "x5t#S256"]

_METHODS: Final[Mapping[tuple[Authority, BindingKind], str]] = {
    ("psc", "jkt"): "psc+dpop",
    ("psc", "x5t#S256"): "psc+mtls",
    ("structure", "x5t#S256"): "structure+mtls",
    ("portal", "jkt"): "portal",
}


class Binding(NamedTuple):
    """The key a token belongs to: a DPoP key by its thumbprint, or a certificate by its digest."""

    kind: BindingKind
    thumbprint: str


class Bearer(NamedTuple):
    """Whom a token names: the software, the account, in which situation, by which portal session.

    Attributes:
        client_ref: The software.
        account_ref: The professional, as the ledger knows them.
        establishment_ref: Where they act; None for one who has no establishment.
        accountable_ref: The professional who answers for a locum or an assistant.
        portal_session_ref: The browser session, for the portals' own software only.
    """

    client_ref: int
    account_ref: int
    establishment_ref: int | None = None
    accountable_ref: int | None = None
    portal_session_ref: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """The claims of a token, read and typed. Instants are Unix seconds."""

    issuer: str
    audience: str
    client_id: str
    bearer: Bearer
    scope: str
    authority: Authority
    binding: Binding
    issued_s: int
    expires_s: int
    token_id: str

    @property
    def method(self) -> str:
        """How the account came in, as the ledger writes it."""
        return _METHODS[self.authority, self.binding.kind]


def format_claims(token: AccessToken) -> dict[str, object]:
    """Write the claims; references are texts, because JSON numbers lose 64-bit integers."""
    bearer = token.bearer
    optional = {
        "est": bearer.establishment_ref,
        "acc": bearer.accountable_ref,
        "sid": bearer.portal_session_ref,
    }
    return {
        "iss": token.issuer,
        "aud": token.audience,
        "sub": str(bearer.account_ref),
        "client_id": token.client_id,
        "client_ref": str(bearer.client_ref),
        **{name: str(ref) for name, ref in optional.items() if ref is not None},
        "scope": token.scope,
        "amr": [token.authority],
        "cnf": {token.binding.kind: token.binding.thumbprint},
        "iat": token.issued_s,
        "exp": token.expires_s,
        "jti": token.token_id,
    }


def parse_claims(claims: Mapping[str, object]) -> AccessToken:
    """Read the claims of a token whose signature is ours.

    Raises:
        AccessDenied: they are not those of an access token.
    """
    try:
        return AccessToken(
            issuer=_read_text(claims["iss"]),
            audience=_read_text(claims["aud"]),
            client_id=_read_text(claims["client_id"]),
            bearer=Bearer(
                client_ref=_read_ref(claims["client_ref"]),
                account_ref=_read_ref(claims["sub"]),
                establishment_ref=_read_optional_ref(claims, "est"),
                accountable_ref=_read_optional_ref(claims, "acc"),
                portal_session_ref=_read_optional_ref(claims, "sid"),
            ),
            scope=_read_text(claims["scope"]),
            authority=_read_authority(claims["amr"]),
            binding=_read_binding(claims["cnf"]),
            issued_s=_read_instant(claims["iat"]),
            expires_s=_read_instant(claims["exp"]),
            token_id=_read_text(claims["jti"]),
        )
    except (KeyError, ValueError, TypeError) as wrong:
        raise AccessDenied("the claims are not those of an access token") from wrong


def check_token(
    token: AccessToken, *, issuer: str, audience: str, scope: str, now_s: float
) -> None:
    """Let a token be used here and now, whoever presents it.

    Args:
        token: Read from a token whose signature is ours.
        issuer: Who must have issued it.
        audience: Which API it must be for.
        scope: What the call does.
        now_s: The instant of the call, Unix seconds.

    Raises:
        AccessDenied: it is for somebody else or something else, has expired, or is not begun. The
            clocks of two gateways may differ by `CLOCK_SKEW_S`, both ways.
    """
    if token.issuer != issuer or token.audience != audience:
        raise AccessDenied("the token is for another service")
    if scope not in token.scope.split(" "):
        raise AccessDenied("the token is not for this use")
    if now_s >= token.expires_s + CLOCK_SKEW_S:
        raise AccessDenied("the token has expired: get another one")
    if token.issued_s > now_s + CLOCK_SKEW_S or token.issued_s > token.expires_s:
        raise AccessDenied("the token comes from the future: check the clocks")
    if (token.authority, token.binding.kind) not in _METHODS:
        raise AccessDenied("a token of this kind is bound otherwise")


def check_binding(token: AccessToken, presented: Binding) -> None:
    """Let a token be used by whoever proved to hold a key in this very call.

    Raises:
        AccessDenied: it is bound to another key.
    """
    if token.binding != presented:
        raise AccessDenied("the token is bound to another key")


class Standing(NamedTuple):
    """What the directory says now of those a token names.

    Attributes:
        software_known: The software is registered.
        software_stopped: It was revoked, or its publisher suspended.
        account_known: The account is that of a professional in the directory.
        account_stopped: It was suspended, or that of the accountable professional was.
        establishment_stopped: The establishment was suspended.
        situation_held: They still work there, in a role that may check rights, under whoever is
            accountable.
        session_live: The browser session is theirs and goes on; true when none is named.
        profession: The professional's; None when it is not known.
        ceremony_ms: The last ceremony of the browser session, Unix milliseconds; None when none is
            named.
    """

    software_known: bool
    software_stopped: bool
    account_known: bool
    account_stopped: bool
    establishment_stopped: bool
    situation_held: bool
    session_live: bool
    profession: str | None = None
    ceremony_ms: int | None = None


def check_standing(standing: Standing | None) -> None:
    """Let a bearer ask, or refuse.

    Args:
        standing: None when the directory knows none of them.

    Raises:
        AccessDenied: any of them is unknown or stopped; the reasons look the same outside.
    """
    if standing is None or not standing.software_known or standing.software_stopped:
        raise AccessDenied("the software is unknown or revoked")
    if not standing.account_known or standing.account_stopped:
        raise AccessDenied("the account is unknown or suspended")
    if standing.establishment_stopped or not standing.situation_held:
        raise AccessDenied("the account does not act there any more")
    if not standing.session_live:
        raise AccessDenied("the session is over")


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a claim is not a text")
    return value


def _read_ref(value: object) -> int:
    text = _read_text(value)
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 20:
        raise ValueError("a reference is not a number")
    return int(text)


def _read_optional_ref(claims: Mapping[str, object], name: str) -> int | None:
    return _read_ref(claims[name]) if name in claims else None


def _read_instant(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("an instant is not a whole number")
    return value


def _read_authority(value: object) -> Authority:
    match value:
        case ["psc"]:
            return "psc"
        case ["portal"]:
            return "portal"
        case ["structure"]:
            return "structure"
    raise ValueError("amr is not one this service writes")


def _read_binding(value: object) -> Binding:
    if isinstance(value, dict) and len(value) == 1:
        [(kind, thumbprint)] = value.items()
        for known in get_args(BindingKind):
            if kind == known:
                return Binding(known, _read_text(thumbprint))
    raise ValueError("cnf does not name one key")
