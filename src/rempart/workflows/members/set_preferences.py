"""How a member wants to be written to: read, and said. Campaigns that are prepared follow it."""

from typing import cast

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.findings import Language
from rempart.notices.contacts import NO_PREFERENCE, Channel, Preference
from rempart.notices.media import Variant
from rempart.storage import own_messages
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.claims.dispute_care import find_member


def read_preference(tx: Transaction, asker: Asker) -> Preference:
    """Return how the member wants to be written to; nothing when they never said.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.SET_PREFERENCES, now=asker.now)
    person_ref, insurer_id = find_member(asker)
    found = own_messages.load_preference(tx, insurer_id=insurer_id, person_ref=person_ref)
    if found is None:
        return NO_PREFERENCE
    return Preference(
        channel=None if found.channel is None else Channel(found.channel),
        language=cast("Language", found.language),
        variant=Variant(found.variant),
    )


def set_preference(tx: Transaction, asker: Asker, wished: Preference) -> None:
    """Say how the member wants to be written to from now on.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.SET_PREFERENCES, now=asker.now)
    person_ref, insurer_id = find_member(asker)
    own_messages.save_preference(
        tx,
        insurer_id=insurer_id,
        person_ref=person_ref,
        channel=wished.channel and wished.channel.value,
        language=wished.language or "fr",
        variant=(wished.variant or Variant.STANDARD).value,
        set_at=asker.now,
    )
