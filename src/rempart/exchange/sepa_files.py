"""Transfers (pain.001.001.09) and direct debits (pain.008.001.08) as files for a bank.

Written by sepaxml, then given names that do not change from one writing to the next: a bank takes a
message once. Refuses to give a file that its schema does not accept. IBANs are in the file and in
nothing else: no message, no name of a file.

Source:
    S87, S88.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from sepaxml import SepaDD, SepaTransfer

from rempart.kernel.errors import InconsistentRecord, SetupError
from rempart.kernel.findings import BadValue
from rempart.kernel.iban import Iban

TRANSFERS: Final = "pain.001.001.09"
DEBITS: Final = "pain.008.001.08"

_NAME_LETTERS: Final = 70
_TEXT_LETTERS: Final = 140
_KEYS: Final = frozenset({"name", "iban", "bic", "creditor_id"})
# What every bank of the scheme takes.
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
_LIGATURES: Final = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "&": "+", "’": "'"})
_BIC: Final = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
_CREDITOR: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Payer:
    """The account payments leave from and funds come to.

    Args:
        name: Whose.
        iban: The account.
        bic: Its bank.
        creditor_id: What banks know the operator by when it collects; empty when it does not.
    """

    name: str
    iban: Iban
    bic: str
    creditor_id: str = ""


class Transfer(NamedTuple):
    """One transfer; `reference` is the end-to-end identification, and what the payee reads."""

    reference: str
    name: str
    iban: Iban
    cents: int


class Debit(NamedTuple):
    """One direct debit, business to business; `follows`: the mandate was used before."""

    reference: str
    name: str
    iban: Iban
    cents: int
    mandate: str
    signed_on: date
    follows: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a file says of itself.

    Args:
        message_id: What the bank knows it by.
        created_at: When it was decided, Paris time.
        execution_on: When the bank executes it.
    """

    message_id: str
    created_at: datetime
    execution_on: date


def read_payer(facts: dict[str, object]) -> Payer:
    """Read who pays from the fields of its file.

    Raises:
        SetupError: a field is missing, not known, or not valid; it is named, its value is not.
    """
    if not {"name", "iban", "bic"} <= set(facts) <= _KEYS:
        raise SetupError("the payer's file has name, iban, bic and, to collect, creditor_id")
    name, iban, bic, creditor = (str(facts.get(key, "")) for key in sorted(_KEYS, key=_by_place))
    try:
        account = Iban.parse(iban)
    except BadValue as refused:
        raise SetupError(f"the payer's file: iban: {refused}") from None
    if not name.strip() or not _BIC.fullmatch(bic):
        raise SetupError("the payer's file: name is empty, or bic is not 8 or 11 letters")
    if creditor and not _CREDITOR.fullmatch(creditor):
        raise SetupError("the payer's file: creditor_id is not a SEPA creditor identifier")
    return Payer(name=name, iban=account, bic=bic, creditor_id=creditor)


def write_transfers(payer: Payer, message: Message, transfers: Sequence[Transfer]) -> bytes:
    """Return a file of transfers: the same content gives the same bytes.

    Raises:
        InconsistentRecord: the schema does not accept it; the file is not given.
    """
    config = _describe(payer)
    batch = SepaTransfer(config, schema=TRANSFERS, clean=False)
    for one in transfers:
        batch.add_payment(
            {
                "name": clean_text(one.name, _NAME_LETTERS),
                "IBAN": one.iban.number,
                "amount": one.cents,
                "execution_date": message.execution_on,
                "description": one.reference,
                "endtoend_id": one.reference,
            }
        )
    return _finish(batch.export(validate=False), message, TRANSFERS)


def write_debits(payer: Payer, message: Message, debits: Sequence[Debit]) -> bytes:
    """Return a file of direct debits, business to business.

    Raises:
        SetupError: the payer has no creditor identifier.
        InconsistentRecord: the schema does not accept it; the file is not given.
    """
    if not payer.creditor_id:
        raise SetupError("the payer's file has no creditor_id: mandates cannot be collected")
    config = {**_describe(payer), "creditor_id": payer.creditor_id, "instrument": "B2B"}
    batch = SepaDD(config, schema=DEBITS, clean=False)
    for one in debits:
        batch.add_payment(
            {
                "name": clean_text(one.name, _NAME_LETTERS),
                "IBAN": one.iban.number,
                "amount": one.cents,
                "type": "RCUR" if one.follows else "FRST",
                "collection_date": message.execution_on,
                "mandate_id": one.mandate,
                "mandate_date": one.signed_on,
                "description": one.reference,
                "endtoend_id": one.reference,
            }
        )
    with warnings.catch_warnings():
        # sepaxml asks whether an element is empty in a way that Python will give up.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        written = batch.export(validate=False)
    return _finish(written, message, DEBITS)


def clean_text(text: str, letters: int = _TEXT_LETTERS) -> str:
    """Write a text in the letters every bank takes.

    >>> clean_text("Pharmacie de l’Œuvre & Cie – Évry")
    "Pharmacie de l'OEuvre + Cie Evry"
    """
    plain = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(_FOREIGN.sub(" ", kept).split())[:letters].strip() or "-"


def find_faults(content: bytes, schema: str) -> list[str]:
    """Return where a file departs from its schema: paths of elements, never their values."""
    errors: Iterable[Any] = _load_schema(schema).iter_errors(content.decode())
    return [f"{error.path}" for error in errors]


def _describe(payer: Payer) -> dict[str, object]:
    return {
        "name": clean_text(payer.name, _NAME_LETTERS),
        "IBAN": payer.iban.number,
        "BIC": payer.bic,
        "batch": True,
        "currency": "EUR",
    }


def _finish(written: bytes, message: Message, schema: str) -> bytes:
    """Give a file its names, and check it."""
    text = written.decode()
    text = _name(text, "MsgId", message.message_id)
    text = _name(text, "CreDtTm", f"{message.created_at:%Y-%m-%dT%H:%M:%S}")
    batches = iter(range(1, text.count("<PmtInfId>") + 1))
    text = re.sub(
        r"<PmtInfId>[^<]*</PmtInfId>",
        lambda _: f"<PmtInfId>{message.message_id}-{next(batches)}</PmtInfId>",
        text,
    )
    content = text.encode()
    faults = find_faults(content, schema)
    if faults:
        where = ", ".join(sorted(set(faults))[:3])
        raise InconsistentRecord(f"a file to the bank does not follow {schema}: {where}")
    return content


def _name(text: str, element: str, value: str) -> str:
    return re.sub(f"<{element}>[^<]*</{element}>", f"<{element}>{value}</{element}>", text, count=1)


@cache
def _load_schema(name: str) -> Any:
    # Imported late: sepaxml says that xmlschema, imported first, changes how it writes.
    import xmlschema

    return xmlschema.XMLSchema(str(files("sepaxml").joinpath("schemas", f"{name}.xsd")))


def _by_place(key: str) -> int:
    return ("name", "iban", "bic", "creditor_id").index(key)
