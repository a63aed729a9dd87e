"""Where professionals are reached, for a campaign of the operator: from the accounts, sealed again.

What the accounts hold is opened here, where letters are written, and sealed under the operator's
key of contacts: from there on a professional is written to like anybody. Refuses an address that
somebody gave on a page since the theft began: it may be the thief's.
"""

from rempart.exchange.contact_list import read_postal_line
from rempart.kernel.email_address import EmailAddress
from rempart.kernel.findings import BadValue
from rempart.notices.contacts import Contact, ContactFlag
from rempart.notices.facts import clean_name
from rempart.storage import notice_contacts
from rempart.storage.campaigns import StoredCampaign
from rempart.storage.connect import Transaction
from rempart.storage.letterbox import Letterbox
from rempart.storage.notice_contacts import ContactSeal, ReachedProfessional, SealedContact


def gather_contacts(
    tx: Transaction,
    campaign: StoredCampaign,
    seal: ContactSeal,
    letterbox: Letterbox,
    *,
    most: int,
) -> int:
    """Seal where the professionals that a campaign goes through next are reached; return how many.

    Args:
        tx: A transaction of the role notifier.
        campaign: Of the operator.
        seal: Of the operator's contacts.
        letterbox: Opens the addresses of accounts.
        most: How many at most, after the last one gone through.
    """
    found = notice_contacts.reach_professionals(
        tx, campaign.incident_id, after=campaign.prepared_to, most=most
    )
    rows = []
    for one in found:
        contact = make_contact(one, letterbox)
        rows.append(
            SealedContact(
                person_ref=one.account_ref,
                sealed=seal.seal(one.account_ref, contact),
                household=seal.digest_household(contact),
                flags=int(contact.flags),
                language=contact.language,
            )
        )
    notice_contacts.save_contacts(tx, None, campaign.insurer_id, rows)
    return len(rows)


def make_contact(one: ReachedProfessional, letterbox: Letterbox) -> Contact:
    """Return where a professional is reached; what cannot be written to is left out.

    Raises:
        cryptography.exceptions.InvalidTag: an address was moved, or sealed by another home.
    """
    email = None
    if one.mail is not None and one.mail_ref is not None:
        email = _read_email(letterbox.open(one.mail, bound_to=one.mail_ref))
    address: tuple[str, ...] = ()
    if one.post is not None and one.post_ref is not None:
        address = read_postal_line(letterbox.open(one.post, bound_to=one.post_ref))
    flags = ContactFlag.HAS_EMAIL if email else ContactFlag(0)
    flags |= ContactFlag.HAS_ADDRESS if address else ContactFlag(0)
    return Contact(recipient=clean_name(one.name), email=email, address=address, flags=flags)


def _read_email(text: str) -> EmailAddress | None:
    try:
        return EmailAddress.parse(text)
    except BadValue:
        return None
