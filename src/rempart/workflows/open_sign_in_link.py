"""Sign in by a one-time link, until real authentication lands: open a link, redeem it once.

Refuses to tell an unknown link from a used or an expired one, and to store a token.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rempart.accounts.keys import SECRET_BYTES, compute_token_digest, format_token
from rempart.kernel.errors import AccessDenied
from rempart.kernel.rpps import Rpps
from rempart.storage import accounts
from rempart.storage.connect import Transaction
from rempart.workflows.create_client import find_account, mint_key

LINK_LIFETIME: Final = timedelta(minutes=15)
PORTAL_KEY_LIFETIME: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in.

    A professional has an account and the key with which the portal asks the gateway for them;
    the operator has neither (both None).
    """

    account_ref: int | None
    client_key: str | None

    def __repr__(self) -> str:
        return f"<SignedIn {'operator' if self.account_ref is None else 'professional'}>"


def open_sign_in_link(tx: Transaction, *, rpps: Rpps | None) -> str:
    """Create a link that signs one browser in, once, within 15 minutes.

    Args:
        tx: A transaction of a role that owns the accounts plane.
        rpps: The professional, or None for the operator's console.

    Returns:
        The token, to be put after `/connexion/`; only its digest is stored.

    Raises:
        NotFound: no professional has this RPPS number.
    """
    account_ref = None if rpps is None else find_account(tx, rpps)
    token = format_token(secrets.token_bytes(SECRET_BYTES))
    accounts.save_sign_in_link(
        tx,
        token_digest=compute_token_digest(token),
        account_ref=account_ref,
        lifetime=LINK_LIFETIME,
    )
    return token


def redeem_sign_in_link(tx: Transaction, token: str) -> SignedIn:
    """Use a link up and sign its bearer in.

    The link is used up and the key minted in one transaction: a crash leaves either the link still
    good and no key, or the link used and a key nobody has, which expires in 12 hours.

    Raises:
        AccessDenied: the link is unknown, used or expired; the three look the same.
    """
    try:
        link = accounts.redeem_sign_in_link(tx, compute_token_digest(token))
    except ValueError:
        link = None
    if link is None:
        raise AccessDenied("the sign-in link is unknown, used or expired: ask for a new one")
    if link.account_ref is None:
        return SignedIn(None, None)
    client = mint_key(
        tx,
        account_ref=link.account_ref,
        kind="portal",
        label="portal",
        lifetime=PORTAL_KEY_LIFETIME,
    )
    return SignedIn(link.account_ref, client.key)
