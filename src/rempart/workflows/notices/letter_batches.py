"""An insurer takes the letters of its campaign to post them itself, and says what came back.

The file holds names, addresses and codes: it is sealed for the insurer's certificate where it is
printed, and who takes it is on the ledger before it leaves. Refuses to open it, to hand out another
insurer's, and to believe an insurer about letters that are not its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rempart.accounts.permissions import Permission
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import Conflict, InvalidRequest, MalformedRequest, NotFound
from rempart.kernel.listing import Listing
from rempart.notices.envelopes import EnvelopeKey
from rempart.storage import campaign_pages, letter_batches, notice_contacts
from rempart.storage.campaign_pages import ContactFile
from rempart.storage.connect import Transaction
from rempart.storage.letter_batches import BatchColumn, ListedBatch
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.ledger.record_act import ActsLog, record_act
from rempart.workflows.notices.campaign_contacts import LARGEST_FILE, ClosesFiles, open_given_file
from rempart.workflows.notices.campaigns import MOST_FILES, find_insurer, find_teller
from rempart.workflows.notices.pace_campaign import Office
from rempart.workflows.notices.print_letters import SEALED, name_batch
from rempart.workflows.notices.read_post_returns import ReadReturns, read_returns

__all__ = [
    "BatchColumn",
    "ListedBatch",
    "TakenBatch",
    "find_batch",
    "give_returns",
    "list_batches",
    "list_returns",
    "post_batch",
    "read_given_returns",
    "take_batch",
]

PURPOSE: Final = "poster les lettres d’une campagne (RGPD, article 34)"
_ONE: Final[Listing[BatchColumn]] = Listing(sort="number", limit=1)
_HOLDS: Final = "returns"


@dataclass(frozen=True, slots=True)
class TakenBatch:
    """The sealed copy of a batch, and what it is called."""

    name: str
    content: bytes


def list_batches(
    tx: Transaction, asker: Asker, campaign_ref: int, listing: Listing[BatchColumn]
) -> tuple[list[ListedBatch], int]:
    """Return one page of the batches of letters of a campaign."""
    find_teller(asker, Permission.READ_CAMPAIGNS)
    return letter_batches.list_batches(tx, campaign_ref, listing)


def find_batch(tx: Transaction, asker: Asker, campaign_ref: int, number: int) -> ListedBatch:
    """Return one batch.

    Raises:
        NotFound: the asker's insurer has no such batch.
    """
    find_teller(asker, Permission.READ_CAMPAIGNS)
    return _find(tx, campaign_ref, number)


def take_batch(
    tx: Transaction,
    asker: Asker,
    campaign_ref: int,
    number: int,
    *,
    folder: Path | None,
    acts: ActsLog,
) -> TakenBatch:
    """Hand out the sealed copy of a batch, once it is on record who takes it.

    Args:
        tx: A transaction with the asker's ticket.
        asker: Of the insurer whose persons the letters are for.
        campaign_ref: The campaign.
        number: Of the batch.
        folder: Where batches are written; None: this installation prints none.
        acts: Where it is recorded first.

    Raises:
        NotFound: the asker's insurer has no such batch.
        Conflict: it is not written yet, or was not sealed: the insurer had no certificate.
        LedgerUnavailable: it cannot be recorded: nothing leaves.
    """
    insurer_id = find_insurer(asker, Permission.POST_LETTERS)
    batch = _find(tx, campaign_ref, number)
    if batch.sealed_for is None or folder is None:
        raise Conflict("this batch is not sealed for anybody: register a certificate")
    name = name_batch(campaign_ref, number) + SEALED
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        raise Conflict("the sealed copy of this batch is there no more: ask the host") from None
    now_ms = int(asker.now.timestamp() * 1000)
    # A crash after this leaves on record a file that was not taken: too much is said.
    record_act(
        acts,
        LedgerRead(
            question="notice-letters",
            purpose=PURPOSE,
            from_ms=now_ms,
            to_ms=now_ms,
            about=About(kind="persons", count=batch.letters),
        ),
        by=Author(asker.visitor.actor_ref, asker.visitor.session_ref),
        subject=Subject(0, insurer_id),
    )
    letter_batches.take_batch(tx, campaign_ref, number, actor_ref=asker.visitor.actor_ref)
    return TakenBatch(name, content)


def post_batch(tx: Transaction, asker: Asker, campaign_ref: int, number: int) -> None:
    """Write that the insurer handed a batch to the post.

    Raises:
        NotFound: the asker's insurer has no such batch.
        Conflict: it is posted already, or not written.
    """
    find_insurer(asker, Permission.POST_LETTERS)
    _find(tx, campaign_ref, number)
    if not letter_batches.post_batch(tx, campaign_ref, number, actor_ref=asker.visitor.actor_ref):
        raise Conflict("this batch is posted already, or not written yet")


def list_returns(tx: Transaction, asker: Asker) -> Sequence[ContactFile]:
    """Return the lists of letters that came back, which the insurer gave."""
    find_insurer(asker, Permission.READ_CAMPAIGNS)
    return campaign_pages.list_files(tx, most=MOST_FILES, holds=_HOLDS)


def give_returns(
    tx: Transaction, asker: Asker, slot: ClosesFiles, content: bytes, *, file_ref: int
) -> None:
    """Take a list of letters that came back, sealed; a job reads it.

    Args:
        tx: A transaction with the asker's ticket.
        asker: Of the insurer whose letters they are.
        slot: Seals the file.
        content: Its bytes.
        file_ref: The same for a form that was sent twice.

    Raises:
        InvalidRequest: nothing in it, or too much for a page.
    """
    insurer_id = find_insurer(asker, Permission.POST_LETTERS)
    if not content.strip() or len(content) > LARGEST_FILE:
        raise InvalidRequest(
            "the file is empty, or too large for a page",
            fields=(("file", "a CSV file with a column “reference”, of 24 MB at most"),),
        )
    sealed = slot.close(content.decode("latin-1"), bound_to=file_ref)
    notice_contacts.insert_file(
        tx,
        file_ref,
        sealed,
        insurer_id=insurer_id,
        uploaded_by=asker.visitor.actor_ref,
        holds=_HOLDS,
    )
    enqueue(tx, "read_post_returns", file_ref=file_ref)


def read_given_returns(
    office: Office, master_key: bytes, key: EnvelopeKey, file_ref: int
) -> ReadReturns:
    """Read a list that was given on a page: only letters of who gave it are moved.

    Raises:
        NotFound: there is none that waits.
    """
    with office.open_transaction() as tx:
        waiting = notice_contacts.lock_file(tx, file_ref, holds=_HOLDS)
    if waiting is None:
        raise NotFound("no such file that waits to be read")
    content = open_given_file(master_key, bytes(waiting.sealed), file_ref).getvalue()
    state = "read"
    try:
        read = read_returns(office, content, key, insurer_id=waiting.insurer_id)
    except MalformedRequest:
        state, read = "refused", ReadReturns(returned=0, known=0, findings=())
    findings: list[dict[str, Any]] = [
        {"line": one.line, "field": one.field, "rule": one.rule} for one in read.findings
    ]
    if state == "refused":
        findings = [{"line": 1, "field": "header", "rule": "header"}]
    # A crash here reads the list again, which changes nothing.
    with office.open_transaction() as tx:
        notice_contacts.finish_file(
            tx,
            file_ref,
            state,
            taken=read.returned + read.known,
            refused=len(findings),
            findings=findings,
        )
    return read


def _find(tx: Transaction, campaign_ref: int, number: int) -> ListedBatch:
    rows, _total = letter_batches.list_batches(tx, campaign_ref, _ONE, number=number)
    if not rows:
        raise NotFound("no such batch")
    return rows[0]
