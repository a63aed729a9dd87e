"""Tell a professional of a transfer as a file: CSV, JSON, PDF, NOEMIE-like lines, FHIR.

One content, five forms: lines that add up to the transfer. Refuses a transfer of somebody else as
one that does not exist.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from rempart.accounts.permissions import Permission, check_can
from rempart.exchange.return_document import print_return
from rempart.exchange.return_fhir import write_reconciliation
from rempart.exchange.return_files import write_csv, write_json
from rempart.exchange.return_noemie import write_noemie_like
from rempart.settlement.returns import Return
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.settlement.read_payments import get_establishment, load_return

ReturnForm: TypeAlias = Literal["csv", "json", "pdf", "noemie", "fhir"]


class ReturnFile(NamedTuple):
    """A file to hand over."""

    name: str
    media_type: str
    content: bytes


class _Form(NamedTuple):
    suffix: str
    media_type: str
    write: Callable[[Return, datetime], bytes]


def _write_fhir(told: Return, made_at: datetime) -> bytes:
    return msgspec.json.encode(write_reconciliation(told, created_at=made_at))


FORMS: Final[Mapping[ReturnForm, _Form]] = MappingProxyType(
    {
        "csv": _Form("csv", "text/csv; charset=utf-8", lambda told, _: write_csv(told)),
        "json": _Form("json", "application/json", lambda told, _: write_json(told)),
        "pdf": _Form("pdf", "application/pdf", lambda told, at: print_return(told, made_at=at)),
        "noemie": _Form(
            "txt", "text/plain; charset=us-ascii", lambda told, _: write_noemie_like(told)
        ),
        "fhir": _Form("fhir.json", "application/fhir+json", _write_fhir),
    }
)


def write_return(
    tx: Transaction, asker: Asker | None, reference: str, form: ReturnForm, *, made_at: datetime
) -> ReturnFile:
    """Return a transfer as a file.

    Args:
        tx: A transaction with the asker's ticket, or one of the role settler.
        asker: Somebody of the establishment; None for the command line.
        reference: Of the transfer.
        form: Which.
        made_at: Written in the file.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: there is no such transfer for them.
    """
    place = 0
    if asker is not None:
        check_can(asker.visitor, Permission.READ_PAYMENTS, now=asker.now)
        place = get_establishment(asker.visitor)
    told = load_return(tx, reference, establishment_ref=place)
    return format_return(told, form, made_at=made_at)


def format_return(told: Return, form: ReturnForm, *, made_at: datetime) -> ReturnFile:
    """Return a transfer that was read as a file, in a form."""
    how = FORMS[form]
    name = f"virement-{told.reference}.{how.suffix}"
    return ReturnFile(name=name, media_type=how.media_type, content=how.write(told, made_at))
