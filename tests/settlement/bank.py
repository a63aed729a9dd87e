"""A bank that answers: statements (camt.053) and notifications (camt.054) as XML."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.settlement.practice import PAYER_IBAN

KINDS = {"053": ("BkToCstmrStmt", "Stmt"), "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}


@dataclass(frozen=True, kw_only=True)
class Booking:
    """One entry; `parts` are its transactions: reference and cents, the entry's sign kept."""

    cents: int
    reference: str = ""
    batch: str = ""
    code: str = ""
    text: str = ""
    bank_ref: str = ""
    status: str = "BOOK"
    parts: Sequence[tuple[str, int]] = ()
    part_ref: str = ""


def euros(cents: int) -> str:
    return f"{abs(cents) // 100}.{abs(cents) % 100:02d}"


def way(cents: int) -> str:
    return "DBIT" if cents < 0 else "CRDT"


def write_details(booking: Booking, reference: str, cents: int | None) -> str:
    amount = "" if cents is None else f'<Amt Ccy="EUR">{euros(cents)}</Amt>'
    sign = "" if cents is None else f"<CdtDbtInd>{way(cents)}</CdtDbtInd>"
    words = f"<RmtInf><Ustrd>{escape(booking.text)}</Ustrd></RmtInf>" if booking.text else ""
    own = f"<AcctSvcrRef>{booking.part_ref}</AcctSvcrRef>" if booking.part_ref else ""
    reason = f"<RtrInf><Rsn><Cd>{booking.code}</Cd></Rsn></RtrInf>" if booking.code else ""
    return (
        f"<TxDtls><Refs>{own}<EndToEndId>{reference or 'NOTPROVIDED'}</EndToEndId></Refs>"
        f"{amount}{sign}{words}{reason}</TxDtls>"
    )


def write_entry(booking: Booking, number: int) -> str:
    batch = ""
    if booking.batch:
        batch = f"<Btch><PmtInfId>{booking.batch}</PmtInfId></Btch>"
    details = [write_details(booking, ref, cents) for ref, cents in booking.parts]
    if not details and (booking.reference or booking.code or booking.text):
        details = [write_details(booking, booking.reference, None)]
    ref = f"<AcctSvcrRef>{booking.bank_ref}</AcctSvcrRef>" if booking.bank_ref else ""
    inside = f"<NtryDtls>{batch}{''.join(details)}</NtryDtls>" if batch or details else ""
    return (
        f"<Ntry><NtryRef>{number}</NtryRef>"
        f'<Amt Ccy="EUR">{euros(booking.cents)}</Amt><CdtDbtInd>{way(booking.cents)}</CdtDbtInd>'
        f"<Sts><Cd>{booking.status}</Cd></Sts><BookgDt><Dt>2026-11-24</Dt></BookgDt>{ref}"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>"
        f"</BkTxCd>{inside}</Ntry>"
    )


def write_bank_file(
    path: Path,
    bookings: Sequence[Booking],
    *,
    number: str = "053",
    name: str = "R1",
    opening: int = 1_000_000,
    closing: int | None = None,
    iban: str = PAYER_IBAN.number,
    day: str = "2026-11-24",
) -> Path:
    """Write a file of the bank; its sums are right unless `closing` says otherwise."""
    root, part = KINDS[number]
    booked = sum(one.cents for one in bookings if one.status == "BOOK")
    end = opening + booked if closing is None else closing
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="EUR">{euros(cents)}</Amt><CdtDbtInd>{way(cents)}</CdtDbtInd>'
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
        for code, cents in (("OPBD", opening), ("CLBD", end))
    )
    entries = "".join(write_entry(one, n) for n, one in enumerate(bookings, start=1))
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{number}.001.08"><{root}>'
        "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-24T20:00:00</CreDtTm></GrpHdr>"
        f"<{part}><Id>{name}</Id><CreDtTm>2026-11-24T20:00:00</CreDtTm>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id></Acct>"
        f"{balances if number == '053' else ''}{entries}</{part}></{root}></Document>",
        encoding="utf-8",
    )
    return path
