"""What an insurer's contracts pay: files proposed by one person, approved by another, tried before.

Refuses a file that could not be read to its end, a choice that leads nowhere, and one person alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.second_person import are_apart
from rempart.claims.adjudication import AdjudicatedLine, Contract, adjudicate_claim
from rempart.claims.book import ApprovedFile, TableBook
from rempart.claims.counters import Counters
from rempart.exchange.benefit_file import TablesRead, read_benefit_tables
from rempart.exchange.regression_file import RegressionCase
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.storage import benefit_tables
from rempart.storage.benefit_tables import FileRow
from rempart.storage.connect import Transaction
from rempart.storage.standing import list_entitled
from rempart.workflows.administer_organisation import Asker
from rempart.workflows.web_session import draw_ref

__all__ = ["FileRow", "TablesRead", "read_benefit_tables"]

MOST_LETTERS: Final = 500


class Tried(NamedTuple):
    """One line of a case, by the tables in force and by those proposed.

    Attributes:
        case: Its name.
        line: Number of its line.
        expected_cents: What the pack says; None when it does not.
        now_cents: What the contract pays now; None when no table has the case's code.
        then_cents: What it would pay.
    """

    case: str
    line: int
    expected_cents: int | None
    now_cents: int | None
    then_cents: int | None

    @property
    def is_right(self) -> bool:
        """Tell whether the proposal pays what the pack expects."""
        return self.expected_cents is None or self.expected_cents == self.then_cents

    @property
    def differs(self) -> bool:
        """Tell whether the proposal changes it."""
        return self.now_cents != self.then_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A file somebody proposes: of which insurer, its content, and why."""

    insurer_id: int
    content: bytes
    note: str = ""


def propose_benefits(tx: Transaction, asker: Asker | None, proposal: Proposal) -> int:
    """Propose what contracts pay; return the file's reference. Nothing changes yet.

    Args:
        tx: A transaction with the asker's ticket, or one of the settler.
        asker: An agent of the insurer; None for the command line.
        proposal: The file.

    Raises:
        NotAllowed: their role does not, or the insurer is not theirs.
        InvalidRequest: the file has findings, or a choice leads to no table.
    """
    by_ref = None
    if asker is not None:
        check_can(asker.visitor, Permission.PROPOSE_BENEFITS, now=asker.now)
        by_ref = asker.visitor.actor_ref
        if asker.visitor.insurer_id != proposal.insurer_id:
            raise NotAllowed("benefit tables are their insurer's to propose")
    if len(proposal.note) > MOST_LETTERS:
        raise InvalidRequest(f"note: at most {MOST_LETTERS} letters")
    read = read_benefit_tables(proposal.content)
    if read.findings:
        found = read.findings[0]
        raise InvalidRequest(f"{found.field}: {found.message} {found.advice}")
    known = {*load_book(tx, proposal.insurer_id).list_codes(), *(t.code for t in read.tables)}
    if lost := sorted({choice.table for choice in read.choices} - known):
        raise InvalidRequest(f"choice: there is no table {lost[0]}; give it in the same file")
    file_ref = draw_ref()
    benefit_tables.add_file(
        tx,
        file_ref=file_ref,
        insurer_id=proposal.insurer_id,
        content=proposal.content.decode(),
        note=proposal.note,
        by_ref=by_ref,
    )
    return file_ref


def approve_benefits(tx: Transaction, asker: Asker | None, file_ref: int, *, now: datetime) -> None:
    """Be the second person: claims shared out from now on are paid by the file's tables.

    Raises:
        NotFound: there is no such file for them.
        NotAllowed: they proposed it, or they are no second person beside whoever did.
        Conflict: it was decided already.
    """
    row = _take(tx, file_ref)
    if asker is None:
        # The machine is one person: what it proposed, somebody of the insurer approves.
        if row.proposed_by is None:
            raise NotAllowed("what the command line proposed is approved in the insurer's pages")
        benefit_tables.decide(tx, file_ref, state="approved", by_ref=None)
        return
    check_can(asker.visitor, Permission.APPROVE_BENEFITS, now=asker.now)
    by_ref = asker.visitor.actor_ref
    if row.proposed_by is not None:
        people = list_entitled(tx, asker.visitor.org_ref, Permission.APPROVE_BENEFITS)
        at = row.proposed_at
        if not are_apart(people, row.proposed_by, by_ref, asked_at=at, at=now):
            raise NotAllowed("a second person approves, who did not arrive with the first")
    benefit_tables.decide(tx, file_ref, state="approved", by_ref=by_ref)


