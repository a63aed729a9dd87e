"""A bank that answers: the statement (camt.053) of a day on which it did what it was asked.

Refuses to be more than a simulator: it refuses no transfer and knows no account but the payer's.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from rempart.kernel.iban import Iban

_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


class Booking(NamedTuple):
    """One movement; below nought, it left the account.

    Attributes:
        cents: How much.
        batch: Identification of the file it carries out; empty when it is none.
        reference: End-to-end reference; empty when it has none.
    """

    cents: int
    batch: str = ""
    reference: str = ""


def write_statement(
    bookings: Sequence[Booking], *, name: str, day: date, account: Iban, opening_cents: int
) -> bytes:
    """Return a statement of an account.

    Args:
        bookings: What moved.
        name: What the bank calls the statement.
        day: When all of it was booked.
        account: The payer's.
        opening_cents: What was there before.
    """
    closing_cents = opening_cents + sum(one.cents for one in bookings)
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_write_amount(cents)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
        for code, cents in (("OPBD", opening_cents), ("CLBD", closing_cents))
    )
    entries = "".join(
        _write_entry(one, number, name=name, day=day) for number, one in enumerate(bookings, 1)
    )
    made_at = f"{day}T20:00:00"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="{_NAMESPACE}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>{escape(name)}</MsgId><CreDtTm>{made_at}</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{escape(name)}</Id><CreDtTm>{made_at}</CreDtTm>"
        f"<Acct><Id><IBAN>{account.number}</IBAN></Id></Acct>"
        f"{balances}{entries}</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def _write_entry(booking: Booking, number: int, *, name: str, day: date) -> str:
    batch = f"<Btch><PmtInfId>{escape(booking.batch)}</PmtInfId></Btch>" if booking.batch else ""
    details = ""
    if booking.reference:
        end_to_end = f"<EndToEndId>{escape(booking.reference)}</EndToEndId>"
        details = f"<TxDtls><Refs>{end_to_end}</Refs></TxDtls>"
    return (
        f"<Ntry><NtryRef>{number}</NtryRef>{_write_amount(booking.cents)}"
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        f"<AcctSvcrRef>{escape(name)}-{number}</AcctSvcrRef>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>"
        f"</BkTxCd><NtryDtls>{batch}{details}</NtryDtls></Ntry>"
    )


def _write_amount(cents: int) -> str:
    way = "DBIT" if cents < 0 else "CRDT"
    euros = f"{abs(cents) // 100}.{abs(cents) % 100:02d}"
    return f'<Amt Ccy="EUR">{euros}</Amt><CdtDbtInd>{way}</CdtDbtInd>'
