"""Say what may be asked without presence, and which readers of Vitale cards are believed.

Refuses a policy for a professional or an establishment that does not exist, and a key that is not
public or not strong enough.
"""

from collections.abc import Mapping, Sequence

from rempart.accounts.registration import read_jwk
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.rights.presence import PresencePolicy
from rempart.storage import continuity
from rempart.storage.connect import Transaction
from rempart.storage.continuity import PolicyRow, TerminalRow, list_policies, list_terminals

__all__ = ["PolicyRow", "TerminalRow", "list_policies", "list_terminals"]


def set_policy(
    tx: Transaction,
    policy: PresencePolicy,
    *,
    rpps: str | None,
    establishment: str | None,
    policy_ref: int,
) -> None:
    """Set a policy in the place of the one there was; for everybody when nobody is named.

    Raises:
        InvalidRequest: both are named.
        NotFound: no such professional or establishment.
    """
    establishment_ref, account_ref = _find_whom(tx, rpps, establishment)
    continuity.save_policy(tx, policy_ref, PolicyRow(establishment_ref, account_ref, policy))


def lend_policy(
    tx: Transaction, policy: PresencePolicy, account_refs: Sequence[int], *, first_ref: int
) -> list[int]:
    """Give accounts a policy for an exercise, but for those that have their own.

    Args:
        tx: An open transaction.
        policy: The policy.
        account_refs: Whose.
        first_ref: A reference drawn for it; those after it are used too.

    Returns:
        What `take_back_policies` takes back.
    """
    return continuity.lend_policy(tx, policy, account_refs, first_ref=first_ref)


def take_back_policies(tx: Transaction, policy_refs: Sequence[int]) -> None:
    """Take policies lent for an exercise back."""
    continuity.take_back_policies(tx, policy_refs)


def remove_policy(tx: Transaction, *, rpps: str | None, establishment: str | None) -> None:
    """Take a policy back.

    Raises:
        InvalidRequest: both are named.
        NotFound: no such professional, establishment or policy.
    """
    establishment_ref, account_ref = _find_whom(tx, rpps, establishment)
    if not continuity.delete_policy(
        tx, establishment_ref=establishment_ref, account_ref=account_ref
    ):
        raise NotFound("there is no such policy: see `rempart continuity policy list`")


def register_terminal(
    tx: Transaction,
    jwk: Mapping[str, object],
    *,
    establishment: str,
    label: str,
    terminal_ref: int,
) -> str:
    """Register a terminal; return the name of its key.

    Raises:
        InvalidRequest: not a public key that counts, or no label.
        NotFound: no such establishment.
        Conflict: the key is registered already.
    """
    kid, public = read_jwk(jwk)
    if not 1 <= len(label.strip()) <= 80:
        raise InvalidRequest("label: 1 to 80 letters")
    establishment_ref = continuity.find_establishment(tx, establishment)
    if establishment_ref is None:
        raise NotFound("no establishment has this number")
    if not continuity.insert_terminal(
        tx,
        terminal_ref=terminal_ref,
        establishment_ref=establishment_ref,
        kid=kid,
        jwk=public,
        label=label.strip(),
    ):
        raise Conflict("this key is registered already")
    return kid


def revoke_terminal(tx: Transaction, kid: str) -> bool:
    """Stop a terminal for ever; False when none in use has this key."""
    return continuity.revoke_terminal(tx, kid)


def _find_whom(
    tx: Transaction, rpps: str | None, establishment: str | None
) -> tuple[int | None, int | None]:
    if rpps is not None and establishment is not None:
        raise InvalidRequest("name a professional or an establishment, not both")
    if rpps is not None:
        account_ref = continuity.find_account(tx, rpps)
        if account_ref is None:
            raise NotFound("no professional has this number")
        return None, account_ref
    if establishment is None:
        return None, None
    establishment_ref = continuity.find_establishment(tx, establishment)
    if establishment_ref is None:
        raise NotFound("no establishment has this number")
    return establishment_ref, None