def install_benefits(tx: Transaction, proposal: Proposal) -> int:
    """Put tables in force from the machine, for an insurer that has none yet; return the file.

    Raises:
        Conflict: the insurer has tables: two people change them.
        InvalidRequest: the file has findings.
    """
    if load_book(tx, proposal.insurer_id).list_codes():
        raise Conflict("this insurer has benefit tables: two people change them")
    file_ref = propose_benefits(tx, None, proposal)
    benefit_tables.decide(tx, file_ref, state="approved", by_ref=None)
    return file_ref


def refuse_benefits(tx: Transaction, asker: Asker, file_ref: int) -> None:
    """Refuse a colleague's file, or withdraw one's own.

    Raises:
        NotFound: there is no such file for them.
        NotAllowed: their role does not.
        Conflict: it was decided already.
    """
    check_can(asker.visitor, Permission.PROPOSE_BENEFITS, now=asker.now)
    row = _take(tx, file_ref)
    by_ref = asker.visitor.actor_ref
    state = "withdrawn" if row.proposed_by == by_ref else "refused"
    benefit_tables.decide(tx, file_ref, state=state, by_ref=by_ref)


def list_benefit_files(tx: Transaction, insurer_id: int | None = None) -> list[FileRow]:
    """Return the files that the asker may see, the newest first; those of one insurer, or all."""
    return benefit_tables.list_files(tx, insurer_id)


def load_book(tx: Transaction, insurer_id: int) -> TableBook:
    """Return an insurer's tables in force."""
    rows = [row for row in benefit_tables.list_files(tx, insurer_id) if row.state == "approved"]
    return TableBook(
        _approve(row.content.encode(), row.decided_at or row.proposed_at) for row in rows
    )


def simulate_benefits(
    book: TableBook, content: bytes, cases: Sequence[RegressionCase], *, now: datetime
) -> list[Tried]:
    """Try a file before it is approved: each line of each case, as it is paid and as it would be.

    Args:
        book: The tables in force.
        content: The file proposed.
        cases: The regression pack.
        now: When it would be approved.
    """
    proposed = book.with_file(_approve(content, now))
    return [tried for case in cases for tried in _try(case, book, proposed)]


def _try(case: RegressionCase, book: TableBook, proposed: TableBook) -> Iterator[Tried]:
    now, then = _share(case, book), _share(case, proposed)
    for line in case.claim.lines:
        number = line.number
        expected = case.expected_cents.get(number)
        yield Tried(case.name, number, expected, now.get(number), then.get(number))


def _share(case: RegressionCase, book: TableBook) -> Mapping[int, int]:
    """Return what a table pays of each line of a case; nothing without a table."""
    table = book.find_code(case.table, case.claim.lines[0].care_date)
    if table is None:
        return {}
    contract = Contract(table, case.joined_on, Counters())
    lines: Iterable[AdjudicatedLine] = adjudicate_claim(case.claim, (contract,), Counters()).lines
    return {one.line.number: one.amc_cents for one in lines}


def _approve(content: bytes, at: datetime) -> ApprovedFile:
    read = read_benefit_tables(content)
    return ApprovedFile(approved_at=at, tables=read.tables, choices=read.choices)


def _take(tx: Transaction, file_ref: int) -> FileRow:
    row = benefit_tables.load_file(tx, file_ref)
    if row is None:
        raise NotFound("no such file of benefit tables")
    if row.state != "proposed":
        raise Conflict(f"this file is {row.state}: propose another one")
    return row
