"""Say which identity provider an organisation's agents may come through, besides passkeys.

Refuses nothing of what the provider says later: that is checked at each sign-in.
"""

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.kernel.errors import NotFound
from rempart.storage import identity_providers
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.end_fallen_sessions import FROM_THE_COMMAND_LINE
from rempart.workflows.accounts.web_session import end_web_session, record_event


def trust_provider(tx: Transaction, org_ref: int, provider: str | None) -> int:
    """Let an organisation's agents come through a configured provider, or through none.

    Sessions that came through another one end: a provider is often trusted no more because
    somebody else holds it.

    Args:
        tx: A transaction of the role `registrar`.
        org_ref: The organisation.
        provider: The provider's configured name; None to stop trusting any.

    Returns:
        How many sessions ended.

    Raises:
        NotFound: there is no such organisation.
    """
    if not identity_providers.trust_provider(tx, org_ref, provider):
        raise NotFound(f"there is no organisation {org_ref}: see `rempart organisation list`")
    record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.PROVIDER_TRUSTED,
            actor_ref=None,
            org_ref=org_ref,
            details={"provider": provider or "", "by": "command line"},
        ),
    )
    return sum(
        end_web_session(tx, ref, reason="revoked", whence=FROM_THE_COMMAND_LINE)
        for ref in identity_providers.list_other_sessions(tx, org_ref, provider)
    )
